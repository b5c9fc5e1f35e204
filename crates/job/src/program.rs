//! From an application's code to its stream graph.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::connector::Connectors;
use engine::graph::StreamGraph;
use model::fault::{Domain, Fault};
use model::protocol::{Assignment, Code, Failure};
use python::program::{Request, Spec};
use python::sandbox::Isolation;
use sql::{Diagnostic, RunSettings, Session};

use crate::channel::Reporter;

/// How user programs in Python are run.
#[derive(Debug, Clone)]
pub struct PythonOptions {
    /// Interpreter to use; `None` = the system's.
    pub interpreter: Option<PathBuf>,
    /// How far programs are locked in.
    pub isolation: Isolation,
}

/// A session that starts from the defaults.
pub(crate) const NO_SETTINGS: [(&str, &str); 0] = [];

/// Plans the assignment's program; gives also what it SETs about how it is run.
pub(crate) fn plan(
    assignment: &Assignment,
    connectors: Arc<dyn Connectors>,
    python: &PythonOptions,
    reporter: &Reporter,
) -> Result<(StreamGraph, RunSettings), Failure> {
    let mut session = Session::new(connectors, NO_SETTINGS).map_err(refused)?;
    match &assignment.code {
        Code::Sql { text } => {
            session.execute_with_properties(text, &assignment.properties).map_err(refused)?;
        }
        Code::Zip { path } => record(&mut session, path, assignment, python, reporter)?,
    }
    let settings = session.run_settings();
    Ok((session.into_graph().map_err(refused)?, settings))
}

/// Runs the Python program; each statement it makes is checked where it stands.
fn record(
    session: &mut Session,
    zip: &str,
    assignment: &Assignment,
    options: &PythonOptions,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let interpreter =
        python::interpreter::find(options.interpreter.as_deref()).map_err(program_failure)?;
    let spec = Spec {
        zip: Path::new(zip),
        properties: &assignment.properties,
        scratch: Path::new(&assignment.scratch),
        interpreter: &interpreter,
        isolation: &options.isolation,
    };
    let prints = reporter.clone();
    let print = move |line: String| prints.log("INFO", "program", line);
    python::program::run(&spec, &mut |request| answer(session, request), print)
        .map_err(program_failure)
}

fn answer(session: &mut Session, request: Request) -> Result<String, String> {
    let nothing = String::new();
    match request {
        Request::ExecuteSql { sql } => session.execute_statement(&sql).map(|_| nothing),
        Request::StatementSet { inserts } => {
            let mut each = inserts.iter();
            each.try_for_each(|insert| session.execute_statement(insert).map(drop))
                .map(|()| nothing)
        }
        Request::View { name, sql } => session.create_view(&name, &sql).map(|()| nothing),
        Request::Config { key, value } => {
            let quoted = |text: &str| text.replace('\'', "''");
            let set = format!("SET '{}' = '{}'", quoted(&key), quoted(&value));
            session.execute_statement(&set).map(|_| nothing)
        }
        Request::Schema { sql } => session.schema_of(&sql).map(|columns| {
            let lines = columns.iter().map(|it| format!("  `{}` {}", it.name, it.sql_type));
            format!("(\n{}\n)", lines.collect::<Vec<_>>().join(",\n"))
        }),
        Request::Finished {} | Request::Failed { .. } => Ok(nothing),
    }
    .map_err(|diagnostic| diagnostic.to_string())
}

fn refused(diagnostic: Diagnostic) -> Failure {
    let fault = Fault { domain: Domain::User, retry: false };
    Failure { fault, message: diagnostic.to_string(), traceback: None }
}

fn program_failure(error: python::Error) -> Failure {
    let domain = match &error {
        python::Error::Archive(_) | python::Error::Program { .. } => Domain::User,
        python::Error::Sandbox(_) | python::Error::Io { .. } => Domain::Internal,
    };
    let message = error.to_string();
    let traceback = match error {
        python::Error::Program { traceback, .. } => traceback,
        _ => None,
    };
    Failure { fault: Fault { domain, retry: false }, message, traceback }
}
