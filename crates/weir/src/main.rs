//! Weir's one binary: every process of the service, and its client.
//!
//! **Is for**: wiring the rooms together, the command line, the environment.
//! **Must not**: hold rules that belong to a room.
//! **Start at**: `cli.rs`, then the command's own file under `commands/`.

mod cli;
mod client;
mod commands;
mod control_plane;
mod copying;
mod services;
mod settings;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // For HTTPS: to an API server, to a collector. Nobody has chosen another before.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let result = match cli.command {
        // These two before any thread is started.
        Command::PythonSandbox { plan } => return commands::python_sandbox::run(&plan),
        Command::Job(arguments) => return commands::job::run(&arguments),
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Chaos(arguments) => commands::chaos::run(arguments),
        Command::Service(arguments) => commands::service::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(arguments),
        Command::Dev(arguments) => commands::dev::run(arguments),
        Command::Api(arguments) => commands::api::run(arguments),
        Command::App(arguments) => commands::app::run(arguments),
        Command::Key(arguments) => commands::key::run(arguments),
        Command::Worker(arguments) => commands::worker::run(arguments),
    };
    result.unwrap_or_else(|error| {
        terminal::say_error(&*error);
        ExitCode::FAILURE
    })
}

/// The runtime of processes that serve.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
