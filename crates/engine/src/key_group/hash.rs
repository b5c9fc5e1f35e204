//! The hash itself.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, OffsetSizeTrait, PrimitiveArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMillisecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use crate::state::KEY_GROUPS;
use crate::{Error, Result};

/// State of an empty key.
const SEED: u64 = 0x5765_6972_2D6B_6579;
/// Stands for NULL, also for one inside a nested value.
const NULL: u64 = 0x9AE1_6A3B_2F90_404F;
/// Odd multiplier that spreads a word over the state.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The key group (below [`KEY_GROUPS`]) of each record, given its key columns.
///
/// The columns must be of one length; without any column the answer is empty. `-0.0` and `0.0`
/// fall into one group, as do all NaNs, and as do maps that differ only in the order of entries.
/// A type that no SQL type maps to is an internal error.
pub fn key_groups(columns: &[ArrayRef]) -> Result<Vec<u16>> {
    let groups = u64::from(KEY_GROUPS);
    let hashes = key_hashes(columns)?;
    Ok(hashes.into_iter().map(|hash| u16::try_from(hash % groups).unwrap_or_default()).collect())
}

/// The hash behind [`key_groups`]: the group is `hash % KEY_GROUPS`.
///
/// Whoever puts the records of one key group into a hash table should use its upper bits.
pub fn key_hashes(columns: &[ArrayRef]) -> Result<Vec<u64>> {
    let Some(first) = columns.first() else { return Ok(Vec::new()) };
    let mut states = vec![SEED; first.len()];
    for column in columns {
        if column.len() != states.len() {
            return Err(Error::internal("key columns differ in length"));
        }
        fold_column(column.as_ref(), &mut states)?;
    }
    for state in &mut states {
        *state = finish(*state);
    }
    Ok(states)
}

/// Takes one word into a state.
#[inline]
fn fold(state: u64, word: u64) -> u64 {
    let mixed = (state.rotate_left(29) ^ word).wrapping_mul(SPREAD);
    mixed ^ (mixed >> 32)
}

/// Makes every bit of the answer depend on every bit of the state (SplitMix64's finalizer).
#[inline]
fn finish(state: u64) -> u64 {
    let a = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    b ^ (b >> 31)
}

/// Takes bytes in as little-endian words, the last one filled up with zeros, then the length.
#[inline]
fn fold_bytes(mut state: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut last = [0_u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        state = fold(state, u64::from_le_bytes(last));
    }
    fold(state, bytes.len() as u64)
}

fn fold_column(column: &dyn Array, states: &mut [u64]) -> Result<()> {
    match column.data_type() {
        DataType::Null => states.iter_mut().for_each(|state| *state = fold(*state, NULL)),
        DataType::Boolean => fold_booleans(column.as_boolean(), states),
        DataType::Int8 => fold_words::<Int8Type>(column, states, |v| i64::from(v).cast_unsigned()),
        DataType::Int16 => {
            fold_words::<Int16Type>(column, states, |v| i64::from(v).cast_unsigned());
        }
        DataType::Int32 => {
            fold_words::<Int32Type>(column, states, |v| i64::from(v).cast_unsigned());
        }
        DataType::Int64 => fold_words::<Int64Type>(column, states, i64::cast_unsigned),
        DataType::Float32 => fold_words::<Float32Type>(column, states, |v| canonical(v.into())),
        DataType::Float64 => fold_words::<Float64Type>(column, states, canonical),
        DataType::Decimal128(_, _) => {
            let values = column.as_primitive::<Decimal128Type>();
            fold_each(values.nulls(), states, |state, row| {
                let bytes = values.value(row).to_le_bytes();
                let (words, _) = bytes.as_chunks::<8>();
                fold(fold(state, u64::from_le_bytes(words[0])), u64::from_le_bytes(words[1]))
            });
        }
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            fold_each(values.nulls(), states, |s, row| fold_bytes(s, values.value(row).as_bytes()));
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>();
            fold_each(values.nulls(), states, |s, row| fold_bytes(s, values.value(row)));
        }
        DataType::Date32 => {
            fold_words::<Date32Type>(column, states, |v| i64::from(v).cast_unsigned());
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            fold_words::<Time32MillisecondType>(column, states, |v| i64::from(v).cast_unsigned());
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            fold_words::<TimestampMicrosecondType>(column, states, i64::cast_unsigned);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            fold_words::<TimestampNanosecondType>(column, states, i64::cast_unsigned);
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            fold_words::<DurationMillisecondType>(column, states, i64::cast_unsigned);
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            fold_words::<IntervalYearMonthType>(column, states, |v| i64::from(v).cast_unsigned());
        }
        DataType::Struct(_) => fold_struct(column, states)?,
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let items = hashes_within(list.offsets(), list.values())?;
            fold_lists(list.nulls(), list.offsets(), &items, states);
        }
        DataType::Map(_, _) => {
            let map = column.as_map();
            let items = hashes_within(map.offsets(), map.entries())?;
            fold_bags(map.nulls(), map.offsets(), &items, states);
        }
        other => {
            return Err(Error::internal(format!(
                "no key can be made of a column of type `{other}`"
            )));
        }
    }
    Ok(())
}

