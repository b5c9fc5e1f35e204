//! The canonical form of a request: what both sides compute the signature of.

use axum::http::HeaderMap;
use ring::digest;

/// What of a request is signed besides its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

impl RequestHead<'_> {
    /// The canonical request with these signed headers, in bytes, since header values need not be
    /// UTF-8.
    pub(super) fn canonical(&self, signed_headers: &[String], body_hash: &str) -> Vec<u8> {
        let mut text = Vec::with_capacity(512);
        for part in [self.method, "\n", &path(self.path), "\n", &query(self.query), "\n"] {
            text.extend_from_slice(part.as_bytes());
        }
        for name in signed_headers {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            for (index, value) in self.headers.get_all(name.as_str()).iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                add_value(&mut text, value.as_bytes());
            }
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(signed_headers.join(";").as_bytes());
        text.push(b'\n');
        text.extend_from_slice(body_hash.as_bytes());
        text
    }
}

/// A header's value without blanks around it, and with one for several inside.
fn add_value(text: &mut Vec<u8>, value: &[u8]) {
    let mut blank = false;
    for &byte in value.trim_ascii() {
        if byte != b' ' || !blank {
            text.push(byte);
        }
        blank = byte == b' ';
    }
}

/// The path without dots and empty segments, each byte encoded that is not plain. What came
/// encoded is so encoded twice, as AWS has it for every service but S3.
fn path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut text = String::with_capacity(path.len() + 1);
    for segment in &segments {
        text.push('/');
        encode(&mut text, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with(['/']) || path.ends_with("/.") {
        text.push('/');
    }
    text
}

/// The parameters, decoded and encoded anew, by name and then by value.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn recode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    let mut encoded = String::with_capacity(bytes.len());
    encode(&mut encoded, &decoded);
    encoded
}

fn encode(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = digest::digest(&digest::SHA256, bytes);
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    hash.as_ref().iter().flat_map(pair).map(char::from).collect()
}
