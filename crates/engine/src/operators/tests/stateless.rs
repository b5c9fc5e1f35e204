//! Projection and filter.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int8Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::harness::{batch, context, input, texts};
use crate::Result;
use crate::batch::RowKind;
use crate::expression::{Column, Expression};
use crate::graph::Projection;
use crate::operator::{OperatorFactory, Output};
use crate::operators::filter::Filter;
use crate::operators::project::Project;

/// `v > 1`, NULL for NULL.
#[derive(Debug)]
struct AboveOne;

impl Expression for AboveOne {
    fn data_type(&self) -> DataType {
        DataType::Boolean
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let values = rows.column(1).as_primitive::<Int64Type>();
        let above: BooleanArray = values.iter().map(|value| value.map(|v| v > 1)).collect();
        Ok(Arc::new(above))
    }
}

#[test]
fn a_filter_keeps_what_is_true_with_kind_and_watermark() {
    let factory = Filter { predicate: Arc::new(AboveOne), schema: input() };
    let mut operator = factory.create(&context(0, 1)).unwrap();
    let rows = [(Some("a"), Some(1), 0), (Some("b"), Some(2), 0), (Some("c"), None, 0)];
    let mut batch = batch(&input(), &rows);
    batch.kinds = Some(Int8Array::from(vec![0, RowKind::Delete as i8, 0]));
    batch.watermarks = Some(Int64Array::from(vec![1, 2, 3]));
    let mut out = Output::default();
    operator.on_batch(0, batch, &mut out).unwrap();
    let kept = out.drain().next().unwrap();
    assert_eq!((kept.len(), kept.kind(0)), (1, RowKind::Delete));
    assert_eq!(kept.watermarks.unwrap().values().to_vec(), [2]);
}

#[test]
fn a_filter_must_be_boolean() {
    let predicate = Arc::new(Column { index: 1, data_type: DataType::Int64 });
    assert!(Filter { predicate, schema: input() }.create(&context(0, 1)).is_err());
}

#[test]
fn a_projection_computes_columns_in_order() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("above", DataType::Boolean, true),
        Field::new("key", DataType::Utf8, true),
    ]));
    let expressions: Vec<Arc<dyn Expression>> =
        vec![Arc::new(AboveOne), Arc::new(Column { index: 0, data_type: DataType::Utf8 })];
    let factory = Project { projection: Projection { expressions, schema } };
    let mut operator = factory.create(&context(0, 1)).unwrap();
    let mut out = Output::default();
    let rows = [(Some("a"), Some(1), 0), (None, Some(2), 0), (Some("c"), None, 0)];
    operator.on_batch(0, batch(&input(), &rows), &mut out).unwrap();
    assert_eq!(texts(&mut out), ["false|a", "true|-", "-|c"]);
}
