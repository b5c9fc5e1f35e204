//! `weir service`: one of the private services in a process of its own, to be killed and started
//! again on the same folder and port.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use embedded::kafka::Broker;

use crate::services;
use crate::terminal::say;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir service`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which
    #[arg(value_enum)]
    service: Service,
    /// Folder for its data; it is kept
    #[arg(long)]
    folder: PathBuf,
    /// Address to listen on
    #[arg(long)]
    listen: SocketAddr,
    /// Buckets to make (S3 only)
    #[arg(long)]
    bucket: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Service {
    Kafka,
    S3,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    crate::runtime()?.block_on(async {
        let Arguments { folder, listen, .. } = arguments;
        match arguments.service {
            Service::Kafka => {
                let options = embedded::kafka::Options::default();
                let broker = Broker::start(folder, *listen, options).await?;
                say(format!("Kafka broker listens on {}", broker.address()));
                services::interrupted().await;
                broker.stop().await;
            }
            Service::S3 => {
                let server = services::start_s3(folder, *listen).await?;
                for bucket in &arguments.bucket {
                    server.create_bucket(bucket).await?;
                }
                say(format!("S3 listens on {}", server.address()));
                services::interrupted().await;
                server.stop().await;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
