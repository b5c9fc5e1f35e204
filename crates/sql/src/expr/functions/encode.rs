//! Hashes, base 64, hexadecimal, URLs.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};

use Nulls::{MayBeNull, Strict};
use Param::{Bytes, Int, Long, Text};

const TEXT_ENTRIES: &[Entry] = entries! {
    ["MD5"] => [Text], 0, Strict, Body::Text(hash::<md5::Md5>);
    ["SHA1"] => [Text], 0, Strict, Body::Text(hash::<sha1::Sha1>);
    ["SHA224"] => [Text], 0, Strict, Body::Text(hash::<sha2::Sha224>);
    ["SHA256"] => [Text], 0, Strict, Body::Text(hash::<sha2::Sha256>);
    ["SHA384"] => [Text], 0, Strict, Body::Text(hash::<sha2::Sha384>);
    ["SHA512"] => [Text], 0, Strict, Body::Text(hash::<sha2::Sha512>);
    ["SHA2"] => [Text, Int], 0, MayBeNull, Body::Text(|r, out| match r.int(1) {
        224 => hash::<sha2::Sha224>(r, out),
        256 => hash::<sha2::Sha256>(r, out),
        384 => hash::<sha2::Sha384>(r, out),
        512 => hash::<sha2::Sha512>(r, out),
        _ => false,
    });
    ["TO_BASE64"] => [Text], 0, Strict, Body::Text(|r, out| {
        STANDARD.encode_string(r.text(0), out);
        true
    });
    ["FROM_BASE64"] => [Text], 0, MayBeNull, Body::Text(|r, out| {
        STANDARD.decode(r.text(0)).is_ok_and(|bytes| {
            out.push_str(&String::from_utf8_lossy(&bytes));
            true
        })
    });
    ["UNHEX"] => [Text], 0, MayBeNull, Body::Bytes(unhex);
    ["BIN"] => [Long], 0, Strict, Body::Text(|r, out| write!(out, "{:b}", r.long(0)).is_ok());
    ["ENCODE"] => [Text, Text], 0, MayBeNull, Body::Bytes(encode);
    ["DECODE"] => [Bytes, Text], 0, MayBeNull, Body::Text(decode);
    ["URL_ENCODE"] => [Text], 0, Strict, Body::Text(url_encode);
    ["URL_DECODE"] => [Text], 0, MayBeNull, Body::Text(url_decode);
    ["PARSE_URL"] => [Text, Text, Text], 1, MayBeNull, Body::Text(parse_url);
};

const HEX: Entry = Entry {
    names: &["HEX"],
    binding: Binding::Table(&[
        Signature {
            params: &[Long],
            optional: 0,
            variadic: false,
            nulls: Strict,
            body: Body::Text(|r, out| write!(out, "{:X}", r.long(0)).is_ok()),
        },
        Signature {
            params: &[Text],
            optional: 0,
            variadic: false,
            nulls: Strict,
            body: Body::Text(|r, out| {
                r.text(0).bytes().try_for_each(|byte| write!(out, "{byte:02X}")).is_ok()
            }),
        },
    ]),
};

pub(super) const GROUPS: [&[Entry]; 2] = [TEXT_ENTRIES, &[HEX]];

fn hash<D: Digest>(r: &Row<'_>, out: &mut String) -> bool {
    D::digest(r.bytes(0)).iter().try_for_each(|byte| write!(out, "{byte:02x}")).is_ok()
}

fn unhex(r: &Row<'_>, out: &mut Vec<u8>) -> bool {
    let digits = r.text(0);
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    for pair in padded.as_bytes().chunks(2) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else { return false };
        out.push((high * 16 + low) as u8);
    }
    true
}

