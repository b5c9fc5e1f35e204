//! `raw`: the payload is the value of the one column (Flink's `RawFormatFactory`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use engine::batch::Batch;
use engine::metrics::NodeMetrics;
use engine::{Error, Result};

use super::column::{Column, Data};
use super::view::{Values, View};
use super::{Decoder, Encoder};
use crate::options::{OptionSpec, OptionType, Options};

/// Options of `raw`.
pub(super) const SPECS: &[OptionSpec] = &[
    OptionSpec::new("raw.charset", OptionType::Choice(&["UTF-8"]), "encoding of texts")
        .default("UTF-8"),
    OptionSpec::new(
        "raw.endianness",
        OptionType::Choice(&["big-endian", "little-endian"]),
        "order of the bytes of numbers",
    )
    .default("big-endian"),
];

/// What the options say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    little: bool,
}

impl Settings {
    pub(super) fn read(options: &Options, prefix: &str) -> Self {
        let endianness = options.choice(&format!("{prefix}endianness"));
        Self { little: endianness == Some("little-endian") }
    }
}

/// Why there is no raw form for a type, if so.
pub(super) fn unsupported(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Utf8
        | DataType::Binary
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64 => None,
        other => Some(format!("raw has no form for {other}")),
    }
}

/// Decodes payloads into the one column.
#[derive(Debug)]
struct RawDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    settings: Settings,
    rows: usize,
}

/// A decoder into `schema`, whose one column was checked.
pub(super) fn decoder(
    schema: &SchemaRef,
    settings: Settings,
    _metrics: &Arc<NodeMetrics>,
) -> Option<Box<dyn Decoder>> {
    let columns = schema.fields().iter().map(Column::new).collect::<Option<_>>()?;
    Some(Box::new(RawDecoder { schema: Arc::clone(schema), columns, settings, rows: 0 }))
}

impl RawDecoder {
    fn number<const N: usize>(&self, payload: &[u8]) -> Result<[u8; N]> {
        let mut bytes: [u8; N] = payload.try_into().map_err(|_| {
            Error::user(format!(
                "failed to deserialize a raw value: {N} bytes expected, {} found",
                payload.len()
            ))
        })?;
        if self.settings.little {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

impl Decoder for RawDecoder {
    fn decode(&mut self, payload: &[u8]) -> Result<usize> {
        let Some(column) = self.columns.first() else { return Ok(0) };
        enum Read {
            Bool(bool),
            Int(i64),
            Float(f32),
            Double(f64),
            Bytes,
        }
        let read = match &column.data {
            Data::Bool(_) => Read::Bool(self.number::<1>(payload)? != [0]),
            Data::Tiny(_) => Read::Int(i8::from_be_bytes(self.number(payload)?).into()),
            Data::Small(_) => Read::Int(i16::from_be_bytes(self.number(payload)?).into()),
            Data::Int(_) => Read::Int(i32::from_be_bytes(self.number(payload)?).into()),
            Data::Big(_) => Read::Int(i64::from_be_bytes(self.number(payload)?)),
            Data::Float(_) => Read::Float(f32::from_be_bytes(self.number(payload)?)),
            Data::Double(_) => Read::Double(f64::from_be_bytes(self.number(payload)?)),
            _ => Read::Bytes,
        };
        let column = &mut self.columns[0];
        match (&mut column.data, read) {
            (Data::Bool(values), Read::Bool(value)) => values.push(value),
            (Data::Tiny(values), Read::Int(value)) => values.push(value as i8),
            (Data::Small(values), Read::Int(value)) => values.push(value as i16),
            (Data::Int(values), Read::Int(value)) => values.push(value as i32),
            (Data::Big(values), Read::Int(value)) => values.push(value),
            (Data::Float(values), Read::Float(value)) => values.push(value),
            (Data::Double(values), Read::Double(value)) => values.push(value),
            (Data::Text(bytes), Read::Bytes) => {
                bytes.push(String::from_utf8_lossy(payload).as_bytes());
            }
            (Data::Binary(bytes), Read::Bytes) => bytes.push(payload),
            _ => return Err(Error::internal("raw met a type it has no form for")),
        }
        column.pushed();
        self.rows += 1;
        Ok(1)
    }

    fn buffered(&self) -> usize {
        self.rows
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        super::flush(&self.schema, &mut self.columns, &mut self.rows)
    }
}

/// Writes the value of the one column; a NULL is an empty payload.
#[derive(Debug)]
struct RawEncoder {
    settings: Settings,
}

/// An encoder.
pub(super) fn encoder(settings: Settings) -> Box<dyn Encoder> {
    Box::new(RawEncoder { settings })
}

impl Encoder for RawEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let Some(column) = batch.rows.columns().first() else { return Ok(()) };
        let view = View::of(column)?;
        for row in 0..batch.len() {
            let start = out.len();
            if !view.is_null(row) {
                match &view.values {
                    Values::Bool(values) => out.push(u8::from(values.value(row))),
                    Values::Tiny(values) => out.extend(values[row].to_be_bytes()),
                    Values::Small(values) => out.extend(values[row].to_be_bytes()),
                    Values::Int(values) => out.extend(values[row].to_be_bytes()),
                    Values::Big(values) => out.extend(values[row].to_be_bytes()),
                    Values::Float(values) => out.extend(values[row].to_be_bytes()),
                    Values::Double(values) => out.extend(values[row].to_be_bytes()),
                    Values::Text(values) => out.extend(values.value(row).as_bytes()),
                    Values::Binary(values) => out.extend(values.value(row)),
                    _ => return Err(Error::internal("raw met a type it has no form for")),
                }
                let text = matches!(view.values, Values::Text(_) | Values::Binary(_));
                if self.settings.little && !text {
                    out[start..].reverse();
                }
            }
            ends.push(out.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn through(data_type: DataType, little: bool, payloads: &[&[u8]]) -> Vec<u8> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", data_type, true)]));
        let settings = Settings { little };
        let metrics = Arc::new(NodeMetrics::default());
        let mut decoder = decoder(&schema, settings, &metrics).expect("the type is known");
        for payload in payloads {
            assert_eq!(decoder.decode(payload).expect("it fits"), 1);
        }
        let rows = decoder.flush().expect("whole rows").expect("some rows");
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        encoder(settings).encode(&Batch::of(rows), &mut out, &mut ends).expect("it can be written");
        assert_eq!(ends.len(), payloads.len());
        out
    }

    #[test]
    fn values_come_back() {
        assert_eq!(
            through(DataType::Utf8, false, &["ü".as_bytes(), b"", b"x y"]),
            "üx y".as_bytes()
        );
        assert_eq!(through(DataType::Int32, false, &[&[0, 0, 1, 2]]), [0, 0, 1, 2]);
        assert_eq!(through(DataType::Int32, true, &[&[2, 1, 0, 0]]), [2, 1, 0, 0]);
        assert_eq!(through(DataType::Boolean, false, &[&[1], &[0]]), [1, 0]);
        let pi = 3.25f64.to_be_bytes();
        assert_eq!(through(DataType::Float64, false, &[&pi]), pi);
    }

    #[test]
    fn a_number_of_the_wrong_length_is_refused() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
        let metrics = Arc::new(NodeMetrics::default());
        let mut decoder =
            decoder(&schema, Settings { little: false }, &metrics).expect("the type is known");
        let error = decoder.decode(&[1, 2]).expect_err("two bytes are no BIGINT").to_string();
        assert!(error.contains("8 bytes expected, 2 found"), "{error}");
    }
}
