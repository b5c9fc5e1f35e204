//! `weir run FILE.sql`: a bounded script here and now.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use model::protocol::PropertyGroups;

use crate::settings::S3;
use crate::terminal::{print, say, say_error};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The Flink SQL script
    file: PathBuf,
    /// Value for ${KEY} in the script; for ${group:key}, write group:key=value
    #[arg(long = "var", value_name = "KEY=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    /// Number of subtasks of each operator
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=128))]
    parallelism: u16,
    /// Records in a batch
    #[arg(long, default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch_size: u32,
    /// Say nothing about what was done
    #[arg(long, short)]
    quiet: bool,
    /// Write what was done, with CPU time and peak memory, to this file as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    s3: S3,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Puts plain variables in; those of property groups are left to the planner, which knows where
/// an unknown one stands.
fn fill_in(mut script: String, variables: &[(String, String)]) -> (String, PropertyGroups) {
    let mut groups = PropertyGroups::new();
    for (key, value) in variables {
        match key.split_once(':') {
            Some((group, key)) => {
                let group = groups.entry(group.to_owned()).or_default();
                group.insert(key.to_owned(), value.clone());
            }
            None => script = script.replace(&format!("${{{key}}}"), value),
        }
    }
    (script, groups)
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let text = std::fs::read_to_string(&arguments.file)
        .map_err(|error| format!("reading `{}`: {error}", arguments.file.display()))?;
    let (script, properties) = fill_in(text, &arguments.variables);
    let options = job::local::Options {
        s3: arguments.s3.settings(),
        properties,
        parallelism: usize::from(arguments.parallelism),
        batch_size: arguments.batch_size as usize,
        print: Arc::new(|line| print(line)),
        log: Arc::new(|line| say(format!("{} {}: {}", line.level, line.logger, line.message))),
    };
    match job::local::run(&script, options) {
        Ok(summary) => {
            if let Some(file) = &arguments.report {
                let (cpu_ms, peak_bytes) = job::process::totals();
                let report = serde_json::json!({
                    "records_read": summary.records_read,
                    "records_written": summary.records_written,
                    "late_records": summary.late_records,
                    "malformed_records": summary.malformed_records,
                    "elapsed_ms": summary.elapsed.as_millis(),
                    "cpu_ms": cpu_ms,
                    "peak_bytes": peak_bytes,
                });
                std::fs::write(file, report.to_string())?;
            }
            if !arguments.quiet {
                say(format!(
                    "{} records read, {} written, {} late, {} malformed, in {:.2} s",
                    summary.records_read,
                    summary.records_written,
                    summary.late_records,
                    summary.malformed_records,
                    summary.elapsed.as_secs_f64()
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(job::local::Error::Refused(diagnostic)) => {
            say(format!("error: {}: {diagnostic}", arguments.file.display()));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            say_error(&error);
            Ok(ExitCode::FAILURE)
        }
    }
}
