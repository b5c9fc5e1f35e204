//! Group keys: turns the key columns of a batch into group numbers, and back into columns.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Int8Type, Int16Type, Int32Type, Int64Type};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::{Error, Result};

/// How the keys of one operator are held; shared by all its tables.
#[derive(Debug, Clone)]
pub(crate) struct KeyLayout {
    types: Vec<DataType>,
    shape: Shape,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Clone)]
enum Shape {
    /// No key: one group.
    Unit,
    /// One STRING.
    Text,
    /// One integer.
    Integer,
    /// Anything else, in the row format.
    Rows(Arc<RowConverter>),
}

/// The keys of one batch.
pub(crate) enum BatchKeys {
    Unit,
    Text(StringArray),
    Integer(Vec<i64>, Option<NullBuffer>),
    Rows(Rows),
}

impl KeyLayout {
    pub(crate) fn new(types: Vec<DataType>) -> Result<Self> {
        let shape = match types.as_slice() {
            [] => Shape::Unit,
            [DataType::Utf8] => Shape::Text,
            [one] if one.is_signed_integer() => Shape::Integer,
            many => {
                let fields = many.iter().map(|of| SortField::new(of.clone())).collect();
                Shape::Rows(Arc::new(RowConverter::new(fields)?))
            }
        };
        Ok(Self { types, shape, hasher: DefaultHashBuilder::default() })
    }

    /// Types of the key columns.
    pub(crate) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// Prepares the key columns of a batch.
    pub(crate) fn of_batch(&self, columns: &[ArrayRef]) -> Result<BatchKeys> {
        Ok(match &self.shape {
            Shape::Unit => BatchKeys::Unit,
            Shape::Text => BatchKeys::Text(columns[0].as_string::<i32>().clone()),
            Shape::Integer => {
                BatchKeys::Integer(widened(&columns[0])?, columns[0].nulls().cloned())
            }
            Shape::Rows(converter) => BatchKeys::Rows(converter.convert_columns(columns)?),
        })
    }

    /// An empty table.
    pub(crate) fn table(&self) -> KeyTable {
        let store = match &self.shape {
            Shape::Unit => Store::Unit,
            Shape::Integer => Store::Integers(Vec::new()),
            Shape::Text | Shape::Rows(_) => Store::Bytes { bytes: Vec::new(), ends: vec![0] },
        };
        KeyTable { layout: self.clone(), table: HashTable::new(), store, null: None, groups: 0 }
    }
}

fn widened(column: &ArrayRef) -> Result<Vec<i64>> {
    fn of<T: ArrowPrimitiveType<Native: Into<i64>>>(column: &ArrayRef) -> Vec<i64> {
        column.as_primitive::<T>().values().iter().map(|&value| value.into()).collect()
    }
    Ok(match column.data_type() {
        DataType::Int8 => of::<Int8Type>(column),
        DataType::Int16 => of::<Int16Type>(column),
        DataType::Int32 => of::<Int32Type>(column),
        DataType::Int64 => of::<Int64Type>(column),
        other => return Err(Error::internal(format!("`{other}` is no integer key"))),
    })
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    group: u32,
}

#[derive(Debug)]
enum Store {
    Unit,
    /// Texts or encoded rows, one after the other; `ends` begins with 0.
    Bytes {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    Integers(Vec<i64>),
}

/// Numbers the keys it meets from 0.
#[derive(Debug)]
pub(crate) struct KeyTable {
    layout: KeyLayout,
    table: HashTable<Slot>,
    store: Store,
    /// The group of a NULL text or integer. (In rows a NULL is part of the bytes.)
    null: Option<u32>,
    groups: u32,
}

impl KeyTable {
    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.groups as usize
    }

