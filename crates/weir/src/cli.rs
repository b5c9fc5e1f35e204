//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;

/// Self-hosted, managed stream processing: Flink SQL and PyFlink applications from Kafka to Kafka and S3.
#[derive(Debug, Parser)]
#[command(name = "weir", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the whole story with private services, for real, and check it
    Demo(commands::demo::Arguments),
    /// Run private services, an API server and a worker, for development
    Dev(commands::dev::Arguments),
    /// Run an API server
    Api(commands::api::Arguments),
    /// Run a worker
    Worker(commands::worker::Arguments),
    /// Manage applications over the API: list, create, start, stop, snapshots, logs and more
    App(commands::app::Arguments),
    /// Make, list and revoke the keys of the API
    Key(commands::key::Arguments),
    /// Run a bounded Flink SQL script here and now, without a control plane
    Run(commands::run::Arguments),
    /// Measure throughput
    Bench(commands::bench::Arguments),
    /// Kill, stop and cut everything while applications run, and check that nothing is lost or doubled
    Chaos(commands::chaos::Arguments),
    /// One of the private services in a process of its own
    #[command(hide = true)]
    Service(commands::service::Arguments),
    /// One application's data plane; started by a worker
    #[command(hide = true)]
    Job(commands::job::Arguments),
    /// Locks a user's Python program in; started by a job
    #[command(hide = true)]
    PythonSandbox {
        /// What to run, in JSON
        plan: String,
    },
}
