//! `weir api`: an API server on its own.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::settings::{Bucket, Database, Log, Quotas, Restarts, S3};
use crate::terminal::say;
use crate::{control_plane, services};

/// Requests under way when the server is told to stop may take so long. Balancers and unit files
/// usually wait 30 s before they kill.
const FINISH_WITHIN: Duration = Duration::from_secs(25);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Options of `weir api`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    bucket: Bucket,
    #[command(flatten)]
    s3: S3,
    #[command(flatten)]
    restarts: Restarts,
    #[command(flatten)]
    quotas: Quotas,
    #[command(flatten)]
    log: Log,
    /// Address to listen on
    #[arg(long, env = "WEIR_LISTEN", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// Listen elsewhere than on loopback although there is no authentication yet
    #[arg(long, env = "WEIR_INSECURE_LISTEN")]
    insecure_listen: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    arguments.log.start();
    let address = arguments.listen;
    if !address.ip().is_loopback() && !arguments.insecure_listen {
        return Err(format!(
            "{address} is not a loopback address and the API has no authentication yet: whoever \
             reaches it can run code here; say --insecure-listen if that is meant"
        )
        .into());
    }
    crate::runtime()?.block_on(async {
        let storage = arguments.bucket.storage(arguments.s3.settings());
        let control = control_plane::open(
            &arguments.database.database_url,
            &storage,
            &arguments.restarts,
            &arguments.quotas,
        )
        .await?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("listening on {address}: {error}"))?;
        say(format!("API listens on http://{}", listener.local_addr()?));
        let stop = CancellationToken::new();
        let serving = api::serve(listener, control, stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => ended?,
            () = services::interrupted() => {
                stop.cancel();
                tokio::select! {
                    ended = &mut serving => ended?,
                    () = services::interrupted() => {}
                    () = tokio::time::sleep(FINISH_WITHIN) => {}
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
