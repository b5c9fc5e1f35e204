//! The stream graphs that are simulated: the real operators in the shapes a planner makes.

use std::sync::Arc;

use super::input::schema;
use crate::aggregate::{AggregateCall, AggregateFunction as F};
use crate::batch::SchemaRef;
use crate::expression::Column;
use crate::graph::{Edge, Exchange, Node, NodeKind, Projection, StreamGraph};
use crate::operator::OperatorFactory;
use crate::operators::group_aggregate::GroupAggregate;
use crate::operators::over_aggregate::{Frame, FrameKind, OverAggregate, Preceding};
use crate::operators::project::Project;
use crate::operators::window::{TimeAttribute, WindowKind, WindowProperty};
use crate::operators::window_aggregate::WindowAggregate;
use crate::operators::window_assign::WindowAssign;
use crate::operators::window_rank::{OrderKey, WindowRank};
use crate::operators::windowed_aggregate::{AttachedWindow, WindowedAggregate};

/// A graph; sources and sinks are put in for each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Tumble,
    Hop,
    Cumulate,
    Session,
    /// `GROUP BY` without a window.
    Changes,
    /// A `GROUP BY` over the changes of another.
    ChangesOfChanges,
    OverRows,
    OverRange,
    /// Top 2 of a window.
    Rank,
    /// Windows per key, then the windows' totals in one subtask.
    Totals,
    /// Two sources of one table.
    Union,
    /// Subtasks of unequal number joined by forward edges.
    Spread,
    /// One source, two sinks.
    Branches,
}

pub(super) const ALL: [Program; 13] = [
    Program::Tumble,
    Program::Hop,
    Program::Cumulate,
    Program::Session,
    Program::Changes,
    Program::ChangesOfChanges,
    Program::OverRows,
    Program::OverRange,
    Program::Rank,
    Program::Totals,
    Program::Union,
    Program::Spread,
    Program::Branches,
];

/// What is put in for sources and sinks, by number.
pub(super) type Ends<'a> = &'a dyn Fn(bool, usize) -> NodeKind;

const TIME: TimeAttribute = TimeAttribute::Event { column: 2 };
const TUMBLE: WindowKind = WindowKind::Tumble { size_ms: 100, offset_ms: 0 };

fn call(function: F, argument: Option<usize>) -> (AggregateCall, String) {
    let name = format!("{function:?}");
    let arguments = argument.into_iter().collect();
    (AggregateCall { function, arguments, filter: None, distinct: false }, name)
}

fn calls() -> Vec<(AggregateCall, String)> {
    let distinct = AggregateCall { distinct: true, ..call(F::Count, Some(1)).0 };
    vec![
        call(F::CountStar, None),
        call(F::Sum, Some(1)),
        call(F::Min, Some(1)),
        call(F::Max, Some(1)),
        call(F::Avg, Some(1)),
        (distinct, "distinct".to_owned()),
    ]
}

fn window(kind: WindowKind) -> WindowAggregate {
    let properties = [WindowProperty::Start, WindowProperty::End, WindowProperty::Time];
    let properties = properties.map(|property| (property, format!("{property:?}"))).to_vec();
    WindowAggregate::new(schema(), kind, TIME, None, vec![0], calls(), properties).unwrap()
}

fn over(kind: FrameKind, preceding: Preceding) -> OverAggregate {
    OverAggregate::new(schema(), vec![0], TIME, Frame { kind, preceding }, calls()).unwrap()
}

fn group(input: SchemaRef, key: usize, updating: bool) -> GroupAggregate {
    let calls = vec![call(F::CountStar, None), call(F::Sum, Some(1)), call(F::Max, Some(1))];
    GroupAggregate::new(input, vec![key], calls, updating).unwrap()
}

/// The input's columns as they are.
fn same() -> Project {
    let column = |index: usize| {
        let data_type = schema().field(index).data_type().clone();
        Arc::new(Column { index, data_type }) as Arc<dyn crate::expression::Expression>
    };
    Project {
        projection: Projection { expressions: (0..3).map(column).collect(), schema: schema() },
    }
}

/// A graph on its way.
struct Draft<'a> {
    ends: Ends<'a>,
    sources: usize,
    sinks: usize,
    graph: StreamGraph,
}