    /// Appends the groups of the given rows of a batch to `groups`.
    pub(crate) fn intern(
        &mut self,
        keys: &BatchKeys,
        rows: impl Iterator<Item = usize>,
        groups: &mut Vec<u32>,
    ) {
        match keys {
            BatchKeys::Unit => {
                groups.extend(rows.map(|_| 0));
                self.groups = 1;
            }
            BatchKeys::Text(texts) if texts.null_count() == 0 => {
                groups.extend(rows.map(|row| self.bytes_group(texts.value(row).as_bytes())));
            }
            BatchKeys::Text(texts) => groups.extend(rows.map(|row| match texts.is_null(row) {
                true => self.null_group(),
                false => self.bytes_group(texts.value(row).as_bytes()),
            })),
            BatchKeys::Integer(values, None) => {
                groups.extend(rows.map(|row| self.integer_group(values[row])));
            }
            BatchKeys::Integer(values, Some(nulls)) => {
                groups.extend(rows.map(|row| match nulls.is_null(row) {
                    true => self.null_group(),
                    false => self.integer_group(values[row]),
                }));
            }
            BatchKeys::Rows(encoded) => {
                groups.extend(rows.map(|row| self.bytes_group(encoded.row(row).as_ref())));
            }
        }
    }

    #[inline]
    fn bytes_group(&mut self, key: &[u8]) -> u32 {
        let hash = self.layout.hasher.hash_one(key);
        let Store::Bytes { bytes, ends } = &mut self.store else { return 0 };
        let same = |slot: &Slot| {
            let at = slot.group as usize;
            slot.hash == hash && bytes[ends[at]..ends[at + 1]] == *key
        };
        match self.table.entry(hash, same, |slot| slot.hash) {
            Entry::Occupied(slot) => slot.get().group,
            Entry::Vacant(slot) => {
                let group = self.groups;
                slot.insert(Slot { hash, group });
                bytes.extend_from_slice(key);
                ends.push(bytes.len());
                self.groups += 1;
                group
            }
        }
    }

    #[inline]
    fn integer_group(&mut self, key: i64) -> u32 {
        let hash = self.layout.hasher.hash_one(key);
        let Store::Integers(values) = &mut self.store else { return 0 };
        let same = |slot: &Slot| values[slot.group as usize] == key;
        match self.table.entry(hash, same, |slot| slot.hash) {
            Entry::Occupied(slot) => slot.get().group,
            Entry::Vacant(slot) => {
                let group = self.groups;
                slot.insert(Slot { hash, group });
                values.push(key);
                self.groups += 1;
                group
            }
        }
    }

    /// The NULL key is not in the hash table; its place in the store is a filler.
    fn null_group(&mut self) -> u32 {
        if let Some(group) = self.null {
            return group;
        }
        let group = self.groups;
        match &mut self.store {
            Store::Unit => {}
            Store::Bytes { bytes, ends } => ends.push(bytes.len()),
            Store::Integers(values) => values.push(0),
        }
        self.null = Some(group);
        self.groups += 1;
        group
    }

    /// Takes in the keys of another table of the same layout; gives the group here of each of
    /// `groups` there.
    pub(crate) fn intern_table(&mut self, other: &Self, groups: &[u32]) -> Vec<u32> {
        groups.iter().map(|&group| self.intern_one(other, group as usize)).collect()
    }

    fn intern_one(&mut self, other: &Self, group: usize) -> u32 {
        if other.null.is_some_and(|null| null as usize == group) {
            return self.null_group();
        }
        match &other.store {
            Store::Unit => {
                self.groups = 1;
                0
            }
            Store::Bytes { bytes, ends } => self.bytes_group(&bytes[ends[group]..ends[group + 1]]),
            Store::Integers(values) => self.integer_group(values[group]),
        }
    }

