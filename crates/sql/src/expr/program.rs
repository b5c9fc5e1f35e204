//! What an expression becomes for evaluation.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use engine::expression::Expression;
use engine::{Error, Result};

use super::Expr;
use super::function::{Arguments, Function, Input, Value};

/// An expression ready to run: constants computed, types in Arrow.
#[derive(Debug)]
pub(super) struct Program {
    root: Node,
    data_type: DataType,
}

impl Program {
    pub(super) fn new(expr: &Expr) -> Self {
        Self { root: Node::of(expr), data_type: expr.sql_type().to_arrow() }
    }
}

impl Expression for Program {
    fn data_type(&self) -> DataType {
        self.data_type.clone()
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let input = Input { columns: rows.columns(), rows: rows.num_rows() };
        let array = self.root.evaluate(&input)?.into_column(rows.num_rows())?;
        if *array.data_type() == self.data_type {
            return Ok(array);
        }
        Err(Error::internal(format!(
            "an expression of type {} gave {}: {:?}",
            self.data_type,
            array.data_type(),
            self.root
        )))
    }

    fn column(&self) -> Option<usize> {
        match self.root {
            Node::Column(index) => Some(index),
            Node::Constant(_) | Node::Call { .. } => None,
        }
    }
}

/// One step of a program.
#[derive(Debug)]
pub(crate) enum Node {
    Column(usize),
    /// One value.
    Constant(ArrayRef),
    Call {
        function: Arc<dyn Function>,
        args: Vec<Node>,
    },
}

impl Node {
    pub(super) fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Column { index, .. } => Self::Column(*index),
            Expr::Literal { value, sql_type } => Self::Constant(value.to_array(sql_type)),
            Expr::Call(call) => {
                let node = Self::Call {
                    function: Arc::clone(&call.function),
                    args: call.args.iter().map(Self::of).collect(),
                };
                node.computed()
            }
        }
    }

    /// The value at once where nothing else is needed. A failure is left for the records that
    /// come to it.
    fn computed(self) -> Self {
        let Self::Call { function, args } = &self else { return self };
        if !function.deterministic() || !args.iter().all(|arg| matches!(arg, Self::Constant(_))) {
            return self;
        }
        match self.evaluate(&Input { columns: &[], rows: 1 }) {
            Ok(value) if value.array.len() == 1 => Self::Constant(value.array),
            _ => self,
        }
    }

    /// The value of a constant.
    pub(super) fn constant(&self) -> Option<&ArrayRef> {
        match self {
            Self::Constant(array) => Some(array),
            Self::Column(_) | Self::Call { .. } => None,
        }
    }

    pub(super) fn evaluate(&self, input: &Input<'_>) -> Result<Value> {
        match self {
            Self::Column(index) => Ok(Value::column(Arc::clone(&input.columns[*index]))),
            Self::Constant(array) => Ok(Value::constant(Arc::clone(array))),
            Self::Call { function, args } => {
                function.evaluate(&Arguments { nodes: args, input: *input })
            }
        }
    }

    pub(super) fn may_fail(&self) -> bool {
        match self {
            Self::Column(_) | Self::Constant(_) => false,
            Self::Call { function, args } => function.may_fail() || args.iter().any(Self::may_fail),
        }
    }

    /// Columns it reads.
    pub(super) fn columns(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect_columns(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn collect_columns(&self, found: &mut Vec<usize>) {
        match self {
            Self::Column(index) => found.push(*index),
            Self::Constant(_) => {}
            Self::Call { args, .. } => args.iter().for_each(|arg| arg.collect_columns(found)),
        }
    }
}
