//! Runs a PyFlink program once and hands each statement it makes to the host.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout};

use model::protocol::PropertyGroups;
use serde::Deserialize;

use crate::interpreter::Interpreter;
use crate::sandbox::{self, Isolation};
use crate::{Error, archive, shim};

/// Longest line of a program's output that is kept whole.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// What a program asks of the host, in order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// `execute_sql(sql)`: any single statement.
    ExecuteSql {
        /// The statement.
        sql: String,
    },
    /// `StatementSet.execute()`
    StatementSet {
        /// The INSERT statements.
        inserts: Vec<String>,
    },
    /// `create_temporary_view(name, table)`
    View {
        /// Name of the view.
        name: String,
        /// Its query.
        sql: String,
    },
    /// `get_config().set(key, value)`
    Config {
        /// Option key.
        key: String,
        /// Its value.
        value: String,
    },
    /// `sql_query(sql)` and `print_schema()`: check the query, answer its schema.
    Schema {
        /// The query.
        sql: String,
    },
    #[doc(hidden)]
    Finished {},
    #[doc(hidden)]
    Failed {
        /// What was raised.
        message: String,
        /// Where.
        traceback: Option<String>,
    },
}

/// How to run a program.
#[derive(Debug)]
pub struct Spec<'a> {
    /// The customer's zip file.
    pub zip: &'a Path,
    /// Property groups: the program reads them in `/etc/flink/application_properties.json`.
    pub properties: &'a PropertyGroups,
    /// A private folder for unpacked files.
    pub scratch: &'a Path,
    /// Which Python.
    pub interpreter: &'a Interpreter,
    /// What the program may reach.
    pub isolation: &'a Isolation,
}

/// Unpacks and runs the program until it ends.
///
/// `answer` gets each request and returns a text for the program, or an error that is raised there as
/// an exception at the calling line. `print` gets each line the program prints.
pub fn run(
    spec: &Spec<'_>,
    answer: &mut dyn FnMut(Request) -> Result<String, String>,
    print: impl Fn(String) + Send + 'static,
) -> Result<(), Error> {
    let program = spec.scratch.join("program");
    let package = spec.scratch.join("pyflink");
    std::fs::create_dir_all(&program).map_err(Error::io("making the program's folder"))?;
    let main = archive::unpack(spec.zip, &program, spec.properties)?;
    shim::write(&package)?;
    let properties = spec.scratch.join("application_properties.json");
    std::fs::write(&properties, properties_json(spec.properties))
        .map_err(Error::io("writing application_properties.json"))?;

    let mut child = sandbox::spawn(&sandbox::Launch {
        interpreter: spec.interpreter.clone(),
        program: program.clone(),
        main: main.strip_prefix(&program).expect("main lies in the program's folder").to_path_buf(),
        package,
        properties,
        extra_paths: archive::extra_paths(spec.properties),
        isolation: spec.isolation.clone(),
    })?;
    let stderr = child.stderr.take().expect("piped");
    let printing = std::thread::spawn(move || forward_lines(stderr, print));
    let stdout = child.stdout.take().expect("piped");
    let stdin = child.stdin.take().expect("piped");
    let result = serve(stdout, stdin, answer);
    let end = finish(child, result.is_ok());
    let last = printing.join().unwrap_or_default();
    match (result, end) {
        (Ok(true), _) => Ok(()),
        (Ok(false), end) => Err(Error::Sandbox(format!(
            "the program's process ended without a result ({end}); the last it printed: {}",
            if last.is_empty() { "nothing" } else { last.as_str() }
        ))),
        (Err(error), _) => Err(error),
    }
}

/// The file as AWS writes it: a list of groups with `PropertyGroupId` and `PropertyMap`.
#[must_use]
pub fn properties_json(groups: &PropertyGroups) -> String {
    let list: Vec<_> = groups
        .iter()
        .map(|(id, map)| serde_json::json!({ "PropertyGroupId": id, "PropertyMap": map }))
        .collect();
    serde_json::to_string_pretty(&list).expect("strings serialise")
}

/// Answers requests until the program ends: `Ok(false)` when it vanished.
fn serve(
    stdout: ChildStdout,
    mut stdin: ChildStdin,
    answer: &mut dyn FnMut(Request) -> Result<String, String>,
) -> Result<bool, Error> {
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(Error::io("reading from the program"))?;
        let request: Request = serde_json::from_str(&line).map_err(|error| {
            Error::Sandbox(format!("the program's process said nonsense: {error}"))
        })?;
        let reply = match request {
            Request::Finished {} => return Ok(true),
            Request::Failed { message, traceback } => {
                return Err(Error::Program { message, traceback });
            }
            request => match answer(request) {
                Ok(value) => serde_json::json!({ "value": value }),
                Err(error) => serde_json::json!({ "error": error }),
            },
        };
        if writeln!(stdin, "{reply}").and_then(|()| stdin.flush()).is_err() {
            return Ok(false);
        }
    }
    Ok(false)
}

fn finish(mut child: Child, wait: bool) -> String {
    if !wait {
        // The program has said that it failed; whatever threads it left behind end with it.
        let _ = child.kill();
    }
    child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Passes lines on and returns the last one.
fn forward_lines(stream: impl Read, print: impl Fn(String)) -> String {
    let mut reader = BufReader::new(stream);
    let mut last = String::new();
    let mut line = Vec::new();
    while reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
        last.clone_from(&text);
        print(text);
        line.clear();
    }
    last
}
