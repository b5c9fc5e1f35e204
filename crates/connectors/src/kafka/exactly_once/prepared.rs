//! What the exactly-once sink puts into a checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use engine::sink::Committable;
use engine::stash::Stash;
use engine::{Error, Result};
use serde::{Deserialize, Serialize};

/// Output of one subtask between two barriers; stored as JSON, so members may be added but not
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Topic that was written to.
    pub topic: String,
    /// Number of records.
    pub records: u64,
    /// The records, in their order.
    pub segments: Vec<Segment>,
}

/// Some records, as [`super::records`] writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Kept in the stash under this name.
    Stashed(String),
    /// Few enough to stand here, in base 64.
    Inline(String),
}

impl Segment {
    /// What may stand in the checkpoint itself.
    #[must_use]
    pub fn inline(bytes: &[u8]) -> Self {
        Self::Inline(BASE64.encode(bytes))
    }

    /// The records.
    ///
    /// # Errors
    /// They are not in the stash, or it does not answer.
    pub fn read(&self, stash: &dyn Stash) -> Result<Vec<u8>> {
        match self {
            Self::Stashed(name) => stash.get(name),
            Self::Inline(text) => BASE64.decode(text).map_err(|error| unreadable().because(error)),
        }
    }

    /// Its name in the stash.
    pub(super) fn name(&self) -> Option<&String> {
        match self {
            Self::Stashed(name) => Some(name),
            Self::Inline(_) => None,
        }
    }
}

impl Prepared {
    /// As it stands in a checkpoint.
    ///
    /// # Errors
    /// None that is known.
    pub fn write(&self) -> Result<Committable> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal("prepared output cannot be written").because(error))
    }

    pub(super) fn read_all(committables: &[Committable]) -> Result<Vec<Self>> {
        let read = |text: &Committable| serde_json::from_str(text);
        let all = committables.iter().map(read).collect::<Result<_, _>>();
        all.map_err(|error| unreadable().because(error))
    }

    /// Names in the stash.
    pub(super) fn names(all: &[Self]) -> Vec<String> {
        let segments = all.iter().flat_map(|prepared| &prepared.segments);
        segments.filter_map(Segment::name).cloned().collect()
    }
}

pub(super) fn unreadable() -> Error {
    Error::internal("output that a checkpoint has prepared for Kafka cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checkpoints of earlier versions must stay readable.
    #[test]
    fn the_stored_form_is_fixed() {
        let text =
            r#"{"topic":"t","records":3,"segments":[{"stashed":"7-sink-0-1"},{"inline":"AQI="}]}"#;
        let prepared = Prepared::read_all(&[text.to_owned()]).unwrap().remove(0);
        assert_eq!(prepared.segments[1], Segment::inline(&[1, 2]));
        assert_eq!(prepared.write().unwrap(), text);
        assert_eq!(Prepared::names(&[prepared]), ["7-sink-0-1"]);
        Prepared::read_all(&["{}".to_owned()]).unwrap_err();
    }
}
