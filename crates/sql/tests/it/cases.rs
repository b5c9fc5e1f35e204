//! All conformance cases: planned, or refused with the golden's words.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use engine::graph::StreamGraph;
use sql::{Diagnostic, Session};

use crate::declared::Declared;
use crate::{golden, here};

/// One case of the suite.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) sql: String,
    toml: String,
}

impl Case {
    /// The case of this name.
    pub(crate) fn read(name: &str) -> Self {
        let folder = folder().join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        Self { name: name.to_owned(), sql: read("query.sql"), toml: read("case.toml") }
    }

    /// All cases by name.
    fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(folder()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// What stands behind `key = ` in case.toml, as it is written.
    fn value(&self, key: &str) -> &str {
        let line =
            self.toml.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.unwrap_or("").trim().trim_matches('"')
    }
}

fn folder() -> PathBuf {
    here().join("../../../../tests/conformance/cases")
}

/// The graph of a script over declared tables.
pub(crate) fn plan(sql: &str) -> Result<StreamGraph, Diagnostic> {
    let mut session = Session::new(Arc::new(Declared), BTreeMap::<String, String>::new())?;
    session.execute(sql)?;
    session.into_graph()
}

#[test]
fn cases_are_planned_or_refused_as_written_down() {
    let mut report = String::new();
    for case in Case::all() {
        let outcome = match plan(&case.sql) {
            Ok(_) => "planned".to_owned(),
            Err(error) => error.to_string(),
        };
        writeln!(report, "{}: {outcome}", case.name).unwrap();
    }
    golden("cases.txt", &report);
}

#[test]
fn errors_found_at_planning_name_what_they_must() {
    // What only a real connector can find.
    let of_connectors = ["error_bad_option_value", "error_unknown_option"];
    for case in Case::all() {
        if case.value("error_phase") != "plan" || of_connectors.contains(&case.name.as_str()) {
            continue;
        }
        let Err(error) = plan(&case.sql) else { panic!("{} was planned", case.name) };
        let error = error.to_string().to_lowercase();
        let wanted = case.value("error_contains").trim_matches(['[', ']']);
        for alternatives in wanted.split(", ") {
            let any = alternatives.trim_matches('"').split('|').any(|word| error.contains(word));
            assert!(any, "{}: `{error}` lacks {alternatives}", case.name);
        }
    }
}