impl Draft<'_> {
    fn node(&mut self, name: &str, kind: NodeKind) -> usize {
        let index = self.graph.nodes.len();
        let operator_id = format!("{name}-{index}");
        self.graph.nodes.push(Node {
            name: operator_id.clone(),
            operator_id,
            kind,
            parallelism: None,
        });
        index
    }

    fn edge(&mut self, from: usize, to: usize, exchange: Exchange) {
        self.graph.edges.push(Edge { from, to, input: 0, exchange });
    }

    fn source(&mut self) -> usize {
        self.sources += 1;
        self.node("source", (self.ends)(true, self.sources - 1))
    }

    fn sink(&mut self, from: usize) {
        self.sinks += 1;
        let sink = self.node("sink", (self.ends)(false, self.sinks - 1));
        self.edge(from, sink, Exchange::Forward);
    }

    fn then(
        &mut self,
        from: usize,
        exchange: Exchange,
        it: impl OperatorFactory + 'static,
    ) -> usize {
        let node = self.node("operator", NodeKind::Operator(Arc::new(it)));
        self.edge(from, node, exchange);
        node
    }
}

impl Program {
    /// How many sources it reads.
    pub(super) fn sources(self) -> usize {
        if self == Self::Union { 2 } else { 1 }
    }

    pub(super) fn graph(self, ends: Ends<'_>) -> StreamGraph {
        let graph = StreamGraph::default();
        let mut draft = Draft { ends, sources: 0, sinks: 0, graph };
        let by_key = || Exchange::Hash(vec![0]);
        let source = draft.source();
        let last = match self {
            Self::Tumble => draft.then(source, by_key(), window(TUMBLE)),
            Self::Hop => {
                let kind = WindowKind::Hop { size_ms: 150, slide_ms: 50, offset_ms: 0 };
                draft.then(source, by_key(), window(kind))
            }
            Self::Cumulate => {
                let kind = WindowKind::Cumulate { max_ms: 200, step_ms: 50, offset_ms: 0 };
                draft.then(source, by_key(), window(kind))
            }
            Self::Session => {
                draft.then(source, by_key(), window(WindowKind::Session { gap_ms: 25 }))
            }
            Self::Changes => draft.then(source, by_key(), group(schema(), 0, false)),
            Self::ChangesOfChanges => {
                let first = group(schema(), 0, false);
                let second = group(first.schema(), 1, true);
                let first = draft.then(source, by_key(), first);
                draft.then(first, Exchange::Hash(vec![1]), second)
            }
            Self::OverRows => {
                draft.then(source, by_key(), over(FrameKind::Rows, Preceding::Rows(3)))
            }
            Self::OverRange => {
                draft.then(source, by_key(), over(FrameKind::Range, Preceding::IntervalMs(80)))
            }
            Self::Rank => rank(&mut draft, source),
            Self::Totals => totals(&mut draft, source),
            Self::Union => {
                let other = draft.source();
                let union = draft.then(source, by_key(), window(TUMBLE));
                draft.edge(other, union, by_key());
                union
            }
            Self::Spread => {
                draft.graph.nodes[source].parallelism = Some(2);
                let middle = draft.then(source, Exchange::Forward, same());
                draft.graph.nodes[middle].parallelism = Some(3);
                draft.then(middle, by_key(), window(TUMBLE))
            }
            Self::Branches => {
                let plain = draft.then(source, Exchange::Forward, same());
                draft.sink(plain);
                let changes = draft.then(source, by_key(), group(schema(), 0, false));
                draft.sink(changes);
                draft.then(source, by_key(), window(TUMBLE))
            }
        };
        draft.sink(last);
        // An edge leads to a higher index: sinks of other branches may stand in between.
        draft.graph
    }
}

fn rank(draft: &mut Draft<'_>, source: usize) -> usize {
    let assign = WindowAssign::new(schema(), TUMBLE, TIME, None).unwrap();
    let order = OrderKey { column: 1, descending: true, nulls_first: false };
    let attached = AttachedWindow { end: 4, time: TIME, zone: None };
    let (partition, name) = (vec![3, 4], Some("rank".to_owned()));
    let rank = WindowRank::new(assign.schema(), attached, partition, vec![order], 1..=2, name);
    let assign = draft.then(source, Exchange::Forward, assign);
    draft.then(assign, Exchange::Hash(vec![3, 4]), rank.unwrap())
}

fn totals(draft: &mut Draft<'_>, source: usize) -> usize {
    let windows = window(TUMBLE);
    let input = windows.schema();
    let (start, end, time) = (7, 8, 9);
    let attached = AttachedWindow { end, time: TimeAttribute::Event { column: time }, zone: None };
    let calls = vec![call(F::CountStar, None), call(F::Sum, Some(2)), call(F::Max, Some(4))];
    let totals = WindowedAggregate::new(input, attached, vec![start, end], calls, Vec::new());
    let windows = draft.then(source, Exchange::Hash(vec![0]), windows);
    let totals = draft.then(windows, Exchange::Single, totals.unwrap());
    draft.graph.nodes[totals].parallelism = Some(1);
    totals
}
