//! Texts joined and split: CONCAT, CONCAT_WS, `||`, STR_TO_MAP, SPLIT.

use std::sync::Arc;

use arrow::array::{Array, AsArray, ListBuilder, MapBuilder, MapFieldNames, StringBuilder};
use engine::Result;

use super::{Binding, Body, Entry, Nulls, Param, Signature};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::{CallError, Expr, Session};
use crate::types::{Kind, SqlType};

use Param::{Bytes, Text};

pub(super) const ENTRIES: &[Entry] = &[
    Entry { names: &["||"], binding: Binding::Table(&[joined(&[Text, Text]), bytes()]) },
    Entry { names: &["CONCAT"], binding: Binding::Table(&[joined(&[Text]), bytes()]) },
    Entry {
        names: &["CONCAT_WS"],
        binding: Binding::Table(&[Signature {
            params: &[Text, Text],
            optional: 1,
            variadic: true,
            nulls: Nulls::CalledMayBeNull,
            body: Body::Text(|r, out| {
                if r.is_null(0) {
                    return false;
                }
                let mut first = true;
                for index in (1..r.len()).filter(|index| !r.is_null(*index)) {
                    if !first {
                        out.push_str(r.text(0));
                    }
                    out.push_str(r.text(index));
                    first = false;
                }
                true
            }),
        }]),
    },
    Entry {
        names: &["STR_TO_MAP"],
        binding: Binding::Special { least: 1, most: 3, build: str_to_map },
    },
    Entry { names: &["SPLIT"], binding: Binding::Special { least: 2, most: 2, build: split } },
    Entry {
        names: &["ELT"],
        binding: Binding::Table(&[Signature {
            params: &[Param::Int, Text],
            optional: 0,
            variadic: true,
            nulls: Nulls::CalledMayBeNull,
            body: Body::Text(|r, out| {
                if r.is_null(0) {
                    return false;
                }
                let index = usize::try_from(r.int(0)).unwrap_or(0);
                let found = (1..r.len()).contains(&index) && !r.is_null(index);
                if found {
                    out.push_str(r.text(index));
                }
                found
            }),
        }]),
    },
];

/// All texts in a row; NULL when one is.
const fn joined(params: &'static [Param]) -> Signature {
    Signature {
        params,
        optional: 0,
        variadic: true,
        nulls: Nulls::Strict,
        body: Body::Text(|r, out| {
            (0..r.len()).for_each(|index| out.push_str(r.text(index)));
            true
        }),
    }
}

const fn bytes() -> Signature {
    Signature {
        params: &[Bytes, Bytes],
        optional: 0,
        variadic: true,
        nulls: Nulls::Strict,
        body: Body::Bytes(|r, out| {
            (0..r.len()).for_each(|index| out.extend_from_slice(r.bytes(index)));
            true
        }),
    }
}

#[derive(Debug)]
struct StrToMap;

impl Function for StrToMap {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let rows = args.rows();
        let names = MapFieldNames {
            entry: "entries".to_owned(),
            key: "key".to_owned(),
            value: "value".to_owned(),
        };
        let mut out = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        let text = |index: usize, default: &'static str, row: usize| match values.get(index) {
            None => Some(default),
            Some(value) => {
                let (texts, at) = (value.array.as_string::<i32>(), value.index(row));
                texts.is_valid(at).then(|| texts.value(at))
            }
        };
        for row in 0..rows {
            let parts = (text(0, "", row), text(1, ",", row), text(2, "=", row));
            let (Some(whole), Some(between), Some(within)) = parts else {
                out.append(false)?;
                continue;
            };
            let mut entries: Vec<(&str, Option<&str>)> = Vec::new();
            for pair in super::regexp::split(whole, between) {
                let (key, value) = super::regexp::split_once(pair, within);
                entries.retain(|(known, _)| *known != key);
                entries.push((key, value));
            }
            for (key, value) in entries {
                out.keys().append_value(key);
                out.values().append_option(value);
            }
            out.append(true)?;
        }
        Ok(Value::column(Arc::new(out.finish())))
    }
}

fn texts(name: &str, args: &[Expr]) -> Result<(), CallError> {
    if args.iter().all(|arg| arg.sql_type().kind.is_text()) {
        return Ok(());
    }
    let taken = format!("{name}(STRING, …)");
    Err(super::binder::refused(name, args, std::iter::once(taken)))
}

/// STR_TO_MAP(text, delimiter between pairs, delimiter within a pair).
fn str_to_map(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    texts(name, &args)?;
    let nullable = args.iter().any(|arg| arg.sql_type().nullable);
    let text = || Box::new(SqlType::nullable(Kind::String));
    let key = Box::new(SqlType::nullable(Kind::String));
    let sql_type = SqlType { kind: Kind::Map(key, text()), nullable };
    Ok(Expr::call(name, StrToMap, args, sql_type))
}

#[derive(Debug)]
struct Split;

impl Function for Split {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let (text, delimiter) = (args.value(0)?, args.value(1)?);
        let mut out = ListBuilder::new(StringBuilder::new());
        let (texts, delimiters) =
            (text.array.as_string::<i32>(), delimiter.array.as_string::<i32>());
        for row in 0..args.rows() {
            let (t, d) = (text.index(row), delimiter.index(row));
            if texts.is_null(t) || delimiters.is_null(d) {
                out.append_null();
                continue;
            }
            match delimiters.value(d) {
                "" => texts.value(t).chars().for_each(|c| {
                    out.values().append_value(c.encode_utf8(&mut [0; 4]));
                }),
                delimiter => texts.value(t).split(delimiter).for_each(|part| {
                    out.values().append_value(part);
                }),
            }
            out.append(true);
        }
        Ok(Value::column(Arc::new(out.finish())))
    }
}

/// SPLIT(text, delimiter): all parts.
fn split(_: &Session, name: &str, args: Vec<Expr>) -> Result<Expr, CallError> {
    texts(name, &args)?;
    let nullable = args.iter().any(|arg| arg.sql_type().nullable);
    let item = SqlType::required(Kind::String);
    let sql_type = SqlType { kind: Kind::Array(Box::new(item)), nullable };
    Ok(Expr::call(name, Split, args, sql_type))
}