    /// The key columns of some groups.
    pub(crate) fn columns(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let null = |group: &u32| self.null == Some(*group);
        let nulls =
            || self.null.map(|_| groups.iter().map(|group| !null(group)).collect::<NullBuffer>());
        match (&self.layout.shape, &self.store) {
            (Shape::Text, Store::Bytes { bytes, ends }) => {
                let mut text = Vec::new();
                let lengths = groups.iter().map(|&group| {
                    let key = &bytes[ends[group as usize]..ends[group as usize + 1]];
                    text.extend_from_slice(key);
                    key.len()
                });
                let offsets = OffsetBuffer::from_lengths(lengths);
                Ok(vec![Arc::new(StringArray::try_new(offsets, text.into(), nulls())?)])
            }
            (Shape::Rows(converter), Store::Bytes { bytes, ends }) => {
                let parser = converter.parser();
                let key = |&group: &u32| {
                    parser.parse(&bytes[ends[group as usize]..ends[group as usize + 1]])
                };
                Ok(converter.convert_rows(groups.iter().map(key))?)
            }
            (_, Store::Integers(values)) => {
                let values: Vec<i64> = groups.iter().map(|&group| values[group as usize]).collect();
                Ok(vec![narrowed(values, nulls(), &self.layout.types[0])])
            }
            (_, Store::Unit) => Ok(Vec::new()),
            (Shape::Unit | Shape::Integer, Store::Bytes { .. }) => {
                Err(Error::internal("a key table does not fit its layout"))
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the values were widened from this type")]
fn narrowed(values: Vec<i64>, nulls: Option<NullBuffer>, to: &DataType) -> ArrayRef {
    fn of<T: ArrowPrimitiveType>(
        values: Vec<i64>,
        nulls: Option<NullBuffer>,
        narrow: impl Fn(i64) -> T::Native,
    ) -> ArrayRef {
        let values: Vec<T::Native> = values.into_iter().map(narrow).collect();
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
    }
    match to {
        DataType::Int8 => of::<Int8Type>(values, nulls, |value| value as i8),
        DataType::Int16 => of::<Int16Type>(values, nulls, |value| value as i16),
        DataType::Int32 => of::<Int32Type>(values, nulls, |value| value as i32),
        _ => of::<Int64Type>(values, nulls, |value| value),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array};

    use super::*;

    #[track_caller]
    fn check(columns: &[ArrayRef], want: &[u32]) {
        let types = columns.iter().map(|column| column.data_type().clone()).collect();
        let layout = KeyLayout::new(types).unwrap();
        let keys = layout.of_batch(columns).unwrap();
        let (mut table, mut groups) = (layout.table(), Vec::new());
        table.intern(&keys, 0..want.len(), &mut groups);
        assert_eq!(groups, want);
        // Every record's key comes back from its group.
        assert_eq!(table.columns(&groups).unwrap(), columns);
        // Another table takes them over in any order.
        let mut other = layout.table();
        other.intern(&keys, (0..want.len()).rev(), &mut Vec::new());
        let moved = other.intern_table(&table, &(0_u32..).take(table.len()).collect::<Vec<_>>());
        assert_eq!(other.len(), table.len());
        let moved: Vec<u32> = groups.iter().map(|&group| moved[group as usize]).collect();
        assert_eq!(other.columns(&moved).unwrap(), columns);
    }

    #[test]
    fn texts() {
        check(&[Arc::new(StringArray::from(vec!["a", "", "b", "a", ""]))], &[0, 1, 2, 0, 1]);
        let some = StringArray::from(vec![Some("a"), None, Some(""), None, Some("a")]);
        check(&[Arc::new(some)], &[0, 1, 2, 1, 0]);
    }

    #[test]
    fn integers() {
        check(&[Arc::new(Int64Array::from(vec![7, -1, 7, i64::MIN]))], &[0, 1, 0, 2]);
        let some = Int32Array::from(vec![None, Some(0), None, Some(5), Some(0)]);
        check(&[Arc::new(some)], &[0, 1, 0, 2, 1]);
    }

    #[test]
    fn rows() {
        let text = StringArray::from(vec![Some("a"), None, Some("a"), None]);
        let number = Int64Array::from(vec![Some(1), Some(1), None, Some(1)]);
        check(&[Arc::new(text), Arc::new(number)], &[0, 1, 2, 1]);
    }

    #[test]
    fn no_key_is_one_group() {
        let layout = KeyLayout::new(Vec::new()).unwrap();
        let keys = layout.of_batch(&[]).unwrap();
        let (mut table, mut groups) = (layout.table(), Vec::new());
        table.intern(&keys, 0..3, &mut groups);
        assert_eq!((groups, table.len()), (vec![0, 0, 0], 1));
    }
}
