//! Growing columns whose last, half-read row can be taken back.
//!
//! Arrow's own builders cannot forget what was appended; a decoder must, because a record may turn
//! out malformed after some of its fields were read, or may name a field twice.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array,
    DurationMillisecondArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, IntervalYearMonthArray, ListArray, MapArray, StringArray, StructArray,
    Time32MillisecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, IntervalUnit, TimeUnit};
use engine::{Error, Result};

/// Values of one column, one variant per type of a table column.
#[derive(Debug)]
pub(crate) enum Data {
    Bool(Vec<bool>),
    Tiny(Vec<i8>),
    Small(Vec<i16>),
    Int(Vec<i32>),
    Big(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Decimal {
        values: Vec<i128>,
        precision: u8,
        scale: i8,
    },
    Text(Bytes),
    Binary(Bytes),
    /// Days since 1970.
    Date(Vec<i32>),
    /// Milliseconds of the day.
    Time(Vec<i32>),
    /// Micro- or nanoseconds since 1970; `zoned` = TIMESTAMP_LTZ.
    Timestamp {
        values: Vec<i64>,
        nanos: bool,
        zoned: bool,
    },
    Months(Vec<i32>),
    Millis(Vec<i64>),
    List {
        ends: Vec<i32>,
        item: Box<Column>,
    },
    Map {
        ends: Vec<i32>,
        key: Box<Column>,
        value: Box<Column>,
    },
    Row {
        names: Vec<String>,
        columns: Vec<Column>,
    },
}

/// Texts or byte strings, end to end.
#[derive(Debug)]
pub(crate) struct Bytes {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Bytes {
    #[inline]
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as i32);
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.bytes.truncate(self.ends[len] as usize);
    }

    fn finish(self) -> (OffsetBuffer<i32>, arrow::buffer::Buffer) {
        (OffsetBuffer::new(ScalarBuffer::from(self.ends)), self.bytes.into())
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0] }
    }
}

/// One growing column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) field: FieldRef,
    pub(crate) data: Data,
    /// Number of rows; whoever pushes into `data` calls [`Column::pushed`].
    len: usize,
    /// Made when the first NULL comes.
    valid: Option<BooleanBufferBuilder>,
}

impl Column {
    /// An empty column; `None` when no format has a place for the type.
    pub(crate) fn new(field: &FieldRef) -> Option<Self> {
        let data = empty(field.data_type())?;
        Some(Self { field: Arc::clone(field), data, len: 0, valid: None })
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Counts a value that was just put into `data`.
    #[inline]
    pub(crate) fn pushed(&mut self) {
        self.len += 1;
        if let Some(valid) = &mut self.valid {
            valid.append(true);
        }
    }

    pub(crate) fn push_null(&mut self) {
        match &mut self.data {
            Data::Bool(values) => values.push(false),
            Data::Tiny(values) => values.push(0),
            Data::Small(values) => values.push(0),
            Data::Int(values) | Data::Date(values) | Data::Time(values) | Data::Months(values) => {
                values.push(0)
            }
            Data::Big(values) | Data::Timestamp { values, .. } | Data::Millis(values) => {
                values.push(0);
            }
            Data::Float(values) => values.push(0.0),
            Data::Double(values) => values.push(0.0),
            Data::Decimal { values, .. } => values.push(0),
            Data::Text(bytes) | Data::Binary(bytes) => bytes.push(&[]),
            Data::List { ends, .. } | Data::Map { ends, .. } => ends.push(ends[self.len]),
            Data::Row { columns, .. } => columns.iter_mut().for_each(Self::push_null),
        }
        let len = self.len;
        let valid = self.valid.get_or_insert_with(|| {
            let mut valid = BooleanBufferBuilder::new(len.max(64));
            valid.append_n(len, true);
            valid
        });
        valid.append(false);
        self.len += 1;
    }

    /// Forgets all rows from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        match &mut self.data {
            Data::Bool(values) => values.truncate(len),
            Data::Tiny(values) => values.truncate(len),
            Data::Small(values) => values.truncate(len),
            Data::Int(values) | Data::Date(values) | Data::Time(values) | Data::Months(values) => {
                values.truncate(len)
            }
            Data::Big(values) | Data::Timestamp { values, .. } | Data::Millis(values) => {
                values.truncate(len);
            }
            Data::Float(values) => values.truncate(len),
            Data::Double(values) => values.truncate(len),
            Data::Decimal { values, .. } => values.truncate(len),
            Data::Text(bytes) | Data::Binary(bytes) if bytes.ends.len() > len + 1 => {
                bytes.truncate(len);
            }
            Data::Text(_) | Data::Binary(_) => {}
            Data::List { ends, item } => {
                ends.truncate(len + 1);
                item.truncate(ends[ends.len() - 1] as usize);
            }
            Data::Map { ends, key, value } => {
                ends.truncate(len + 1);
                key.truncate(ends[ends.len() - 1] as usize);
                value.truncate(ends[ends.len() - 1] as usize);
            }
            Data::Row { columns, .. } => columns.iter_mut().for_each(|c| c.truncate(len)),
        }
        if self.len > len {
            self.len = len;
            if let Some(valid) = &mut self.valid {
                valid.truncate(len);
            }
        }
    }

    /// The values as an Arrow array; the column starts anew.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let rows = std::mem::take(&mut self.len);
        let mut fresh = empty(self.field.data_type()).expect("the type was taken before");
        reserve(&mut fresh, &self.data, rows);
        let data = std::mem::replace(&mut self.data, fresh);
        let nulls = self.valid.take().map(|mut valid| NullBuffer::new(valid.finish()));
        array(data, nulls, rows, &self.field)
    }
}

