//! Which pages of other origins may read answers (Fetch Standard, CORS protocol): none, unless told.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::uri::Uri;
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::request::REQUEST_ID_HEADER;

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The origin of a page, as browsers send it: `https://ops.example.com`, perhaps with a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = String;

    /// `http://` or `https://`, a host in small letters and perhaps a port; nothing else, no `*`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no origin like https://ops.example.com, as browsers send it");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let plain =
            |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || ".-:[]".contains(it);
        let whole = format!("{scheme}://{authority}") == text;
        if !whole || !["http", "https"].contains(&scheme) || !authority.as_str().chars().all(plain)
        {
            return Err(wrong());
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// Lets pages of these origins ask with a key of theirs and read the answers. Cookies stay at home:
/// a dashboard's session is for the dashboard alone.
pub(crate) fn layer(origins: Vec<Origin>) -> CorsLayer {
    let origins = origins.into_iter().map(|it| it.0);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH])
        .expose_headers([
            ETAG,
            LOCATION,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            HeaderName::from_static(REQUEST_ID_HEADER),
        ])
        .max_age(REMEMBERED)
}
