//! Signs requests as a client of AWS does.

use chrono::{DateTime, Utc};
use reqwest::Method;
use ring::{digest, hmac};

/// An access key, and what it signs for.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) at: DateTime<Utc>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Signer {
    pub(crate) fn new(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), at: Utc::now() }
    }

    /// The headers `x-amz-date` and `authorization` for a request with these headers besides.
    pub(crate) fn sign(
        &self,
        method: &Method,
        host: &str,
        path: &str,
        others: &[(&str, &str)],
        body: &str,
    ) -> [(&'static str, String); 2] {
        let time = self.at.format("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = vec![("host", host), ("x-amz-date", &time)];
        headers.extend(others);
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let hash = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{}", hash(body));
        let date = &time[..8];
        let scope = format!("{date}/us-east-1/kinesisanalytics/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope.split('/').chain([to_sign.as_str()]) {
            let signing = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&signing, part.as_bytes()).as_ref().to_vec();
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.id,
            hex(&key)
        );
        [("x-amz-date", time), ("authorization", authorization)]
    }
}
