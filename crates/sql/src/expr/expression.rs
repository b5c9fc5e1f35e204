//! The expression tree.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::Field;
use engine::expression::Expression;

use super::Literal;
use super::function::Function;
use super::program::{Node, Program};
use crate::types::SqlType;

/// A typed scalar expression over the columns of one input.
///
/// Two expressions are equal when they are the same tree: same functions, columns and literals.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A column of the input.
    Column {
        /// Its index.
        index: usize,
        /// Its name, for messages and result columns; equality looks at it too.
        name: String,
        /// Its type.
        sql_type: SqlType,
    },
    /// A constant.
    Literal {
        /// The value.
        value: Literal,
        /// Its type.
        sql_type: SqlType,
    },
    /// A function or operator and its arguments.
    Call(Call),
}

/// A function or operator with its arguments; made by the constructors of this module.
#[derive(Clone)]
pub struct Call {
    pub(super) name: String,
    pub(super) function: Arc<dyn Function>,
    pub(super) args: Vec<Expr>,
    pub(super) sql_type: SqlType,
}

impl Call {
    /// The function's name, upper case, or the operator.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells this function from others of the same name: its parameters.
    fn key(&self) -> String {
        format!("{:?}", self.function)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("function", &self.function)
            .field("args", &self.args)
            .field("sql_type", &self.sql_type)
            .finish()
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.sql_type == other.sql_type
            && self.args == other.args
            && self.key() == other.key()
    }
}

impl Eq for Call {}

impl Hash for Call {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.args.hash(state);
    }
}

impl Expr {
    pub(super) fn call(
        name: &str,
        function: impl Function + 'static,
        args: Vec<Self>,
        sql_type: SqlType,
    ) -> Self {
        Self::Call(Call { name: name.to_owned(), function: Arc::new(function), args, sql_type })
    }

    /// Type of the value.
    #[must_use]
    pub fn sql_type(&self) -> &SqlType {
        match self {
            Self::Column { sql_type, .. } | Self::Literal { sql_type, .. } => sql_type,
            Self::Call(call) => &call.sql_type,
        }
    }

    /// The same value under another type that has the same values (PRIMARY KEY columns that
    /// become NOT NULL, a row whose fields get names).
    #[must_use]
    pub fn retyped(mut self, to: SqlType) -> Self {
        match &mut self {
            Self::Column { sql_type, .. } | Self::Literal { sql_type, .. } => *sql_type = to,
            Self::Call(call) => call.sql_type = to,
        }
        self
    }

    /// A field for the column this expression makes. Always nullable: whether a result may be
    /// NULL is checked where a sink says so, not between operators.
    #[must_use]
    pub fn field(&self, name: &str) -> Field {
        Field::new(name, self.sql_type().to_arrow(), true)
    }

    /// Arguments, left to right.
    #[must_use]
    pub fn children(&self) -> &[Self] {
        match self {
            Self::Column { .. } | Self::Literal { .. } => &[],
            Self::Call(call) => &call.args,
        }
    }

    /// The same expression over other columns: `f` gives the new index of each.
    #[must_use]
    pub fn map_columns(&self, f: &mut impl FnMut(usize) -> usize) -> Self {
        self.replace_columns(&mut |index, name, sql_type| Self::Column {
            index: f(index),
            name: name.to_owned(),
            sql_type: sql_type.clone(),
        })
    }

    /// The same expression with each column replaced by an expression (a merged projection).
    #[must_use]
    pub fn replace_columns(&self, f: &mut impl FnMut(usize, &str, &SqlType) -> Self) -> Self {
        match self {
            Self::Column { index, name, sql_type } => f(*index, name, sql_type),
            Self::Literal { .. } => self.clone(),
            Self::Call(call) => {
                let args = call.args.iter().map(|arg| arg.replace_columns(f)).collect();
                Self::Call(Call { args, ..call.clone() })
            }
        }
    }

    /// Indexes of the columns it reads, ascending, each once.
    #[must_use]
    pub fn columns_used(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.visit(&mut |expr| {
            if let Self::Column { index, .. } = expr {
                found.push(*index);
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Calls `f` for this expression and everything in it, outermost first.
    pub fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Self)) {
        f(self);
        for child in self.children() {
            child.visit(f);
        }
    }

    /// Whether the same input always gives the same value (not RAND, NOW, UUID).
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        let mut all = true;
        self.visit(&mut |expr| {
            if let Self::Call(call) = expr {
                all &= call.function.deterministic();
            }
        });
        all
    }

    /// Whether it reads no column and is deterministic.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.columns_used().is_empty() && self.is_deterministic()
    }

    /// Whether it is PROCTIME() itself.
    #[must_use]
    pub fn is_proctime(&self) -> bool {
        matches!(self, Self::Call(call) if call.name == "PROCTIME")
    }

    /// Whether it is the literal NULL.
    #[must_use]
    pub fn is_null_literal(&self) -> bool {
        matches!(self, Self::Literal { value: Literal::Null, .. })
    }

    /// The column's index when it is nothing but a column.
    #[must_use]
    pub fn as_column(&self) -> Option<usize> {
        match self {
            Self::Column { index, .. } => Some(*index),
            Self::Literal { .. } | Self::Call(_) => None,
        }
    }

    /// The value when it is a literal.
    #[must_use]
    pub fn as_literal(&self) -> Option<&Literal> {
        match self {
            Self::Literal { value, .. } => Some(value),
            Self::Column { .. } | Self::Call(_) => None,
        }
    }

    /// The operator or function and its arguments, for those who look for conditions to push or
    /// to split (`AND`, `=`, `<=`, `-` …).
    #[must_use]
    pub fn as_call(&self) -> Option<(&str, &[Self])> {
        match self {
            Self::Call(call) => Some((&call.name, &call.args)),
            Self::Column { .. } | Self::Literal { .. } => None,
        }
    }

    /// The same expression with everything computed that needs no input. What fails when computed
    /// stays as it is, so that it fails only where a row needs it.
    #[must_use]
    pub fn fold(&self) -> Self {
        let Self::Call(call) = self else { return self.clone() };
        let args: Vec<_> = call.args.iter().map(Self::fold).collect();
        let folded = Self::Call(Call { args, ..call.clone() });
        if !folded.is_constant() {
            return folded;
        }
        match Node::of(&folded).constant().and_then(|a| Literal::from_array(a, &call.sql_type)) {
            Some(value) => Self::Literal { value, sql_type: call.sql_type.clone() },
            None => folded,
        }
    }

    /// What the engine runs.
    #[must_use]
    pub fn compile(&self) -> Arc<dyn Expression> {
        Arc::new(Program::new(self))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column { name, .. } => f.write_str(name),
            Self::Literal { value, sql_type } => value.write(f, sql_type),
            Self::Call(call) => {
                let infix = !call.name.starts_with(|c: char| c.is_alphabetic())
                    || matches!(call.name.as_str(), "AND" | "OR");
                if let (true, [left, right]) = (infix, call.args.as_slice()) {
                    return write!(f, "({left} {} {right})", call.name);
                }
                write!(f, "{}(", call.name)?;
                for (i, arg) in call.args.iter().enumerate() {
                    write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}
