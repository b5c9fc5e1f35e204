//! Rows to lines of CSV (Flink's `RowDataToCsvConverters`, quoted as Jackson does).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::Result;
use engine::batch::Batch;

use super::Settings;
use crate::format::Encoder;
use crate::format::number::{write_decimal, write_double, write_float, write_int};
use crate::format::time::{TimestampStyle, write_date, write_time, write_timestamp};
use crate::format::view::{Values, View, children};

/// Texts longer than this are quoted without looking at them, as Jackson does.
const LOOKED_AT: usize = 24;

/// Encodes rows as lines of CSV.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    settings: Settings,
    /// Characters below this one need quotes: the greatest special character and one more. So a
    /// blank or `+` is quoted besides `,`, and with `|` as delimiter nearly every letter.
    safe_from: u32,
    /// The field at hand.
    field: Vec<u8>,
}

impl CsvEncoder {
    pub(super) fn new(settings: &Settings) -> Self {
        let special = [Some(settings.delimiter), settings.quote, Some('\n')];
        let greatest = special.iter().flatten().map(|c| *c as u32).max().unwrap_or(0);
        Self { settings: settings.clone(), safe_from: greatest + 1, field: Vec::new() }
    }

    fn write(&mut self, out: &mut Vec<u8>, column: &View<'_>, row: usize) {
        if column.is_null(row) {
            let literal = self.settings.null_literal.as_deref().unwrap_or_default();
            out.extend_from_slice(literal.as_bytes());
            return;
        }
        let mut field = std::mem::take(&mut self.field);
        field.clear();
        self.plain(&mut field, column, row);
        let is_number = matches!(
            column.values,
            Values::Bool(_)
                | Values::Tiny(_)
                | Values::Small(_)
                | Values::Int(_)
                | Values::Big(_)
                | Values::Float(_)
                | Values::Double(_)
                | Values::Months(_)
                | Values::Millis(_)
        );
        match self.settings.quote {
            Some(quote) if !is_number && self.needs_quotes(&field) => {
                self.quoted(out, &field, quote);
            }
            _ => out.extend_from_slice(&field),
        }
        self.field = field;
    }

    fn needs_quotes(&self, field: &[u8]) -> bool {
        let text = String::from_utf8_lossy(field);
        text.encode_utf16().count() > LOOKED_AT
            || text.chars().any(|c| (c as u32) < self.safe_from || Some(c) == self.settings.escape)
    }

    fn quoted(&self, out: &mut Vec<u8>, field: &[u8], quote: char) {
        let mut text = String::with_capacity(field.len() + 2);
        text.push(quote);
        for c in String::from_utf8_lossy(field).chars() {
            if c == quote || Some(c) == self.settings.escape {
                text.push(c);
            }
            text.push(c);
        }
        text.push(quote);
        out.extend_from_slice(text.as_bytes());
    }

    /// The value without quotes.
    fn plain(&self, out: &mut Vec<u8>, column: &View<'_>, row: usize) {
        match &column.values {
            Values::Bool(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            Values::Tiny(values) => write_int(out, i64::from(values[row])),
            Values::Small(values) => write_int(out, i64::from(values[row])),
            Values::Int(values) | Values::Months(values) => write_int(out, i64::from(values[row])),
            Values::Big(values) | Values::Millis(values) => write_int(out, values[row]),
            Values::Float(values) => write_float(out, values[row]),
            Values::Double(values) => write_double(out, values[row]),
            Values::Decimal { values, scale } => {
                write_decimal(out, values[row], *scale, !self.settings.scientific);
            }
            Values::Text(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Values::Binary(values) => {
                out.extend_from_slice(STANDARD.encode(values.value(row)).as_bytes());
            }
            Values::Date(values) => write_date(out, values[row].into()),
            Values::Time(values) => write_time(out, i64::from(values[row]) * 1_000_000),
            Values::Timestamp { values, per_second, zoned } => {
                write_timestamp(out, values[row], *per_second, TimestampStyle::Sql, *zoned);
            }
            Values::List { offsets, item } => {
                for (at, element) in children(offsets, row).enumerate() {
                    self.part(out, item, element, at);
                }
            }
            Values::Row { columns, .. } => {
                for (at, column) in columns.iter().enumerate() {
                    self.part(out, column, row, at);
                }
            }
            // Refused while the program is planned.
            Values::Map { .. } => {}
        }
    }

    fn part(&self, out: &mut Vec<u8>, column: &View<'_>, row: usize, at: usize) {
        if at > 0 {
            out.extend_from_slice(self.settings.array_delimiter.as_bytes());
        }
        if column.is_null(row) {
            let literal = self.settings.null_literal.as_deref().unwrap_or_default();
            out.extend_from_slice(literal.as_bytes());
        } else {
            self.plain(out, column, row);
        }
    }
}

impl Encoder for CsvEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let columns = batch.rows.columns().iter().map(View::of).collect::<Result<Vec<_>>>()?;
        let mut delimiter = [0; 4];
        let delimiter = self.settings.delimiter.encode_utf8(&mut delimiter).as_bytes().to_vec();
        for row in 0..batch.len() {
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(&delimiter);
                }
                self.write(out, column, row);
            }
            ends.push(out.len());
        }
        Ok(())
    }
}
