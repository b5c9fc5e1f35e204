//! JSON functions with ordinary syntax; those with clauses get the usual ones here.

use super::{Binding, Body, Entry, Nulls, Param, Signature};
use crate::expr::json::{
    Json, json_array, json_exists, json_query, json_string, json_value, write_text,
};
use crate::expr::{JsonOn, JsonWrapper, OnNull};

const MANY: usize = usize::MAX;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        names: &["JSON_STRING"],
        binding: Binding::Special {
            least: 1,
            most: 1,
            build: |_, _, mut args| Ok(json_string(args.remove(0))),
        },
    },
    Entry {
        names: &["JSON_VALUE"],
        binding: Binding::Special {
            least: 2,
            most: 2,
            build: |session, _, mut args| {
                let path = args.remove(1);
                json_value(session, args.remove(0), path, None, JsonOn::Null, JsonOn::Null)
            },
        },
    },
    Entry {
        names: &["JSON_QUERY"],
        binding: Binding::Special {
            least: 2,
            most: 2,
            build: |session, _, mut args| {
                let (path, wrapper) = (args.remove(1), JsonWrapper::Without);
                json_query(session, args.remove(0), path, wrapper, JsonOn::Null, JsonOn::Null)
            },
        },
    },
    Entry {
        names: &["JSON_EXISTS"],
        binding: Binding::Special {
            least: 2,
            most: 2,
            build: |session, _, mut args| {
                let path = args.remove(1);
                json_exists(session, args.remove(0), path, JsonOn::False)
            },
        },
    },
    Entry {
        names: &["JSON_ARRAY"],
        binding: Binding::Special {
            least: 0,
            most: MANY,
            build: |session, _, args| json_array(session, args, OnNull::Absent),
        },
    },
    Entry {
        names: &["JSON_QUOTE"],
        binding: Binding::Table(&[Signature {
            params: &[Param::Text],
            optional: 0,
            variadic: false,
            nulls: Nulls::Strict,
            body: Body::Text(|r, out| {
                write_text(r.text(0), out);
                true
            }),
        }]),
    },
    Entry {
        names: &["JSON_UNQUOTE"],
        binding: Binding::Table(&[Signature {
            params: &[Param::Text],
            optional: 0,
            variadic: false,
            nulls: Nulls::Strict,
            body: Body::Text(|r, out| {
                match Json::parse(r.text(0)) {
                    Some(Json::Text(text)) => out.push_str(&text),
                    _ => out.push_str(r.text(0)),
                }
                true
            }),
        }]),
    },
];
