//! As much of HTTP/1.1 as passing messages on takes: heads, and where bodies end.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest head that is taken.
const LONGEST_HEAD: usize = 64 * 1024;

/// A request or an answer without its body.
#[derive(Debug)]
pub(super) struct Head {
    /// `PUT /bucket/key HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub(super) first: String,
    headers: Vec<(String, String)>,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// After so many bytes.
    Length(u64),
    /// With an empty chunk.
    Chunked,
    /// With the connection.
    ToTheEnd,
}

impl Head {
    /// Reads a head; `None` when the connection ended before it.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let (mut first, mut headers, mut size) = (None, Vec::new(), 0);
        loop {
            let mut line = Vec::new();
            if from.read_until(b'\n', &mut line).await? == 0 {
                return match first {
                    None => Ok(None),
                    Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            size += line.len();
            if size > LONGEST_HEAD {
                return Err(io::Error::other("the head of a message is too long"));
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match (&first, line.is_empty()) {
                (None, true) => {}
                (None, false) => first = Some(line),
                (Some(_), true) => break,
                (Some(_), false) => {
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    headers.push((name.to_owned(), value.trim().to_owned()));
                }
            }
        }
        Ok(first.map(|first| Self { first, headers }))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Takes a header out; tells whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.headers.len();
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.len() < before
    }

    /// Whether the connection ends after this message.
    pub(super) fn closes(&self) -> bool {
        self.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The second word: a request's target or an answer's status.
    pub(super) fn second(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The first word of a request.
    pub(super) fn method(&self) -> &str {
        self.first.split(' ').next().unwrap_or_default()
    }

    fn framing(&self) -> Option<Body> {
        if self.get("transfer-encoding").is_some_and(|it| it.to_lowercase().contains("chunked")) {
            return Some(Body::Chunked);
        }
        self.get("content-length").and_then(|it| it.parse().ok()).map(Body::Length)
    }

    /// The body of this request.
    pub(super) fn request_body(&self) -> Body {
        self.framing().unwrap_or(Body::Length(0))
    }

    /// The body of this answer to a request of `method`.
    pub(super) fn answer_body(&self, method: &str) -> Body {
        let status = self.second();
        if method == "HEAD" || status == "204" || status == "304" || status.starts_with('1') {
            return Body::Length(0);
        }
        self.framing().unwrap_or(Body::ToTheEnd)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// Passes a whole body on.
pub(super) async fn pass(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    body: Body,
) -> io::Result<()> {
    match body {
        Body::Length(length) => exactly(from, to, length).await?,
        Body::ToTheEnd => {
            tokio::io::copy_buf(from, to).await?;
        }
        Body::Chunked => loop {
            let mut line = Vec::new();
            from.read_until(b'\n', &mut line).await?;
            to.write_all(&line).await?;
            let text = String::from_utf8_lossy(&line);
            let size = text.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                trailer(from, to).await?;
                break;
            }
            exactly(from, to, size + 2).await?;
        },
    }
    to.flush().await
}

/// Passes half of a body on; of one without a length, nothing.
pub(super) async fn pass_half(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    body: Body,
) -> io::Result<()> {
    if let Body::Length(length) = body {
        exactly(from, to, length / 2).await?;
    }
    to.flush().await
}

async fn exactly(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    length: u64,
) -> io::Result<()> {
    let copied = tokio::io::copy_buf(&mut from.take(length), to).await?;
    if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

async fn trailer(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&line).await?;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn head(text: &str) -> Head {
        Head::read(&mut text.as_bytes()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_head_is_read_and_written_as_it_came() {
        let text = "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
        let read = head(text).await;
        assert_eq!((read.method(), read.second()), ("PUT", "/b/k"));
        assert_eq!(read.request_body(), Body::Length(5));
        assert!(!read.closes());
        assert_eq!(read.bytes(), text.as_bytes());
        assert!(Head::read(&mut "".as_bytes()).await.unwrap().is_none());
        assert!(Head::read(&mut "PUT / HTTP/1.1\r\nHost".as_bytes()).await.is_err());
    }

    #[tokio::test]
    async fn the_end_of_an_answer_is_known() {
        let answer = head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        assert_eq!(answer.answer_body("GET"), Body::Chunked);
        assert_eq!(answer.answer_body("HEAD"), Body::Length(0));
        let answer = head("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(answer.answer_body("DELETE"), Body::Length(0));
        let answer = head("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        assert_eq!(answer.answer_body("GET"), Body::ToTheEnd);
    }

    #[tokio::test]
    async fn a_body_is_passed_on_to_its_end_and_no_further() {
        for (body, text, want) in [
            (Body::Length(3), "abcdef", "abc"),
            (Body::Chunked, "3\r\nabc\r\n0\r\n\r\nGET", "3\r\nabc\r\n0\r\n\r\n"),
            (Body::ToTheEnd, "abcdef", "abcdef"),
        ] {
            let (mut from, mut to) = (text.as_bytes(), Vec::new());
            pass(&mut from, &mut to, body).await.unwrap();
            assert_eq!(String::from_utf8(to).unwrap(), want);
        }
        let (mut from, mut to) = ("abcdef".as_bytes(), Vec::new());
        pass_half(&mut from, &mut to, Body::Length(6)).await.unwrap();
        assert_eq!(to, b"abc");
        pass(&mut "ab".as_bytes(), &mut Vec::new(), Body::Length(3)).await.unwrap_err();
    }
}
