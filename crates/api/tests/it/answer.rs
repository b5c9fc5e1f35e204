//! An answer of the API and what every answer must have.

use serde_json::Value;

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Self { status, headers, text: response.text().await.unwrap() }
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).expect("the header is there").to_str().unwrap()
    }

    /// The body of an answer with a status.
    #[track_caller]
    pub(crate) fn body(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        assert_eq!(self.header("content-type"), kind);
        serde_json::from_str(&self.text).unwrap()
    }

    /// Nothing but a status.
    #[track_caller]
    pub(crate) fn empty(&self, status: u16) {
        assert_eq!((self.status, self.text.as_str()), (status, ""));
    }

    /// A refusal, in the one shape they all have; gives the message.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> String {
        let body = self.body(status);
        assert_eq!(body["Code"], code, "{body}");
        assert_eq!(body["RequestId"], self.header("x-amzn-requestid"));
        let message = body["Message"].as_str().unwrap();
        assert_eq!(body["type"], format!("urn:weir:error:{code}"));
        assert_eq!((&body["status"], body["detail"].as_str()), (&status.into(), Some(message)));
        assert!(body["title"].is_string());
        assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
        message.to_owned()
    }
}
