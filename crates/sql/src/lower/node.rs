//! The engine's operator for each plan node.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use engine::aggregate::AggregateCall;
use engine::graph::{Exchange, NodeIndex, NodeKind, Projection};
use engine::operators::filter::Filter;
use engine::operators::group_aggregate::GroupAggregate;
use engine::operators::over_aggregate::OverAggregate;
use engine::operators::project::Project;
use engine::operators::window::{TimeAttribute, WindowProperty};
use engine::operators::window_aggregate::WindowAggregate;
use engine::operators::window_assign::WindowAssign;
use engine::operators::window_rank::WindowRank;
use engine::operators::windowed_aggregate::{AttachedWindow, WindowedAggregate};

use crate::diagnostic::{Diagnostic, Result};
use crate::expr::Expr;
use crate::plan::{Aggregation, Column, Op, Rel, Time, WindowColumn, WindowPart, per_window};

use super::{Builder, Path, name, table, values};

impl Builder<'_> {
    /// Makes the node for a plan, after those of its inputs.
    pub(super) fn lower(&mut self, rel: &Arc<Rel>, path: &Path) -> Result<NodeIndex> {
        let label = name::of(rel);
        match &rel.op {
            Op::Scan(scan) => {
                let source = table::source(self.connectors, scan, &rel.columns)?;
                let id = self.unique(table::source_id(scan));
                Ok(self.add(id, label, NodeKind::Source(source), None))
            }
            Op::Values(rows) => {
                let source = values::source(rows, &rel.columns).map_err(|e| self.refused(&e))?;
                let id = self.unique(path.join("values").0);
                Ok(self.add(id, label, NodeKind::Source(source), Some(1)))
            }
            Op::Named { name, input } => self.node(input, &Path::new(&format!("view:{name}"))),
            Op::Project { input, expressions } => {
                let from = self.node(input, path)?;
                let projection = projection(expressions, &rel.columns);
                let factory = Arc::new(Project { projection });
                Ok(self.operator(from, factory, &path.join("project"), label, None))
            }
            Op::Filter { input, predicate } => {
                let from = self.node(input, path)?;
                let schema = self.schema(from);
                let factory = Arc::new(Filter { predicate: predicate.compile(), schema });
                Ok(self.operator(from, factory, &path.join("filter"), label, None))
            }
            Op::Union(inputs) => self.union(inputs, rel, path, label),
            Op::WindowAssign { input, window } => {
                let from = self.node(input, path)?;
                let schema = self.schema(from);
                let factory = WindowAssign::new(schema, window.kind, window.time, window.zone)
                    .map_err(|error| self.refused(&error))?;
                Ok(self.operator(from, Arc::new(factory), &path.join("assign"), label, None))
            }
            Op::WindowAggregate { input, window, aggregation, properties } => {
                let path = path.join("window");
                let from = self.node(input, &path)?;
                let schema = self.schema(from);
                let (keys, calls) = parts(aggregation, rel);
                let properties = properties_of(properties, aggregation, rel);
                let factory = WindowAggregate::new(
                    schema,
                    window.kind,
                    window.time,
                    window.zone,
                    keys.clone(),
                    calls,
                    properties,
                )
                .map_err(|error| self.refused(&error))?;
                Ok(self.operator(from, Arc::new(factory), &path, label, Some(&keys)))
            }
            Op::WindowedAggregate { input, end, window, aggregation, properties } => {
                let path = path.join("windowed");
                let from = self.node(input, &path)?;
                let schema = self.schema(from);
                let (keys, calls) = parts(aggregation, rel);
                let properties = properties_of(properties, aggregation, rel);
                let window = attached(*end, *window, input);
                let factory =
                    WindowedAggregate::new(schema, window, keys.clone(), calls, properties)
                        .map_err(|error| self.refused(&error))?;
                Ok(self.operator(from, Arc::new(factory), &path, label, Some(&keys)))
            }
            Op::GroupAggregate { input, aggregation } => {
                let path = path.join("group");
                let from = self.node(input, &path)?;
                let schema = self.schema(from);
                let (keys, calls) = parts(aggregation, rel);
                let factory = GroupAggregate::new(schema, keys.clone(), calls, input.updating)
                    .map_err(|error| self.refused(&error))?;
                Ok(self.operator(from, Arc::new(factory), &path, label, Some(&keys)))
            }
            Op::Rank { .. } => self.rank(rel, path, label),
            Op::Over { input, window, calls } => {
                let path = path.join("over");
                let from = self.node(input, &path)?;
                let names = rel.columns[input.columns.len()..].iter().map(|c| c.name.clone());
                let factory = OverAggregate::new(
                    self.schema(from),
                    window.partition.clone(),
                    window.time,
                    window.frame,
                    calls.iter().cloned().zip(names).collect(),
                )
                .map_err(|error| self.refused(&error))?;
                Ok(self.operator(from, Arc::new(factory), &path, label, Some(&window.partition)))
            }
            Op::Join { place, .. } => Err(Diagnostic::new(*place, "joins are not supported yet")
                .hint("read from one table in each query")),
        }
    }

    /// All inputs feed one projection that changes nothing.
    fn union(
        &mut self,
        inputs: &[Arc<Rel>],
        rel: &Arc<Rel>,
        path: &Path,
        label: String,
    ) -> Result<NodeIndex> {
        let from = inputs
            .iter()
            .enumerate()
            .map(|(number, input)| self.node(input, &path.join(&format!("union-{number}"))))
            .collect::<Result<Vec<_>>>()?;
        let expressions: Vec<Expr> =
            (0..rel.columns.len()).map(|index| rel.column(index)).collect();
        let factory = Arc::new(Project { projection: projection(&expressions, &rel.columns) });
        let id = self.unique(path.join("union").0);
        let index = self.add(id, label, NodeKind::Operator(factory), None);
        for input in from {
            self.connect(input, index, 0, Exchange::Forward);
        }
        Ok(index)
    }

    fn rank(&mut self, rel: &Arc<Rel>, path: &Path, label: String) -> Result<NodeIndex> {
        let Op::Rank { input, partition, order, ranks, place } = &rel.op else {
            return Err(Diagnostic::new(self.place, "not a ranking"));
        };
        let Some((first, last)) = ranks else {
            let message = "ROW_NUMBER without a limit is not supported in a stream";
            return Err(Diagnostic::new(*place, message)
                .hint("filter its result in the query around it: `WHERE rn <= 3`"));
        };
        if !per_window(input, partition) {
            let message = "Top-N and deduplication without a window are not supported yet";
            return Err(Diagnostic::new(*place, message)
                .hint("partition by window_start and window_end of a window function"));
        }
        let path = path.join("rank");
        let from = self.node(input, &path)?;
        let end = partition.iter().copied().find(|&key| {
            input.columns[key].window.is_some_and(|window| window.part == WindowPart::End)
        });
        let window = end.and_then(|end| Some((end, input.columns[end].window?)));
        let (end, window) = window.expect("per_window found the window's end");
        let mut attached = attached(end, window, input);
        if let [key] = order.as_slice()
            && input.columns[key.column].time == Some(Time::Event)
        {
            // Deduplication by this time: of equal times the last record counts.
            attached.time = TimeAttribute::Event { column: key.column };
        }
        let rank = rel.columns.last().map(|column| column.name.clone());
        let factory = WindowRank::new(
            self.schema(from),
            attached,
            partition.clone(),
            order.clone(),
            *first..=*last,
            rank,
        )
        .map_err(|error| self.refused(&error))?;
        Ok(self.operator(from, Arc::new(factory), &path, label, Some(partition)))
    }
}

