//! `json` and, for writing, `debezium-json` (Flink's `JsonFormatFactory`).

mod decode;
mod encode;
mod scan;
mod value;

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use engine::connector::TableRefused;
use engine::metrics::NodeMetrics;

use super::time::TimestampStyle;
use super::view::viewable;
use super::{Decoder, Encoder};
use crate::options::{OptionSpec, OptionType, Options};

macro_rules! specs {
    ($name:literal) => {
        &[
            OptionSpec::new(
                concat!($name, ".fail-on-missing-field"),
                OptionType::Bool,
                "whether a record without one of the columns is an error",
            )
            .default("false"),
            OptionSpec::new(
                concat!($name, ".ignore-parse-errors"),
                OptionType::Bool,
                "fields that do not fit become NULL, records that are no objects are skipped",
            )
            .default("false"),
            OptionSpec::new(
                concat!($name, ".timestamp-format.standard"),
                OptionType::Choice(&["SQL", "ISO-8601"]),
                "`2024-01-31 23:59:59.123` or `2024-01-31T23:59:59.123`",
            )
            .default("SQL"),
            OptionSpec::new(
                concat!($name, ".map-null-key.mode"),
                OptionType::Choice(&["FAIL", "DROP", "LITERAL"]),
                "what to write for a NULL key of a map",
            )
            .default("FAIL"),
            OptionSpec::new(
                concat!($name, ".map-null-key.literal"),
                OptionType::Text,
                "the key written in mode LITERAL",
            )
            .default("null"),
            OptionSpec::new(
                concat!($name, ".encode.decimal-as-plain-number"),
                OptionType::Bool,
                "write decimals without exponent",
            )
            .default("false"),
            OptionSpec::new(
                concat!($name, ".encode.ignore-null-fields"),
                OptionType::Bool,
                "leave NULL fields out",
            )
            .default("false"),
            OptionSpec::new(
                concat!($name, ".decode.json-parser.enabled"),
                OptionType::Bool,
                "accepted, without effect: there is one parser",
            )
            .default("true"),
        ]
    };
}

/// Options of `json`.
pub(super) const SPECS: &[OptionSpec] = specs!("json");

/// Options of `debezium-json`.
pub(super) const DEBEZIUM_SPECS: &[OptionSpec] = specs!("debezium-json");

/// What the options say.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    fail_on_missing_field: bool,
    ignore_parse_errors: bool,
    style: TimestampStyle,
    null_key: NullKey,
    plain_decimals: bool,
    ignore_null_fields: bool,
    /// Read every value the long way (for tests that compare both ways).
    careful: bool,
}

/// What to write for a NULL key of a map.
#[derive(Debug, Clone)]
enum NullKey {
    Fail,
    Drop,
    Literal(String),
}

impl Settings {
    /// The options under `prefix` (`json.`, `value.json.`, `debezium-json.`).
    pub(super) fn read(options: &Options, prefix: &str) -> Result<Self, TableRefused> {
        let key = |name: &str| format!("{prefix}{name}");
        let null_key = match options.choice(&key("map-null-key.mode")) {
            Some("DROP") => NullKey::Drop,
            Some("LITERAL") => {
                let literal = options.text(&key("map-null-key.literal")).unwrap_or("null");
                NullKey::Literal(literal.to_owned())
            }
            _ => NullKey::Fail,
        };
        let iso = options.choice(&key("timestamp-format.standard")) == Some("ISO-8601");
        let settings = Self {
            fail_on_missing_field: options.flag(&key("fail-on-missing-field")),
            ignore_parse_errors: options.flag(&key("ignore-parse-errors")),
            style: if iso { TimestampStyle::Iso } else { TimestampStyle::Sql },
            null_key,
            plain_decimals: options.flag(&key("encode.decimal-as-plain-number")),
            ignore_null_fields: options.flag(&key("encode.ignore-null-fields")),
            careful: false,
        };
        if settings.fail_on_missing_field && settings.ignore_parse_errors {
            let other = key("ignore-parse-errors");
            let why = format!("it cannot be set together with `{other}`");
            return Err(options.refuse(&key("fail-on-missing-field"), &why));
        }
        Ok(settings)
    }
}

/// Why JSON has no form for a type, if so.
pub(super) fn unsupported(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::List(item) => unsupported(item.data_type()),
        DataType::Struct(fields) => fields.iter().find_map(|f| unsupported(f.data_type())),
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else {
                return Some("a map without entries".to_owned());
            };
            if fields.first().map(|key| key.data_type()) != Some(&DataType::Utf8) {
                return Some("json holds only maps whose keys are texts".to_owned());
            }
            unsupported(entries.data_type())
        }
        other if viewable(other) => None,
        other => Some(format!("json has no form for {other}")),
    }
}

/// A decoder into `schema`, whose types were checked.
pub(super) fn decoder(
    schema: &SchemaRef,
    settings: &Settings,
    metrics: &Arc<NodeMetrics>,
) -> Option<Box<dyn Decoder>> {
    let decoder = decode::JsonDecoder::new(schema, settings, metrics)?;
    Some(Box::new(decoder))
}

/// An encoder of `schema`.
pub(super) fn encoder(schema: &SchemaRef, settings: &Settings, debezium: bool) -> Box<dyn Encoder> {
    let names = schema.fields().iter().map(|field| field.name());
    Box::new(encode::JsonEncoder::new(names, settings, debezium))
}

#[cfg(test)]
mod tests;
