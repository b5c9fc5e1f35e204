//! Metadata columns: what a connector offers, as the type the table declares.

use arrow::datatypes::{DataType, TimeUnit};

use crate::diagnostic::{Diagnostic, Result};
use crate::expr::{self, Expr};
use crate::parse::CreateTable;
use crate::plan::SourceColumn;
use crate::types::{Kind, SqlType};

/// The columns to ask the connector for, and each declared column as an expression over them.
pub(super) fn resolve(
    declared: &[SourceColumn],
    offered: &[(String, DataType)],
    definition: &CreateTable,
    session: &expr::Session,
) -> Result<(Vec<SourceColumn>, Vec<Expr>)> {
    let (mut asked, mut read) = (Vec::new(), Vec::new());
    for (index, column) in declared.iter().enumerate() {
        let Some(key) = &column.metadata else {
            asked.push(column.clone());
            read.push(expr::column(index, &column.name, column.sql_type.clone()));
            continue;
        };
        let place = definition
            .columns
            .iter()
            .find(|declared| declared.name.node == column.name)
            .map_or(definition.name.place, |declared| declared.name.place);
        let Some((_, offered_type)) = offered.iter().find(|(known, _)| known == key) else {
            let message =
                format!("the connector of `{}` has no metadata `{key}`", definition.name.node);
            let known: Vec<_> = offered.iter().map(|(key, _)| format!("`{key}`")).collect();
            let hint = match known.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it has {}", known.join(", ")),
            };
            return Err(Diagnostic::new(place, message).hint(hint));
        };
        let kind = if column.sql_type.to_arrow() == *offered_type {
            Some(column.sql_type.kind.clone())
        } else {
            kind_of(offered_type)
        };
        let refused = || {
            let message = format!(
                "metadata `{key}` is `{offered_type}`, which cannot become {}",
                column.sql_type.kind
            );
            Diagnostic::new(place, message).hint("declare the column with the metadata's type")
        };
        let sql_type = SqlType { kind: kind.ok_or_else(refused)?, ..column.sql_type.clone() };
        let value = expr::column(index, &column.name, sql_type.clone());
        asked.push(SourceColumn { sql_type: sql_type.clone(), ..column.clone() });
        read.push(match sql_type.kind == column.sql_type.kind {
            true => value,
            false => expr::cast(session, value, &column.sql_type).map_err(|_| refused())?,
        });
    }
    Ok((asked, read))
}

/// The type of Flink that an Arrow type of a metadata column is.
fn kind_of(data_type: &DataType) -> Option<Kind> {
    Some(match data_type {
        DataType::Boolean => Kind::Boolean,
        DataType::Int32 => Kind::Int,
        DataType::Int64 => Kind::BigInt,
        DataType::Utf8 => Kind::String,
        DataType::Binary => Kind::Bytes,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Kind::Timestamp(3),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Kind::TimestampLtz(3),
        _ => return None,
    })
}
