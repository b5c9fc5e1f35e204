//! Dates, times, timestamps and intervals.

pub(crate) mod calendar;
pub(crate) mod extract;
pub(crate) mod interval;
pub(crate) mod java;
pub(crate) mod literal;
pub(crate) mod read;
pub(crate) mod round;
pub(crate) mod shift;
pub(crate) mod stamp;
pub(crate) mod zone;
