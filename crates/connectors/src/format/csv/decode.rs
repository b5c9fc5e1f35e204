//! Lines of CSV to rows (Flink's `CsvToRowDataConverters`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::metrics::NodeMetrics;
use engine::{Error, Result};

use super::Settings;
use crate::format::Decoder;
use crate::format::column::{Column, Data};
use crate::format::number::{Decimal, java_trim, read_decimal, read_double, read_float, read_int};
use crate::format::time::{TimestampReader, TimestampStyle, jdbc_date, read_iso_time};

/// Why a field does not fit its column.
type Misfit = &'static str;

/// Decodes lines of CSV into rows of one schema, by position.
#[derive(Debug)]
pub(super) struct CsvDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    fields: Fields,
    converter: Converter,
    rows: usize,
    metrics: Arc<NodeMetrics>,
    skipped: Option<String>,
}

/// The fields of the line at hand, end to end.
#[derive(Debug, Default)]
struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        Some(&self.text[start..end])
    }

    /// Splits a line.
    fn split(&mut self, line: &str, settings: &Settings) -> Result<(), Misfit> {
        self.text.clear();
        self.ends.clear();
        let mut rest = line;
        loop {
            let after = match settings.quote.and_then(|quote| rest.strip_prefix(quote)) {
                Some(inside) => self.quoted(inside, settings)?,
                None => self.unquoted(rest, settings),
            };
            self.ends.push(self.text.len());
            match after {
                Some(after) => rest = after,
                None => return Ok(()),
            }
        }
    }

    /// Takes an unquoted field; gives what follows the delimiter, if one does.
    fn unquoted<'l>(&mut self, rest: &'l str, settings: &Settings) -> Option<&'l str> {
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            if c == settings.delimiter {
                return Some(chars.as_str());
            }
            if Some(c) == settings.escape {
                self.text.extend(chars.next().map(unescaped));
            } else {
                self.text.push(c);
            }
        }
        None
    }

    /// Takes a quoted field, whose opening quote is taken.
    fn quoted<'l>(
        &mut self,
        inside: &'l str,
        settings: &Settings,
    ) -> Result<Option<&'l str>, Misfit> {
        let mut chars = inside.chars();
        loop {
            match chars.next() {
                None => return Err("a quoted field has no end"),
                Some(c) if Some(c) == settings.escape => {
                    self.text.extend(chars.next().map(unescaped));
                }
                Some(c) if Some(c) == settings.quote => {
                    if chars.as_str().starts_with(c) {
                        chars.next();
                        self.text.push(c);
                        continue;
                    }
                    let after = chars.as_str().trim_start_matches([' ', '\t']);
                    return match after.strip_prefix(settings.delimiter) {
                        Some(after) => Ok(Some(after)),
                        None if after.is_empty() => Ok(None),
                        None => Err("text follows a quoted field"),
                    };
                }
                Some(c) => self.text.push(c),
            }
        }
    }
}

