//! JSON objects to rows (Flink's `JsonParserToRowDataConverters`).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use engine::metrics::NodeMetrics;
use engine::{Error, Result};

use super::Settings;
use super::scan::{Bad, Scanner};
use super::value::{self, Context};
use crate::format::Decoder;
use crate::format::column::Column;

/// Longest key, and most keys, whose order is remembered.
const REMEMBERED: usize = 64;

/// A member of a record as it came last time.
#[derive(Debug)]
struct Expected {
    /// `"name":`
    key: Vec<u8>,
    column: Option<usize>,
}

/// Decodes JSON objects into rows of one schema.
///
/// Records of a stream nearly always have the same keys in the same order, so the decoder first
/// compares each key with the one that stood at this place last time.
#[derive(Debug)]
pub(super) struct JsonDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    expected: Vec<Expected>,
    context: Context,
    rows: usize,
    /// Column whose value is being read, for messages.
    current: usize,
    metrics: Arc<NodeMetrics>,
    skipped: Option<String>,
}

impl JsonDecoder {
    /// `None` when a column's type has no JSON form.
    pub(super) fn new(
        schema: &SchemaRef,
        settings: &Settings,
        metrics: &Arc<NodeMetrics>,
    ) -> Option<Self> {
        let names = schema.fields().iter().enumerate();
        Some(Self {
            schema: Arc::clone(schema),
            columns: schema.fields().iter().map(Column::new).collect::<Option<_>>()?,
            by_name: names.map(|(index, field)| (field.name().clone(), index)).collect(),
            expected: Vec::new(),
            context: Context::new(settings),
            rows: 0,
            current: 0,
            metrics: Arc::clone(metrics),
            skipped: None,
        })
    }

    fn record(&mut self, payload: &[u8]) -> Result<(), Bad> {
        if std::str::from_utf8(payload).is_err() {
            return Err(Bad::Syntax("it is not UTF-8"));
        }
        let mut input = Scanner::new(payload);
        if !input.take(b'{') {
            return Err(Bad::Syntax("it is not a JSON object"));
        }
        let mut seen = 0;
        let mut member = 0;
        if !input.take(b'}') {
            loop {
                match self.key(&mut input, member)? {
                    None => input.skip_value(0)?,
                    Some(index) => {
                        self.current = index;
                        let column = &mut self.columns[index];
                        if column.len() > self.rows {
                            // A key that comes twice: the last one counts.
                            column.truncate(self.rows);
                        } else {
                            seen += 1;
                        }
                        value::read(&mut input, column, &mut self.context)?;
                    }
                }
                member += 1;
                if !input.more(b'}')? {
                    break;
                }
            }
        }
        if seen < self.columns.len() { self.fill() } else { Ok(()) }
    }

    /// Reads a key and its colon; says which column it names.
    #[inline]
    fn key(&mut self, input: &mut Scanner<'_>, member: usize) -> Result<Option<usize>, Bad> {
        input.token();
        match self.expected.get(member) {
            Some(expected) if input.take_bytes(&expected.key) => Ok(expected.column),
            Some(_) | None => self.new_key(input, member),
        }
    }

    fn new_key(&mut self, input: &mut Scanner<'_>, member: usize) -> Result<Option<usize>, Bad> {
        let start = input.pos;
        let name = input.string(&mut self.context.scratch)?;
        let column = self.by_name.get(name).copied();
        input.colon()?;
        let key = input.since(start);
        if member < REMEMBERED && key.len() <= REMEMBERED && !self.context.careful {
            let expected = Expected { key: key.to_vec(), column };
            // Only the place right behind the others may be new: the list has no gaps.
            if member == self.expected.len() {
                self.expected.push(expected);
            } else if let Some(slot) = self.expected.get_mut(member) {
                *slot = expected;
            }
        }
        Ok(column)
    }

    /// Gives the columns that the record did not name a NULL.
    fn fill(&mut self) -> Result<(), Bad> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            if column.len() == self.rows {
                self.current = index;
                if self.context.fail_on_missing_field {
                    return Err(Bad::Missing(index));
                }
                value::null(column)?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, payload: &[u8], bad: Bad) -> Result<usize> {
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
        let field = |index: usize| self.schema.field(index).name();
        let why = match bad {
            Bad::Syntax(why) => why.to_owned(),
            Bad::Value(why) => format!("field `{}`: {why}", field(self.current)),
            Bad::Null => {
                format!("field `{}` is NULL but its column is NOT NULL", field(self.current))
            }
            Bad::Missing(index) => format!("field `{}` is missing", field(index)),
        };
        if self.context.ignore_parse_errors {
            NodeMetrics::add(&self.metrics.malformed_records, 1);
            self.skipped = Some(why);
            return Ok(0);
        }
        Err(Error::user(format!(
            "failed to deserialize JSON `{}`: {why}",
            crate::format::excerpt(payload)
        )))
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, payload: &[u8]) -> Result<usize> {
        match self.record(payload) {
            Ok(()) => {
                self.rows += 1;
                Ok(1)
            }
            // An empty message or line is no record.
            Err(_) if payload.trim_ascii().is_empty() => Ok(0),
            Err(bad) => self.refuse(payload, bad),
        }
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
