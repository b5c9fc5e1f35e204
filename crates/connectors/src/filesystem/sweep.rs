//! Tells what earlier attempts began to write and nobody will finish.

use super::part::file_name;

/// Whose leftovers are meant: those of an application's attempts before this one.
#[derive(Debug, Clone)]
pub(super) struct Leftovers {
    pub(super) application_id: String,
    pub(super) attempt: u64,
}

impl Leftovers {
    /// Whether a part file of this name is one of them.
    pub(super) fn left(&self, name: &str) -> bool {
        let begin = file_name(&format!("{}-", self.application_id));
        let attempt = name.strip_prefix(&begin).and_then(|rest| rest.split_once('-'));
        let attempt = attempt.and_then(|(attempt, _)| attempt.parse::<u64>().ok());
        attempt.is_some_and(|attempt| attempt < self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_earlier_attempts_of_the_same_application_are_meant() {
        let leftovers = Leftovers { application_id: "alerts-7".to_owned(), attempt: 12 };
        for (name, want) in [
            ("part-alerts-7-9-0a0b0c0d-0-0", true),
            ("part-alerts-7-11-0a0b0c0d-0-0", true),
            ("part-alerts-7-12-0a0b0c0d-0-0", false),
            ("part-alerts-7-13-0a0b0c0d-0-0", false),
            ("part-alerts-77-1-0a0b0c0d-0-0", false),
            ("part-alerts-7-x-1-0a0b0c0d-0-0", false),
            ("part-other-1-0a0b0c0d-0-0", false),
            ("alerts-7-9-0a0b0c0d-0-0", false),
        ] {
            assert_eq!(leftovers.left(name), want, "{name}");
        }
    }
}
