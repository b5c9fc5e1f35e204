//! Casts among dates, times and timestamps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Time32MillisecondType};
use chrono_tz::Tz;

use crate::expr::temporal::calendar::DAY_MS;
use crate::expr::temporal::read::cut;
use crate::expr::temporal::stamp::{Stamp, array_of};
use crate::types::Kind;

pub(super) fn convert(array: &ArrayRef, from: &Kind, to: &Kind, zone: Tz) -> ArrayRef {
    let from_ltz = matches!(from, Kind::TimestampLtz(_));
    match to {
        Kind::Date => Arc::new(each::<Date32Type>(array, |row| {
            let at = local(Stamp::at(array, row), from_ltz, zone);
            at.ms.div_euclid(DAY_MS) as i32
        })),
        Kind::Time(p) => {
            let unit = 10i32.pow(3 - u32::from((*p).min(3)));
            Arc::new(each::<Time32MillisecondType>(array, |row| {
                let ms = match from {
                    Kind::Time(_) => array.as_primitive::<Time32MillisecondType>().value(row),
                    _ => {
                        let at = local(Stamp::at(array, row), from_ltz, zone);
                        at.ms.rem_euclid(DAY_MS) as i32
                    }
                };
                ms - ms % unit
            }))
        }
        Kind::Timestamp(p) | Kind::TimestampLtz(p) => {
            let to_ltz = matches!(to, Kind::TimestampLtz(_));
            let data_type = to.to_arrow();
            let values: Int64Array = each(array, |row| {
                let at = match from {
                    Kind::Date => {
                        let day = array.as_primitive::<Date32Type>().value(row);
                        Stamp::of_ms(i64::from(day) * DAY_MS)
                    }
                    Kind::Time(_) => {
                        let ms = array.as_primitive::<Time32MillisecondType>().value(row);
                        Stamp::of_ms(ms.into())
                    }
                    _ => Stamp::at(array, row),
                };
                let at = match (from_ltz, to_ltz) {
                    (true, false) => at.local(zone),
                    (false, true) => at.utc(zone),
                    _ => at,
                };
                cut(at, *p).in_unit(&data_type)
            });
            array_of(values, &data_type)
        }
        _ => Arc::clone(array),
    }
}

fn local(at: Stamp, ltz: bool, zone: Tz) -> Stamp {
    if ltz { at.local(zone) } else { at }
}

fn each<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    f: impl Fn(usize) -> T::Native,
) -> PrimitiveArray<T> {
    (0..array.len()).map(|row| array.is_valid(row).then(|| f(row))).collect()
}
