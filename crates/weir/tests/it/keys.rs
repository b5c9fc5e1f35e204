//! Keys are made, listed and revoked by `weir key` beside servers that run; a certificate is renewed
//! under a server that runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::failover::signal;
use crate::support::{Answer, Installation, MASTER_KEY, eventually, tls_file};

/// A bearer key, by its id and secret.
struct Key {
    id: String,
    secret: String,
}

fn create(weir: &Installation, role: &str, more: &[&str]) -> Key {
    let made = weir.create_key(&[&["--name", role, "--role", role], more].concat());
    let text = |member: &str| made[0][member].as_str().unwrap().to_owned();
    assert_eq!(text("Role"), role);
    Key { id: text("KeyId"), secret: text("ApiKey") }
}

fn call(weir: &Installation, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {key}");
    let body = serde_json::to_vec(body).unwrap();
    weir.call_with(method, path, body, ("authorization", &authorization)).0
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.body["Code"].as_str()), (status, Some(code)), "{answer:?}");
}

#[test]
fn keys_open_what_their_role_may_until_they_are_revoked_or_expire() {
    let weir = Installation::start_with("keys", &[("WEIR_MASTER_KEY", MASTER_KEY)]);
    weir.application("kept").create_sums("keys", 5);
    let viewer = create(&weir, "viewer", &[]);
    let operator = create(&weir, "operator", &[]);
    let admin = create(&weir, "admin", &["--expires-in", "1h"]);
    let (list, tags) = ("/v1/applications", "/v1/applications/kept/tags");
    let (nothing, tag) = (Value::Null, json!({ "Tags": { "a": "b" } }));

    let (nobody, _) = weir.call_with("GET", list, Vec::new(), ("x-nothing", "x"));
    refused(&nobody, 401, "MissingAuthenticationTokenException");
    refused(&call(&weir, "weir_wrong", "GET", list, &nothing), 401, "UnrecognizedClientException");
    for key in [&viewer, &operator, &admin] {
        assert_eq!(call(&weir, &key.secret, "GET", list, &nothing).status, 200);
    }
    refused(&call(&weir, &viewer.secret, "PUT", tags, &tag), 403, "AccessDeniedException");
    assert_eq!(call(&weir, &operator.secret, "PUT", tags, &tag).status, 200);
    let delete = |key: &Key| call(&weir, &key.secret, "DELETE", "/v1/applications/kept", &nothing);
    refused(&delete(&operator), 403, "AccessDeniedException");

    // Of each what it is, of none its secret.
    let listed = weir.key(&["list"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    let keys: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(keys.as_array().unwrap().len(), 4, "{text}");
    for key in [&viewer, &operator, &admin] {
        assert!(text.contains(&key.id) && !text.contains(&key.secret), "{text}");
    }

    let revoked = weir.key(&["revoke", &viewer.id]);
    assert!(revoked.status.success());
    weir.query(&format!("UPDATE access_keys SET expires_at = now() WHERE id = '{}'", admin.id));
    for key in [&viewer, &admin] {
        let answer = eventually("the key is not believed any more", || {
            let answer = call(&weir, &key.secret, "GET", list, &nothing);
            if answer.status == 200 { Err(answer) } else { Ok(answer) }
        });
        refused(&answer, 401, "UnrecognizedClientException");
    }
    assert_eq!(call(&weir, &operator.secret, "GET", list, &nothing).status, 200);
    let unknown = weir.key(&["revoke", "WEIRNOSUCHKEY"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("WEIRNOSUCHKEY"));
}

type Connection = StreamOwned<ClientConnection, TcpStream>;

/// Trusts both certificates.
fn client() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for name in ["certificate.pem", "renewed.pem"] {
        roots.add(CertificateDer::from_pem_file(tls_file(name)).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn connect(address: &str) -> Connection {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(client(), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

/// Begins to ask; then it is known whom.
fn ask(connection: &mut Connection) -> Vec<u8> {
    let request = b"GET /v1/applications HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request).unwrap();
    connection.flush().unwrap();
    connection.conn.peer_certificates().unwrap()[0].to_vec()
}

fn answer(mut connection: Connection) -> String {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn certificate(name: &str) -> Vec<u8> {
    CertificateDer::from_pem_file(tls_file(name)).unwrap().to_vec()
}

#[test]
fn a_renewed_certificate_is_shown_to_new_connections() {
    let weir = Installation::start("renewed");
    let files = ["certificate", "key"].map(|name| weir.folder().join(name));
    let put = |names: [&str; 2]| {
        for (name, file) in names.iter().zip(&files) {
            std::fs::copy(tls_file(name), file).unwrap();
        }
    };
    put(["certificate.pem", "key.pem"]);
    let [certificate_file, key_file]: [&Path; 2] = files.each_ref().map(|it| it.as_path());
    let api = weir.start_api_with(certificate_file, key_file);
    let address = api.url().strip_prefix("https://").unwrap().to_owned();
    let shown = || {
        let mut connection = connect(&address);
        let shown = ask(&mut connection);
        assert!(answer(connection).starts_with("HTTP/1.1 200 OK\r\n"));
        shown
    };
    assert_eq!(shown(), certificate("certificate.pem"));
    let mut early = connect(&address);
    early.conn.complete_io(&mut early.sock).unwrap();

    put(["renewed.pem", "renewed-key.pem"]);
    signal(api.pid(), "HUP");
    eventually("new connections see the new one", || {
        let shown = shown();
        if shown == certificate("renewed.pem") { Ok(()) } else { Err(shown.len()) }
    });
    // One that was there before goes on.
    assert_eq!(ask(&mut early), certificate("certificate.pem"));
    assert!(answer(early).starts_with("HTTP/1.1 200 OK\r\n"));

    // What is no pair is not taken, and what was good stays.
    put(["certificate.pem", "renewed-key.pem"]);
    signal(api.pid(), "HUP");
    eventually("it complains", || {
        let said = weir.log("https");
        if said.contains("the certificate stays as it was") { Ok(()) } else { Err(said) }
    });
    assert_eq!(shown(), certificate("renewed.pem"));
}
