//! Keeps NULLs out of NOT NULL columns of a sink.

use arrow::array::{Array, BooleanArray};
use engine::batch::{Batch, SchemaRef};
use engine::operator::{Operator, OperatorContext, OperatorFactory, Output};
use engine::{Error, Result};

/// `table.exec.sink.not-null-enforcer`: a NULL ends the job, or drops the record. (Flink's
/// `ConstraintEnforcer`.)
#[derive(Debug, Clone)]
pub(super) struct NotNull {
    schema: SchemaRef,
    columns: Vec<usize>,
    drop: bool,
    table: String,
}

impl NotNull {
    pub(super) fn new(schema: SchemaRef, columns: Vec<usize>, drop: bool, table: &str) -> Self {
        Self { schema, columns, drop, table: table.to_owned() }
    }

    /// What people read on it.
    pub(super) fn name(&self) -> String {
        let names: Vec<_> =
            self.columns.iter().map(|&column| self.schema.field(column).name().as_str()).collect();
        format!("NotNull[{}{}]", if self.drop { "drop " } else { "" }, names.join(", "))
    }
}

impl OperatorFactory for NotNull {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn create(&self, _context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(self.clone()))
    }
}

impl Operator for NotNull {
    fn on_batch(&mut self, _input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let with_nulls = |column: &&usize| batch.rows.column(**column).null_count() > 0;
        let Some(&first) = self.columns.iter().find(with_nulls) else {
            out.emit(batch);
            return Ok(());
        };
        if !self.drop {
            let name = self.schema.field(first).name();
            return Err(Error::user(format!(
                "column `{name}` of sink `{}` is NOT NULL, but a NULL is written to it; set \
                 `table.exec.sink.not-null-enforcer` to `DROP` to leave such records out",
                self.table
            )));
        }
        let mask: BooleanArray = (0..batch.len())
            .map(|row| Some(self.columns.iter().all(|&c| batch.rows.column(c).is_valid(row))))
            .collect();
        out.emit(batch.filter(&mask)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn run(drop: bool) -> Result<Vec<Batch>> {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, true)]));
        let column = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
        let mut enforcer = NotNull::new(schema, vec![0], drop, "o");
        let mut out = Output::default();
        enforcer.on_batch(0, Batch::of(rows), &mut out)?;
        Ok(out.drain().collect())
    }

    #[test]
    fn a_null_is_dropped_or_ends_the_job() {
        assert_eq!(run(true).unwrap()[0].len(), 2);
        let error = run(false).unwrap_err();
        assert!(error.message.starts_with("column `id` of sink `o` is NOT NULL"), "{error}");
    }
}
