//! Postgres, Kafka and S3, started by the first test that needs them and ended with the last.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use connectors::s3::S3;
use connectors::{Environment, Registry};
use embedded::kafka::Broker;
use embedded::postgres::Postgres;
use embedded::s3::S3Server;
use model::protocol::S3Settings;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const ACCESS_KEY: &str = "tester";
pub(crate) const SECRET_KEY: &str = "tester-secret";
/// What secrets of access keys are encrypted with.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Bucket of checkpoints.
pub(crate) const BUCKET: &str = "weir";
/// Bucket that applications write to.
pub(crate) const OUTPUT: &str = "sensor-output";

static SHARED: Mutex<Weak<Services>> = Mutex::new(Weak::new());

/// The services around an installation.
pub(crate) struct Services {
    postgres: Postgres,
    broker: Broker,
    s3: S3Server,
    folder: TempDir,
    runtime: Runtime,
}

impl Services {
    /// Those that run, or new ones.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        let (postgres, broker, s3) = runtime.block_on(async {
            let options = embedded::postgres::Options {
                fsync: false,
                max_connections: 300,
                ..embedded::postgres::Options::default()
            };
            let [data, logs, objects] =
                ["postgres", "kafka", "s3"].map(|it| folder.path().join(it));
            let postgres = Postgres::start_with(&data, options).await.unwrap();
            let broker = start_broker(&logs, 0).await;
            let s3 = S3Server::start(&objects, loopback(0), ACCESS_KEY, SECRET_KEY).await.unwrap();
            s3.create_bucket(BUCKET).await.unwrap();
            s3.create_bucket(OUTPUT).await.unwrap();
            (postgres, broker, s3)
        });
        Self { postgres, broker, s3, folder, runtime }
    }

    /// One of Postgres' programs.
    pub(crate) fn postgres_program(&self, name: &str) -> PathBuf {
        self.postgres.bin_dir().map_or(name.into(), |folder| folder.join(name))
    }

    /// What one of Postgres' programs says, which must succeed.
    #[track_caller]
    pub(crate) fn postgres_run(&self, name: &str, arguments: &[&str]) -> String {
        let done = Command::new(self.postgres_program(name)).args(arguments).output().unwrap();
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Makes an empty database; gives its URL.
    pub(crate) fn create_database(&self, name: &str) -> String {
        let create = format!("CREATE DATABASE \"{name}\"");
        self.postgres_run("psql", &[self.postgres.url(), "-q", "-c", &create]);
        self.postgres.database_url(name)
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: usize) {
        self.block_on(self.broker.create_topic(name, partitions)).unwrap();
    }

    /// What applications take as `bootstrap.servers`.
    pub(crate) fn kafka(&self) -> String {
        self.broker.bootstrap_servers()
    }

    /// A broker beside the shared one, at a port of one's choice.
    pub(crate) fn start_broker(&self, port: u16) -> Broker {
        let folder = self.folder.path().join(format!("kafka-{port}"));
        self.block_on(start_broker(&folder, port))
    }

    pub(crate) fn s3_endpoint(&self) -> String {
        self.s3.endpoint()
    }

    pub(crate) fn s3(&self) -> S3 {
        S3::connect(&self.s3_settings(), self.runtime.handle().clone())
    }

    pub(crate) fn connectors(&self) -> Registry {
        Registry::new(Environment {
            s3: self.s3_settings(),
            log: Arc::new(|_| {}),
            print: None,
            runtime: self.runtime.handle().clone(),
        })
    }

    fn s3_settings(&self) -> S3Settings {
        S3Settings {
            endpoint: Some(self.s3.endpoint()),
            region: "us-east-1".to_owned(),
            access_key_id: ACCESS_KEY.to_owned(),
            secret_access_key: SECRET_KEY.to_owned(),
            session_token: None,
            path_style: true,
        }
    }

    /// A folder for an installation's files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

async fn start_broker(folder: &Path, port: u16) -> Broker {
    Broker::start(folder, loopback(port), embedded::kafka::Options::default()).await.unwrap()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
