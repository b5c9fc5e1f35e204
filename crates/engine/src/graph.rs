//! The stream graph: planned operators and edges, free of parallelism.

use std::sync::Arc;
use std::time::Duration;

use crate::batch::SchemaRef;
use crate::expression::Expression;
use crate::operator::OperatorFactory;
use crate::sink::Sink;
use crate::source::Source;

/// Index of a node in its graph.
pub type NodeIndex = usize;

/// A whole program, ready to run.
#[derive(Debug, Default)]
pub struct StreamGraph {
    /// Sources, operators and sinks; an edge always leads from a lower to a higher index.
    pub nodes: Vec<Node>,
    /// Who feeds whom.
    pub edges: Vec<Edge>,
}

/// One step of the program.
#[derive(Debug)]
pub struct Node {
    /// Stable id, derived from the program's meaning (sink table, path of the operator in the
    /// plan), not from a counter: state finds its operator by it.
    pub operator_id: String,
    /// For people: `Source[sensor]`, `Window[TUMBLE 30 s]`.
    pub name: String,
    /// What it does.
    pub kind: NodeKind,
    /// Fixed parallelism (e.g. 1 for an aggregation without keys); `None` = the application's.
    pub parallelism: Option<usize>,
}

/// What a node does.
#[derive(Debug)]
pub enum NodeKind {
    /// Reads a table.
    Source(SourceNode),
    /// Computes.
    Operator(Arc<dyn OperatorFactory>),
    /// Writes a table.
    Sink(Arc<dyn Sink>),
}

/// A source with what has to happen per split, before splits are mixed.
#[derive(Debug)]
pub struct SourceNode {
    /// The connector's side.
    pub source: Arc<dyn Source>,
    /// Columns to emit, over the source's schema (computed columns included); `None` = as read.
    pub projection: Option<Projection>,
    /// Event time, if the table declares it.
    pub watermark: Option<WatermarkStrategy>,
}

/// Expressions and the schema they make.
#[derive(Debug, Clone)]
pub struct Projection {
    /// One per output column.
    pub expressions: Vec<Arc<dyn Expression>>,
    /// Names and types of the output.
    pub schema: SchemaRef,
}

/// `WATERMARK FOR rowtime AS expression`.
#[derive(Debug, Clone)]
pub struct WatermarkStrategy {
    /// Index of the rowtime column in the emitted columns. A NULL there fails the job, as in Flink.
    pub rowtime: usize,
    /// The watermark expression over the emitted columns; gives a timestamp; NULL = no advance.
    pub expression: Arc<dyn Expression>,
    /// A split without records for this long no longer holds the watermark back.
    pub idle_timeout: Option<Duration>,
}

/// One connection of the graph.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Upstream node.
    pub from: NodeIndex,
    /// Downstream node.
    pub to: NodeIndex,
    /// Which input of `to` (0; 1 = right side of a join). `UNION ALL` feeds input 0 several times.
    pub input: usize,
    /// How records find their subtask.
    pub exchange: Exchange,
}

/// How records find the subtask of the downstream node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// To the subtask of the same index (round robin when parallelisms differ). Nodes joined
    /// by a single forward edge are chained in one thread.
    Forward,
    /// By the key group of these columns' values.
    Hash(Vec<usize>),
    /// All to subtask 0.
    Single,
}
