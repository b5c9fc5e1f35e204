//! The library compared with real Flink: conformance cases, and tables of single expressions.

mod cases;
mod library;
mod semantics;

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use sqlparser::ast::{Expr as Ast, SelectItem, SetExpr};

use super::text::Printer;
use super::{Expr, Session};
use crate::diagnostic::Place;
use crate::parse::parse_query;
use crate::plan::{Binder, Scope};

/// The select list of a query without FROM.
fn select_items(sql: &str) -> Vec<Ast> {
    let (query, _) = parse_query(&format!("SELECT {sql}")).expect(sql);
    let SetExpr::Select(select) = *query.body else { panic!("`{sql}` is no select list") };
    let items = select.projection.into_iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        other => panic!("`{other}` is no expression"),
    });
    items.collect()
}

fn bound(session: &Session, sql: &str) -> Result<Expr, String> {
    let scope = Scope { columns: Vec::new() };
    let binder = Binder::new(session, &scope);
    binder.bind(&select_items(sql)[0], Place::START).map_err(|error| error.message)
}

fn value_in(session: &Session, sql: &str) -> String {
    let bound = match bound(session, sql) {
        Ok(bound) => bound,
        Err(error) => return format!("refused: {error}"),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    let rows = RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options);
    match bound.compile().evaluate(&rows.unwrap()) {
        Ok(array) => {
            assert_eq!(array.len(), 2, "{sql}");
            let mut out = String::new();
            Printer::new(&bound.sql_type().kind, session.zone).write(&array, 1, &mut out);
            out
        }
        Err(error) => format!("error: {error}"),
    }
}

/// The expression's value as CAST to STRING shows it, in UTC.
#[track_caller]
fn check(sql: &str, want: &str) {
    assert_eq!(value_in(&Session::default(), sql), want, "{sql}");
}

/// The expression's type.
#[track_caller]
fn check_type(sql: &str, want: &str) {
    match bound(&Session::default(), sql) {
        Ok(bound) => assert_eq!(bound.sql_type().to_string(), want, "{sql}"),
        Err(error) => panic!("{sql}: {error}"),
    }
}
