//! `weir dev`: the services of the demo, without an application; their data stays.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::services::{self, Listen, Services};
use crate::settings::Python;
use crate::telemetry::{Service, Telemetry};
use crate::terminal::say;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder for the services' data; it is kept
    #[arg(long, default_value = ".weir/dev")]
    data_dir: PathBuf,
    /// Port of the API (0: any free one)
    #[arg(long, default_value_t = 8088)]
    api_port: u16,
    /// Port of the Kafka broker (0: any free one)
    #[arg(long, default_value_t = 9092)]
    kafka_port: u16,
    /// Port of the S3 server (0: any free one)
    #[arg(long, default_value_t = 9000)]
    s3_port: u16,
    /// Buckets to make
    #[arg(long, default_value = "sensor-output")]
    bucket: Vec<String>,
    /// Workers in this process
    #[arg(long, default_value_t = 1)]
    workers: usize,
    #[command(flatten)]
    python: Python,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let telemetry = Telemetry::start(Service::Dev, None);
    crate::runtime()?.block_on(async {
        let services = Services::start(services::Options {
            folder: arguments.data_dir,
            listen: Listen {
                api: arguments.api_port,
                kafka: arguments.kafka_port,
                s3: arguments.s3_port,
            },
            python: arguments.python,
            workers: arguments.workers,
            telemetry: &telemetry,
        })
        .await?;
        for bucket in &arguments.bucket {
            services.create_bucket(bucket).await?;
        }
        say("");
        services.print_addresses();
        say("Ctrl-C ends it; the data is kept.");
        services::interrupted().await;
        say("Stopping");
        services.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}
