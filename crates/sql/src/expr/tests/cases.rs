//! Conformance cases that are one projection of one table, without the engine and its connectors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, StructArray, new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::Value as JsonValue;
use sqlparser::ast::{Query, SelectItem, SetExpr};

use crate::diagnostic::Place;
use crate::expr::json::json_string;
use crate::expr::text::Printer;
use crate::expr::{self, Expr, Literal, Session};
use crate::parse::{ColumnKind, Insert, Statement, parse_script};
use crate::plan::{Binder, Column, Op, Rel, Scope};
use crate::types::{Kind, SqlType, parse_type};

type Columns = Vec<(String, SqlType)>;

/// Values of one column, from JSON: texts and numbers by way of CAST, the rest part by part.
fn array(session: &Session, values: &[Option<&JsonValue>], sql_type: &SqlType) -> ArrayRef {
    let given: Vec<Option<&JsonValue>> =
        values.iter().map(|value| value.filter(|value| !value.is_null())).collect();
    let nulls = NullBuffer::from_iter(given.iter().map(Option::is_some));
    match (&sql_type.kind, sql_type.to_arrow()) {
        (Kind::Row(parts), DataType::Struct(fields)) => {
            let columns = parts.iter().map(|(name, part)| {
                let column: Vec<_> =
                    given.iter().map(|row| row.and_then(|row| row.get(name))).collect();
                array(session, &column, part)
            });
            let columns = columns.collect();
            Arc::new(StructArray::try_new(fields, columns, Some(nulls)).unwrap())
        }
        (Kind::Array(item), DataType::List(field)) => {
            let lists = given.iter().map(|list| list.and_then(|list| list.as_array()));
            let lists: Vec<&[JsonValue]> =
                lists.map(|list| list.map_or(&[][..], Vec::as_slice)).collect();
            let items: Vec<_> = lists.iter().copied().flatten().map(Some).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
            let items = array(session, &items, item);
            Arc::new(ListArray::try_new(field, offsets, items, Some(nulls)).unwrap())
        }
        (Kind::Map(key, value), DataType::Map(field, ordered)) => {
            let maps: Vec<Vec<(JsonValue, &JsonValue)>> = given
                .iter()
                .map(|map| map.and_then(|map| map.as_object()))
                .map(|map| {
                    let entries = map.into_iter().flatten();
                    entries.map(|(key, value)| (JsonValue::from(key.clone()), value)).collect()
                })
                .collect();
            let keys: Vec<_> = maps.iter().flatten().map(|(key, _)| Some(key)).collect();
            let values: Vec<_> = maps.iter().flatten().map(|(_, value)| Some(*value)).collect();
            let columns = vec![array(session, &keys, key), array(session, &values, value)];
            let DataType::Struct(fields) = field.data_type() else { panic!("no entries") };
            let entries = StructArray::try_new(fields.clone(), columns, None).unwrap();
            let offsets = OffsetBuffer::from_lengths(maps.iter().map(Vec::len));
            Arc::new(MapArray::try_new(field, offsets, entries, Some(nulls), ordered).unwrap())
        }
        (_, data_type) => {
            let values = given.iter().map(|value| {
                let text = match value {
                    None => return Literal::Null.to_array(sql_type),
                    Some(JsonValue::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                };
                match expr::cast(session, expr::string(&text), sql_type).unwrap().fold() {
                    Expr::Literal { value, .. } => value.to_array(sql_type),
                    other => panic!("`{other}` is no literal"),
                }
            });
            let values: Vec<ArrayRef> = values.collect();
            if values.is_empty() {
                return new_empty_array(&data_type);
            }
            concat(&values.iter().map(|value| value.as_ref()).collect::<Vec<_>>()).unwrap()
        }
    }
}

fn read(session: &Session, file: &Path, columns: &Columns) -> RecordBatch {
    let text = fs::read_to_string(file).unwrap();
    let rows: Vec<JsonValue> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let arrays = columns.iter().map(|(name, sql_type)| {
        let values: Vec<_> = rows.iter().map(|row| row.get(name)).collect();
        let field = Field::new(name, sql_type.to_arrow(), true);
        (field, array(session, &values, sql_type))
    });
    let (fields, arrays): (Vec<_>, Vec<_>) = arrays.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn scope(columns: &Columns) -> Scope {
    let columns = columns.iter().map(|(name, sql_type)| Column::plain(name, sql_type.clone()));
    let op = Op::Values(Vec::new());
    let rel = Rel { op, columns: columns.collect(), updating: false };
    Scope::of(Some("t"), &Arc::new(rel))
}

/// A column as a JSON sink writes it.
fn written(item: Expr, rows: &RecordBatch) -> Vec<String> {
    let kind = item.sql_type().kind.clone();
    if kind.is_timestamp() {
        let array = item.compile().evaluate(rows).unwrap();
        let (shown, end) = match kind {
            Kind::TimestampLtz(_) => (Kind::TimestampLtz(0), "Z\""),
            _ => (Kind::Timestamp(0), "\""),
        };
        let printer = Printer::new(&shown, chrono_tz::Tz::UTC);
        let one = |row| {
            if array.is_null(row) {
                return "null".to_owned();
            }
            let mut out = "\"".to_owned();
            printer.write(&array, row, &mut out);
            out + end
        };
        return (0..array.len()).map(one).collect();
    }
    let array = json_string(item).compile().evaluate(rows).unwrap();
    array.as_string::<i32>().iter().map(|text| text.unwrap_or("null").to_owned()).collect()
}

fn run(session: &Session, insert: &Insert, tables: &BTreeMap<String, Columns>, case: &Path) {
    let Query { body, .. } = &*insert.query;
    let SetExpr::Select(select) = body.as_ref() else { panic!("no SELECT") };
    let empty = Columns::new();
    let table = select.from.first().map(|from| from.relation.to_string()).unwrap_or_default();
    let (columns, rows) = match tables.get(&table) {
        Some(columns) => (columns, read(session, &case.join(format!("in/{table}.json")), columns)),
        None => (&empty, one_row()),
    };
    let scope = scope(columns);
    let binder = Binder::new(session, &scope);
    let rows = match &select.selection {
        None => rows,
        Some(condition) => {
            let condition = binder.bind(condition, Place::START).unwrap();
            let mask = condition.compile().evaluate(&rows).unwrap();
            filter_record_batch(&rows, mask.as_boolean()).unwrap()
        }
    };
    let sink = &tables[&insert.table.node];
    let mut lines = vec![String::new(); rows.num_rows()];
    for (item, (name, sql_type)) in select.projection.iter().zip(sink) {
        let (SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }) = item
        else {
            panic!("`{item}` is no expression")
        };
        let item = binder.bind(item, Place::START).unwrap();
        let item = expr::cast(session, item, &sql_type.clone().with_nullable(true)).unwrap();
        for (line, value) in lines.iter_mut().zip(written(item, &rows)) {
            line.push_str(if line.is_empty() { "{" } else { "," });
            line.push_str(&format!("\"{name}\":{value}"));
        }
    }
    let mut got: Vec<String> = lines.into_iter().map(|line| line + "}").collect();
    let expected = case.join(format!("expected/{}.json", insert.table.node));
    let expected = fs::read_to_string(expected).unwrap();
    let mut want: Vec<String> = expected.lines().map(str::to_owned).collect();
    got.sort();
    want.sort();
    assert_eq!(got, want, "{}", case.display());
}

fn one_row() -> RecordBatch {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    let schema = Arc::new(Schema::empty());
    RecordBatch::try_new_with_options(schema, Vec::new(), &options).unwrap()
}

#[track_caller]
fn check(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/cases");
    let case = root.join(name);
    let script = fs::read_to_string(case.join("query.sql")).unwrap();
    let mut session = Session::default();
    let mut tables = BTreeMap::new();
    for statement in parse_script(&script).unwrap().0 {
        match statement.node {
            Statement::Set { value, .. } => session.zone = value.parse().unwrap(),
            Statement::CreateTable(table) => {
                let columns = table.columns.into_iter().map(|column| match column.kind {
                    ColumnKind::Physical { type_text, .. } => {
                        (column.name.node, parse_type(&type_text.node).unwrap())
                    }
                    other => panic!("{other:?} is no plain column"),
                });
                tables.insert(table.name.node, columns.collect::<Columns>());
            }
            Statement::Insert(insert) => run(&session, &insert, &tables, &case),
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[test]
fn integer_arithmetic() {
    check("integer_arithmetic");
}

#[test]
fn decimal_rules() {
    check("decimal_rules");
}

#[test]
fn math_functions() {
    check("math_functions");
}

#[test]
fn string_functions_a() {
    check("string_functions_a");
}

#[test]
fn string_functions_b() {
    check("string_functions_b");
}

#[test]
fn date_functions() {
    check("date_functions");
}

#[test]
fn case_coalesce_null_logic() {
    check("case_coalesce_null_logic");
}

#[test]
fn cast_and_try_cast() {
    check("cast_and_try_cast");
}

#[test]
fn cast_strings_to_time() {
    check("cast_strings_to_time");
}

#[test]
fn hash_functions() {
    check("hash_functions");
}

#[test]
fn json_functions() {
    check("json_functions");
}

#[test]
fn quirk_cast_odd_strings() {
    check("quirk_cast_odd_strings");
}

#[test]
fn quirk_dates_before_1970() {
    check("quirk_dates_before_1970");
}

#[test]
fn timestamp_ltz_and_zone() {
    check("timestamp_ltz_and_zone");
}

#[test]
fn nested_row_array_map() {
    check("nested_row_array_map");
}

#[test]
fn nexmark_projections() {
    check("nexmark_q1_currency");
    check("nexmark_q2_filter");
    check("nexmark_q14_calculation");
    check("nexmark_q21_channel_id");
    check("nexmark_q22_link_parts");
}