/// Makes room for as much as came last time, so that the common types do not grow step by step.
fn reserve(fresh: &mut Data, last: &Data, rows: usize) {
    match (fresh, last) {
        (Data::Int(values) | Data::Date(values), _) => values.reserve(rows),
        (Data::Big(values) | Data::Timestamp { values, .. }, _) => values.reserve(rows),
        (Data::Double(values), _) => values.reserve(rows),
        (Data::Decimal { values, .. }, _) => values.reserve(rows),
        (Data::Text(bytes), Data::Text(last)) => {
            bytes.ends.reserve(rows);
            bytes.bytes.reserve(last.bytes.len());
        }
        _ => {}
    }
}

fn empty(data_type: &DataType) -> Option<Data> {
    Some(match data_type {
        DataType::Boolean => Data::Bool(Vec::new()),
        DataType::Int8 => Data::Tiny(Vec::new()),
        DataType::Int16 => Data::Small(Vec::new()),
        DataType::Int32 => Data::Int(Vec::new()),
        DataType::Int64 => Data::Big(Vec::new()),
        DataType::Float32 => Data::Float(Vec::new()),
        DataType::Float64 => Data::Double(Vec::new()),
        DataType::Decimal128(precision, scale) => {
            Data::Decimal { values: Vec::new(), precision: *precision, scale: *scale }
        }
        DataType::Utf8 => Data::Text(Bytes::default()),
        DataType::Binary => Data::Binary(Bytes::default()),
        DataType::Date32 => Data::Date(Vec::new()),
        DataType::Time32(TimeUnit::Millisecond) => Data::Time(Vec::new()),
        DataType::Timestamp(unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond), zone) => {
            let nanos = *unit == TimeUnit::Nanosecond;
            Data::Timestamp { values: Vec::new(), nanos, zoned: zone.is_some() }
        }
        DataType::Interval(IntervalUnit::YearMonth) => Data::Months(Vec::new()),
        DataType::Duration(TimeUnit::Millisecond) => Data::Millis(Vec::new()),
        DataType::List(item) => Data::List { ends: vec![0], item: Box::new(Column::new(item)?) },
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let [key, value] = fields.as_ref() else { return None };
            Data::Map {
                ends: vec![0],
                key: Box::new(Column::new(key)?),
                value: Box::new(Column::new(value)?),
            }
        }
        DataType::Struct(fields) => Data::Row {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            columns: fields.iter().map(Column::new).collect::<Option<_>>()?,
        },
        _ => return None,
    })
}

fn array(data: Data, nulls: Option<NullBuffer>, rows: usize, field: &FieldRef) -> Result<ArrayRef> {
    let made: ArrayRef = match data {
        Data::Bool(values) => Arc::new(BooleanArray::new(values.into(), nulls)),
        Data::Tiny(values) => Arc::new(Int8Array::new(values.into(), nulls)),
        Data::Small(values) => Arc::new(Int16Array::new(values.into(), nulls)),
        Data::Int(values) => Arc::new(Int32Array::new(values.into(), nulls)),
        Data::Big(values) => Arc::new(Int64Array::new(values.into(), nulls)),
        Data::Float(values) => Arc::new(Float32Array::new(values.into(), nulls)),
        Data::Double(values) => Arc::new(Float64Array::new(values.into(), nulls)),
        Data::Decimal { values, precision, scale } => Arc::new(
            Decimal128Array::new(values.into(), nulls)
                .with_precision_and_scale(precision, scale)?,
        ),
        Data::Text(bytes) => {
            let (offsets, bytes) = bytes.finish();
            Arc::new(StringArray::try_new(offsets, bytes, nulls)?)
        }
        Data::Binary(bytes) => {
            let (offsets, bytes) = bytes.finish();
            Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?)
        }
        Data::Date(values) => Arc::new(Date32Array::new(values.into(), nulls)),
        Data::Time(values) => Arc::new(Time32MillisecondArray::new(values.into(), nulls)),
        Data::Timestamp { values, nanos, .. } => {
            let DataType::Timestamp(_, zone) = field.data_type() else {
                return Err(Error::internal("a timestamp column changed its type"));
            };
            if nanos {
                let array = TimestampNanosecondArray::new(values.into(), nulls);
                Arc::new(array.with_timezone_opt(zone.clone()))
            } else {
                let array = TimestampMicrosecondArray::new(values.into(), nulls);
                Arc::new(array.with_timezone_opt(zone.clone()))
            }
        }
        Data::Months(values) => Arc::new(IntervalYearMonthArray::new(values.into(), nulls)),
        Data::Millis(values) => Arc::new(DurationMillisecondArray::new(values.into(), nulls)),
        Data::List { ends, mut item } => {
            let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
            let values = item.finish()?;
            Arc::new(ListArray::try_new(Arc::clone(&item.field), offsets, values, nulls)?)
        }
        Data::Map { ends, mut key, mut value } => {
            let DataType::Map(entries, sorted) = field.data_type() else {
                return Err(Error::internal("a map column changed its type"));
            };
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(Error::internal("a map column has no entries"));
            };
            let children = vec![key.finish()?, value.finish()?];
            let pairs = StructArray::try_new(fields.clone(), children, None)?;
            let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?)
        }
        Data::Row { mut columns, .. } => {
            let DataType::Struct(fields) = field.data_type() else {
                return Err(Error::internal("a row column changed its type"));
            };
            let children = columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>>>()?;
            if children.is_empty() {
                Arc::new(StructArray::new_empty_fields(rows, nulls))
            } else {
                Arc::new(StructArray::try_new(fields.clone(), children, nulls)?)
            }
        }
    };
    Ok(made)
}
