//! Event time as windows see it: local milliseconds of a zone, and back to instants.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::{Error, Result};

const HOUR_MS: i64 = 3_600_000;
/// No zone changes its offset twice within this time.
const STEADY_MS: i64 = 900_000;

/// Converts between instants and the local time line on which windows lie.
///
/// Follows Flink's `TimeWindowUtil`, also at changes of the clock: a window whose end lies in an
/// hour that comes twice fires the second time, one whose end is skipped fires at the change.
#[derive(Debug, Clone)]
pub(crate) struct LocalTime {
    /// `None` = UTC: local time is the instant.
    zone: Option<Tz>,
    /// The offset of the last conversion, with the span of instants for which it holds.
    recent: (i64, i64, i64),
}

impl LocalTime {
    pub(crate) fn new(zone: Option<Tz>) -> Self {
        Self { zone: zone.filter(|zone| *zone != Tz::UTC), recent: (0, 0, 0) }
    }

    /// Whether local time rises with the instant, always by as much.
    pub(crate) fn even(&self) -> bool {
        self.zone.is_none()
    }

    /// Local time of an instant.
    pub(crate) fn local(&mut self, instant_ms: i64) -> i64 {
        let Some(zone) = self.zone else { return instant_ms };
        let (from, to, offset) = self.recent;
        if (from..to).contains(&instant_ms) {
            return instant_ms + offset;
        }
        let offset = offset_ms(zone, instant_ms);
        let from = instant_ms.div_euclid(STEADY_MS).saturating_mul(STEADY_MS);
        let to = from.saturating_add(STEADY_MS);
        if offset_ms(zone, from) == offset && offset_ms(zone, to) == offset {
            self.recent = (from, to, offset);
        }
        instant_ms.saturating_add(offset)
    }

    /// The instant of a local time; the earlier one when there are two, that after the gap when
    /// there is none. (Flink's `toEpochMills`.)
    pub(crate) fn instant(&self, local_ms: i64) -> i64 {
        let (Some(zone), Some(local)) = (self.zone, naive(local_ms)) else { return local_ms };
        match zone.offset_from_local_datetime(&local) {
            chrono::MappedLocalTime::Single(offset) => {
                local_ms - i64::from(offset.fix().local_minus_utc()) * 1000
            }
            chrono::MappedLocalTime::Ambiguous(one, other) => {
                let larger = one.fix().local_minus_utc().max(other.fix().local_minus_utc());
                local_ms - i64::from(larger) * 1000
            }
            // In a gap Java moves the local time on by the length of the gap, which is the same
            // as applying the offset that held before it.
            chrono::MappedLocalTime::None => local_ms - offset_ms(zone, local_ms - 24 * HOUR_MS),
        }
    }

    /// The watermark (or processing time) at which a window that ends at `end_ms` fires.
    /// (Flink's `toEpochMillsForTimer` of the window's last millisecond.)
    pub(crate) fn trigger(&self, end_ms: i64) -> i64 {
        let last = end_ms.saturating_sub(1);
        if self.zone.is_none() {
            return last;
        }
        let first = self.instant(last);
        let hour_on = self.instant(last.saturating_add(HOUR_MS));
        match hour_on.saturating_sub(first) {
            apart if apart > HOUR_MS => hour_on - HOUR_MS,
            0 => first - first.rem_euclid(HOUR_MS),
            _ => first,
        }
    }
}

fn naive(ms: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(ms).map(|time| time.naive_utc())
}

/// Local time minus UTC at an instant. Times that chrono cannot express have no offset.
fn offset_ms(zone: Tz, instant_ms: i64) -> i64 {
    naive(instant_ms).map_or(0, |utc| {
        i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
    })
}

/// A timestamp column as it is stored, with the unit to turn it into milliseconds.
#[derive(Debug)]
pub(crate) struct TimeColumn {
    values: arrow::buffer::ScalarBuffer<i64>,
    unit: TimeUnit,
}

impl TimeColumn {
    /// Fails with Flink's words when a time is NULL.
    pub(crate) fn new(column: &ArrayRef) -> Result<Self> {
        if column.null_count() > 0 {
            return Err(Error::user(
                "RowTime field should not be null, please convert it to a non-null long value",
            ));
        }
        let DataType::Timestamp(unit, _) = column.data_type() else {
            return Err(Error::internal(format!("`{}` is no event time", column.data_type())));
        };
        let values = match unit {
            TimeUnit::Second => column.as_primitive::<TimestampSecondType>().values(),
            TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().values(),
            TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().values(),
            TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().values(),
        };
        Ok(Self { values: values.clone(), unit: *unit })
    }

    /// Milliseconds of a row, by floor.
    #[inline]
    pub(crate) fn ms(&self, row: usize) -> i64 {
        Self::to_ms(self.values[row], self.unit)
    }

    /// The smallest and the largest time of some rows.
    pub(crate) fn bounds(&self, rows: std::ops::Range<usize>) -> Option<(i64, i64)> {
        let values = &self.values[rows];
        let first = *values.first()?;
        let (low, high) = values
            .iter()
            .fold((first, first), |(low, high), &value| (low.min(value), high.max(value)));
        Some((Self::to_ms(low, self.unit), Self::to_ms(high, self.unit)))
    }

    fn to_ms(value: i64, unit: TimeUnit) -> i64 {
        match unit {
            TimeUnit::Second => value.saturating_mul(1000),
            TimeUnit::Millisecond => value,
            TimeUnit::Microsecond => value.div_euclid(1000),
            TimeUnit::Nanosecond => value.div_euclid(1_000_000),
        }
    }
}

/// A column of timestamps in microseconds.
pub(crate) fn timestamps(ms: impl Iterator<Item = i64>, zone: Option<Arc<str>>) -> ArrayRef {
    let values = ms.map(|ms| ms.saturating_mul(1000));
    let column = TimestampMicrosecondArray::from_iter_values(values);
    Arc::new(column.with_timezone_opt(zone))
}
