//! Signed leave to look at one application, for a time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use control::MasterKeys;
use model::ids::ApplicationId;
use uuid::Uuid;

/// A URL must be opened so soon (AWS).
const TICKET_FOR: Duration = Duration::from_secs(3 * 60);

/// What a pass is good for; one kind is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To begin a session, for three minutes.
    Ticket,
    /// To look, for the time that the ticket said.
    Session,
}

impl Kind {
    fn purpose(self) -> &'static str {
        match self {
            Self::Ticket => "weir dashboard ticket",
            Self::Session => "weir dashboard session",
        }
    }
}

/// Bytes of a pass: id of the application, seconds since 1970 (64 bits), seconds of the session (32).
const BYTES: usize = 16 + 8 + 4;

/// Leave to look at an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Which one; a new one of the same name is another.
    pub(crate) application: ApplicationId,
    /// When it was made, seconds since 1970.
    at: i64,
    /// How long a session lasts.
    session: u32,
}

impl Pass {
    pub(crate) fn new(application: ApplicationId, at: DateTime<Utc>, session: Duration) -> Self {
        let session = u32::try_from(session.as_secs()).unwrap_or(u32::MAX);
        Self { application, at: at.timestamp(), session }
    }

    /// A session that begins now.
    pub(crate) fn opened(self, now: DateTime<Utc>) -> Self {
        Self { at: now.timestamp(), ..self }
    }

    /// How long a session lasts, in seconds.
    pub(crate) fn session(self) -> u32 {
        self.session
    }

    /// As text for a URL or a cookie.
    pub(crate) fn sealed(self, kind: Kind, keys: &MasterKeys) -> String {
        let mut bytes = self.bytes();
        bytes.extend(keys.sign(kind.purpose(), &bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Pass::sealed`] gave; `None` if it is altered, of another kind, or too old.
    pub(crate) fn opened_from(
        text: &str,
        kind: Kind,
        keys: &MasterKeys,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        // Nothing longer is worth decoding.
        let bytes = (text.len() < 200).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        let (signed, signature) = bytes.split_at_checked(BYTES)?;
        if !keys.verify(kind.purpose(), signed, signature) {
            return None;
        }
        let pass = Self::read(signed)?;
        let good_for = match kind {
            Kind::Ticket => TICKET_FOR.as_secs(),
            Kind::Session => pass.session.into(),
        };
        let age = now.timestamp().saturating_sub(pass.at);
        u64::try_from(age.max(0)).is_ok_and(|age| age < good_for).then_some(pass)
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES + 32);
        bytes.extend(self.application.0.as_bytes());
        bytes.extend(self.at.to_be_bytes());
        bytes.extend(self.session.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (application, rest) = bytes.split_first_chunk()?;
        let (at, session) = rest.split_first_chunk()?;
        Some(Self {
            application: ApplicationId(Uuid::from_bytes(*application)),
            at: i64::from_be_bytes(*at),
            session: u32::from_be_bytes(session.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Duration = Duration::from_secs(1800);

    fn pass() -> (Pass, DateTime<Utc>) {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        (Pass::new(ApplicationId(Uuid::from_u128(7)), now, SESSION), now)
    }

    fn after(now: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
        now + chrono::Duration::seconds(seconds)
    }

    #[test]
    fn a_ticket_opens_for_three_minutes_and_a_session_lasts_as_long_as_it_says() {
        let keys = MasterKeys::random().unwrap();
        let (pass, now) = pass();
        let ticket = pass.sealed(Kind::Ticket, &keys);
        assert_eq!(ticket.len(), 80);
        let open = |at| Pass::opened_from(&ticket, Kind::Ticket, &keys, after(now, at));
        // Clocks of API servers differ.
        assert_eq!((open(-5), open(0), open(179)), (Some(pass), Some(pass), Some(pass)));
        assert_eq!((open(180), open(1_000_000)), (None, None));
        let session = pass.opened(after(now, 100)).sealed(Kind::Session, &keys);
        let look = |at| Pass::opened_from(&session, Kind::Session, &keys, after(now, at));
        assert!(look(1899).is_some());
        assert_eq!(look(1900), None);
    }

    #[test]
    fn a_pass_of_another_kind_or_key_and_an_altered_one_are_none() {
        let keys = MasterKeys::random().unwrap();
        let (pass, now) = pass();
        let ticket = pass.sealed(Kind::Ticket, &keys);
        assert_eq!(Pass::opened_from(&ticket, Kind::Session, &keys, now), None);
        let session = pass.sealed(Kind::Session, &keys);
        assert_eq!(Pass::opened_from(&session, Kind::Ticket, &keys, now), None);
        let other = MasterKeys::random().unwrap();
        assert_eq!(Pass::opened_from(&ticket, Kind::Ticket, &other, now), None);
        let bytes = URL_SAFE_NO_PAD.decode(&ticket).unwrap();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let altered = URL_SAFE_NO_PAD.encode(bytes);
            assert_eq!(Pass::opened_from(&altered, Kind::Ticket, &keys, now), None, "byte {at}");
        }
        for end in 0..ticket.len() {
            assert_eq!(Pass::opened_from(&ticket[..end], Kind::Ticket, &keys, now), None, "{end}");
        }
        for wrong in [format!("{ticket}A"), format!("{ticket}="), "ä".to_owned(), "a".repeat(5000)]
        {
            assert_eq!(Pass::opened_from(&wrong, Kind::Ticket, &keys, now), None, "{wrong}");
        }
    }
}