/// Bytes of a text in a character set.
fn encode(r: &Row<'_>, out: &mut Vec<u8>) -> bool {
    let text = r.text(0);
    match r.text(1).to_ascii_uppercase().as_str() {
        "UTF-8" => out.extend_from_slice(text.as_bytes()),
        "US-ASCII" => out.extend(text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' })),
        "ISO-8859-1" => out.extend(text.chars().map(|c| u8::try_from(c).unwrap_or(b'?'))),
        "UTF-16BE" => text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes())),
        "UTF-16LE" => text.encode_utf16().for_each(|unit| out.extend(unit.to_le_bytes())),
        "UTF-16" => {
            out.extend([0xFE, 0xFF]);
            text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes()));
        }
        _ => return false,
    }
    true
}

/// Text of bytes in a character set.
fn decode(r: &Row<'_>, out: &mut String) -> bool {
    let bytes = r.bytes(0);
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match r.text(1).to_ascii_uppercase().as_str() {
        "UTF-8" => out.push_str(&String::from_utf8_lossy(bytes)),
        "US-ASCII" => out.extend(
            bytes
                .iter()
                .map(|b| if b.is_ascii() { char::from(*b) } else { char::REPLACEMENT_CHARACTER }),
        ),
        "ISO-8859-1" => out.extend(bytes.iter().copied().map(char::from)),
        "UTF-16LE" => out.push_str(&wide(bytes, u16::from_le_bytes)),
        "UTF-16BE" => out.push_str(&wide(bytes, u16::from_be_bytes)),
        "UTF-16" => match bytes.strip_prefix(&[0xFF, 0xFE]) {
            Some(rest) => out.push_str(&wide(rest, u16::from_le_bytes)),
            None => {
                let rest = bytes.strip_prefix(&[0xFE, 0xFF]).unwrap_or(bytes);
                out.push_str(&wide(rest, u16::from_be_bytes));
            }
        },
        _ => return false,
    }
    true
}

/// As `application/x-www-form-urlencoded`.
fn url_encode(r: &Row<'_>, out: &mut String) -> bool {
    for byte in r.text(0).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    true
}

fn url_decode(r: &Row<'_>, out: &mut String) -> bool {
    let mut bytes = Vec::new();
    let mut rest = r.text(0).as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte else { return false };
                bytes.push(byte);
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    true
}

/// A part of a URL, or a parameter of its query.
fn parse_url(r: &Row<'_>, out: &mut String) -> bool {
    let Some(url) = Url::parse(r.text(0)) else { return false };
    let part = match r.text(1) {
        "HOST" => url.host,
        "PATH" => Some(url.path),
        "QUERY" => url.query,
        "REF" => url.reference,
        "PROTOCOL" => Some(url.protocol),
        "FILE" => Some(url.file),
        "AUTHORITY" => url.authority,
        "USERINFO" => url.user,
        _ => None,
    };
    let part = if r.len() > 2 {
        let query = part.filter(|_| r.text(1) == "QUERY");
        query.and_then(|query| {
            query.split('&').find_map(|pair| {
                pair.split_once('=').filter(|(key, _)| *key == r.text(2)).map(|(_, value)| value)
            })
        })
    } else {
        part
    };
    part.is_some_and(|part| {
        out.push_str(part);
        true
    })
}

/// A URL taken apart as `java.net.URL` does.
struct Url<'a> {
    protocol: &'a str,
    authority: Option<&'a str>,
    user: Option<&'a str>,
    host: Option<&'a str>,
    /// Path and query.
    file: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    reference: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (protocol, rest) = text.trim().split_once(':')?;
        let known = ["http", "https", "ftp", "file", "jar", "mailto", "jrt"];
        if !known.contains(&protocol.to_ascii_lowercase().as_str()) {
            return None;
        }
        let (rest, reference) = match rest.split_once('#') {
            Some((rest, reference)) => (rest, Some(reference)),
            None => (rest, None),
        };
        let (authority, file) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let (path, query) = match file.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (file, None),
        };
        let (user, server) = match authority.and_then(|a| a.rsplit_once('@')) {
            Some((user, server)) => (Some(user), Some(server)),
            None => (None, authority),
        };
        let host = server.map(|server| match server.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => server,
        });
        Some(Self { protocol, authority, user, host, file, path, query, reference })
    }
}
