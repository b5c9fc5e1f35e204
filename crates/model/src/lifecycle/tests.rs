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
    let mut text = format!("{title:<41}");
    for status in Status::ALL {
        write!(text, " | {status:<17}").unwrap();
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (row, name) in rows.iter().enumerate() {
        write!(text, "{name:<41}").unwrap();
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

/// Where we admit what AWS refuses, and why.
const DIFFERENCES: &[(Command, Status, &str)] = &[
    // One way out of every transient status but DELETING, rather than out of most.
    (Command::ForceStop, Status::RollingBack, "RIU"),
    (Command::ForceStop, Status::Maintenance, "RIU"),
];

#[test]
fn what_is_admitted_is_what_aws_admits_but_for_the_named_differences() {
    let table = include_str!("../../tests/aws/command_by_status.txt");
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
    let statuses: Vec<Status> =
        cells(lines.next().unwrap())[1..].iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(statuses.len(), Status::ALL.len());
    let mut rows = Vec::new();
    let mut differences = Vec::new();
    for line in lines {
        let row = cells(line);
        let command: Command = row[0].parse().unwrap();
        rows.push(command);
        assert_eq!(row.len(), statuses.len() + 1, "{command}");
        for (&status, &theirs) in statuses.iter().zip(&row[1..]) {
            let ours = match admit(status, command) {
                Ok(_) => "ok",
                Err(refused) => match refused.code() {
                    ErrorCode::ResourceInUse => "RIU",
                    ErrorCode::InvalidRequest => "IR",
                    other => panic!("{command} in {status}: {other}"),
                },
            };
            if ours != theirs {
                assert_eq!(ours, "ok", "{command} in {status} is refused differently");
                differences.push((command, status, theirs));
            }
        }
    }
    assert_eq!(rows, Command::ALL, "the table has every command, in our order");
    assert_eq!(differences, DIFFERENCES);
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
