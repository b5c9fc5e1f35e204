//! A table: its declaration with types and expressions bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::connector::Connectors;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr};
use crate::parse::{ColumnKind, CreateTable, Placed};
use crate::plan::{
    Binder, Column, Op, Rel, Scan, Scope, SourceColumn, Time, Watermark, relation_of,
};
use crate::types::{Kind, parse_type};

use super::metadata;
use super::settings::{Settings, duration_ms};

/// How long a split may be silent before it no longer holds the watermark back.
const IDLE_TIMEOUT: &str = "scan.watermark.idle-timeout";

/// A declared table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The declaration, with what LIKE brought along.
    pub(crate) definition: CreateTable,
    /// Physical and metadata columns.
    source: Vec<SourceColumn>,
    /// All columns.
    columns: Vec<Column>,
    /// All columns over `source`.
    outputs: Vec<Expr>,
    watermark: Option<Watermark>,
    /// Columns an INSERT writes: physical ones and metadata columns that are not VIRTUAL.
    pub(crate) sink: Vec<SourceColumn>,
}

impl Table {
    /// Binds a declaration.
    pub(crate) fn new(definition: CreateTable, settings: &Settings) -> Result<Self> {
        let session = settings.expression_session();
        let (source, sink) = declared(&definition)?;
        let plain = source.iter().map(|c| Column::plain(&c.name, c.sql_type.clone())).collect();
        let scope = Scope::of(None, &relation_of(plain));
        let mut table = Self {
            name: definition.name.node.clone(),
            source,
            columns: Vec::new(),
            outputs: Vec::new(),
            watermark: None,
            sink,
            definition,
        };
        for column in &table.definition.columns {
            let name = &column.name;
            if table.columns.iter().any(|known| known.name == name.node) {
                let message = format!("column `{}` is declared twice", name.node);
                return Err(Diagnostic::new(name.place, message));
            }
            let output = match &column.kind {
                ColumnKind::Computed { expression } => {
                    Binder::new(&session, &scope).bind(expression, name.place)?
                }
                ColumnKind::Physical { .. } | ColumnKind::Metadata { .. } => {
                    let position = table.source.iter().position(|c| c.name == name.node);
                    let index = position.expect("every such column was declared above");
                    expr::column(index, &name.node, table.source[index].sql_type.clone())
                }
            };
            let time = output.is_proctime().then_some(Time::Processing);
            let plain = Column::plain(&name.node, output.sql_type().clone());
            table.columns.push(Column { time, ..plain });
            table.outputs.push(output);
        }
        table.watermark = table.bind_watermark(&session)?;
        table.check_names()?;
        Ok(table)
    }

    fn bind_watermark(&mut self, session: &expr::Session) -> Result<Option<Watermark>> {
        let Some(declared) = &self.definition.watermark else { return Ok(None) };
        let place = declared.column.place;
        let name = &declared.column.node;
        let Some(rowtime) = self.columns.iter().position(|column| column.name == *name) else {
            let message = format!("the watermark is for an unknown column `{name}`");
            return Err(Diagnostic::new(place, message)
                .did_you_mean(name, self.columns.iter().map(|c| c.name.as_str())));
        };
        let refuse = |what: &str, found: &Kind| {
            let message = format!(
                "{what} of a watermark must be TIMESTAMP(p) or \
                 TIMESTAMP_LTZ(p) with p from 0 to 3, but `{name}` is {found}"
            );
            Diagnostic::new(place, message)
                .hint("a computed column can make one: `ts AS TO_TIMESTAMP_LTZ(ms, 3)`")
        };
        let kind = &self.columns[rowtime].sql_type.kind;
        if !matches!(kind, Kind::Timestamp(0..=3) | Kind::TimestampLtz(0..=3)) {
            return Err(refuse("the rowtime column", kind));
        }
        let scope = Scope::of(None, &relation_of(self.columns.clone()));
        let expression = Binder::new(session, &scope).bind(&declared.expression, place)?;
        if !expression.sql_type().kind.is_timestamp() {
            return Err(refuse("the expression", &expression.sql_type().kind));
        }
        self.columns[rowtime].time = Some(Time::Event);
        Ok(Some(Watermark { rowtime, expression }))
    }

    /// Keys must be columns that are stored.
    fn check_names(&self) -> Result<()> {
        let keys = [
            ("PARTITIONED BY", &self.definition.partition_keys),
            ("PRIMARY KEY", &self.definition.primary_key),
        ];
        for (what, names) in keys {
            for name in names {
                if !self.sink.iter().any(|column| column.name == name.node) {
                    let message =
                        format!("{what} names `{}`, which is no stored column", name.node);
                    return Err(Diagnostic::new(name.place, message)
                        .did_you_mean(&name.node, self.sink.iter().map(|c| c.name.as_str())));
                }
            }
        }
        Ok(())
    }

