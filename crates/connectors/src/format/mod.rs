//! Formats: bytes of one record to a row and back.
//!
//! A connector asks [`Format::of`] at planning and makes decoders and encoders from it when it opens.

mod column;
mod csv;
mod json;
mod number;
mod raw;
mod time;
mod view;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use engine::batch::Batch;
use engine::connector::TableRefused;
use engine::metrics::NodeMetrics;
use engine::{Error, Result};

pub(crate) use column::{Column, Data};
pub use number::{write_double, write_float};
pub(crate) use time::write_date;
pub(crate) use view::{Values, View, children};

use crate::options::{OptionSpec, Options};

/// Names of all formats.
pub const NAMES: &[&str] = &["csv", "debezium-json", "json", "raw"];

/// The options of the format `name`, as they stand in a table (`json.ignore-parse-errors`).
#[must_use]
pub fn specs(name: &str) -> Option<&'static [OptionSpec]> {
    match name {
        "csv" => Some(csv::SPECS),
        "json" => Some(json::SPECS),
        "debezium-json" => Some(json::DEBEZIUM_SPECS),
        "raw" => Some(raw::SPECS),
        _ => None,
    }
}

/// Turns payloads into rows of one schema.
pub trait Decoder: Send {
    /// Takes one message, or one line without its end. Returns the number of rows it added; a
    /// malformed payload is an error, or is counted in the node's metrics and skipped (0 rows),
    /// as the format's options say.
    fn decode(&mut self, payload: &[u8]) -> Result<usize>;

    /// Why the payload before was skipped as malformed, if it was: in words that hold nothing of
    /// its contents.
    fn skipped(&mut self) -> Option<String> {
        None
    }

    /// Rows added since the last `flush`.
    fn buffered(&self) -> usize;

    /// The rows added so far, if any.
    fn flush(&mut self) -> Result<Option<RecordBatch>>;
}

/// Turns rows of one schema into payloads.
pub trait Encoder: Send {
    /// Appends the payload of each row of `batch` to `out`, without line ends, and where in `out`
    /// each of them ends to `ends`. A row the format writes nothing for ends where it began.
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()>;
}

/// A format with its options, as one table uses it.
#[derive(Debug, Clone)]
pub struct Format {
    kind: Kind,
    options: Options,
    /// `format`, `value.format` or `key.format`.
    key: String,
}

#[derive(Debug, Clone)]
enum Kind {
    Csv(csv::Settings),
    Json(json::Settings),
    Debezium(json::Settings),
    Raw(raw::Settings),
}