/// The window of an input that carries its bounds as columns.
fn attached(end: usize, window: WindowColumn, input: &Rel) -> AttachedWindow {
    let time = match window.time {
        Time::Processing => TimeAttribute::Processing,
        Time::Event => {
            // Only the type counts; where no time column is left, the end has the right one.
            let column = input.columns.iter().position(|column| column.time == Some(Time::Event));
            TimeAttribute::Event { column: column.unwrap_or(end) }
        }
    };
    AttachedWindow { end, time, zone: window.zone }
}

/// Keys, and calls with the names of their columns.
fn parts(aggregation: &Aggregation, rel: &Rel) -> (Vec<usize>, Vec<(AggregateCall, String)>) {
    let names = rel.columns[aggregation.keys.len()..].iter().map(|column| column.name.clone());
    (aggregation.keys.clone(), aggregation.calls.iter().cloned().zip(names).collect())
}

fn properties_of(
    properties: &[WindowProperty],
    aggregation: &Aggregation,
    rel: &Rel,
) -> Vec<(WindowProperty, String)> {
    let first = aggregation.keys.len() + aggregation.calls.len();
    let names = rel.columns[first..].iter().map(|column| column.name.clone());
    properties.iter().copied().zip(names).collect()
}

/// Expressions with the names of the columns they make.
pub(super) fn projection(expressions: &[Expr], columns: &[Column]) -> Projection {
    let fields: Vec<Field> = expressions
        .iter()
        .zip(columns)
        .map(|(expression, column)| expression.field(&column.name))
        .collect();
    Projection {
        expressions: expressions.iter().map(Expr::compile).collect(),
        schema: Arc::new(Schema::new(fields)),
    }
}
