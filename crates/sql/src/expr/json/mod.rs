//! JSON functions.

use super::{CallError, Expr, JsonKind, JsonOn, JsonWrapper, OnNull, Session};
use crate::types::SqlType;

type Built = Result<Expr, CallError>;

fn later() -> Built {
    Err(CallError::wrong("JSON functions are not there yet"))
}
/// `JSON_VALUE(json, path [RETURNING …] [… ON EMPTY] [… ON ERROR])`.
pub fn json_value(
    session: &Session,
    json: Expr,
    path: Expr,
    returning: Option<SqlType>,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Built {
    let _ = (session, json, path, returning, on_empty, on_error);
    later()
}
/// `JSON_QUERY(json, path [wrapper] [… ON EMPTY] [… ON ERROR])`.
pub fn json_query(
    session: &Session,
    json: Expr,
    path: Expr,
    wrapper: JsonWrapper,
    on_empty: JsonOn,
    on_error: JsonOn,
) -> Built {
    let _ = (session, json, path, wrapper, on_empty, on_error);
    later()
}
/// `JSON_EXISTS(json, path [… ON ERROR])`; FALSE ON ERROR is the default.
pub fn json_exists(session: &Session, json: Expr, path: Expr, on_error: JsonOn) -> Built {
    let _ = (session, json, path, on_error);
    later()
}
/// `operand IS JSON [kind]`; IS NOT JSON is its [`not`].
pub fn is_json(operand: Expr, kind: JsonKind) -> Built {
    let _ = (operand, kind);
    later()
}
/// `JSON_OBJECT(key VALUE value, … [on_null])`; NULL ON NULL is the default.
pub fn json_object(session: &Session, entries: Vec<(Expr, Expr)>, on_null: OnNull) -> Built {
    let _ = (session, entries, on_null);
    later()
}
/// `JSON_ARRAY(item, … [on_null])`; ABSENT ON NULL is the default.
pub fn json_array(session: &Session, items: Vec<Expr>, on_null: OnNull) -> Built {
    let _ = (session, items, on_null);
    later()
}
