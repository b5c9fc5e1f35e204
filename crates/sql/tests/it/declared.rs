//! Tables that are declared and nothing more: planning needs schemas, not data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use engine::connector::{Connectors, TableRefused, TableSpec};
use engine::sink::{CommitContext, Committer, Sink, SinkContext, SinkWriter};
use engine::source::{Source, SourceContext, SourceReader};
use engine::{Error, Result};

/// Takes every connector name, and knows which sinks take updates.
#[derive(Debug)]
pub(crate) struct Declared;

#[derive(Debug)]
struct Table {
    schema: SchemaRef,
    accepts_updates: bool,
}

fn table(spec: &TableSpec) -> Result<Arc<Table>, TableRefused> {
    let Some(connector) = spec.options.get("connector") else {
        let message = "option `connector` is missing".to_owned();
        return Err(TableRefused { message, option: None });
    };
    let fields: Vec<_> = spec.columns.iter().map(|column| column.field.clone()).collect();
    let changes = spec.options.get("format").is_some_and(|format| format == "debezium-json");
    let accepts_updates = changes || connector == "blackhole" || connector == "print";
    Ok(Arc::new(Table { schema: Arc::new(Schema::new(fields)), accepts_updates }))
}

impl Connectors for Declared {
    fn source(&self, spec: &TableSpec) -> Result<Arc<dyn Source>, TableRefused> {
        Ok(table(spec)?)
    }

    fn sink(&self, spec: &TableSpec) -> Result<Arc<dyn Sink>, TableRefused> {
        Ok(table(spec)?)
    }

    fn metadata(&self, _options: &BTreeMap<String, String>) -> Vec<(String, DataType)> {
        vec![("file.name".to_owned(), DataType::Utf8), ("file.size".to_owned(), DataType::Int64)]
    }

    fn prunes_columns(&self, options: &BTreeMap<String, String>) -> bool {
        options.get("format").is_some_and(|format| format == "json")
    }
}

impl Source for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn bounded(&self) -> bool {
        true
    }

    fn open(&self, _context: SourceContext) -> Result<Box<dyn SourceReader>> {
        Err(Error::internal("a declared table has no records"))
    }
}

impl Sink for Table {
    fn accepts_updates(&self) -> bool {
        self.accepts_updates
    }

    fn open(&self, _context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        Err(Error::internal("a declared table takes no records"))
    }

    fn committer(&self, _context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(None)
    }
}
