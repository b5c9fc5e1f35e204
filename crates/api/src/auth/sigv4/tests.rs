//! AWS's published test suite for Signature Version 4 (its inputs and signatures), and what is
//! refused.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, TimeZone, Utc};

use super::{RequestHead, Scope, Signed, hex_sha256, signing_key};
use crate::auth::refused::Refused;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SCOPE: Scope<'_> = Scope { region: "us-east-1", service: "service" };

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2015, 8, 30, 12, 36, 0).unwrap()
}

/// A case of the suite.
struct Case {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    signature: &'static str,
}

const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

const fn get(name: &'static str, target: &'static str, signature: &'static str) -> Case {
    Case { name, method: "GET", target, headers: &[], body: "", signature }
}

const CASES: &[Case] = &[
    get("get-vanilla", "/", VANILLA),
    get("get-relative", "/example/..", VANILLA),
    get("get-relative-relative", "/example1/example2/../..", VANILLA),
    get("get-slash", "//", VANILLA),
    get("get-slash-dot-slash", "/./", VANILLA),
    get(
        "get-slashes",
        "//example//",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    get(
        "get-slash-pointless-dot",
        "/./example",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    get(
        "get-space",
        "/example space/",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    get(
        "get-unreserved",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    get(
        "get-utf8",
        "/\u{1234}",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    get(
        "get-vanilla-empty-query-key",
        "/?Param1=value1",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    get(
        "get-vanilla-query-order-key-case",
        "/?Param2=value2&Param1=value1",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    get(
        "get-vanilla-query-unreserved",
        "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    Case {
        name: "get-header-key-duplicate",
        method: "GET",
        target: "/",
        headers: &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
        body: "",
        signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    },
    Case {
        name: "get-header-value-trim",
        method: "GET",
        target: "/",
        headers: &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
        body: "",
        signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    },
    Case {
        name: "post-vanilla",
        method: "POST",
        target: "/",
        headers: &[],
        body: "",
        signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    },
    Case {
        name: "post-header-key-sort",
        method: "POST",
        target: "/",
        headers: &[("my-header1", "value1")],
        body: "",
        signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    },
    Case {
        name: "post-header-value-case",
        method: "POST",
        target: "/",
        headers: &[("my-header1", "VALUE1")],
        body: "",
        signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    },
    Case {
        name: "post-x-www-form-urlencoded",
        method: "POST",
        target: "/",
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body: "Param1=value1",
        signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    },
];

impl Case {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let date = ("x-amz-date", "20150830T123600Z");
        for (name, value) in [("host", "example.amazonaws.com"), date].iter().chain(self.headers) {
            let value = HeaderValue::from_static(value);
            headers.append(HeaderName::from_static(name), value);
        }
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={}, Signature={}",
            names.join(";"),
            self.signature
        );
        headers.insert("authorization", authorization.parse().unwrap());
        headers
    }

    fn check(&self, headers: &HeaderMap, body: &str, secret: &str) -> Result<(), Refused> {
        let signed = Signed::read(headers, SCOPE, now())?;
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let head = RequestHead { method: self.method, path, query, headers };
        let key = signing_key(secret, &signed.date, SCOPE);
        signed.verify(&head, &hex_sha256(body.as_bytes()), &key)
    }
}

#[test]
fn the_published_cases_are_accepted() {
    for case in CASES {
        assert_eq!(case.check(&case.headers(), case.body, SECRET), Ok(()), "{}", case.name);
    }
}

#[test]
fn whatever_is_altered_is_refused() {
    let case = &CASES[CASES.len() - 1];
    let refused = Err(Refused::WrongSignature);
    assert_eq!(case.check(&case.headers(), "Param1=value2", SECRET), refused, "body");
    assert_eq!(case.check(&case.headers(), case.body, "another"), refused, "secret");
    for (name, value) in [("host", "other"), ("content-type", "text/plain")] {
        let mut headers = case.headers();
        headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(case.check(&headers, case.body, SECRET), refused, "{name}");
    }
    let other = Case { target: "/other", ..*case };
    assert_eq!(other.check(&case.headers(), case.body, SECRET), refused, "path");
    let mut hashed = case.headers();
    hashed.insert("x-amz-content-sha256", HeaderValue::from_str(&"0".repeat(64)).unwrap());
    assert_eq!(case.check(&hashed, case.body, SECRET), refused, "hash");
}

/// Reads a vanilla request with one header changed (or removed, when empty).
fn read(name: &'static str, value: &str, at: DateTime<Utc>) -> Refused {
    let mut headers = CASES[0].headers();
    headers.remove(name);
    if !value.is_empty() {
        headers.insert(name, value.parse().unwrap());
    }
    Signed::read(&headers, SCOPE, at).unwrap_err()
}

fn authorization(credential: &str, names: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature=00")
}

#[test]
fn what_is_not_in_order_is_refused_with_aws_words() {
    let whole = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    let cases = [
        (authorization(whole, "x-amz-date"), "'host' must be a 'SignedHeader'"),
        (authorization(whole, "host"), "'x-amz-date' must be a 'SignedHeader'"),
        (authorization("AKID/20150830/us-east-1/service", "host;x-amz-date"), "exactly 5"),
        (
            authorization("AKID/20150830/us-east-1/sqs/aws4_request", "host;x-amz-date"),
            "scoped to correct service: 'service'",
        ),
        (
            authorization("AKID/20150830/mars-1/service/aws4_request", "host;x-amz-date"),
            "scoped to a valid region, not 'mars-1'",
        ),
        (
            authorization("AKID/20150829/us-east-1/service/aws4_request", "host;x-amz-date"),
            "'20150829' != '20150830'",
        ),
        (
            authorization("AKID/20150830/us-east-1/service/aws5", "host;x-amz-date"),
            "valid terminator",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x".to_owned(),
            "requires 'Signature' parameter. Authorization header requires 'SignedHeaders'",
        ),
    ];
    for (given, words) in cases {
        let refused = read("authorization", &given, now());
        assert!(refused.message().contains(words), "{given}: {refused:?}");
    }
    assert_eq!(read("authorization", "Basic eA==", now()), Refused::Missing);
    assert_eq!(read("authorization", "", now()), Refused::Missing);
    assert!(read("x-amz-date", "", now()).message().contains("either a 'X-Amz-Date' or a 'Date'"));
    assert!(read("x-amz-date", "today", now()).message().contains("ISO-8601"));
    assert_eq!(read("x-amz-security-token", "t", now()), Refused::TemporaryCredentials);
}

#[test]
fn a_signature_is_good_for_five_minutes_around_its_time() {
    let read = |at| Signed::read(&CASES[0].headers(), SCOPE, at).map(drop);
    let minutes = chrono::Duration::minutes;
    for within in [0, 5, -5] {
        assert_eq!(read(now() + minutes(within)), Ok(()));
    }
    let expired = read(now() + minutes(6)).unwrap_err();
    assert_eq!(
        expired.message(),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z \
         (20150830T124200Z - 5 min.)"
    );
    let early = read(now() - minutes(6)).unwrap_err();
    assert_eq!(
        early.message(),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z \
         (20150830T123000Z + 5 min.)"
    );
}

#[test]
fn a_date_header_will_do() {
    let mut headers = CASES[0].headers();
    headers.remove("x-amz-date");
    headers.insert("date", HeaderValue::from_static("Sun, 30 Aug 2015 12:36:00 GMT"));
    let given = authorization("AKID/20150830/us-east-1/service/aws4_request", "date;host");
    headers.insert("authorization", given.parse().unwrap());
    let signed = Signed::read(&headers, SCOPE, now()).unwrap();
    assert_eq!(signed.access_key, "AKID");
}
