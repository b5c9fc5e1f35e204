//! Logical plan → stream graph.
//!
//! **Start at**: [`graph`]; `node` makes the engine's operator for each plan node, `name` what
//! people read, `table` asks the connectors.

mod name;
mod node;
mod not_null;
mod table;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine::connector::Connectors;
use engine::graph::{Edge, Exchange, Node, NodeIndex, NodeKind, StreamGraph};
use engine::operator::OperatorFactory;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::plan::{Rel, SinkPlan, prune};

/// All INSERTs as one graph. Equal sub-plans become one operator.
pub(crate) fn graph(inserts: &[SinkPlan], connectors: &dyn Connectors) -> Result<StreamGraph> {
    // By name, so that the order of the INSERTs has no part in operator ids.
    let mut inserts: Vec<&SinkPlan> = inserts.iter().collect();
    inserts.sort_by(|a, b| a.table.name.cmp(&b.table.name));
    let plans: Vec<Arc<Rel>> = inserts.iter().map(|insert| Arc::clone(&insert.rel)).collect();
    let plans = prune(&plans);
    let mut builder = Builder::new(connectors);
    for (insert, plan) in inserts.into_iter().zip(&plans) {
        builder.insert(insert, plan)?;
    }
    Ok(builder.graph)
}

/// Where an operator stands in the program: what its id is made of.
///
/// It begins with the sink's (or the view's) name and grows, from the sink upwards, by the
/// operators that keep state: a filter or projection more or less changes no id of theirs.
#[derive(Debug, Clone)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn new(base: &str) -> Self {
        Self(base.to_owned())
    }

    pub(super) fn join(&self, step: &str) -> Self {
        Self(format!("{}/{step}", self.0))
    }
}

/// A graph in the making.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) connectors: &'a dyn Connectors,
    pub(super) graph: StreamGraph,
    /// Nodes of the plans so far: an equal plan gets the same node.
    known: HashMap<Arc<Rel>, NodeIndex>,
    ids: HashSet<String>,
    /// Where to point when an operator cannot be made.
    pub(super) place: Place,
}

impl<'a> Builder<'a> {
    fn new(connectors: &'a dyn Connectors) -> Self {
        Self {
            connectors,
            graph: StreamGraph::default(),
            known: HashMap::new(),
            ids: HashSet::new(),
            place: Place::START,
        }
    }

    fn insert(&mut self, insert: &SinkPlan, plan: &Arc<Rel>) -> Result<()> {
        let name = &insert.table.name;
        self.place = insert.place;
        let sink = table::sink(self.connectors, insert)?;
        let path = Path::new(name);
        let mut last = self.node(plan, &path)?;
        if plan.updating && !sink.accepts_updates() {
            let message = format!(
                "sink `{name}` doesn't support consuming update changes, and the query updates \
                 its results"
            );
            return Err(Diagnostic::new(insert.place, message).hint(
                "group by a window, or write to a format that takes changes such as \
                 `debezium-json`",
            ));
        }
        if !insert.not_null.is_empty() {
            let schema = self.schema(last);
            let enforcer =
                not_null::NotNull::new(schema, insert.not_null.clone(), insert.drop_nulls, name);
            let label = enforcer.name();
            last = self.operator(last, Arc::new(enforcer), &path.join("not-null"), label, None);
        }
        let id = self.unique(format!("sink:{name}"));
        let index = self.add(id, format!("Sink[{name}]"), NodeKind::Sink(sink), None);
        self.connect(last, index, 0, Exchange::Forward);
        Ok(())
    }

    /// The node for a plan; a new one unless an equal plan has one.
    pub(super) fn node(&mut self, rel: &Arc<Rel>, path: &Path) -> Result<NodeIndex> {
        if let Some(&index) = self.known.get(rel) {
            return Ok(index);
        }
        let index = self.lower(rel, path)?;
        self.known.insert(Arc::clone(rel), index);
        Ok(index)
    }

    /// Adds an operator with one input.
    pub(super) fn operator(
        &mut self,
        input: NodeIndex,
        factory: Arc<dyn OperatorFactory>,
        path: &Path,
        name: String,
        keys: Option<&[usize]>,
    ) -> NodeIndex {
        let (exchange, parallelism) = match keys {
            None => (Exchange::Forward, self.graph.nodes[input].parallelism),
            Some([]) => (Exchange::Single, Some(1)),
            Some(keys) => (Exchange::Hash(keys.to_vec()), None),
        };
        let id = self.unique(path.0.clone());
        let index = self.add(id, name, NodeKind::Operator(factory), parallelism);
        self.connect(input, index, 0, exchange);
        index
    }

    pub(super) fn add(
        &mut self,
        operator_id: String,
        name: String,
        kind: NodeKind,
        parallelism: Option<usize>,
    ) -> NodeIndex {
        self.graph.nodes.push(Node { operator_id, name, kind, parallelism });
        self.graph.nodes.len() - 1
    }

    pub(super) fn connect(
        &mut self,
        from: NodeIndex,
        to: NodeIndex,
        input: usize,
        exchange: Exchange,
    ) {
        self.graph.edges.push(Edge { from, to, input, exchange });
    }

    /// The id, with a number when it is taken.
    pub(super) fn unique(&mut self, id: String) -> String {
        let mut unique = id.clone();
        let mut number = 2;
        while !self.ids.insert(unique.clone()) {
            unique = format!("{id}#{number}");
            number += 1;
        }
        unique
    }

    /// What a node emits.
    pub(super) fn schema(&self, index: NodeIndex) -> engine::batch::SchemaRef {
        match &self.graph.nodes[index].kind {
            NodeKind::Operator(factory) => factory.schema(),
            NodeKind::Source(source) => match &source.projection {
                Some(projection) => Arc::clone(&projection.schema),
                None => source.source.schema(),
            },
            NodeKind::Sink(_) => Arc::new(arrow::datatypes::Schema::empty()),
        }
    }

    /// An operator the engine refuses to make.
    pub(super) fn refused(&self, error: &engine::Error) -> Diagnostic {
        Diagnostic::new(self.place, error.message.clone())
    }
}
