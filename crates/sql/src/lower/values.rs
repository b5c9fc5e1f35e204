//! `VALUES` and SELECT without FROM: a source of constant rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use engine::batch::SchemaRef;
use engine::graph::SourceNode;
use engine::source::{Polled, Position, Source, SourceContext, SourceReader, SplitId};
use engine::{Error, Result};

use crate::expr::Expr;
use crate::plan::Column;

/// The one split there is.
const SPLIT: &str = "values";

/// A source that gives `rows` once.
pub(super) fn source(rows: &[Vec<Expr>], columns: &[Column]) -> Result<SourceNode> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(&column.name, column.sql_type.to_arrow(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let one = RecordBatch::try_new_with_options(
        Arc::new(Schema::empty()),
        Vec::new(),
        &RecordBatchOptions::new().with_row_count(Some(1)),
    )?;
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for column in 0..columns.len() {
        let values = rows
            .iter()
            .map(|row| row[column].compile().evaluate(&one))
            .collect::<Result<Vec<_>>>()?;
        let parts: Vec<_> = values.iter().map(AsRef::as_ref).collect();
        arrays.push(concat(&parts)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let rows = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
    Ok(SourceNode { source: Arc::new(Values { rows }), projection: None, watermark: None })
}

/// Constant rows.
#[derive(Debug)]
struct Values {
    rows: RecordBatch,
}

impl Source for Values {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn bounded(&self) -> bool {
        true
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let done = match context.restored.as_ref().and_then(|positions| positions.get(SPLIT)) {
            None => 0,
            Some(position) => position
                .parse()
                .map_err(|_| Error::internal(format!("`{position}` is no position in VALUES")))?,
        };
        let mine = context.subtask == 0;
        let left = if mine { self.rows.num_rows().saturating_sub(done) } else { 0 };
        let rows = self.rows.slice(self.rows.num_rows() - left, left);
        Ok(Box::new(Reader { mine, rows, done, ended: false, batch: context.batch_size.max(1) }))
    }
}

/// What is left to give.
struct Reader {
    mine: bool,
    rows: RecordBatch,
    done: usize,
    ended: bool,
    batch: usize,
}

impl SourceReader for Reader {
    fn poll(&mut self, _wait: Duration) -> Result<Polled> {
        let left = self.rows.num_rows();
        if left > 0 {
            let taken = left.min(self.batch);
            let rows = self.rows.slice(0, taken);
            self.rows = self.rows.slice(taken, left - taken);
            self.done += taken;
            return Ok(Polled::Batch { split: SPLIT.to_owned(), rows });
        }
        if self.mine && !self.ended {
            self.ended = true;
            return Ok(Polled::SplitEnd(SPLIT.to_owned()));
        }
        Ok(Polled::EndOfInput)
    }

    fn splits(&self) -> Vec<SplitId> {
        if self.mine { vec![SPLIT.to_owned()] } else { Vec::new() }
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        let own = self.mine.then(|| (SPLIT.to_owned(), self.done.to_string()));
        Ok(own.into_iter().collect())
    }
}
