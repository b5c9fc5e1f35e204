//! Rows to JSON objects (Flink's `RowDataToJsonConverters`, Jackson's spelling).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::batch::Batch;
use engine::{Error, Result};

use super::{NullKey, Settings};
use crate::format::Encoder;
use crate::format::number::{write_decimal, write_double, write_float, write_int};
use crate::format::time::{write_date, write_time, write_timestamp};
use crate::format::view::{Values, View, children};

/// Encodes rows as JSON objects, or as Debezium's changes of them.
#[derive(Debug)]
pub(super) struct JsonEncoder {
    settings: Settings,
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    debezium: bool,
}

impl JsonEncoder {
    pub(super) fn new<'a>(
        names: impl Iterator<Item = &'a String>,
        settings: &Settings,
        debezium: bool,
    ) -> Self {
        let key = |name: &String| {
            let mut key = Vec::new();
            write_string(&mut key, name.as_bytes());
            key.push(b':');
            key
        };
        Self { settings: settings.clone(), keys: names.map(key).collect(), debezium }
    }

    fn object(&self, out: &mut Vec<u8>, columns: &[View<'_>], row: usize) -> Result<()> {
        out.push(b'{');
        let mut first = true;
        for (key, column) in self.keys.iter().zip(columns) {
            if self.settings.ignore_null_fields && column.is_null(row) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(key);
            write_value(out, column, row, &self.settings)?;
        }
        out.push(b'}');
        Ok(())
    }

    /// Debezium knows no updates: the old row is deleted, the new one created.
    fn change(
        &self,
        out: &mut Vec<u8>,
        columns: &[View<'_>],
        row: usize,
        adds: bool,
    ) -> Result<()> {
        let (image, none, op) =
            if adds { ("after", "before", "c") } else { ("before", "after", "d") };
        out.push(b'{');
        if adds && !self.settings.ignore_null_fields {
            out.extend_from_slice(format!("\"{none}\":null,").as_bytes());
        }
        out.extend_from_slice(format!("\"{image}\":").as_bytes());
        self.object(out, columns, row)?;
        if !adds && !self.settings.ignore_null_fields {
            out.extend_from_slice(format!(",\"{none}\":null").as_bytes());
        }
        out.extend_from_slice(format!(",\"op\":\"{op}\"}}").as_bytes());
        Ok(())
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let columns = batch.rows.columns().iter().map(View::of).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.len() {
            if self.debezium {
                self.change(out, &columns, row, batch.kind(row).adds())?;
            } else {
                self.object(out, &columns, row)?;
            }
            ends.push(out.len());
        }
        Ok(())
    }
}

fn write_value(
    out: &mut Vec<u8>,
    column: &View<'_>,
    row: usize,
    settings: &Settings,
) -> Result<()> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match &column.values {
        Values::Bool(values) => {
            out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
        }
        Values::Tiny(values) => write_int(out, i64::from(values[row])),
        Values::Small(values) => write_int(out, i64::from(values[row])),
        Values::Int(values) | Values::Months(values) => write_int(out, i64::from(values[row])),
        Values::Big(values) | Values::Millis(values) => write_int(out, values[row]),
        Values::Float(values) => quoted_if(out, !values[row].is_finite(), |out| {
            write_float(out, values[row]);
        }),
        Values::Double(values) => quoted_if(out, !values[row].is_finite(), |out| {
            write_double(out, values[row]);
        }),
        Values::Decimal { values, scale } => {
            write_decimal(out, values[row], *scale, settings.plain_decimals);
        }
        Values::Text(values) => write_string(out, values.value(row).as_bytes()),
        Values::Binary(values) => quoted_if(out, true, |out| {
            out.extend_from_slice(STANDARD.encode(values.value(row)).as_bytes());
        }),
        Values::Date(values) => quoted_if(out, true, |out| write_date(out, values[row].into())),
        Values::Time(values) => quoted_if(out, true, |out| {
            write_time(out, i64::from(values[row]) * 1_000_000);
        }),
        Values::Timestamp { values, per_second, zoned } => quoted_if(out, true, |out| {
            write_timestamp(out, values[row], *per_second, settings.style, *zoned);
        }),
        Values::List { offsets, item } => {
            out.push(b'[');
            for (at, element) in children(offsets, row).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(out, item, element, settings)?;
            }
            out.push(b']');
        }
        Values::Map { offsets, key, value } => {
            write_map(out, children(offsets, row), key, value, settings)?;
        }
        Values::Row { fields, columns } => {
            out.push(b'{');
            let mut first = true;
            for (field, column) in fields.iter().zip(columns) {
                if settings.ignore_null_fields && column.is_null(row) {
                    continue;
                }
                if !first {
                    out.push(b',');
                }
                first = false;
                write_string(out, field.name().as_bytes());
                out.push(b':');
                write_value(out, column, row, settings)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_map(
    out: &mut Vec<u8>,
    entries: std::ops::Range<usize>,
    key: &View<'_>,
    value: &View<'_>,
    settings: &Settings,
) -> Result<()> {
    let Values::Text(keys) = &key.values else {
        return Err(Error::internal("only maps with text keys have a JSON form"));
    };
    out.push(b'{');
    let mut first = true;
    for entry in entries {
        let name = match (&settings.null_key, key.is_null(entry)) {
            (_, false) => keys.value(entry),
            (NullKey::Literal(literal), true) => literal,
            (NullKey::Drop, true) => continue,
            (NullKey::Fail, true) => {
                return Err(Error::user(
                    "a map has a NULL key, which JSON cannot hold; set `json.map-null-key.mode` \
                     to `DROP` or `LITERAL`",
                ));
            }
        };
        if !first {
            out.push(b',');
        }
        first = false;
        write_string(out, name.as_bytes());
        out.push(b':');
        write_value(out, value, entry, settings)?;
    }
    out.push(b'}');
    Ok(())
}

fn quoted_if(out: &mut Vec<u8>, quoted: bool, write: impl FnOnce(&mut Vec<u8>)) {
    if quoted {
        out.push(b'"');
    }
    write(out);
    if quoted {
        out.push(b'"');
    }
}

/// Writes a JSON string; only quotes, backslashes and control characters are escaped.
pub(super) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            other => out.extend_from_slice(format!("\\u{other:04X}").as_bytes()),
        }
    }
    out.extend_from_slice(&text[from..]);
    out.push(b'"');
}
