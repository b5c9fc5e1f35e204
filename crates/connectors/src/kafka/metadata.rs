//! Metadata columns of records (Flink's `KafkaDynamicSource.ReadableMetadata`).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int32Builder, Int64Builder, MapBuilder, MapFieldNames, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use engine::Result;

use super::queue::{Record, TimestampType};

/// Keys and types that can be read.
pub(super) fn readable() -> Vec<(String, DataType)> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    [
        ("topic", DataType::Utf8),
        ("partition", DataType::Int32),
        ("headers", headers_type()),
        ("leader-epoch", DataType::Int32),
        ("offset", DataType::Int64),
        ("timestamp", instant),
        ("timestamp-type", DataType::Utf8),
    ]
    .map(|(key, kind)| (key.to_owned(), kind))
    .to_vec()
}

/// `MAP<STRING, BYTES>`
pub(super) fn headers_type() -> DataType {
    let entry = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Binary, true),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// Whether a column of type `kind` can hold the metadata `key`.
pub(super) fn fits(key: &str, kind: &DataType) -> bool {
    match key {
        "topic" | "timestamp-type" => *kind == DataType::Utf8,
        "partition" | "leader-epoch" => matches!(kind, DataType::Int32 | DataType::Int64),
        "offset" => *kind == DataType::Int64,
        "timestamp" => matches!(kind, DataType::Timestamp(..)),
        "headers" => match kind {
            DataType::Map(entry, _) => match entry.data_type() {
                DataType::Struct(fields) => {
                    fields.len() == 2
                        && fields[0].data_type() == &DataType::Utf8
                        && fields[1].data_type() == &DataType::Binary
                }
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

/// One metadata column while a batch grows.
pub(super) struct Column {
    kind: DataType,
    values: Values,
}

enum Values {
    Topic(StringBuilder),
    Partition(Int32Builder),
    Offset(Int64Builder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampType(StringBuilder),
    LeaderEpoch(Int32Builder),
    Headers(Box<MapBuilder<StringBuilder, BinaryBuilder>>),
}

impl Column {
    /// For metadata that [`fits`].
    pub(super) fn new(key: &str, kind: &DataType) -> Self {
        let values = match key {
            "topic" => Values::Topic(StringBuilder::new()),
            "partition" => Values::Partition(Int32Builder::new()),
            "offset" => Values::Offset(Int64Builder::new()),
            "timestamp-type" => Values::TimestampType(StringBuilder::new()),
            "leader-epoch" => Values::LeaderEpoch(Int32Builder::new()),
            "headers" => {
                let names = MapFieldNames {
                    entry: "entries".to_owned(),
                    key: "key".to_owned(),
                    value: "value".to_owned(),
                };
                let map = MapBuilder::new(Some(names), StringBuilder::new(), BinaryBuilder::new());
                Values::Headers(Box::new(map))
            }
            _ => Values::Timestamp(TimestampMicrosecondBuilder::new()),
        };
        Self { kind: kind.clone(), values }
    }

    /// Adds the value of `record`, once for each of its rows.
    pub(super) fn append(&mut self, record: Record<'_>, rows: usize) -> Result<()> {
        for _ in 0..rows {
            match &mut self.values {
                Values::Topic(topics) => topics.append_value(record.topic()),
                Values::Partition(partitions) => partitions.append_value(record.place().1),
                Values::Offset(offsets) => offsets.append_value(record.offset()),
                Values::Timestamp(times) => {
                    times.append_value(record.timestamp().1.saturating_mul(1000))
                }
                Values::TimestampType(kinds) => kinds.append_value(match record.timestamp().0 {
                    TimestampType::Create => "CreateTime",
                    TimestampType::LogAppend => "LogAppendTime",
                    TimestampType::Unknown => "NoTimestampType",
                }),
                Values::LeaderEpoch(epochs) => epochs.append_option(record.leader_epoch()),
                Values::Headers(map) => {
                    // Of headers with one name the last counts, as in a Java map.
                    let mut all: Vec<(String, Option<Vec<u8>>)> = Vec::new();
                    record.headers(|name, value| {
                        all.retain(|(known, _)| known != name);
                        all.push((name.to_owned(), value.map(<[u8]>::to_vec)));
                    });
                    for (name, value) in all {
                        map.keys().append_value(name);
                        map.values().append_option(value);
                    }
                    map.append(true)?;
                }
            }
        }
        Ok(())
    }

    /// What was added, as the table's type; the column is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let array: ArrayRef = match &mut self.values {
            Values::Topic(texts) | Values::TimestampType(texts) => Arc::new(texts.finish()),
            Values::Partition(numbers) | Values::LeaderEpoch(numbers) => Arc::new(numbers.finish()),
            Values::Offset(numbers) => Arc::new(numbers.finish()),
            Values::Timestamp(times) => Arc::new(times.finish().with_timezone("UTC")),
            Values::Headers(map) => Arc::new(map.finish()),
        };
        if *array.data_type() == self.kind { Ok(array) } else { Ok(cast(&array, &self.kind)?) }
    }
}
