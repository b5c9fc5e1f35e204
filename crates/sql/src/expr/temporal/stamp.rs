//! Timestamps as milliseconds and nanoseconds, whatever unit their column has.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray, TimestampNanosecondArray};
use arrow::datatypes::{
    DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

/// A TIMESTAMP or TIMESTAMP_LTZ value (Flink's `TimestampData`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Milliseconds since 1970, rounded down.
    pub ms: i64,
    /// Nanoseconds beyond `ms`, 0 to 999999.
    pub nanos: u32,
}

impl Stamp {
    pub(crate) fn of_ms(ms: i64) -> Self {
        Self { ms, nanos: 0 }
    }

    pub(crate) fn of_micros(micros: i64) -> Self {
        Self { ms: micros.div_euclid(1000), nanos: micros.rem_euclid(1000) as u32 * 1000 }
    }

    pub(crate) fn of_nanos(nanos: i64) -> Self {
        Self { ms: nanos.div_euclid(1_000_000), nanos: nanos.rem_euclid(1_000_000) as u32 }
    }

    /// Nanoseconds within the second.
    pub(crate) fn nano_of_second(self) -> u32 {
        self.ms.rem_euclid(1000) as u32 * 1_000_000 + self.nanos
    }

    /// Microseconds since 1970; digits below are cut, the range ends saturate.
    pub(crate) fn micros(self) -> i64 {
        self.ms.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1000))
    }

    /// Value `index` of a timestamp array of any unit.
    pub(crate) fn at(array: &ArrayRef, index: usize) -> Self {
        match array.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => {
                Self::of_ms(array.as_primitive::<TimestampSecondType>().value(index) * 1000)
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Self::of_ms(array.as_primitive::<TimestampMillisecondType>().value(index))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                Self::of_nanos(array.as_primitive::<TimestampNanosecondType>().value(index))
            }
            _ => Self::of_micros(array.as_primitive::<TimestampMicrosecondType>().value(index)),
        }
    }

    /// The value in a timestamp type's own unit.
    pub(crate) fn in_unit(self, data_type: &DataType) -> i64 {
        match data_type {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                self.ms.saturating_mul(1_000_000).saturating_add(i64::from(self.nanos))
            }
            _ => self.micros(),
        }
    }

    /// An array of this one value.
    pub(crate) fn to_array(self, data_type: &DataType) -> ArrayRef {
        array_of(vec![self.in_unit(data_type)].into(), data_type)
    }
}

/// A timestamp array from values in the type's unit.
pub(crate) fn array_of(
    values: arrow::array::PrimitiveArray<arrow::datatypes::Int64Type>,
    data_type: &DataType,
) -> ArrayRef {
    let (_, values, nulls) = values.into_parts();
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone_opt(zone.clone()))
        }
        DataType::Timestamp(_, zone) => {
            Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone_opt(zone.clone()))
        }
        other => unreachable!("{other} is no timestamp type"),
    }
}
