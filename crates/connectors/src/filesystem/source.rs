//! The bounded source.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use engine::connector::{TableRefused, TableSpec};
use engine::source::{Source, SourceContext, SourceReader};
use engine::{Error, Result};

use super::columns::Columns;
use super::location::Location;
use super::options::{Table, metadata_fits};
use super::reader::{Medium, Reader};
use super::{listing, splits};
use crate::registry::Environment;
use crate::s3::S3;

/// Name endings of files we would have to unpack.
const COMPRESSED: &[&str] = &[".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".deflate"];

/// A table of files.
#[derive(Debug)]
pub(super) struct FileSource {
    table: Table,
    columns: Columns,
    environment: Environment,
}

impl FileSource {
    pub(super) fn plan(spec: &TableSpec, environment: &Environment) -> Result<Self, TableRefused> {
        let table = Table::plan(spec)?;
        for column in &spec.columns {
            let Some(key) = &column.metadata else { continue };
            if !metadata_fits(key, column.field.data_type()) {
                let message = format!(
                    "table `{}`: metadata column `{}` cannot be `{key}` of type {}; there are \
                     `file.path`, `file.name` STRING, `file.size` BIGINT and \
                     `file.modification-time` TIMESTAMP_LTZ(3)",
                    spec.name,
                    column.field.name(),
                    column.field.data_type()
                );
                return Err(TableRefused { message, option: None });
            }
        }
        let columns = Columns::of(spec, &table.default_name);
        table.format.check_decodes(&columns.decoded)?;
        Ok(Self { table, columns, environment: environment.clone() })
    }
}

impl Source for FileSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.schema)
    }

    fn bounded(&self) -> bool {
        true
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let s3 = match &self.table.location {
            Location::Local(_) => None,
            Location::S3 { .. } => {
                Some(S3::connect(&self.environment.s3, self.environment.runtime.clone()))
            }
        };
        let files = listing::list(&self.table.location, s3.as_ref())?;
        for file in &files {
            if COMPRESSED.iter().any(|ending| file.path.ends_with(ending)) {
                return Err(Error::user(format!(
                    "file `{}` of table `{}` is compressed, which is not supported; unpack it",
                    file.path, self.table.name
                )));
            }
        }
        // Records of csv may hold line ends, so that one cannot begin in the middle of a file.
        let lines = matches!(self.table.format.name(), "json" | "debezium-json" | "raw");
        let cut = lines && context.parallelism > 1;
        let all = splits::plan(files, context.restored.as_ref(), cut)?;
        let own = all.into_iter().enumerate();
        let own = own.filter(|(index, _)| index % context.parallelism == context.subtask);
        let medium = match (s3, &self.table.location) {
            (Some(s3), Location::S3 { bucket, .. }) => Medium::S3(s3, bucket.clone()),
            _ => Medium::Local,
        };
        let decoder = self.table.format.decoder(&self.columns.decoded, &context.metrics)?;
        Ok(Box::new(Reader::new(
            self.table.clone(),
            self.columns.clone(),
            medium,
            own.map(|(_, split)| split).collect(),
            decoder,
            &context,
        )))
    }
}
