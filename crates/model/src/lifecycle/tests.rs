use std::{fmt::Write, path::Path};

use super::*;

/// Compares with a checked-in file; `UPDATE=1 cargo test` rewrites it.
#[track_caller]
fn golden(path: &Path, actual: &str) {
    #[expect(clippy::disallowed_methods, reason = "goldens are rewritten on demand")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is stale: rerun with UPDATE=1 and read the diff\n{actual}",
        path.display()
    );
}

fn matrix(title: &str, rows: &[&str], cell: impl Fn(usize, Status) -> String) -> String {
    let mut text = format!("{title:<26}");
    for status in Status::ALL {
        write!(text, " | {status:<17}").unwrap();
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (row, name) in rows.iter().enumerate() {
        write!(text, "{name:<26}").unwrap();
        for &status in Status::ALL {
            write!(text, " | {:<17}", cell(row, status)).unwrap();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[test]
fn the_printed_matrices_read_like_the_aws_table() {
    let commands: Vec<&str> = Command::ALL.iter().map(|c| c.as_str()).collect();
    let events: Vec<&str> = Event::ALL.iter().map(|e| e.as_str()).collect();
    let admitted = matrix("command \\ status", &commands, |row, status| {
        match admit(status, Command::ALL[row]) {
            Ok(next) if next == status => "ok".to_owned(),
            Ok(next) => format!("-> {next}"),
            Err(_) => "refused".to_owned(),
        }
    });
    let settled =
        matrix("event \\ status", &events, |row, status| match settle(status, Event::ALL[row]) {
            next if next == status => "=".to_owned(),
            next => format!("-> {next}"),
        });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lifecycle.txt");
    golden(&path, &format!("{admitted}\n{settled}"));
}

#[test]
fn every_transient_status_but_deleting_can_end_by_an_event() {
    for &status in Status::ALL.iter().filter(|s| !s.is_steady()) {
        let ends = Event::ALL.iter().any(|&event| settle(status, event).is_steady());
        assert_eq!(ends, status != Status::Deleting, "{status}");
    }
}

#[test]
fn a_refusal_says_when_it_would_be_admitted() {
    let refused = admit(Status::Running, Command::Start).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "application cannot be started in `RUNNING` state, only in READY"
    );
}
