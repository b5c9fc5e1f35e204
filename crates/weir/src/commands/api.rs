//! `weir api`: an API server on its own.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use api::Access;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::settings::{Bucket, Database, Log, Master, Quotas, Restarts, S3};
use crate::telemetry::{Service, Telemetry};
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
    /// Ask nobody for a key: for development, on loopback only
    #[arg(long, env = "WEIR_NO_AUTH")]
    no_auth: bool,
    #[command(flatten)]
    master: Master,
    /// Certificate chain, PEM: serve HTTPS; read again at SIGHUP
    #[arg(long, env = "WEIR_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<std::path::PathBuf>,
    /// Its private key, PEM
    #[arg(long, env = "WEIR_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<std::path::PathBuf>,
    /// URL that browsers reach the API by, if it is not what requests say: behind a proxy
    #[arg(long, env = "WEIR_PUBLIC_URL")]
    public_url: Option<api::PublicUrl>,
    /// Origin whose pages may read answers, as https://ops.example.com; repeat it for more (in the
    /// environment: commas). None may by default, and none without a key
    #[arg(long = "cors-origin", env = "WEIR_CORS_ORIGINS", value_delimiter = ',')]
    #[arg(conflicts_with = "no_auth")]
    cors_origins: Vec<api::Origin>,
    /// Most requests a second of one key; 0 = any number
    #[arg(long, env = "WEIR_RATE_LIMIT", default_value_t = 10_000)]
    rate_limit: u32,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let _telemetry = Telemetry::start(Service::Api, Some(&arguments.log));
    let address = arguments.listen;
    crate::runtime()?.block_on(async {
        let storage = arguments.bucket.storage(arguments.s3.settings());
        let control = control_plane::open(
            &arguments.database.database_url,
            &storage,
            &arguments.restarts,
            &arguments.quotas,
        )
        .await?;
        let tls = match (arguments.tls_cert, arguments.tls_key) {
            (Some(certificate), Some(key)) => Some(api::Tls::open(certificate, key)?),
            _ => None,
        };
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("listening on {address}: {error}"))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        if let Some(tls) = tls.clone() {
            // Before anybody knows that it is there: without a listener the signal ends a process.
            tokio::spawn(renew(tls, signal(SignalKind::hangup())?));
        }
        say(format!("API listens on {scheme}://{}", listener.local_addr()?));
        let access = if arguments.no_auth {
            say("Nobody is asked for a key (--no-auth)");
            Access::Development
        } else {
            if control.list_keys().await?.is_empty() {
                say("There is no key yet: weir key create --name you --role admin");
            }
            Access::Keys(arguments.master.keys()?)
        };
        let options = api::Options {
            access,
            rate: arguments.rate_limit,
            tls,
            public_url: arguments.public_url,
            cors_origins: arguments.cors_origins,
        };
        let stop = CancellationToken::new();
        let serving = api::serve(listener, control, options, stop.clone());
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

/// Reads the certificate again whenever SIGHUP comes.
async fn renew(tls: api::Tls, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        match tls.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
}