/// Folds `word(state, row)` where the value is there, NULL elsewhere.
fn fold_each(nulls: Option<&NullBuffer>, states: &mut [u64], word: impl Fn(u64, usize) -> u64) {
    match nulls {
        None => {
            for (row, state) in states.iter_mut().enumerate() {
                *state = word(*state, row);
            }
        }
        Some(nulls) => {
            for (row, state) in states.iter_mut().enumerate() {
                *state = if nulls.is_valid(row) { word(*state, row) } else { fold(*state, NULL) };
            }
        }
    }
}

fn fold_words<T: ArrowPrimitiveType>(
    column: &dyn Array,
    states: &mut [u64],
    word: impl Fn(T::Native) -> u64,
) {
    let array: &PrimitiveArray<T> = column.as_primitive::<T>();
    if array.nulls().is_none() {
        for (state, value) in states.iter_mut().zip(array.values()) {
            *state = fold(*state, word(*value));
        }
    } else {
        fold_each(array.nulls(), states, |state, row| fold(state, word(array.value(row))));
    }
}

fn fold_booleans(array: &BooleanArray, states: &mut [u64]) {
    fold_each(array.nulls(), states, |state, row| fold(state, u64::from(array.value(row))));
}

/// Bits of a float such that equal keys have equal bits.
fn canonical(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits() & 0x7FF8_0000_0000_0000
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

fn fold_struct(column: &dyn Array, states: &mut [u64]) -> Result<()> {
    let rows = column.as_struct();
    let mut inner = vec![SEED; rows.len()];
    for child in rows.columns() {
        fold_column(child.as_ref(), &mut inner)?;
    }
    fold_each(rows.nulls(), states, |state, row| fold(state, inner[row]));
    Ok(())
}

/// Hashes of the child values that a list's offsets reach, from the first one on.
fn hashes_within<O: OffsetSizeTrait>(
    offsets: &OffsetBuffer<O>,
    values: &dyn Array,
) -> Result<Vec<u64>> {
    let (start, end) = bounds(offsets, 0, offsets.len() - 1);
    let mut inner = vec![SEED; end - start];
    fold_column(values.slice(start, end - start).as_ref(), &mut inner)?;
    Ok(inner)
}

fn bounds<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, from: usize, to: usize) -> (usize, usize) {
    (offsets[from].as_usize(), offsets[to].as_usize())
}

fn fold_lists<O: OffsetSizeTrait>(
    nulls: Option<&NullBuffer>,
    offsets: &OffsetBuffer<O>,
    items: &[u64],
    states: &mut [u64],
) {
    let base = offsets[0].as_usize();
    fold_each(nulls, states, |state, row| {
        let (start, end) = bounds(offsets, row, row + 1);
        let all = items[start - base..end - base].iter().fold(state, |s, item| fold(s, *item));
        fold(all, (end - start) as u64)
    });
}

/// Like [`fold_lists`], but the order of the items does not count.
fn fold_bags<O: OffsetSizeTrait>(
    nulls: Option<&NullBuffer>,
    offsets: &OffsetBuffer<O>,
    items: &[u64],
    states: &mut [u64],
) {
    let base = offsets[0].as_usize();
    fold_each(nulls, states, |state, row| {
        let (start, end) = bounds(offsets, row, row + 1);
        let sum = items[start - base..end - base]
            .iter()
            .fold(0_u64, |sum, item| sum.wrapping_add(finish(*item)));
        fold(fold(state, sum), (end - start) as u64)
    });
}
