//! The page and its headers. Nothing of an application stands in its text: the script asks for that
//! and writes it as text.

use std::sync::LazyLock;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("page/index.html").replace("{{style}}", STYLE).replace("{{script}}", SCRIPT)
});

/// Only this style and this script, and answers of this API.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT),
    );
    HeaderValue::try_from(policy).expect("a policy is a header value")
});

/// What goes with every answer of a dashboard.
const GUARDS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers of every answer of a dashboard.
pub(super) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The dashboard.
pub(super) fn shown() -> Response {
    Html(PAGE.as_str()).into_response()
}

/// What a visitor is told in the place of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// No ticket or session that is good.
    Expired,
    /// To come again: the page reloads itself.
    Again,
    /// The database does not answer.
    Unavailable,
}

/// A page with a few words.
pub(super) fn told(status: StatusCode, told: Told) -> Response {
    let (title, words, head) = match told {
        Told::Expired => (
            "This dashboard is closed",
            "The URL must be opened within three minutes of being made, and the session that it \
             begins lasts for a time. This one is over, or was never for this application. Ask for a \
             new URL: <code>CreateApplicationPresignedUrl</code>.",
            "",
        ),
        Told::Again => (
            "One moment",
            "The dashboard is being opened.",
            "<meta http-equiv=\"refresh\" content=\"0\">",
        ),
        Told::Unavailable => (
            "Not available at the moment",
            "The service could not be asked. Try again in a while.",
            "",
        ),
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n{head}<title>{title} · Weir</title>\n\
         <style>{STYLE}</style>\n<main class=\"told\"><h1>{title}</h1><p>{words}</p></main>\n</html>\n"
    );
    (status, Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the policy would forbid must not be there in the first place.
    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for forbidden in
            ["http:", "https:", "src=", "style=\"", "onclick", "{{", "innerHTML", "eval("]
        {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        assert_eq!(PAGE.matches("<script>").count(), 1);
        assert_eq!(PAGE.matches("<style>").count(), 1);
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }
}
