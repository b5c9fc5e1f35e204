//! An OpenTelemetry collector that keeps what it is told: OTLP over HTTP and HTTPS, protobuf.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Points come once a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// What was told so far: each span and metric with its service, and the headers of all requests.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) spans: Vec<(String, Span)>,
    pub(crate) metrics: Vec<(String, Metric)>,
    pub(crate) headers: Vec<String>,
}

impl Told {
    /// The only span of this name below that parent, with its service.
    pub(crate) fn child(&self, parent: &[u8], name: &str) -> Option<&(String, Span)> {
        let mut found =
            self.spans.iter().filter(|(_, it)| it.parent_span_id == parent && it.name == name);
        let only = found.next();
        assert!(found.next().is_none(), "twice: {name}");
        only
    }
}

#[derive(Default)]
struct Shared {
    told: Mutex<Told>,
    more: Condvar,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Collector {
    plain: SocketAddr,
    tls: SocketAddr,
    shared: Arc<Shared>,
}

impl Collector {
    /// Takes requests until the test ends.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let plain = listen(&shared, answer);
        let tls = Arc::new(tls());
        let tls = listen(&shared, move |stream, shared| {
            let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
            answer(StreamOwned::new(connection, stream), shared);
        });
        Self { plain, tls, shared }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.plain)
    }

    /// The same by HTTPS, for those who trust `certificate.pem` of [`tls_file`].
    pub(crate) fn https_url(&self) -> String {
        format!("https://localhost:{}", self.tls.port())
    }

    /// Waits until what was told has something.
    #[track_caller]
    pub(crate) fn wait<T>(&self, what: &str, find: impl Fn(&Told) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut told = self.shared.told();
        loop {
            if let Some(found) = find(&told) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let names =
                    told.spans.iter().map(|(service, it)| format!("{service}: {}", it.name));
                let points =
                    told.metrics.iter().map(|(service, it)| format!("{service}: {}", it.name));
                let all: Vec<_> = names.chain(points).collect();
                panic!("{what}: not within {PATIENCE:?}; told was {all:#?}");
            }
            told = match self.shared.more.wait_timeout(told, left) {
                Ok((told, _)) => told,
                Err(error) => error.into_inner().0,
            };
        }
    }
}

fn listen(
    shared: &Arc<Shared>,
    answer: impl Fn(TcpStream, &Shared) + Send + Clone + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, shared) = (answer.clone(), Arc::clone(&shared));
            std::thread::spawn(move || answer(stream.unwrap(), &shared));
        }
    });
    address
}

/// A file of what is served by TLS in tests.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    crate::root().join("crates/api/tests/tls").join(name)
}

fn tls() -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(tls_file("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(tls_file("key.pem")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// Reads one request and keeps it.
fn answer(stream: impl Read + Write, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let lower: Vec<String> = head.iter().skip(1).map(|it| it.to_lowercase()).collect();
    assert!(lower.contains(&"content-type: application/x-protobuf".to_owned()), "{head:?}");
    let length = lower.iter().find_map(|it| it.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let mut told = shared.told();
    match head[0].as_str() {
        "POST /v1/traces HTTP/1.1" => {
            for all in ExportTraceServiceRequest::decode(&*body).unwrap().resource_spans {
                let service = service(&all.resource.unwrap().attributes);
                let spans = all.scope_spans.into_iter().flat_map(|it| it.spans);
                told.spans.extend(spans.map(|span| (service.clone(), span)));
            }
        }
        "POST /v1/metrics HTTP/1.1" => {
            for all in ExportMetricsServiceRequest::decode(&*body).unwrap().resource_metrics {
                let service = service(&all.resource.unwrap().attributes);
                let metrics = all.scope_metrics.into_iter().flat_map(|it| it.metrics);
                told.metrics.extend(metrics.map(|metric| (service.clone(), metric)));
            }
        }
        other => panic!("nothing is at {other}"),
    }
    told.headers.extend(lower);
    drop(told);
    shared.more.notify_all();
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(ok).unwrap();
}

fn service(attributes: &[KeyValue]) -> String {
    text(attributes, "service.name").unwrap()
}

/// An attribute as text.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == key)?;
    match found.value.as_ref()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text.clone()),
        AnyValue { value: Some(Value::IntValue(number)) } => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}
