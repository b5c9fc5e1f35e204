//! The installation under test: every service in a process of its own, on ports that stay.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::s3::S3;
use connectors::{Environment, Registry};
use embedded::postgres::Postgres;
use embedded::s3::FaultProxy;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::network::Network;
use super::process::{Slot, Start};
use super::{Arguments, Error};
use crate::client::Client;
use crate::services::{loopback, s3_settings};
use crate::terminal::say;

/// Bucket of checkpoints.
pub(super) const CHECKPOINTS: &str = "weir";
/// Bucket that the applications write to.
pub(super) const OUTPUT: &str = "chaos-output";

/// Below the ports that the system gives to clients: a client that tries a port again and again
/// while its server is away must not come to hold it.
const PORTS: std::ops::Range<u16> = 18_000..28_000;

/// A service may take this long to answer after its start.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The installation.
pub(super) struct World {
    pub(super) postgres: Mutex<Postgres>,
    /// `None` = a Kafka that is not ours.
    pub(super) broker: Option<Slot>,
    /// Whoever does something to a Kafka that is not ours holds it.
    pub(super) their_broker: Mutex<()>,
    kafka_pid_file: Option<PathBuf>,
    pub(super) s3: Slot,
    pub(super) api: Slot,
    pub(super) workers: Vec<Slot>,
    pub(super) network: Arc<Network>,
    pub(super) client: Client,
    kafka: String,
    s3_address: SocketAddr,
    api_address: SocketAddr,
    _proxy: FaultProxy,
}

impl World {
    pub(super) async fn start(folder: &Path, arguments: &Arguments) -> Result<Self, Error> {
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs)?;
        let mut random = fastrand::Rng::new();
        let [kafka_port, s3_port, api_port] = [(); 3].map(|()| free_port(&mut random));
        let (kafka_address, s3_address, api_address) =
            (loopback(kafka_port?), loopback(s3_port?), loopback(api_port?));
        let network = Arc::new(Network::new(arguments.seed));
        let decide = Arc::clone(&network);
        let decide = Arc::new(move |seen: embedded::s3::Seen<'_>| decide.decide(seen));
        let proxy = FaultProxy::start(loopback(0), s3_address, decide).await?;
        let postgres = Postgres::start(&folder.join("postgres")).await?;

        let settings = s3_settings(proxy.endpoint());
        let variables = [
            ("DATABASE_URL", postgres.url().to_owned()),
            ("AWS_ENDPOINT_URL_S3", proxy.endpoint()),
            ("AWS_REGION", settings.region.clone()),
            ("AWS_ACCESS_KEY_ID", settings.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", settings.secret_access_key.clone()),
            ("WEIR_BUCKET", CHECKPOINTS.to_owned()),
            ("WEIR_LOG", arguments.log.clone()),
        ];
        let slot = |name: &str, words: &[&str]| {
            Slot::new(Start {
                name: name.to_owned(),
                arguments: words.iter().map(|word| (*word).to_owned()).collect(),
                variables: &variables,
                logs: logs.clone(),
            })
        };
        let below = |name: &str| folder.join(name).display().to_string();
        let (kafka_listen, s3_listen) = (kafka_address.to_string(), s3_address.to_string());
        let words = ["service", "kafka", "--folder", &below("kafka"), "--listen", &kafka_listen];
        let broker = match &arguments.kafka {
            None => Some(slot("broker", &words)?),
            Some(_) => None,
        };
        let buckets = ["--bucket", CHECKPOINTS, "--bucket", OUTPUT];
        let mut words = vec!["service", "s3", "--folder"];
        let s3_folder = below("s3");
        words.extend([s3_folder.as_str(), "--listen", s3_listen.as_str()]);
        words.extend(buckets);
        let s3 = slot("s3", &words)?;
        let api = slot("api", &["api", "--no-auth", "--listen", &api_address.to_string()])?;
        let workers = (1..=arguments.workers).map(|number| {
            let name = format!("worker-{number}");
            let jobs = below(&name);
            slot(&name, &["worker", "--kpus", "256", "--folder", &jobs])
        });
        let world = Self {
            workers: workers.collect::<Result<_, _>>()?,
            postgres: Mutex::new(postgres),
            broker,
            their_broker: Mutex::new(()),
            kafka_pid_file: arguments.kafka_pid_file.clone(),
            s3,
            api,
            network,
            client: Client::new(&format!("http://{api_address}")),
            kafka: arguments.kafka.clone().unwrap_or_else(|| kafka_address.to_string()),
            s3_address,
            api_address,
            _proxy: proxy,
        };
        world.start_all().await?;
        Ok(world)
    }

    async fn start_all(&self) -> Result<(), Error> {
        if let Some(broker) = &self.broker {
            broker.wait().await.start()?;
            self.answers(broker).await?;
        }
        self.s3.wait().await.start()?;
        self.answers(&self.s3).await?;
        self.api.wait().await.start()?;
        self.answers(&self.api).await?;
        for worker in &self.workers {
            worker.wait().await.start()?;
        }
        say(format!("  Postgres, S3, API and {} workers run", self.workers.len()));
        say(format!("  Kafka is at {}, the API at http://{}", self.kafka, self.api_address));
        Ok(())
    }

    /// Waits until a service of ours takes connections again.
    pub(super) async fn answers(&self, slot: &Slot) -> Result<(), Error> {
        match slot.name.as_str() {
            "s3" => answers(&self.s3_address.to_string()).await,
            "api" => answers(&self.api_address.to_string()).await,
            "broker" => self.kafka_answers().await,
            _ => Ok(()),
        }
    }

    /// Waits until Kafka, ours or not, takes connections.
    pub(super) async fn kafka_answers(&self) -> Result<(), Error> {
        answers(&self.kafka).await
    }

    /// Process id of a Kafka that is not ours, if it is known and has not ended.
    pub(super) fn their_kafka(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.kafka_pid_file.as_ref()?).ok()?;
        let pid = text.trim().parse().ok()?;
        Path::new(&format!("/proc/{pid}")).exists().then_some(pid)
    }

