//! The port through which a planner asks for sources and sinks without knowing any connector.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use crate::sink::Sink;
use crate::source::Source;

/// What a connector must know of a table.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// Table name, for messages.
    pub name: String,
    /// The WITH options (with OPTIONS hints applied), `connector` included.
    pub options: BTreeMap<String, String>,
    /// Columns to read or write, in order. For a source: physical and metadata columns; a
    /// planner may leave out physical columns nobody uses. For a sink: physical columns and
    /// metadata columns that are not VIRTUAL.
    pub columns: Vec<ColumnSpec>,
    /// PARTITIONED BY columns, in order.
    pub partition_keys: Vec<String>,
    /// PRIMARY KEY columns.
    pub primary_key: Vec<String>,
    /// `table.local-time-zone`, an IANA name.
    pub time_zone: String,
}

/// One column of a [`TableSpec`].
#[derive(Debug, Clone)]
pub struct ColumnSpec {
    /// Name, Arrow type, nullability.
    pub field: Field,
    /// Metadata key (`timestamp`, `partition`, `file.path`) when it is no physical column.
    pub metadata: Option<String>,
}

/// Why a table's options are refused; found at planning, before anything starts.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TableRefused {
    /// Says which option, which value, and what would be right.
    pub message: String,
    /// The option's key, so that the planner can point at its line.
    pub option: Option<String>,
}

/// All connectors of the installation.
pub trait Connectors: std::fmt::Debug + Send + Sync {
    /// A source for a table.
    fn source(&self, table: &TableSpec) -> Result<Arc<dyn Source>, TableRefused>;

    /// A sink for a table.
    fn sink(&self, table: &TableSpec) -> Result<Arc<dyn Sink>, TableRefused>;

    /// Metadata columns the table's connector offers for reading: key and type.
    fn metadata(&self, options: &BTreeMap<String, String>) -> Vec<(String, DataType)>;

    /// Whether the table's records name their fields (JSON), so that a planner may leave columns
    /// out that nobody uses. Where fields are known by their place (CSV), it must not.
    fn prunes_columns(&self, options: &BTreeMap<String, String>) -> bool {
        let _ = options;
        false
    }
}
