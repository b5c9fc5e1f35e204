//! A Kafka for a test: an embedded broker of its own, or the Apache Kafka that the variable
//! `WEIR_TEST_KAFKA` names (`tests/kafka/run` starts one and sets it).
//!
//! All tests share the real one, so they must call their topics, groups and transactional ids by
//! [`unique`] names. Included by the tests of several crates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use embedded::kafka::{Broker, Options};

/// Any free port of this machine.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a test reads and writes.
#[derive(Debug)]
pub(crate) struct AnyKafka {
    servers: String,
    /// None: the real one.
    own: Option<Broker>,
}

impl AnyKafka {
    /// The real Kafka, if there is one; otherwise an embedded broker that keeps its files in `dir`.
    pub(crate) async fn start(dir: &Path) -> Self {
        match real() {
            Some(servers) => Self { servers, own: None },
            None => Self::own(dir, LOOPBACK, Options::default()).await,
        }
    }

    /// An embedded broker in any case, for tests that stop it or look at its files.
    pub(crate) async fn own(dir: &Path, listen: SocketAddr, options: Options) -> Self {
        let broker = Broker::start(dir, listen, options).await.expect("a broker");
        Self { servers: broker.bootstrap_servers(), own: Some(broker) }
    }

    /// What clients take as `bootstrap.servers`.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// Stops the broker if it is the test's own.
    pub(crate) async fn stop(self) {
        if let Some(broker) = self.own {
            broker.stop().await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how a test is told of a Kafka that it cannot start")]
fn real() -> Option<String> {
    std::env::var("WEIR_TEST_KAFKA").ok().filter(|servers| !servers.is_empty())
}

/// A name that begins with `name` and that nobody else uses.
pub(crate) fn unique(name: &str) -> String {
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    format!("{name}-{:x}-{:x}-{number}", since.as_millis(), std::process::id())
}
