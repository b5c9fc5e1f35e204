//! Which columns of a table stand in a record's value, in its key, or beside both.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use engine::connector::{TableRefused, TableSpec};

use super::options::Table;

/// Where a column stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Column of the value's schema.
    Value(usize),
    /// Column of the key's schema.
    Key(usize),
    /// Metadata key.
    Metadata(String),
}

/// A table's columns, sorted by where they stand.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// All columns.
    pub(super) schema: SchemaRef,
    /// Where each of them is read from.
    pub(super) places: Vec<Place>,
    pub(super) value: SchemaRef,
    /// Indices in the table of the value's columns.
    pub(super) value_indices: Vec<usize>,
    /// Names without `key.fields-prefix`; empty without key columns.
    pub(super) key: SchemaRef,
    /// Indices in the table of the key's columns, in the order of `key.fields`.
    pub(super) key_indices: Vec<usize>,
}

impl Columns {
    pub(super) fn plan(spec: &TableSpec, table: &Table) -> Result<Self, TableRefused> {
        let options = &table.options;
        let names = table.key_fields();
        let prefix = options.text("key.fields-prefix").unwrap_or_default();
        let except_key = options.choice("value.fields-include") == Some("EXCEPT_KEY");
        if names.is_empty() && table.key_format.is_some() {
            return Err(options.refuse("key.format", "it needs the option `key.fields`"));
        }
        if !names.is_empty() && table.key_format.is_none() {
            return Err(options.refuse("key.fields", "it needs the option `key.format`"));
        }
        if !prefix.is_empty() && !except_key {
            let why = "it needs `value.fields-include` = `EXCEPT_KEY`";
            return Err(options.refuse("key.fields-prefix", why));
        }
        let mut key_indices = Vec::new();
        let mut key = Vec::new();
        for name in &names {
            let position = spec
                .columns
                .iter()
                .position(|column| column.metadata.is_none() && column.field.name() == name);
            // A key column that no query uses may be left out by the planner.
            let Some(index) = position else { continue };
            let Some(bare) = name.strip_prefix(prefix) else {
                let why = format!("column `{name}` does not begin with the prefix `{prefix}`");
                return Err(options.refuse("key.fields", &why));
            };
            key_indices.push(index);
            key.push(spec.columns[index].field.clone().with_name(bare));
        }
        let mut value: Vec<Field> = Vec::new();
        let mut value_indices = Vec::new();
        let mut places = Vec::new();
        for (index, column) in spec.columns.iter().enumerate() {
            let in_key = key_indices.iter().position(|at| *at == index);
            places.push(match (&column.metadata, in_key) {
                (Some(metadata), _) => Place::Metadata(metadata.clone()),
                (None, Some(at)) if except_key => Place::Key(at),
                (None, _) => {
                    value.push(column.field.clone());
                    value_indices.push(index);
                    Place::Value(value.len() - 1)
                }
            });
        }
        let all: Vec<Field> = spec.columns.iter().map(|column| column.field.clone()).collect();
        Ok(Self {
            schema: Arc::new(Schema::new(all)),
            places,
            value: Arc::new(Schema::new(value)),
            value_indices,
            key: Arc::new(Schema::new(key)),
            key_indices,
        })
    }

    /// Whether reading needs the record's key.
    pub(super) fn reads_key(&self) -> bool {
        self.places.iter().any(|place| matches!(place, Place::Key(_)))
    }
}
