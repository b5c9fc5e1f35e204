//! From what a decoder reads to the table's columns: partition values and metadata of the file
//! are put beside the decoded columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use engine::connector::TableSpec;
use engine::{Error, Result};

use super::listing::FileEntry;
use super::location::Location;
use super::partition;

/// Where a column of the table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Column of the decoder.
    Decoded(usize),
    /// Partition column, by name.
    Path(String),
    /// Metadata key.
    Metadata(String),
}

/// How a source's rows are put together.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// All columns of the table.
    pub(super) schema: SchemaRef,
    /// What stands in the files.
    pub(super) decoded: SchemaRef,
    origins: Vec<Origin>,
    default_name: String,
}

impl Columns {
    pub(super) fn of(table: &TableSpec, default_name: &str) -> Self {
        let mut decoded: Vec<Field> = Vec::new();
        let mut origins = Vec::new();
        for column in &table.columns {
            let name = column.field.name();
            origins.push(if let Some(key) = &column.metadata {
                Origin::Metadata(key.clone())
            } else if table.partition_keys.contains(name) {
                Origin::Path(name.clone())
            } else {
                decoded.push(column.field.clone());
                Origin::Decoded(decoded.len() - 1)
            });
        }
        let all: Vec<Field> = table.columns.iter().map(|column| column.field.clone()).collect();
        Self {
            schema: Arc::new(Schema::new(all)),
            decoded: Arc::new(Schema::new(decoded)),
            origins,
            default_name: default_name.to_owned(),
        }
    }

    /// The values that are the same for all rows of `file`, one element each; `None` = decoded.
    pub(super) fn constants(
        &self,
        file: &FileEntry,
        location: &Location,
    ) -> Result<Vec<Option<ArrayRef>>> {
        let values = partition::values_in(&file.relative);
        let one = |(origin, field): (&Origin, &Arc<Field>)| match origin {
            Origin::Decoded(_) => Ok(None),
            Origin::Metadata(key) => metadata(key, file, location, field.data_type()).map(Some),
            Origin::Path(name) => {
                let value = values.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                let Some(value) = value else {
                    return Err(Error::user(format!(
                        "file `{}` is in no folder `{name}=…`, but `{name}` is a partition column",
                        file.path
                    )));
                };
                let parsed = partition::parse(value, field.data_type(), &self.default_name);
                let parsed = parsed.ok_or_else(|| {
                    Error::user(format!(
                        "`{value}` in the path of file `{}` is no value for column `{name}` of \
                         type {}",
                        file.path,
                        field.data_type()
                    ))
                })?;
                Ok(Some(parsed))
            }
        };
        self.origins.iter().zip(self.schema.fields()).map(one).collect()
    }

    /// The table's rows, from decoded rows and a file's constants.
    pub(super) fn assemble(
        &self,
        rows: &RecordBatch,
        constants: &[Option<ArrayRef>],
    ) -> Result<RecordBatch> {
        let zeros = UInt32Array::from(vec![0; rows.num_rows()]);
        let column = |(origin, constant): (&Origin, &Option<ArrayRef>)| match (origin, constant) {
            (Origin::Decoded(index), _) => Ok(Arc::clone(rows.column(*index))),
            (_, Some(one)) => Ok(take(one, &zeros, None)?),
            (_, None) => Err(Error::internal("a constant column has no value")),
        };
        let columns = self.origins.iter().zip(constants).map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn metadata(key: &str, file: &FileEntry, location: &Location, kind: &DataType) -> Result<ArrayRef> {
    let array: ArrayRef = match key {
        // Flink gives the path without scheme and bucket.
        "file.path" => Arc::new(StringArray::from(vec![match location {
            Location::Local(_) => file.path.clone(),
            Location::S3 { .. } => format!("/{}", file.path),
        }])),
        "file.name" => Arc::new(StringArray::from(vec![file.name()])),
        "file.size" => {
            Arc::new(Int64Array::from(vec![i64::try_from(file.bytes).unwrap_or(i64::MAX)]))
        }
        _ => {
            let micros = TimestampMicrosecondArray::from(vec![file.modified_ms * 1000]);
            Arc::new(micros.with_timezone("UTC"))
        }
    };
    debug_assert_eq!(array.len(), 1, "a constant is one element");
    Ok(arrow::compute::cast(&array, kind)?)
}
