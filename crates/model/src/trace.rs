//! Where something stands in a trace, as W3C's Trace Context writes it, and the hook to whoever knows
//! traces: the binary installs it, every other room only has `tracing`'s spans.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tracing::Span;

use crate::invalid::Invalid;

/// Target of the spans that are exported. They are disabled, and cost nothing, unless somebody wants
/// them.
pub const TARGET: &str = "weir::trace";

/// A span of a trace: W3C's `traceparent`, version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

impl Traceparent {
    /// `None` if one of the ids is zero, which W3C forbids.
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64, flags: u8) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags })
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The span.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Flags; the lowest bit says that the span is recorded.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl FromStr for Traceparent {
    type Err = Invalid;

    /// A later version may have more behind the flags, which is left out.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("traceparent", "is not a `traceparent` of W3C Trace Context");
        let mut parts = text.splitn(5, '-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let hex = part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            hex.then_some(part).and_then(|part| u128::from_str_radix(part, 16).ok())
        };
        let numbers = (|| Some((part(2)?, part(32)?, part(16)?, part(2)?)))();
        let (version, trace_id, span_id, flags) = numbers.ok_or_else(invalid)?;
        let more = parts.next().is_some();
        if version == 0xff || (version == 0 && more) {
            return Err(invalid());
        }
        let span_id = u64::try_from(span_id).map_err(|_| invalid())?;
        let flags = u8::try_from(flags).map_err(|_| invalid())?;
        Self::new(trace_id, span_id, flags).ok_or_else(invalid)
    }
}

impl TryFrom<String> for Traceparent {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Traceparent> for String {
    fn from(it: Traceparent) -> Self {
        it.to_string()
    }
}

/// Whoever knows traces.
pub trait Tracer: Send + Sync {
    /// Makes a span, which nobody has entered yet, a child of one of another process.
    fn adopt(&self, span: &Span, parent: &Traceparent);

    /// Links a span to one that it has to do with but is no part of.
    fn link(&self, span: &Span, to: &Traceparent);

    /// Where a span stands; `None` if it is disabled.
    fn place(&self, span: &Span) -> Option<Traceparent>;
}

static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

/// Installs who knows traces; the first one of a process stays.
pub fn install(tracer: Box<dyn Tracer>) {
    // A second one would split the traces of a process in two.
    let _ = TRACER.set(tracer);
}

/// [`Tracer::adopt`], where there is a tracer.
pub fn adopt(span: &Span, parent: &Traceparent) {
    if let Some(tracer) = TRACER.get() {
        tracer.adopt(span, parent);
    }
}

/// [`Tracer::link`], where there is a tracer.
pub fn link(span: &Span, to: &Traceparent) {
    if let Some(tracer) = TRACER.get() {
        tracer.link(span, to);
    }
}

/// [`Tracer::place`], where there is a tracer.
#[must_use]
pub fn place(span: &Span) -> Option<Traceparent> {
    TRACER.get()?.place(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let read: Traceparent = EXAMPLE.parse().unwrap();
        assert_eq!(read.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((read.span_id(), read.flags()), (0x00f0_67aa_0ba9_02b7, 1));
        assert_eq!(read.to_string(), EXAMPLE);
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(json, format!("\"{EXAMPLE}\""));
        assert_eq!(serde_json::from_str::<Traceparent>(&json).unwrap(), read);
        // A later version is taken for what is known of it.
        let later = EXAMPLE.replacen("00", "cc", 1);
        assert_eq!(later.parse::<Traceparent>().unwrap(), read);
        assert_eq!(format!("{later}-what-comes").parse::<Traceparent>().unwrap(), read);
    }

    #[test]
    fn what_is_none_is_refused() {
        let none = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ];
        for text in none {
            assert!(text.parse::<Traceparent>().is_err(), "{text}");
        }
    }
}
