//! The logical plan: relational operators over typed columns.
//!
//! Plans are trees of shared nodes that can be compared: what two INSERTs have in common is equal
//! and becomes one operator of the stream graph.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use engine::aggregate::AggregateCall;
use engine::operators::over_aggregate::Frame;
use engine::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use engine::operators::window_rank::OrderKey;

use crate::diagnostic::Place;
use crate::expr::Expr;
use crate::types::SqlType;

/// Whether a column is a time attribute, and of which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Time {
    /// `*ROWTIME*`: watermarks are about it.
    Event,
    /// `*PROCTIME*`
    Processing,
}

/// Which column of its window a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WindowPart {
    /// `window_start`
    Start,
    /// `window_end`
    End,
    /// `window_time`
    Time,
}

/// A column that an upstream window operator made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WindowColumn {
    pub(crate) part: WindowPart,
    /// Which time the windows are over.
    pub(crate) time: Time,
    /// Zone of the windows, when their time is TIMESTAMP_LTZ.
    pub(crate) zone: Option<Tz>,
}

/// One column of a plan node's output.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) sql_type: SqlType,
    pub(crate) time: Option<Time>,
    pub(crate) window: Option<WindowColumn>,
}

impl Column {
    /// A column that is neither a time attribute nor part of a window.
    pub(crate) fn plain(name: &str, sql_type: SqlType) -> Self {
        Self { name: name.to_owned(), sql_type, time: None, window: None }
    }
}

/// A node of the plan with the columns it gives.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rel {
    pub(crate) op: Op,
    pub(crate) columns: Vec<Column>,
    /// Whether it may take rows back: its output is a changelog, not an append-only stream.
    pub(crate) updating: bool,
}

/// What a plan node does.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Scan(Box<Scan>),
    /// Constant rows.
    Values(Vec<Vec<Expr>>),
    Project {
        input: Arc<Rel>,
        expressions: Vec<Expr>,
    },
    Filter {
        input: Arc<Rel>,
        predicate: Expr,
    },
    /// The rows of all inputs, which have the same columns.
    Union(Vec<Arc<Rel>>),
    /// Appends window_start, window_end, window_time.
    WindowAssign {
        input: Arc<Rel>,
        window: Windowing,
    },
    /// Columns: keys, aggregates, properties.
    WindowAggregate {
        input: Arc<Rel>,
        window: Windowing,
        aggregation: Aggregation,
        properties: Vec<WindowProperty>,
    },
    /// Aggregates over windows that are columns of the input. Columns: keys (those window columns
    /// among them), aggregates, properties.
    WindowedAggregate {
        input: Arc<Rel>,
        /// Index of window_end.
        end: usize,
        window: WindowColumn,
        aggregation: Aggregation,
        properties: Vec<WindowProperty>,
    },
    /// Columns: keys, aggregates.
    GroupAggregate {
        input: Arc<Rel>,
        aggregation: Aggregation,
    },
    /// `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …)`. Columns: the input's, then the rank.
    Rank {
        input: Arc<Rel>,
        partition: Vec<usize>,
        order: Vec<OrderKey>,
        /// First and last rank that a filter lets through; `None` until one is found.
        ranks: Option<(u64, u64)>,
        place: Place,
    },
    /// Aggregates over the records before each. Columns: the input's, then the aggregates.
    Over {
        input: Arc<Rel>,
        window: OverWindow,
        calls: Vec<AggregateCall>,
    },
    Join {
        left: Arc<Rel>,
        right: Arc<Rel>,
        kind: JoinKind,
        /// Over the columns of both sides.
        condition: Option<Expr>,
        place: Place,
    },
    /// Marks the plan of a view or named sub-query: operators inside are named after it.
    Named {
        name: String,
        input: Arc<Rel>,
    },
}

/// Kinds of joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
}

/// A window over a time attribute of the input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Windowing {
    pub(crate) kind: WindowKind,
    pub(crate) time: TimeAttribute,
    /// Local time zone, when the time attribute is TIMESTAMP_LTZ.
    pub(crate) zone: Option<Tz>,
    /// `PARTITION BY` of a SESSION TVF.
    pub(crate) partition: Vec<usize>,
}

impl Windowing {
    /// Which time it is over.
    pub(crate) fn time(&self) -> Time {
        match self.time {
            TimeAttribute::Event { .. } => Time::Event,
            TimeAttribute::Processing => Time::Processing,
        }
    }
}

/// What `OVER (…)` says, over the columns of its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OverWindow {
    pub(crate) partition: Vec<usize>,
    pub(crate) time: TimeAttribute,
    pub(crate) frame: Frame,
}

/// Keys and calls of an aggregation, over the columns of its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Aggregation {
    pub(crate) keys: Vec<usize>,
    pub(crate) calls: Vec<AggregateCall>,
}