impl Format {
    /// The format the table names in option `key` (`format`, `value.format`, `key.format`); `None`
    /// when the table does not have that option.
    pub fn of(options: &Options, key: &str) -> Result<Option<Self>, TableRefused> {
        let Some(name) = options.text(key) else { return Ok(None) };
        let prefix = format!("{}{name}.", key.strip_suffix("format").unwrap_or_default());
        let kind = match name {
            "csv" => Kind::Csv(csv::Settings::read(options, &prefix)?),
            "raw" => Kind::Raw(raw::Settings::read(options, &prefix)),
            "json" => Kind::Json(json::Settings::read(options, &prefix)?),
            "debezium-json" => Kind::Debezium(json::Settings::read(options, &prefix)?),
            _ => {
                let why = format!("supported formats: `{}`", NAMES.join("`, `"));
                return Err(options.refuse(key, &why));
            }
        };
        Ok(Some(Self { kind, options: options.clone(), key: key.to_owned() }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.options.text(&self.key).unwrap_or_default()
    }

    /// Whether it can write `-U`, `+U` and `-D`.
    #[must_use]
    pub fn accepts_updates(&self) -> bool {
        matches!(self.kind, Kind::Debezium(_))
    }

    /// Whether columns of these types can be read; call it at planning.
    pub fn check_decodes(&self, schema: &SchemaRef) -> Result<(), TableRefused> {
        match &self.kind {
            Kind::Csv(_) => self.check_columns(schema, csv::unsupported),
            Kind::Json(_) => self.check_columns(schema, json::unsupported),
            Kind::Raw(_) => self.check_raw(schema),
            Kind::Debezium(_) => Err(self.options.refuse(
                &self.key,
                "reading a changelog is not supported; `debezium-json` can only be written",
            )),
        }
    }

    /// Whether columns of these types can be written; call it at planning.
    pub fn check_encodes(&self, schema: &SchemaRef) -> Result<(), TableRefused> {
        match &self.kind {
            Kind::Csv(_) => self.check_columns(schema, csv::unsupported),
            Kind::Json(_) | Kind::Debezium(_) => self.check_columns(schema, json::unsupported),
            Kind::Raw(_) => self.check_raw(schema),
        }
    }

    fn check_raw(&self, schema: &SchemaRef) -> Result<(), TableRefused> {
        if schema.fields().len() != 1 {
            let why = "the format needs a table with exactly one physical column";
            return Err(self.options.refuse(&self.key, why));
        }
        self.check_columns(schema, raw::unsupported)
    }

    fn check_columns(
        &self,
        schema: &SchemaRef,
        unsupported: impl Fn(&DataType) -> Option<String>,
    ) -> Result<(), TableRefused> {
        for field in schema.fields() {
            if let Some(why) = unsupported(field.data_type()) {
                return Err(self
                    .options
                    .refuse(&self.key, &format!("column `{}`: {why}", field.name())));
            }
        }
        Ok(())
    }

    /// A decoder into rows of `schema`; skipped payloads are counted in `metrics`.
    pub fn decoder(
        &self,
        schema: &SchemaRef,
        metrics: &Arc<NodeMetrics>,
    ) -> Result<Box<dyn Decoder>> {
        self.check_decodes(schema).map_err(|refused| Error::user(refused.message))?;
        let made = match &self.kind {
            Kind::Csv(settings) => csv::decoder(schema, settings, metrics),
            Kind::Raw(settings) => raw::decoder(schema, *settings, metrics),
            Kind::Json(settings) | Kind::Debezium(settings) => {
                json::decoder(schema, settings, metrics)
            }
        };
        made.ok_or_else(|| Error::internal(format!("format `{}` reads no such rows", self.name())))
    }

    /// An encoder of rows of `schema` (no partition or metadata columns).
    pub fn encoder(&self, schema: &SchemaRef) -> Result<Box<dyn Encoder>> {
        self.check_encodes(schema).map_err(|refused| Error::user(refused.message))?;
        Ok(match &self.kind {
            Kind::Csv(settings) => csv::encoder(settings),
            Kind::Raw(settings) => raw::encoder(*settings),
            Kind::Json(settings) => json::encoder(schema, settings, false),
            Kind::Debezium(settings) => json::encoder(schema, settings, true),
        })
    }

    /// Where the first record of `bytes` ends (index of its line end); `None` = it is not whole.
    #[must_use]
    pub fn record_end(&self, bytes: &[u8]) -> Option<usize> {
        match &self.kind {
            Kind::Csv(settings) => settings.record_end(bytes),
            Kind::Json(_) | Kind::Debezium(_) | Kind::Raw(_) => memchr::memchr(b'\n', bytes),
        }
    }

    /// Whether fields are known by name, so that columns nobody uses may be left out.
    pub(crate) fn names_fields(name: &str) -> bool {
        matches!(name, "json" | "debezium-json")
    }
}

/// The rows in `columns` as a batch; the columns start anew.
fn flush(
    schema: &SchemaRef,
    columns: &mut [column::Column],
    rows: &mut usize,
) -> Result<Option<RecordBatch>> {
    if *rows == 0 {
        return Ok(None);
    }
    let arrays = columns.iter_mut().map(column::Column::finish).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(rows)));
    Ok(Some(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?))
}

/// The beginning of a payload, for messages.
fn excerpt(payload: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&payload[..payload.len().min(LONGEST)]).into_owned();
    if payload.len() > LONGEST { format!("{text}…") } else { text }
}
