//! Where browsers find this API.

use std::fmt;
use std::str::FromStr;

use axum::http::uri::{Authority, Uri};
use model::invalid::Invalid;

/// The URL that the API has for browsers, where that is not what requests say: behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Base);

impl FromStr for PublicUrl {
    type Err = String;

    /// `https://host`, perhaps with a port and a path, without query.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no URL like https://weir.example.com");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().filter(|it| ["http", "https"].contains(it));
        let (Some(scheme), Some(authority), None) = (scheme, uri.authority(), uri.query()) else {
            return Err(wrong());
        };
        if text.len() > 1024 || authority.as_str().contains('@') || text.contains(['"', ';', '#']) {
            return Err(wrong());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self(Base { secure: scheme == "https", authority: authority.to_string(), path }))
    }
}

/// The URL that all paths of the API follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    secure: bool,
    authority: String,
    /// Empty, or beginning with a slash and not ending with one.
    path: String,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// How an API server is reached.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Whether it speaks TLS itself.
    pub(crate) tls: bool,
    /// What it was told to be.
    pub(crate) public_url: Option<PublicUrl>,
}

impl Site {
    /// What a URL for the sender of a request begins with.
    pub(crate) fn base(&self, host: Option<&str>) -> Result<Base, Invalid> {
        if let Some(PublicUrl(base)) = &self.public_url {
            return Ok(base.clone());
        }
        let host: Option<Authority> = host.and_then(|it| it.parse().ok());
        let host = host.filter(|it| it.as_str().len() <= 300 && !it.as_str().contains('@'));
        let host = host.ok_or_else(|| Invalid::new("Host", "must say how the API is reached"))?;
        Ok(Base { secure: self.tls, authority: host.to_string(), path: String::new() })
    }

    /// Whether browsers come by TLS.
    pub(crate) fn secure(&self) -> bool {
        self.public_url.as_ref().map_or(self.tls, |PublicUrl(base)| base.secure)
    }

    /// What goes before the path of every page, for browsers.
    pub(crate) fn path(&self) -> &str {
        self.public_url.as_ref().map_or("", |PublicUrl(base)| &base.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_begins_with_what_was_told_else_with_what_the_request_says() {
        let plain = Site { tls: false, public_url: None };
        assert_eq!(
            plain.base(Some("127.0.0.1:8088")).unwrap().to_string(),
            "http://127.0.0.1:8088"
        );
        let tls = Site { tls: true, public_url: None };
        assert_eq!(
            tls.base(Some("weir.example.com")).unwrap().to_string(),
            "https://weir.example.com"
        );
        for wrong in [None, Some(""), Some("a b"), Some("me@evil"), Some("a/b")] {
            assert!(plain.base(wrong).is_err(), "{wrong:?}");
        }
        let told = "https://example.com:8443/weir/".parse().unwrap();
        let told = Site { tls: false, public_url: Some(told) };
        assert_eq!(told.base(None).unwrap().to_string(), "https://example.com:8443/weir");
        assert_eq!((told.secure(), told.path()), (true, "/weir"));
        assert_eq!((plain.secure(), plain.path()), (false, ""));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for wrong in
            ["", "example.com", "ftp://a", "/a", "https://a?b", "https://me@a", "https://a/;b"]
        {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
