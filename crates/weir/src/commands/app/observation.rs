//! `weir app metrics` and `graph`.

use serde_json::Value;

use super::session::{Error, Session, application, text};
use super::table::{Table, fields};

/// Options of a question about one application.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Name of the application
    pub(super) name: String,
}

pub(super) async fn metrics(session: &Session, arguments: &Named) -> Result<(), Error> {
    let answer = session.client.get(&format!("{}/metrics", application(&arguments.name))).await?;
    session.show(&answer, metrics_in_words);
    Ok(())
}

fn metrics_in_words(metrics: &Value) -> String {
    let mut words = fields(&[
        ("Running", text(&metrics["Running"])),
        ("Attempt", format!("{} ({} restarts)", metrics["Attempt"], metrics["Restarts"])),
        ("Uptime ms", text(&metrics["UptimeMs"])),
        ("Downtime ms", text(&metrics["DowntimeMs"])),
        ("Last recovery ms", text(&metrics["LastRecoveryMs"])),
        ("CPU ms", text(&metrics["CpuMs"])),
        ("Memory bytes", text(&metrics["ResidentBytes"])),
        ("Late records", late_in_words(metrics)),
        ("Malformed records", text(&metrics["MalformedRecords"])),
        ("Latest checkpoint", text(&metrics["LatestCheckpoint"]["CheckpointId"])),
        ("Checkpoint age ms", text(&metrics["LastCheckpointAgeMs"])),
        ("Failed checkpoints", text(&metrics["NumberOfFailedCheckpoints"])),
    ]);
    let head = ["OPERATOR", "NAME", "IN", "OUT", "LATE", "LAG", "BUSY", "WATERMARK"];
    let mut table = Table::new(&head);
    for (id, it) in metrics["Operators"].as_object().into_iter().flatten() {
        let watermark = it["Watermark"].as_i64().and_then(chrono::DateTime::from_timestamp_millis);
        table.row(vec![
            id.clone(),
            text(&it["Name"]),
            text(&it["RecordsIn"]),
            text(&it["RecordsOut"]),
            text(&it["LateRecords"]),
            text(&it["LagRecords"]),
            format!("{}%", it["BusyPermille"].as_u64().unwrap_or(0) / 10),
            watermark.map(|at| at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()).unwrap_or_default(),
        ]);
    }
    words.push('\n');
    words.push_str(&table.text("the job has not reported yet"));
    words
}

/// `12 (readings 9, orders 3)`
fn late_in_words(metrics: &Value) -> String {
    let by_table = metrics["LateRecordsByTable"].as_object().into_iter().flatten();
    let by_table: Vec<String> = by_table.map(|(table, count)| format!("{table} {count}")).collect();
    match by_table.as_slice() {
        [] => text(&metrics["LateRecords"]),
        some => format!("{} ({})", text(&metrics["LateRecords"]), some.join(", ")),
    }
}

pub(super) async fn graph(session: &Session, arguments: &Named) -> Result<(), Error> {
    let answer = session.client.get(&format!("{}/graph", application(&arguments.name))).await?;
    session.show(&answer, |answer| graph_in_words(&answer["Graph"]));
    Ok(())
}

fn graph_in_words(graph: &Value) -> String {
    let mut table = Table::new(&["NODE", "KIND", "OPERATOR", "INPUTS", "NAME"]);
    let edges: Vec<&Value> = graph["edges"].as_array().into_iter().flatten().collect();
    for node in graph["nodes"].as_array().into_iter().flatten() {
        let inputs = edges.iter().filter(|edge| edge["to"] == node["index"]);
        let input = |edge: &&Value| format!("{} {}", edge["from"], text(&edge["exchange"]));
        table.row(vec![
            text(&node["index"]),
            text(&node["kind"]),
            text(&node["id"]),
            inputs.map(input).collect::<Vec<_>>().join(", "),
            text(&node["name"]),
        ]);
    }
    table.text("the job is not planned yet")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_are_told_with_what_they_read() {
        let graph = json!({
            "nodes": [
                { "index": 0, "id": "a", "name": "readings", "kind": "source" },
                { "index": 1, "id": "b", "name": "counts", "kind": "operator" },
            ],
            "edges": [{ "from": 0, "to": 1, "input": 0, "exchange": "hash", "keys": [0] }],
        });
        assert_eq!(
            graph_in_words(&graph),
            "NODE  KIND      OPERATOR  INPUTS  NAME\n\
             0     source    a                 readings\n\
             1     operator  b         0 hash  counts"
        );
        assert_eq!(graph_in_words(&Value::Null), "the job is not planned yet");
    }
}
