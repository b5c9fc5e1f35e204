//! Dates, times, timestamps and intervals.

pub(crate) mod stamp;
