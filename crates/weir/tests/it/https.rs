//! The client speaks HTTPS with an API server, if it can trust it.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Installation, tls_file};

fn list(url: &str, trusted: &Path) -> Output {
    let mut client = Command::new(crate::weir());
    client.args(["app", "list", "--api", url]).env("SSL_CERT_FILE", trusted).output().unwrap()
}

#[test]
fn applications_are_listed_over_https() {
    let weir = Installation::start("https");
    weir.application("over-https").create_sums("none", 5);
    let (certificate, key) = (tls_file("certificate.pem"), tls_file("key.pem"));
    let api = weir.start_api_with(&certificate, &key);
    // The certificate is of a name.
    let url = api.url().replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://localhost:"), "{url}");

    let told = list(&url, &certificate);
    let said = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && said.contains("over-https"), "{said}");

    // Somebody else's certificates: none of them has signed it.
    let nobody = weir.folder().join("nobody.pem");
    std::fs::write(&nobody, "").unwrap();
    let told = list(&url, &nobody);
    assert!(!told.status.success());
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(said.contains("certificate"), "{said}");
}
