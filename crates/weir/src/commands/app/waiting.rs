//! `weir app waiting`.

use serde_json::Value;

use super::observation::Named;
use super::session::{Error, Session, application, text};
use super::table::Table;

pub(super) async fn waiting(session: &Session, arguments: &Named) -> Result<(), Error> {
    let answer = session.client.get(&format!("{}/waiting", application(&arguments.name))).await?;
    session.show(&answer, in_words);
    Ok(())
}

fn in_words(answer: &Value) -> String {
    if answer["Running"] != true {
        return "the job does not run, so nothing waits".to_owned();
    }
    if answer["AsOf"].is_null() {
        return "the job has not reported yet".to_owned();
    }
    let head = ["OPERATOR", "WATERMARK", "FIRES AT", "SHORT BY", "HELD BY", "LAST EVENT", "IDLE"];
    let mut table = Table::new(&head);
    let mut sentences = String::new();
    for it in answer["Operators"].as_object().into_iter().flatten().map(|(_, it)| it) {
        let holder = &it["HeldBy"];
        let split = match holder["Reason"].as_str() {
            Some("SPLIT") => &holder["Splits"][0],
            _ => &Value::Null,
        };
        let held_by = match (split["Split"].as_str(), holder["Table"].as_str()) {
            (Some(split), Some(table)) => format!("{table}: {split}"),
            (None, Some(table)) => table.to_owned(),
            (_, None) => String::new(),
        };
        let idle = match holder["SplitCount"].as_u64() {
            Some(all) => format!("{} of {all}", holder["IdleSplitCount"]),
            None => String::new(),
        };
        let short = it["MissingMs"].as_i64();
        table.row(vec![
            text(&it["Name"]),
            time(&it["Watermark"]),
            time(&it["NextFiring"]),
            short.map(|ms| format!("{}.{:03} s", ms / 1000, ms % 1000)).unwrap_or_default(),
            held_by,
            time(&split["LastEventTime"]),
            idle,
        ]);
        sentences.push_str(&format!("\n{}\n", text(&it["Explanation"])));
    }
    let mut words = table.text("the program has no windows: nothing waits for time");
    words.push('\n');
    words.push_str(&sentences);
    words
}

/// Event time for people; `value` is in milliseconds since 1970.
fn time(value: &Value) -> String {
    let at = value.as_i64().and_then(chrono::DateTime::from_timestamp_millis);
    at.map(|at| at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_is_a_row_and_a_sentence() {
        let answer = json!({
            "Running": true, "AsOf": 1_767_268_840.0,
            "Operators": { "out/window": {
                "Name": "Window[TUMBLE 30 s]", "Watermark": 1_767_268_821_000_i64,
                "NextFiring": 1_767_268_829_999_i64, "MissingMs": 8999,
                "HeldBy": {
                    "Table": "sensor", "Reason": "SPLIT", "SplitCount": 3, "IdleSplitCount": 1,
                    "Splits": [{ "Split": "readings/2", "LastEventTime": 1_767_268_823_000_i64 }],
                },
                "Explanation": "It waits.",
            } },
        });
        let words = in_words(&answer);
        let lines: Vec<&str> = words.lines().collect();
        let cells: Vec<&str> =
            lines[1].split("  ").map(str::trim).filter(|it| !it.is_empty()).collect();
        assert_eq!(
            cells,
            [
                "Window[TUMBLE 30 s]",
                "2026-01-01 12:00:21.000Z",
                "2026-01-01 12:00:29.999Z",
                "8.999 s",
                "sensor: readings/2",
                "2026-01-01 12:00:23.000Z",
                "1 of 3",
            ]
        );
        assert_eq!(&lines[2..], ["", "It waits."]);
    }

    #[test]
    fn a_job_that_does_not_run_waits_for_nothing() {
        let answer = json!({ "Running": false, "Operators": {} });
        assert_eq!(in_words(&answer), "the job does not run, so nothing waits");
        let silent = json!({ "Running": true, "Operators": {} });
        assert_eq!(in_words(&silent), "the job has not reported yet");
        let none = json!({ "Running": true, "AsOf": 1.0, "Operators": {} });
        assert!(in_words(&none).starts_with("the program has no windows"));
    }
}
