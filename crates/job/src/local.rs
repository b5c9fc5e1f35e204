//! `weir run`: a bounded script in this process, without a control plane.

use std::sync::Arc;

use connectors::{Environment, Registry};
use engine::clock::{Clock, SystemClock};
use engine::runtime::{ExecutionOptions, Summary, run_to_end};
use engine::stash::MemoryStash;
use model::protocol::{LogLine, PropertyGroups, S3Settings};
use sql::{Diagnostic, Session};

use crate::program::NO_SETTINGS;

/// Why a script was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The script is wrong; nothing was written.
    #[error("{0}")]
    Refused(Diagnostic),
    /// It failed while rows flowed.
    #[error("{0}")]
    Failed(engine::Error),
    /// The process could not get going.
    #[error("starting the I/O runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// How to run a script.
pub struct Options {
    /// How S3 is reached.
    pub s3: S3Settings,
    /// Values for `${group:key}` in the script.
    pub properties: PropertyGroups,
    /// Number of subtasks.
    pub parallelism: usize,
    /// Records in a batch.
    pub batch_size: usize,
    /// Gets the rows of `print` tables.
    pub print: Arc<dyn Fn(&str) + Send + Sync>,
    /// Gets what connectors have to say, and lines about dropped records.
    pub log: Arc<dyn Fn(LogLine) + Send + Sync>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("parallelism", &self.parallelism).finish_non_exhaustive()
    }
}

/// Runs the script until its input is exhausted and makes its output visible.
pub fn run(script: &str, options: Options) -> Result<Summary, Error> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let log = Arc::clone(&options.log);
    let registry = Registry::new(Environment {
        s3: options.s3,
        log: options.log,
        print: Some(options.print),
        runtime: runtime.handle().clone(),
    });
    let mut session = Session::new(Arc::new(registry), NO_SETTINGS).map_err(Error::Refused)?;
    session.execute_with_properties(script, &options.properties).map_err(Error::Refused)?;
    let graph = session.into_graph().map_err(Error::Refused)?;
    let application_id = format!("{:x}", clock.now_ms());
    let summary = run_to_end(
        graph,
        ExecutionOptions {
            parallelism: options.parallelism,
            batch_size: options.batch_size,
            channel_capacity: 8,
            clock,
            attempt: 1,
            application_id,
            stash: Arc::new(MemoryStash::default()),
            restored: None,
            first_checkpoint: 1,
        },
    )
    .map_err(Error::Failed)?;
    summary.log.iter().cloned().for_each(|line| log(line));
    Ok(summary)
}
