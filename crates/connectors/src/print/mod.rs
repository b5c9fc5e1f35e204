//! `print`: writes each row as a line of text (Flink's Print connector).

mod text;

use std::fmt;
use std::sync::Arc;

use engine::Result;
use engine::batch::Batch;
use engine::clock::Clock;
use engine::connector::{TableRefused, TableSpec};
use engine::metrics::NodeMetrics;
use engine::sink::{CommitContext, Committable, Committer, Sink, SinkContext, SinkWriter};
use model::protocol::LogLine;

use crate::format::View;
use crate::options::{OptionSpec, OptionType, Options, refused};
use crate::registry::{Connector, Environment};

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("print-identifier", OptionType::Text, "what each line begins with"),
    OptionSpec::new(
        "standard-error",
        OptionType::Bool,
        "the lines are warnings in the application's log, not information",
    )
    .default("false"),
    OptionSpec::new("sink.parallelism", OptionType::Int, "not supported"),
];

/// The connector `print`.
#[derive(Debug)]
pub(crate) struct Print;

impl Connector for Print {
    fn sink(&self, table: &TableSpec, env: &Environment) -> Result<Arc<dyn Sink>, TableRefused> {
        let options = Options::read(table, SPECS)?;
        if options.given("sink.parallelism") {
            return Err(refused(table, "sink.parallelism", "the application's parallelism counts"));
        }
        Ok(Arc::new(PrintSink {
            table: table.name.clone(),
            identifier: options.text("print-identifier").unwrap_or_default().to_owned(),
            level: if options.flag("standard-error") { "WARN" } else { "INFO" },
            environment: env.clone(),
        }))
    }
}

#[derive(Debug)]
struct PrintSink {
    table: String,
    identifier: String,
    level: &'static str,
    environment: Environment,
}

impl Sink for PrintSink {
    fn accepts_updates(&self) -> bool {
        true
    }

    fn prepares(&self) -> bool {
        false
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let subtask = context.subtask + 1;
        let prefix = match (self.identifier.as_str(), context.parallelism > 1) {
            ("", false) => String::new(),
            ("", true) => format!("{subtask}> "),
            (identifier, false) => format!("{identifier}> "),
            (identifier, true) => format!("{identifier}:{subtask}> "),
        };
        Ok(Box::new(PrintWriter {
            prefix,
            table: self.table.clone(),
            level: self.level,
            environment: self.environment.clone(),
            clock: context.clock,
            metrics: context.metrics,
        }))
    }

    fn committer(&self, _context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(None)
    }
}

struct PrintWriter {
    /// `identifier:subtask> `, as far as there is one.
    prefix: String,
    table: String,
    level: &'static str,
    environment: Environment,
    clock: Arc<dyn Clock>,
    metrics: Arc<NodeMetrics>,
}

impl fmt::Debug for PrintWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintWriter").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl SinkWriter for PrintWriter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        let columns = batch.rows.columns().iter().map(View::of).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.len() {
            let line = format!("{}{}", self.prefix, text::row(batch.kind(row), &columns, row));
            NodeMetrics::add(&self.metrics.bytes, line.len());
            match &self.environment.print {
                Some(print) => print(&line),
                None => (self.environment.log)(LogLine {
                    at_ms: self.clock.now_ms(),
                    level: self.level.to_owned(),
                    logger: self.table.clone(),
                    message: line,
                }),
            }
        }
        Ok(())
    }

    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Committable>> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
