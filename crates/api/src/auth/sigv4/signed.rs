//! A signed request: what its `Authorization` header says, and whether its signature is right.

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use ring::hmac;

use super::canonical::{RequestHead, hex_sha256};
use crate::auth::refused::Refused;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// How far a client's clock may be off, as most AWS services have it.
const SKEW_MINUTES: i64 = 5;

/// What a signature must be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// A request that says who signed it. Nothing is proved before [`Signed::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// Id of the access key.
    pub(crate) access_key: String,
    /// `YYYYMMDD` of the credential's scope.
    pub(crate) date: String,
    scope: String,
    timestamp: String,
    headers: Vec<String>,
    signature: Vec<u8>,
}

impl Signed {
    /// Reads and checks everything but the signature itself.
    pub(crate) fn read(
        headers: &HeaderMap,
        scope: Scope<'_>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refused> {
        if headers.contains_key("x-amz-security-token") {
            return Err(Refused::TemporaryCredentials);
        }
        let given = text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
        let rest = given.strip_prefix(ALGORITHM).ok_or(Refused::Missing)?;
        let part = |name: &str| {
            let parts = rest.split(',').filter_map(|part| part.trim().split_once('='));
            parts.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
        };
        let date_header = ["x-amz-date", "date"].into_iter().find(|it| headers.contains_key(*it));
        let (Some(credential), Some(names), Some(signature), Some(date_header)) =
            (part("Credential"), part("SignedHeaders"), part("Signature"), date_header)
        else {
            let wanted = ["Credential", "Signature", "SignedHeaders"];
            let missing = wanted.iter().filter(|name| part(name).is_none());
            let mut words: Vec<String> = missing
                .map(|name| format!("Authorization header requires '{name}' parameter."))
                .collect();
            if date_header.is_none() {
                words.push(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                     header."
                        .to_owned(),
                );
            }
            return Err(Refused::Incomplete(words.join(" ")));
        };
        let names: Vec<String> = names.split(';').map(str::to_ascii_lowercase).collect();
        let must = ["host", date_header, "x-amz-target"];
        for must in must.into_iter().filter(|it| *it == "host" || headers.contains_key(*it)) {
            if !names.iter().any(|name| name == must) {
                return Err(Refused::Signature(format!(
                    "'{must}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        let at = time(text(headers, date_header).unwrap_or_default()).ok_or_else(|| {
            Refused::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601",
                text(headers, date_header).unwrap_or_default()
            ))
        })?;
        let timestamp = at.format(TIME).to_string();
        let elements: Vec<&str> = credential.split('/').collect();
        let [access_key, date, region, service, terminator] = elements.as_slice() else {
            return Err(Refused::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )));
        };
        check_scope([date, region, service, terminator], scope, &timestamp)?;
        check_time(at, now)?;
        Ok(Self {
            access_key: (*access_key).to_owned(),
            date: (*date).to_owned(),
            scope: format!("{date}/{region}/{service}/{terminator}"),
            timestamp,
            headers: names,
            signature: unhex(signature).unwrap_or_default(),
        })
    }

    /// Whether the holder of the key signed this request with this body; in constant time.
    pub(crate) fn verify(
        &self,
        head: &RequestHead<'_>,
        body_hash: &str,
        key: &hmac::Key,
    ) -> Result<(), Refused> {
        // Who sends the hash of the body along must send the right one.
        let claimed = text(head.headers, "x-amz-content-sha256");
        let other_body = claimed.is_some_and(|it| it.len() == 64 && it != body_hash);
        let canonical = hex_sha256(&head.canonical(&self.headers, body_hash));
        let to_sign = format!("{ALGORITHM}\n{}\n{}\n{canonical}", self.timestamp, self.scope);
        let right = hmac::verify(key, to_sign.as_bytes(), &self.signature).is_ok();
        if right && !other_body { Ok(()) } else { Err(Refused::WrongSignature) }
    }
}

/// The key of one day, region and service.
pub(crate) fn signing_key(secret: &str, date: &str, scope: Scope<'_>) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for part in [date, scope.region, scope.service, "aws4_request"] {
        let next = hmac::sign(&key, part.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, next.as_ref());
    }
    key
}

fn check_scope(
    [date, region, service, terminator]: [&str; 4],
    scope: Scope<'_>,
    timestamp: &str,
) -> Result<(), Refused> {
    let wrong = |words: String| Err(Refused::Signature(words));
    if service != scope.service {
        return wrong(format!(
            "Credential should be scoped to correct service: '{}'.",
            scope.service
        ));
    }
    if region != scope.region {
        return wrong(format!("Credential should be scoped to a valid region, not '{region}'."));
    }
    if terminator != "aws4_request" {
        return wrong(format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not \
             '{terminator}'."
        ));
    }
    if !timestamp.starts_with(date) || date.len() != 8 {
        return wrong(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{date}' != '{}', from '{timestamp}'.",
            &timestamp[..8]
        ));
    }
    Ok(())
}

fn check_time(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Refused> {
    let skew = Duration::minutes(SKEW_MINUTES);
    let text = |time: DateTime<Utc>| time.format(TIME).to_string();
    if at < now - skew {
        return Err(Refused::Signature(format!(
            "Signature expired: {} is now earlier than {} ({} - {SKEW_MINUTES} min.)",
            text(at),
            text(now - skew),
            text(now)
        )));
    }
    if at > now + skew {
        return Err(Refused::Signature(format!(
            "Signature not yet current: {} is still later than {} ({} + {SKEW_MINUTES} min.)",
            text(at),
            text(now + skew),
            text(now)
        )));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// ISO 8601's basic form, as in `X-Amz-Date`, or the form of HTTP's `Date`.
fn time(given: &str) -> Option<DateTime<Utc>> {
    let basic = NaiveDateTime::parse_from_str(given, TIME).ok().map(|time| time.and_utc());
    basic.or_else(|| Some(DateTime::parse_from_rfc2822(given).ok()?.to_utc()))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
