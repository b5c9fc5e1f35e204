//! `csv` (Flink's `CsvFormatFactory` over Jackson's CSV reader and writer).

mod decode;
mod encode;

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use engine::connector::TableRefused;
use engine::metrics::NodeMetrics;

use super::view::viewable;
use super::{Decoder, Encoder};
use crate::options::{OptionSpec, OptionType, Options};

/// Options of `csv`.
pub(super) const SPECS: &[OptionSpec] = &[
    OptionSpec::new("csv.field-delimiter", OptionType::Text, "one character between fields")
        .default(","),
    OptionSpec::new("csv.quote-character", OptionType::Text, "one character around fields")
        .default("\""),
    OptionSpec::new("csv.disable-quote-character", OptionType::Bool, "fields are never quoted")
        .default("false"),
    OptionSpec::new("csv.allow-comments", OptionType::Bool, "skip lines that begin with `#`")
        .default("false"),
    OptionSpec::new(
        "csv.ignore-parse-errors",
        OptionType::Bool,
        "fields that do not fit become NULL, rows with too many fields are skipped",
    )
    .default("false"),
    OptionSpec::new(
        "csv.array-element-delimiter",
        OptionType::Text,
        "what stands between the elements of arrays and rows",
    )
    .default(";"),
    OptionSpec::new("csv.escape-character", OptionType::Text, "one character; none by default"),
    OptionSpec::new("csv.null-literal", OptionType::Text, "the text that means NULL"),
    OptionSpec::new(
        "csv.write-bigdecimal-in-scientific-notation",
        OptionType::Bool,
        "write 100000 as `1E+5`",
    )
    .default("true"),
];

/// What the options say.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    delimiter: char,
    quote: Option<char>,
    escape: Option<char>,
    array_delimiter: String,
    null_literal: Option<String>,
    comments: bool,
    ignore_parse_errors: bool,
    scientific: bool,
}

impl Settings {
    /// The options under `prefix` (`csv.`, `value.csv.`).
    pub(super) fn read(options: &Options, prefix: &str) -> Result<Self, TableRefused> {
        let key = |name: &str| format!("{prefix}{name}");
        let one = |name: &str| -> Result<Option<char>, TableRefused> {
            let Some(text) = options.text(&key(name)).map(unescape) else { return Ok(None) };
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Ok(Some(only)),
                _ => Err(options.refuse(&key(name), "write exactly one character")),
            }
        };
        let unquoted = options.flag(&key("disable-quote-character"));
        if unquoted && options.given(&key("quote-character")) {
            let other = key("disable-quote-character");
            let why = format!("it cannot be set together with `{other}`");
            return Err(options.refuse(&key("quote-character"), &why));
        }
        Ok(Self {
            delimiter: one("field-delimiter")?.unwrap_or(','),
            quote: if unquoted { None } else { one("quote-character")? },
            escape: one("escape-character")?,
            array_delimiter: options.text(&key("array-element-delimiter")).unwrap_or(";").into(),
            null_literal: options.text(&key("null-literal")).map(str::to_owned),
            comments: options.flag(&key("allow-comments")),
            ignore_parse_errors: options.flag(&key("ignore-parse-errors")),
            scientific: options.flag(&key("write-bigdecimal-in-scientific-notation")),
        })
    }

    /// Index of the line end of the first record: line ends within quotes belong to the field.
    pub(super) fn record_end(&self, bytes: &[u8]) -> Option<usize> {
        let Some(quote) = self.quote.and_then(|quote| u8::try_from(quote).ok()) else {
            return memchr::memchr(b'\n', bytes);
        };
        if self.comments && bytes.first() == Some(&b'#') {
            return memchr::memchr(b'\n', bytes);
        }
        let mut quoted = false;
        for at in memchr::memchr2_iter(b'\n', quote, bytes) {
            if bytes[at] != quote {
                if !quoted {
                    return Some(at);
                }
            } else if quoted {
                quoted = false;
            } else {
                // A quote within a field that began without one means nothing.
                quoted = at == 0 || self.opens(&bytes[..at], quote);
            }
        }
        None
    }

    /// Whether a quote opens (or, being the second of two, goes on with) a field behind `before`.
    fn opens(&self, before: &[u8], quote: u8) -> bool {
        let mut delimiter = [0; 4];
        before.ends_with(self.delimiter.encode_utf8(&mut delimiter).as_bytes())
            || before.ends_with(&[quote])
    }
}

/// `\t` and the like, as Flink reads the delimiter.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.extend(code);
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

/// Why CSV has no form for a type, if so.
pub(super) fn unsupported(data_type: &DataType) -> Option<String> {
    let flat = |data_type: &DataType| match data_type {
        DataType::List(_) | DataType::Struct(_) | DataType::Map(..) => {
            Some("csv cannot nest rows, arrays or maps in rows or arrays".to_owned())
        }
        other => unsupported(other),
    };
    match data_type {
        DataType::Map(..) => Some("csv has no form for maps".to_owned()),
        DataType::List(item) => flat(item.data_type()),
        DataType::Struct(fields) => fields.iter().find_map(|field| flat(field.data_type())),
        other if viewable(other) => None,
        other => Some(format!("csv has no form for {other}")),
    }
}

/// A decoder into `schema`, whose types were checked.
pub(super) fn decoder(
    schema: &SchemaRef,
    settings: &Settings,
    metrics: &Arc<NodeMetrics>,
) -> Option<Box<dyn Decoder>> {
    let decoder = decode::CsvDecoder::new(schema, settings, metrics)?;
    Some(Box::new(decoder))
}

/// An encoder.
pub(super) fn encoder(settings: &Settings) -> Box<dyn Encoder> {
    Box::new(encode::CsvEncoder::new(settings))
}

#[cfg(test)]
mod tests;