    /// Names of the PARTITIONED BY columns.
    pub(crate) fn partition_keys(&self) -> Vec<String> {
        names(&self.definition.partition_keys)
    }

    /// Names of the PRIMARY KEY columns.
    pub(crate) fn primary_key(&self) -> Vec<String> {
        names(&self.definition.primary_key)
    }

    /// The WITH options.
    pub(crate) fn options(&self) -> BTreeMap<String, String> {
        let options = self.definition.options.iter();
        options.map(|(key, value)| (key.clone(), value.node.clone())).collect()
    }

    /// Where each option's key stands.
    pub(crate) fn option_places(&self) -> BTreeMap<String, Place> {
        let options = self.definition.options.iter();
        options.map(|(key, value)| (key.clone(), value.place)).collect()
    }

    /// All columns.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The plan that reads the table, with a hint's options.
    pub(crate) fn scan(
        &self,
        settings: &Settings,
        connectors: &dyn Connectors,
        hint: Option<&BTreeMap<String, String>>,
    ) -> Result<Arc<Rel>> {
        let hinted = hint.cloned().unwrap_or_default();
        let mut options = self.options();
        options.extend(hinted.clone());
        let idle_timeout_ms = self.take_idle_timeout(&mut options)?.or(settings.idle_timeout_ms());
        let session = settings.expression_session();
        let (source, read) = metadata::resolve(
            &self.source,
            &connectors.metadata(&options),
            &self.definition,
            &session,
        )?;
        let outputs = self
            .outputs
            .iter()
            .map(|output| output.replace_columns(&mut |index, _, _| read[index].clone()))
            .collect();
        let scan = Scan {
            table: self.name.clone(),
            place: self.definition.name.place,
            prunes_columns: connectors.prunes_columns(&options),
            options,
            hinted,
            option_places: self.option_places(),
            source,
            outputs,
            watermark: self.watermark.clone(),
            partition_keys: self.partition_keys(),
            primary_key: self.primary_key(),
            time_zone: settings.zone(),
            idle_timeout_ms,
        };
        let op = Op::Scan(Box::new(scan));
        Ok(Arc::new(Rel { op, columns: self.columns.clone(), updating: false }))
    }
}

impl Table {
    /// Takes the options out that are the planner's and not the connector's.
    fn take_idle_timeout(&self, options: &mut BTreeMap<String, String>) -> Result<Option<u64>> {
        let Some(value) = options.remove(IDLE_TIMEOUT) else { return Ok(None) };
        let ms = duration_ms(&value).filter(|ms| *ms > 0);
        ms.map(Some).ok_or_else(|| {
            let place = self.option_places().get(IDLE_TIMEOUT).copied();
            let message = format!("`{value}` is no duration for `{IDLE_TIMEOUT}`");
            Diagnostic::new(place.unwrap_or(self.definition.name.place), message)
                .hint("write one such as `30 s`")
        })
    }
}

fn names(placed: &[Placed<String>]) -> Vec<String> {
    placed.iter().map(|name| name.node.clone()).collect()
}

/// Physical and metadata columns, and those of them that are written.
fn declared(definition: &CreateTable) -> Result<(Vec<SourceColumn>, Vec<SourceColumn>)> {
    let (mut source, mut sink) = (Vec::new(), Vec::new());
    for column in &definition.columns {
        let name = &column.name.node;
        let (type_text, not_null, metadata, written) = match &column.kind {
            ColumnKind::Computed { .. } => continue,
            ColumnKind::Physical { type_text, not_null } => (type_text, *not_null, None, true),
            ColumnKind::Metadata { type_text, not_null, key, is_virtual } => {
                let key = key.clone().unwrap_or_else(|| name.clone());
                (type_text, *not_null, Some(key), !is_virtual)
            }
        };
        let sql_type =
            parse_type(&type_text.node).map_err(|error| Diagnostic::new(type_text.place, error))?;
        let key = definition.primary_key.iter().any(|key| key.node == *name);
        let nullable = sql_type.nullable && !not_null && !key;
        let sql_type = sql_type.with_nullable(nullable);
        let column = SourceColumn { name: name.clone(), sql_type, metadata };
        if written {
            sink.push(column.clone());
        }
        source.push(column);
    }
    Ok((source, sink))
}