    pub(super) fn kafka(&self) -> &str {
        &self.kafka
    }

    /// Connectors that reach S3 past the proxy.
    pub(super) fn connectors(&self) -> Arc<Registry> {
        Arc::new(Registry::new(Environment {
            s3: s3_settings(format!("http://{}", self.s3_address)),
            log: Arc::new(|line| tracing::debug!("{} {}", line.logger, line.message)),
            print: None,
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// S3, past the proxy.
    pub(super) fn s3_client(&self) -> S3 {
        let settings = s3_settings(format!("http://{}", self.s3_address));
        S3::connect(&settings, tokio::runtime::Handle::current())
    }

    /// All processes of ours that are to run all the time.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.broker.iter().chain([&self.s3, &self.api]).chain(&self.workers)
    }

    /// Makes everything run and answer again.
    pub(super) async fn heal(&self) -> Result<(), Error> {
        self.network.heal();
        for slot in self.slots() {
            let mut held = slot.wait().await;
            held.start()?;
            drop(held);
            self.answers(slot).await?;
        }
        Ok(())
    }

    /// Ends everything.
    pub(super) async fn stop(self) -> Result<(), Error> {
        for slot in self.workers.iter().chain([&self.api]).chain(&self.broker).chain([&self.s3]) {
            if let Some(how) = slot.wait().await.stop().await? {
                say(format!("{} ended: {how}", slot.name));
            }
        }
        Ok(self.postgres.into_inner().stop().await?)
    }
}

async fn answers(address: &str) -> Result<(), Error> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("nothing listens on {address}").into())
}

fn free_port(random: &mut fastrand::Rng) -> Result<u16, Error> {
    for _ in 0..1000 {
        let port = random.u16(PORTS);
        if TcpListener::bind(loopback(port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

/// A folder for everything, new below `.weir` unless it is named.
pub(super) fn folder(named: Option<&Path>) -> Result<PathBuf, Error> {
    let own = || PathBuf::from(format!(".weir/chaos-{}", std::process::id()));
    let folder = named.map_or_else(own, Path::to_owned);
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
