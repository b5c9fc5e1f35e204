//! The proxy does what was decided, and nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use embedded::s3::{FaultProxy, S3Fault, S3Server};
use tempfile::TempDir;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const BUCKET: &str = "weir";

/// A server behind a proxy, and what goes wrong with the next requests.
struct World {
    next: Arc<Mutex<Vec<S3Fault>>>,
    seen: Arc<Mutex<Vec<String>>>,
    proxied: Client,
    direct: Client,
    server: Option<S3Server>,
    dir: TempDir,
    _proxy: FaultProxy,
}

/// A client that tries once.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::start(dir.path(), LOOPBACK, "key", "secret").await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    let (next, seen) = (Arc::<Mutex<Vec<S3Fault>>>::default(), Arc::<Mutex<Vec<_>>>::default());
    let (faults, log) = (Arc::clone(&next), Arc::clone(&seen));
    let decide = Arc::new(move |seen: embedded::s3::Seen<'_>| {
        log.lock().unwrap().push(seen.method.to_owned());
        faults.lock().unwrap().pop()
    });
    let proxy = FaultProxy::start(LOOPBACK, server.address(), decide).await.unwrap();
    let (proxied, direct) = (client(&proxy.endpoint()), client(&server.endpoint()));
    World { next, seen, proxied, direct, server: Some(server), dir, _proxy: proxy }
}

impl World {
    fn fail(&self, fault: S3Fault) {
        self.next.lock().unwrap().push(fault);
    }

    async fn put(&self, key: &str, size: usize) -> Result<(), String> {
        let body = ByteStream::from(vec![7; size]);
        let sent = self.proxied.put_object().bucket(BUCKET).key(key).body(body).send().await;
        sent.map(drop).map_err(|error| error.code().unwrap_or("no answer").to_owned())
    }

    /// Size of an object, read without the proxy.
    async fn size(&self, key: &str) -> Option<usize> {
        read(&self.direct, key).await.ok()
    }
}

async fn read(client: &Client, key: &str) -> Result<usize, String> {
    let found = client.get_object().bucket(BUCKET).key(key).send().await;
    let found = found.map_err(|error| error.code().unwrap_or("no answer").to_owned())?;
    let body = found.body.collect().await.map_err(|error| error.to_string())?;
    Ok(body.into_bytes().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_pass_as_they_are_when_nothing_is_to_go_wrong() {
    let world = world().await;
    for size in [0, 1, 3_000_000] {
        world.put("object", size).await.unwrap();
        assert_eq!(world.size("object").await, Some(size));
        assert_eq!(read(&world.proxied, "object").await, Ok(size));
    }
    let listed = world.proxied.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);
    let head = world.proxied.head_object().bucket(BUCKET).key("object").send().await.unwrap();
    assert_eq!(head.content_length(), Some(3_000_000));
    world.proxied.delete_object().bucket(BUCKET).key("object").send().await.unwrap();
    assert_eq!(world.size("object").await, None);
    let methods = world.seen.lock().unwrap().join(" ");
    assert_eq!(methods, "PUT GET PUT GET PUT GET GET HEAD DELETE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_cut_before_does_not_reach_the_server() {
    let world = world().await;
    world.fail(S3Fault::Answer { status: 503, code: "SlowDown" });
    assert_eq!(world.put("object", 100_000).await, Err("SlowDown".to_owned()));
    world.fail(S3Fault::CutBefore);
    assert_eq!(world.put("object", 100_000).await, Err("no answer".to_owned()));
    world.fail(S3Fault::HalfRequest);
    assert_eq!(world.put("object", 100_000).await, Err("no answer".to_owned()));
    assert_eq!(world.size("object").await, None);
    world.put("object", 100_000).await.unwrap();
    assert_eq!(world.size("object").await, Some(100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_after_is_carried_out() {
    let world = world().await;
    world.fail(S3Fault::CutAfter);
    assert_eq!(world.put("object", 100_000).await, Err("no answer".to_owned()));
    assert_eq!(world.size("object").await, Some(100_000));
    world.fail(S3Fault::HalfAnswer);
    read(&world.proxied, "object").await.unwrap_err();
    world.fail(S3Fault::Delay(Duration::from_millis(1)));
    assert_eq!(read(&world.proxied, "object").await, Ok(100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_may_go_and_come_again() {
    let mut world = world().await;
    world.put("before", 10).await.unwrap();
    let server = world.server.take().unwrap();
    let address = server.address();
    server.stop().await;
    world.put("between", 10).await.unwrap_err();
    world.server = Some(S3Server::start(world.dir.path(), address, "key", "secret").await.unwrap());
    world.put("after", 10).await.unwrap();
    assert_eq!(read(&world.proxied, "before").await, Ok(10));
}
