//! `weir demo`: the whole story, for real, in one command.
//!
//! **Start at**: [`run`], then `story.rs`, which tells the steps in order.

mod expected;
mod story;
mod streams;
mod telemetry;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use telemetry::iso;

use crate::services::{self, Services};
use crate::settings::Python;
use crate::telemetry::{Service, Telemetry};
use crate::terminal::say;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// End after the verification (status 1 if a result was lost or doubled)
    #[arg(long)]
    exit: bool,
    /// Folder for the services' data [default: a new one below .weir, removed at the end]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Event time that each half of the story covers, in minutes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(2..=1440))]
    minutes: i64,
    /// Run the Flink SQL script instead of the PyFlink program
    #[arg(long)]
    sql: bool,
    /// Seed of the telemetry
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    python: Python,
}

/// Tells the story; keeps everything running afterwards unless told to end.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let telemetry = Telemetry::start(Service::Dev, None);
    crate::runtime()?.block_on(async {
        let own = arguments.data_dir.is_none();
        let folder = arguments
            .data_dir
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!(".weir/demo-{}", std::process::id())));
        let services = Services::start(services::Options {
            folder: folder.clone(),
            listen: services::Listen::free(),
            python: arguments.python.clone(),
            workers: 1,
            telemetry: &telemetry,
        })
        .await?;
        let stop = services::interrupted();
        let told = tokio::select! {
            told = story::tell(&services, &arguments) => Some(told),
            () = stop => None,
        };
        let code = match told {
            Some(Ok(good)) => {
                if !arguments.exit {
                    say("");
                    say("Everything keeps running; Ctrl-C ends it.");
                    services.print_addresses();
                    services::interrupted().await;
                }
                if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Some(Err(error)) => {
                say(format!("error: {error}"));
                ExitCode::FAILURE
            }
            None => ExitCode::from(130),
        };
        services.stop().await;
        if own && let Err(error) = std::fs::remove_dir_all(&folder) {
            say(format!("the folder {} could not be removed: {error}", folder.display()));
        }
        Ok(code)
    })
}
