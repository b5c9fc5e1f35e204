//! Local times and points in time.

use chrono::offset::{LocalResult, Offset, TimeZone};
use chrono::{DateTime, NaiveDateTime};
use chrono_tz::{Tz, TzOffset};

use super::stamp::Stamp;

/// Widest step of a zone, so that a time this much earlier is before the transition.
const DAY_SECONDS: i64 = 86_400;

fn naive(ms: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(ms).map(|at| at.naive_utc())
}

/// Milliseconds to add to UTC at that moment.
fn offset_ms(zone: Tz, utc_ms: i64) -> i64 {
    let offset = naive(utc_ms).map(|at| zone.offset_from_utc_datetime(&at).fix());
    offset.map_or(0, |offset| i64::from(offset.local_minus_utc()) * 1000)
}

/// The local time of a moment, in milliseconds.
pub(crate) fn to_local(zone: Tz, utc_ms: i64) -> i64 {
    if zone == Tz::UTC { utc_ms } else { utc_ms + offset_ms(zone, utc_ms) }
}

/// The moment of a local time: one in a gap goes forward, one that is there twice is the earlier.
pub(crate) fn to_utc(zone: Tz, local_ms: i64) -> i64 {
    moment(zone, local_ms, |earlier, _| earlier)
}

/// The moment of a local time as `java.util.Calendar` sees it: one that is there twice is the
/// later.
pub(crate) fn to_utc_as_calendar(zone: Tz, local_ms: i64) -> i64 {
    moment(zone, local_ms, |_, later| later)
}

fn moment(zone: Tz, local_ms: i64, pick: fn(TzOffset, TzOffset) -> TzOffset) -> i64 {
    if zone == Tz::UTC {
        return local_ms;
    }
    let Some(local) = naive(local_ms) else { return local_ms };
    let seconds = match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => i64::from(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(earlier, later) => {
            i64::from(pick(earlier, later).fix().local_minus_utc())
        }
        LocalResult::None => offset_ms(zone, local_ms - DAY_SECONDS * 1000) / 1000,
    };
    local_ms - seconds * 1000
}

impl Stamp {
    /// A point in time as local time.
    pub(crate) fn local(self, zone: Tz) -> Self {
        Self { ms: to_local(zone, self.ms), ..self }
    }

    /// A local time as point in time.
    pub(crate) fn utc(self, zone: Tz) -> Self {
        Self { ms: to_utc(zone, self.ms), ..self }
    }
}
