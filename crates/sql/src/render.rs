//! Stream graphs for people and programs to look at.

use arrow::datatypes::Schema;
use engine::graph::{Exchange, Node, NodeKind, StreamGraph};
use serde_json::{Value, json};

/// The graph as JSON: `{"nodes": [{index, id, name, kind, parallelism, columns}], "edges": [{from,
/// to, input, exchange, keys}]}`. `parallelism` is null where the application's counts.
#[must_use]
pub fn graph_json(graph: &StreamGraph) -> Value {
    let nodes: Vec<Value> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            json!({
                "index": index,
                "id": node.operator_id,
                "name": node.name,
                "kind": kind(node),
                "parallelism": node.parallelism,
                "columns": columns(node),
            })
        })
        .collect();
    let edges: Vec<Value> = graph
        .edges
        .iter()
        .map(|edge| {
            let (exchange, keys) = match &edge.exchange {
                Exchange::Forward => ("forward", Value::Null),
                Exchange::Single => ("single", Value::Null),
                Exchange::Hash(keys) => ("hash", json!(keys)),
            };
            json!({
                "from": edge.from,
                "to": edge.to,
                "input": edge.input,
                "exchange": exchange,
                "keys": keys,
            })
        })
        .collect();
    json!({ "nodes": nodes, "edges": edges })
}

/// The graph as text: one operator a line with its id and inputs, then its columns.
#[must_use]
pub fn graph_text(graph: &StreamGraph) -> String {
    let mut text = String::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<String> = graph
            .edges
            .iter()
            .filter(|edge| edge.to == index)
            .map(|edge| match &edge.exchange {
                Exchange::Forward => edge.from.to_string(),
                Exchange::Single => format!("{} single", edge.from),
                Exchange::Hash(keys) => format!("{} hash{keys:?}", edge.from),
            })
            .collect();
        text.push_str(&format!("{index}: {}", node.name));
        if !inputs.is_empty() {
            text.push_str(&format!(" <- {}", inputs.join("; ")));
        }
        if let Some(parallelism) = node.parallelism {
            text.push_str(&format!(" (parallelism {parallelism})"));
        }
        text.push_str(&format!("\n   id {}\n", node.operator_id));
        let columns = columns(node);
        if !columns.is_empty() {
            let columns: Vec<_> = columns
                .iter()
                .filter_map(|column| {
                    Some(format!("{} {}", column["name"].as_str()?, column["type"].as_str()?))
                })
                .collect();
            text.push_str(&format!("   gives {}\n", columns.join(", ")));
        }
        if let NodeKind::Source(source) = &node.kind
            && let Some(watermark) = &source.watermark
        {
            text.push_str(&format!("   watermark for column {}\n", watermark.rowtime));
        }
    }
    text
}

fn kind(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::Source(_) => "source",
        NodeKind::Operator(_) => "operator",
        NodeKind::Sink(_) => "sink",
    }
}

fn columns(node: &Node) -> Vec<Value> {
    let of = |schema: &Schema| {
        let fields = schema.fields().iter();
        fields
            .map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }))
            .collect()
    };
    match &node.kind {
        NodeKind::Operator(factory) => of(&factory.schema()),
        NodeKind::Source(source) => match &source.projection {
            Some(projection) => of(&projection.schema),
            None => of(&source.source.schema()),
        },
        NodeKind::Sink(_) => Vec::new(),
    }
}
