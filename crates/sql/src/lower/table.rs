//! Sources and sinks, as the connectors make them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::connector::{ColumnSpec, Connectors, TableRefused, TableSpec};
use engine::graph::{SourceNode, WatermarkStrategy};
use engine::sink::Sink;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::plan::{Column, Scan, SinkPlan, SourceColumn};

use super::node::projection;

/// The source of a scan, with its computed columns and watermark.
pub(super) fn source(
    connectors: &dyn Connectors,
    scan: &Scan,
    columns: &[Column],
) -> Result<SourceNode> {
    let spec = TableSpec {
        name: scan.table.clone(),
        options: scan.options.clone(),
        columns: specs(&scan.source),
        partition_keys: scan.partition_keys.clone(),
        primary_key: scan.primary_key.clone(),
        time_zone: scan.time_zone.name().to_owned(),
    };
    let source = connectors
        .source(&spec)
        .map_err(|error| refused(&scan.table, error, scan.place, &scan.option_places))?;
    let as_read = scan.outputs.len() == scan.source.len()
        && scan.outputs.iter().enumerate().all(|(i, output)| output.as_column() == Some(i));
    let watermark = scan.watermark.as_ref().map(|watermark| WatermarkStrategy {
        rowtime: watermark.rowtime,
        expression: watermark.expression.compile(),
        idle_timeout: scan.idle_timeout_ms.map(Duration::from_millis),
    });
    let projection = (!as_read).then(|| projection(&scan.outputs, columns));
    Ok(SourceNode { source, projection, watermark })
}

/// Operator id of a scan: the table's name, and a mark for the options of a hint.
pub(super) fn source_id(scan: &Scan) -> String {
    let mut id = format!("source:{}", scan.table);
    if !scan.hinted.is_empty() {
        // FNV-1a: a checksum that is the same in every build.
        let text = format!("{:?}", scan.hinted);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        id.push_str(&format!("+{hash:016x}"));
    }
    id
}

/// The sink of an INSERT.
pub(super) fn sink(connectors: &dyn Connectors, insert: &SinkPlan) -> Result<Arc<dyn Sink>> {
    let table = &insert.table;
    let spec = TableSpec {
        name: table.name.clone(),
        options: insert.options.clone(),
        columns: specs(&table.sink),
        partition_keys: table.partition_keys(),
        primary_key: table.primary_key(),
        time_zone: insert.zone.name().to_owned(),
    };
    connectors.sink(&spec).map_err(|error| {
        refused(&table.name, error, table.definition.name.place, &table.option_places())
    })
}

fn specs(columns: &[SourceColumn]) -> Vec<ColumnSpec> {
    let spec = |column: &SourceColumn| ColumnSpec {
        field: column.sql_type.field(&column.name),
        metadata: column.metadata.clone(),
    };
    columns.iter().map(spec).collect()
}

/// Points at the option that is refused, or at the table's name.
fn refused(
    table: &str,
    error: TableRefused,
    table_place: Place,
    options: &BTreeMap<String, Place>,
) -> Diagnostic {
    let place = error.option.as_ref().and_then(|option| options.get(option)).copied();
    let message = match error.message.contains(&format!("`{table}`")) {
        true => error.message,
        false => format!("table `{table}`: {}", error.message),
    };
    Diagnostic::new(place.unwrap_or(table_place), message)
}
