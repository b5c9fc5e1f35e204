//! HTTPS, with a certificate made for these tests only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::{Options, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;

use crate::world::World;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn client() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("certificate.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn with_a_certificate_only_tls_is_served() {
    let world = World::new().await;
    let tls = Tls::open(file("certificate.pem"), file("key.pem")).unwrap();
    let options = Options { tls: Some(tls.clone()), ..Options::development() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(api::serve(listener, world.control.clone(), options, stop.clone()));
    // Says nothing and keeps nobody waiting.
    let silent = TcpStream::connect(address).await.unwrap();

    tls.reload().unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = client().connect(name, stream).await.unwrap();
    let request = b"GET /v1/applications HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("ApplicationSummaries"), "{answer}");

    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: no HTTP in any case.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(20), server).await;
    ended.expect("it ends although a client is silent").unwrap().unwrap();
    drop(silent);
}

#[test]
fn files_that_are_no_certificate_are_refused_by_name() {
    let error = Tls::open(file("nothing.pem"), file("key.pem")).unwrap_err().to_string();
    assert!(error.contains("nothing.pem"), "{error}");
    let error = Tls::open(file("key.pem"), file("key.pem")).unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}