/// Reads a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scan {
    pub(crate) table: String,
    /// Where the table was created.
    pub(crate) place: Place,
    /// The table's options, a hint's among them.
    pub(crate) options: BTreeMap<String, String>,
    /// Options that a hint gave.
    pub(crate) hinted: BTreeMap<String, String>,
    /// Places of the options' keys.
    pub(crate) option_places: BTreeMap<String, Place>,
    /// Whether the connector can do without columns nobody reads.
    pub(crate) prunes_columns: bool,
    /// What the connector is asked for: physical and metadata columns.
    pub(crate) source: Vec<SourceColumn>,
    /// The table's columns over `source`: computed columns and plain references.
    pub(crate) outputs: Vec<Expr>,
    pub(crate) watermark: Option<Watermark>,
    pub(crate) partition_keys: Vec<String>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) time_zone: Tz,
    /// `table.exec.source.idle-timeout` in milliseconds.
    pub(crate) idle_timeout_ms: Option<u64>,
}

/// A physical or metadata column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SourceColumn {
    pub(crate) name: String,
    pub(crate) sql_type: SqlType,
    /// Metadata key, when it is no physical column.
    pub(crate) metadata: Option<String>,
}

/// `WATERMARK FOR column AS expression`, over a scan's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Watermark {
    pub(crate) rowtime: usize,
    pub(crate) expression: Expr,
}

impl Rel {
    /// Columns as expressions over this node.
    pub(crate) fn column(&self, index: usize) -> Expr {
        let column = &self.columns[index];
        crate::expr::column(index, &column.name, column.sql_type.clone())
    }

    /// The nodes it reads.
    pub(crate) fn inputs(&self) -> Vec<&Arc<Self>> {
        match &self.op {
            Op::Scan(_) | Op::Values(_) => Vec::new(),
            Op::Union(inputs) => inputs.iter().collect(),
            Op::Join { left, right, .. } => vec![left, right],
            Op::Project { input, .. }
            | Op::Filter { input, .. }
            | Op::WindowAssign { input, .. }
            | Op::WindowAggregate { input, .. }
            | Op::WindowedAggregate { input, .. }
            | Op::GroupAggregate { input, .. }
            | Op::Rank { input, .. }
            | Op::Over { input, .. }
            | Op::Named { input, .. } => vec![input],
        }
    }

    /// `SELECT expressions`. A projection of a projection becomes one, unless something would
    /// then be computed more than once.
    pub(crate) fn project(
        input: Arc<Self>,
        expressions: Vec<Expr>,
        columns: Vec<Column>,
    ) -> Arc<Self> {
        let updating = input.updating;
        if let Op::Project { input: below, expressions: inner } = &input.op
            && can_merge(inner, &expressions)
        {
            let merged = expressions
                .iter()
                .map(|outer| outer.replace_columns(&mut |index, _, _| inner[index].clone()))
                .collect();
            return Self::project(Arc::clone(below), merged, columns);
        }
        let same_columns = input.columns == columns;
        let plain = expressions.iter().enumerate().all(|(i, e)| e.as_column() == Some(i));
        if same_columns && plain {
            return input;
        }
        Arc::new(Self { op: Op::Project { input, expressions }, columns, updating })
    }

    /// Some of the columns, as they are.
    pub(crate) fn pick(input: &Arc<Self>, indices: &[usize]) -> Arc<Self> {
        let expressions = indices.iter().map(|&index| input.column(index)).collect();
        let columns = indices.iter().map(|&index| input.columns[index].clone()).collect();
        Self::project(Arc::clone(input), expressions, columns)
    }

    /// `WHERE predicate`
    pub(crate) fn filter(input: Arc<Self>, predicate: Expr) -> Arc<Self> {
        let columns = input.columns.clone();
        let updating = input.updating;
        Arc::new(Self { op: Op::Filter { input, predicate }, columns, updating })
    }

    /// The plan of something that has a name of its own.
    pub(crate) fn named(name: &str, input: Arc<Self>) -> Arc<Self> {
        let columns = input.columns.clone();
        let updating = input.updating;
        Arc::new(Self { op: Op::Named { name: name.to_owned(), input }, columns, updating })
    }
}

/// Columns to bind names against where there is no plan yet.
pub(crate) fn relation_of(columns: Vec<Column>) -> Arc<Rel> {
    Arc::new(Rel { op: Op::Values(Vec::new()), columns, updating: false })
}

/// Whether the columns `inner` computes may be put into `outer` in their place.
fn can_merge(inner: &[Expr], outer: &[Expr]) -> bool {
    let mut uses = vec![0usize; inner.len()];
    for expression in outer {
        expression.visit(&mut |part| {
            if let Some(index) = part.as_column() {
                uses[index] += 1;
            }
        });
    }
    inner.iter().zip(&uses).all(|(expression, uses)| {
        let cheap = expression.as_call().is_none();
        cheap || *uses == 0 || (*uses == 1 && expression.is_deterministic())
    })
}
