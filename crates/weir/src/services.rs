//! The services of development, demo and tests, with API server and workers in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use connectors::s3::S3;
use connectors::{Environment, Registry};
use embedded::kafka::Broker;
use embedded::postgres::Postgres;
use embedded::s3::S3Server;
use model::protocol::{S3Settings, Storage};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control_plane;
use crate::settings::{Python, Quotas, Restarts};
use crate::telemetry::Telemetry;
use crate::terminal::say;

type Error = Box<dyn std::error::Error + Send + Sync>;

const ACCESS_KEY: &str = "weir";
const SECRET_KEY: &str = "weir-development";
const CHECKPOINTS: &str = "weir";

/// Where services listen, on loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listen {
    pub(crate) api: u16,
    pub(crate) kafka: u16,
    pub(crate) s3: u16,
}

impl Listen {
    /// Any free port for each.
    pub(crate) fn free() -> Self {
        Self { api: 0, kafka: 0, s3: 0 }
    }
}

/// How to start the services.
pub(crate) struct Options<'a> {
    /// Data of all services; kept.
    pub(crate) folder: PathBuf,
    pub(crate) listen: Listen,
    pub(crate) python: Python,
    /// Workers in this process.
    pub(crate) workers: usize,
    pub(crate) telemetry: &'a Telemetry,
}

/// Everything, running.
pub(crate) struct Services {
    postgres: Postgres,
    broker: Broker,
    s3: S3Server,
    s3_settings: S3Settings,
    api: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Services {
    pub(crate) async fn start(options: Options<'_>) -> Result<Self, Error> {
        let folder = &options.folder;
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|error| format!("making the folder `{}`: {error}", folder.display()))?;
        let folder = folder.canonicalize()?;
        say(format!("Starting services; their data is in {}", folder.display()));
        let began = Instant::now();
        let postgres = Postgres::start(&folder.join("postgres")).await?;
        step("Postgres", postgres.url(), began);
        let began = Instant::now();
        let broker = start_broker(&folder, options.listen.kafka).await?;
        step("Kafka broker", &broker.address().to_string(), began);
        let began = Instant::now();
        let s3 = start_s3(&folder.join("s3"), loopback(options.listen.s3)).await?;
        s3.create_bucket(CHECKPOINTS).await?;
        step("S3", &s3.endpoint(), began);
        let s3_settings = s3_settings(s3.endpoint());
        let storage = Storage {
            bucket: CHECKPOINTS.to_owned(),
            prefix: String::new(),
            s3: s3_settings.clone(),
        };

        let began = Instant::now();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let control =
            control_plane::open(postgres.url(), &storage, &Restarts::default(), &Quotas::default())
                .await?;
        step("Tables", "migrated", began);
        let listener = TcpListener::bind(loopback(options.listen.api)).await?;
        let address = listener.local_addr()?;
        let serving =
            api::serve(listener, control.clone(), api::Options::development(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = serving.await {
                say(format!("the API server ended: {error}"));
            }
        });
        say(format!("  {:<13} http://{address}", "API"));
        for index in 0..options.workers {
            let worker = control_plane::worker(
                control.clone(),
                &storage,
                folder.join(format!("worker-{index}")),
                &options.python,
                None,
                options.telemetry,
            )?;
            let at_once = stop.clone();
            let stop = worker::Stop { drain: stop.clone(), at_once };
            tasks.spawn(async move {
                if let Err(error) = worker.run(stop).await {
                    say(format!("the worker ended: {error}"));
                }
            });
        }
        say(format!("  {:<13} {} in this process", "Workers", options.workers));
        Ok(Self { postgres, broker, s3, s3_settings, api: address, stop, tasks })
    }

    pub(crate) fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    pub(crate) fn kafka_address(&self) -> String {
        self.broker.address().to_string()
    }

    pub(crate) fn connectors(&self) -> Arc<Registry> {
        Arc::new(Registry::new(Environment {
            s3: self.s3_settings.clone(),
            log: Arc::new(|line| say(format!("{} {}: {}", line.level, line.logger, line.message))),
            print: None,
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    pub(crate) fn s3_client(&self) -> S3 {
        S3::connect(&self.s3_settings, tokio::runtime::Handle::current())
    }

    pub(crate) async fn create_topic(&self, name: &str, partitions: usize) -> Result<(), Error> {
        Ok(self.broker.create_topic(name, partitions).await?)
    }

    pub(crate) async fn create_bucket(&self, name: &str) -> Result<(), Error> {
        Ok(self.s3.create_bucket(name).await?)
    }

    /// What a person needs to look around.
    pub(crate) fn print_addresses(&self) {
        say(format!("  API           {}  (weir app --api {0} list)", self.api_url()));
        say(format!("  Kafka         {}", self.kafka_address()));
        say(format!(
            "  S3            {}  (access key {ACCESS_KEY}, secret key {SECRET_KEY})",
            self.s3.endpoint()
        ));
        say(format!("  Postgres      {}", self.postgres.url()));
    }

    /// Stops everything, applications first.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.broker.stop().await;
        self.s3.stop().await;
        if let Err(error) = self.postgres.stop().await {
            say(format!("Postgres did not stop: {error}"));
        }
    }
}

async fn start_broker(folder: &Path, port: u16) -> Result<Broker, Error> {
    let options = embedded::kafka::Options::default();
    Ok(Broker::start(&folder.join("kafka"), loopback(port), options).await?)
}

/// An S3 server with the keys of [`s3_settings`].
pub(crate) async fn start_s3(folder: &Path, listen: SocketAddr) -> embedded::Result<S3Server> {
    S3Server::start(folder, listen, ACCESS_KEY, SECRET_KEY).await
}

/// How a private S3 server is reached.
pub(crate) fn s3_settings(endpoint: String) -> S3Settings {
    S3Settings {
        endpoint: Some(endpoint),
        region: "us-east-1".to_owned(),
        access_key_id: ACCESS_KEY.to_owned(),
        secret_access_key: SECRET_KEY.to_owned(),
        session_token: None,
        path_style: true,
    }
}

fn step(what: &str, result: &str, began: Instant) {
    say(format!("  {what:<13} {result}  ({} ms)", began.elapsed().as_millis()));
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};

    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
