//! Formats: bytes of one record to a row and back.
//!
//! A connector asks [`Format::of`] at planning and makes decoders and encoders from it when it opens.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use engine::Result;
use engine::batch::Batch;
use engine::connector::TableRefused;
use engine::metrics::NodeMetrics;

use crate::options::{OptionSpec, Options};

/// Names of all formats.
pub const NAMES: &[&str] = &["raw"];

/// The options of the format `name`, as they stand in a table (`json.ignore-parse-errors`).
#[must_use]
pub fn specs(name: &str) -> Option<&'static [OptionSpec]> {
    match name {
        "raw" => Some(&[]),
        _ => None,
    }
}

/// Turns payloads into rows of one schema.
pub trait Decoder: Send {
    /// Takes one message, or one line without its end. Returns the number of rows it added; a
    /// malformed payload is an error, or is counted in the node's metrics and skipped (0 rows),
    /// as the format's options say.
    fn decode(&mut self, payload: &[u8]) -> Result<usize>;

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
    options: Options,
    /// `format`, `value.format` or `key.format`.
    key: String,
}

impl Format {
    /// The format the table names in option `key` (`format`, `value.format`, `key.format`).
    pub fn of(options: &Options, key: &str) -> Result<Option<Self>, TableRefused> {
        if options.text(key).is_none() {
            return Ok(None);
        }
        Ok(Some(Self { options: options.clone(), key: key.to_owned() }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.options.text(&self.key).unwrap_or_default()
    }

    /// Whether it can write `-U`, `+U` and `-D`.
    #[must_use]
    pub fn accepts_updates(&self) -> bool {
        self.name() == "debezium-json"
    }

    /// Whether columns of these types can be read; call it at planning.
    pub fn check_decodes(&self, schema: &SchemaRef) -> Result<(), TableRefused> {
        let _ = schema;
        Err(self.options.refuse(&self.key, "this format cannot be read"))
    }

    /// Whether columns of these types can be written; call it at planning.
    pub fn check_encodes(&self, schema: &SchemaRef) -> Result<(), TableRefused> {
        let _ = schema;
        Err(self.options.refuse(&self.key, "this format cannot be written"))
    }

    /// A decoder into rows of `schema`; skipped payloads are counted in `metrics`.
    pub fn decoder(
        &self,
        schema: &SchemaRef,
        metrics: &Arc<NodeMetrics>,
    ) -> Result<Box<dyn Decoder>> {
        let _ = metrics;
        self.check_decodes(schema).map_err(|e| engine::Error::user(e.message))?;
        Err(engine::Error::user(format!("format `{}` cannot be read", self.name())))
    }

    /// An encoder of rows of `schema` (no partition or metadata columns).
    pub fn encoder(&self, schema: &SchemaRef) -> Result<Box<dyn Encoder>> {
        self.check_encodes(schema).map_err(|e| engine::Error::user(e.message))?;
        Err(engine::Error::user(format!("format `{}` cannot be written", self.name())))
    }

    /// Where the first record of `bytes` ends (index of its line end); `None` = it is not whole.
    #[must_use]
    pub fn record_end(&self, bytes: &[u8]) -> Option<usize> {
        memchr::memchr(b'\n', bytes)
    }
}
