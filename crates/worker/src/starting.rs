//! The start of an attempt as a span: from the claim until its job runs.

use control::Claim;
use model::fault::Domain;
use model::protocol::Failure;
use model::trace;
use tracing::{Span, field::Empty, info_span};

/// A start that is under way; it ends when this is dropped.
pub(crate) struct Starting(Span);

impl Starting {
    /// The first attempt of a run is a part of the request that asked for the run; a later one begins
    /// a trace of its own, with a link to that request.
    pub(crate) fn of(claim: &Claim, worker: &str) -> Self {
        let span = info_span!(
            target: trace::TARGET,
            parent: None,
            "start attempt",
            "weir.application" = claim.job.application.as_str(),
            "weir.version" = claim.version.get(),
            "weir.attempt" = i64::try_from(claim.job.attempt).unwrap_or(i64::MAX),
            "weir.parallelism" = i64::try_from(claim.parallelism).unwrap_or(i64::MAX),
            "weir.restore" = %claim.restore,
            "weir.worker" = worker,
            "otel.status_code" = Empty,
            "error.type" = Empty,
        );
        match &claim.traceparent {
            Some(request) if claim.restart => trace::link(&span, request),
            Some(request) => trace::adopt(&span, request),
            None => {}
        }
        Self(span)
    }

    pub(crate) fn span(&self) -> &Span {
        &self.0
    }

    pub(crate) fn failed(&self, failure: &Failure) {
        self.error(match failure.fault.domain {
            Domain::User => "user",
            Domain::External => "external",
            Domain::Internal => "internal",
        });
    }

    /// Its process ended without a word, or was silent for too long.
    pub(crate) fn vanished(&self) {
        self.error("vanished");
    }

    fn error(&self, kind: &str) {
        self.0.record("otel.status_code", "ERROR");
        self.0.record("error.type", kind);
    }
}
