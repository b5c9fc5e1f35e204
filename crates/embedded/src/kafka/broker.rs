//! Starting and stopping the broker.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalog::Catalog;
use super::connection;
use super::coordinator::{self, Coordinator};
use super::identity::Identity;
use super::log::Durability;
use super::offsets::Offsets;
use super::settling;
use super::transactions::Transactions;
use crate::blocking::off_the_runtime;
use crate::error::{Error, Result};

/// Requests under way at [`Broker::stop`] get this long.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait for a folder that is still in use.
const CLAIM_WITHIN: Duration = Duration::from_secs(2);

/// How a [`Broker`] behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Create a topic when a producer asks for one that is not there (Kafka's
    /// `auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of topics created without saying how many (Kafka's `num.partitions`).
    pub default_partitions: usize,
    /// Wait for the disk before a write is acknowledged. Without it acknowledged records survive
    /// the death of this process, but not a loss of power.
    pub fsync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { auto_create_topics: true, default_partitions: 1, fsync: false }
    }
}

/// A running broker. Ends when dropped.
///
/// It runs on the tokio runtime it was started on, which must have threads to spare: a client that
/// blocks the only thread waits for itself.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) catalog: Catalog,
    pub(super) coordinator: Coordinator,
    pub(super) offsets: Mutex<Offsets>,
    pub(super) transactions: Mutex<Transactions>,
    /// Notified when a transaction was begun or could not be ended.
    pub(super) deadlines: Notify,
    pub(super) identity: Mutex<Identity>,
    pub(super) stop: CancellationToken,
    /// Locked: keeps other brokers off the folder.
    _claim: File,
}

impl Broker {
    /// Starts a broker that keeps its files in `dir`, which is created if it is not there, and
    /// listens on `listen` (port 0: any free one). Clients are told to reach it under the address
    /// they have connected to.
    ///
    /// # Errors
    /// When the folder cannot be used, is in use, or the address cannot be bound.
    pub async fn start(dir: &Path, listen: SocketAddr, options: Options) -> Result<Self> {
        let stop = CancellationToken::new();
        // Reading the logs may take a while and must not hold up other tasks.
        let (folder, token) = (dir.to_owned(), stop.clone());
        let opened = off_the_runtime(move || open(&folder, options, token)).await?;
        let shared = Arc::new(opened);
        let refused = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let tasks = TaskTracker::new();
        tasks.spawn(coordinator::keep_time(Arc::clone(&shared)));
        tasks.spawn(settling::keep_time(Arc::clone(&shared)));
        tasks.spawn(connection::accept(listener, Arc::clone(&shared), tasks.clone()));
        tracing::info!(%address, dir = %dir.display(), "kafka broker is ready");
        Ok(Self { address, shared, stop, tasks })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients take as `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.address.to_string()
    }

    /// Creates a topic unless it exists; clients can do the same with CreateTopics.
    ///
    /// # Errors
    /// When the name or the number of partitions is not acceptable.
    pub async fn create_topic(&self, name: &str, partitions: usize) -> Result<()> {
        let (shared, topic) = (Arc::clone(&self.shared), name.to_owned());
        let create = move || {
            if shared.catalog.by_name(&topic).is_some() {
                return Ok(());
            }
            let made = shared.catalog.create(&topic, partitions, BTreeMap::new());
            made.map(drop).map_err(|it| Error::Topic { name: topic, reason: it.reason })
        };
        off_the_runtime(create).await
    }

    /// Stops listening and lets requests under way finish, for at most five seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "kafka requests were cut off");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) fn open(dir: &Path, options: Options, stop: CancellationToken) -> Result<Shared> {
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let lock = dir.join("lock");
    let claim = File::create(&lock).map_err(Error::io("create", &lock))?;
    // A broker that was dropped a moment ago may still be closing its connections.
    let deadline = Instant::now() + CLAIM_WITHIN;
    loop {
        match claim.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &lock)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::BrokerInUse { dir: dir.to_owned() });
            }
        }
    }
    let durability = match options.fsync {
        true => Durability::PowerLoss,
        false => Durability::ProcessCrash,
    };
    let catalog = Catalog::open(dir, durability).map_err(Error::io("open the topics in", dir))?;
    let path = dir.join("offsets.journal");
    let offsets = Offsets::open(&path, options.fsync).map_err(Error::io("open", &path))?;
    let path = dir.join("transactions.journal");
    let transactions =
        Transactions::open(&path, options.fsync).map_err(Error::io("open", &path))?;
    let path = dir.join("broker.json");
    let identity = Identity::open(&path).map_err(Error::io("open", &path))?;
    let shared = Shared {
        options,
        catalog,
        coordinator: Coordinator::default(),
        offsets: Mutex::new(offsets),
        transactions: Mutex::new(transactions),
        deadlines: Notify::new(),
        identity: Mutex::new(identity),
        stop,
        _claim: claim,
    };
    shared.settle_all().map_err(Error::io("end the transactions in", dir))?;
    Ok(shared)
}