/// The character that an escape character and `c` mean.
fn unescaped(c: char) -> char {
    match c {
        '0' => '\0',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}

impl CsvDecoder {
    /// `None` when a column's type has no CSV form.
    pub(super) fn new(
        schema: &SchemaRef,
        settings: &Settings,
        metrics: &Arc<NodeMetrics>,
    ) -> Option<Self> {
        Some(Self {
            schema: Arc::clone(schema),
            columns: schema.fields().iter().map(Column::new).collect::<Option<_>>()?,
            fields: Fields::default(),
            converter: Converter {
                settings: settings.clone(),
                timestamps: TimestampReader::default(),
            },
            rows: 0,
            metrics: Arc::clone(metrics),
            skipped: None,
        })
    }

    fn record(&mut self, line: &str) -> Result<(), String> {
        let settings = &self.converter.settings;
        self.fields.split(line, settings)?;
        let (found, expected) = (self.fields.ends.len(), self.columns.len());
        // A delimiter at the end of the line opens no field of its own.
        let trailing = found == expected + 1 && self.fields.get(expected) == Some("");
        if (found > expected && !trailing) || (found < expected && !settings.ignore_parse_errors) {
            return Err(format!("{expected} fields expected, {found} found"));
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            let named = |why: Misfit| format!("field `{}`: {why}", self.schema.field(index).name());
            match self.fields.get(index) {
                Some(text) => self.converter.convert(text, column).map_err(named)?,
                None => null(column).map_err(named)?,
            }
        }
        Ok(())
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, payload: &[u8]) -> Result<usize> {
        let payload = payload.strip_suffix(b"\n").unwrap_or(payload);
        let payload = payload.strip_suffix(b"\r").unwrap_or(payload);
        let settings = &self.converter.settings;
        if payload.is_empty() || (settings.comments && payload.trim_ascii_start().starts_with(b"#"))
        {
            return Ok(0);
        }
        let read = match std::str::from_utf8(payload) {
            Ok(line) => self.record(line),
            Err(_) => Err("it is not UTF-8".to_owned()),
        };
        let Err(why) = read else {
            self.rows += 1;
            return Ok(1);
        };
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        if self.converter.settings.ignore_parse_errors {
            NodeMetrics::add(&self.metrics.malformed_records, 1);
            self.skipped = Some(why);
            return Ok(0);
        }
        let line = crate::format::excerpt(payload);
        Err(Error::user(format!("failed to deserialize CSV row `{line}`: {why}")))
    }

    fn skipped(&mut self) -> Option<String> {
        self.skipped.take()
    }

    fn buffered(&self) -> usize {
        self.rows
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        crate::format::flush(&self.schema, &mut self.columns, &mut self.rows)
    }
}

fn null(column: &mut Column) -> Result<(), Misfit> {
    if !column.field.is_nullable() {
        return Err("it is NULL but its column is NOT NULL");
    }
    column.push_null();
    Ok(())
}

/// Texts into columns.
#[derive(Debug)]
struct Converter {
    settings: Settings,
    timestamps: TimestampReader,
}

impl Converter {
    /// Appends `text` to a column; what does not fit is NULL where parse errors are ignored.
    fn convert(&mut self, text: &str, column: &mut Column) -> Result<(), Misfit> {
        let row = column.len();
        let nested = matches!(column.data, Data::List { .. } | Data::Row { .. });
        if !nested && self.settings.null_literal.as_deref() == Some(text) {
            return null(column);
        }
        let read = if nested { self.parts(text, column) } else { self.scalar(text, column) };
        match read {
            Err(_) if self.settings.ignore_parse_errors => {
                column.truncate(row);
                null(column)
            }
            done => done,
        }
    }

    /// An array or row: its elements stand between their own delimiter.
    fn parts(&mut self, text: &str, column: &mut Column) -> Result<(), Misfit> {
        let delimiter = self.settings.array_delimiter.clone();
        let parts = text.split(delimiter.as_str()).filter(|_| !text.is_empty());
        match &mut column.data {
            Data::List { ends, item } => {
                for part in parts {
                    self.convert(part, item)?;
                }
                ends.push(item.len() as i32);
            }
            Data::Row { columns, .. } => {
                let parts: Vec<&str> = parts.collect();
                if parts.len() > columns.len()
                    || (parts.len() < columns.len() && !self.settings.ignore_parse_errors)
                {
                    return Err("a row has another number of fields");
                }
                for (index, column) in columns.iter_mut().enumerate() {
                    match parts.get(index) {
                        Some(part) => self.convert(part, column)?,
                        None => null(column)?,
                    }
                }
            }
            _ => return Err("it has no parts"),
        }
        column.pushed();
        Ok(())
    }

    fn scalar(&mut self, text: &str, column: &mut Column) -> Result<(), Misfit> {
        const NO_INT: Misfit = "not a whole number of the column's range";
        fn int<T: TryFrom<i64>>(text: &str) -> Result<T, Misfit> {
            read_int(text).and_then(|value| T::try_from(value).ok()).ok_or(NO_INT)
        }
        match &mut column.data {
            Data::Bool(values) => values.push(java_trim(text).eq_ignore_ascii_case("true")),
            Data::Tiny(values) => values.push(int(text)?),
            Data::Small(values) => values.push(int(text)?),
            Data::Int(values) | Data::Months(values) => values.push(int(text)?),
            Data::Big(values) | Data::Millis(values) => values.push(int(text)?),
            Data::Float(values) => values.push(read_float(text).ok_or("not a FLOAT")?),
            Data::Double(values) => values.push(read_double(text).ok_or("not a DOUBLE")?),
            Data::Decimal { values, precision, scale } => {
                match read_decimal(text.as_bytes(), *precision, *scale) {
                    Decimal::Value(value) => values.push(value),
                    Decimal::TooLarge => return null(column),
                    Decimal::Malformed => return Err("not a DECIMAL"),
                }
            }
            Data::Text(bytes) => bytes.push(text.as_bytes()),
            Data::Binary(bytes) => {
                bytes.push(&STANDARD.decode(text).map_err(|_| "not a base64 text")?);
            }
            Data::Date(values) => {
                let days = jdbc_date(text.as_bytes()).and_then(|days| i32::try_from(days).ok());
                values.push(days.ok_or("not a DATE such as `2024-01-31`")?);
            }
            Data::Time(values) => {
                let millis = read_iso_time(text.as_bytes());
                values.push(millis.ok_or("not a TIME such as `23:59:59`")?);
            }
            Data::Timestamp { values, nanos, zoned } => {
                let style = if *zoned { TimestampStyle::Sql } else { TimestampStyle::Jdbc };
                let read = self.timestamps.read(text.as_bytes(), style, *zoned, *nanos);
                values.push(read.ok_or("not a TIMESTAMP such as `2024-01-31 23:59:59.123`")?);
            }
            Data::List { .. } | Data::Map { .. } | Data::Row { .. } => {
                return Err("csv cannot nest rows, arrays or maps");
            }
        }
        column.pushed();
        Ok(())
    }
}
