//! What of this process is seen in traces: its start, and each checkpoint.

use std::collections::BTreeMap;

use model::fault::Domain;
use model::protocol::{Assignment, CheckpointWritten, Event, Failure};
use model::trace::{self, Traceparent};
use tracing::{Span, field::Empty, info_span};

/// From the assignment until all subtasks run; a part of what the worker does for it.
pub(crate) fn start(assignment: &Assignment) -> Span {
    let span = info_span!(
        target: trace::TARGET,
        parent: None,
        "start job",
        "weir.application" = assignment.application,
        "weir.version" = assignment.version,
        "weir.attempt" = signed(assignment.attempt),
        "weir.parallelism" = i64::try_from(assignment.parallelism).unwrap_or(i64::MAX),
        "otel.status_code" = Empty,
        "error.type" = Empty,
    );
    if let Some(parent) = &assignment.traceparent {
        trace::adopt(&span, parent);
    }
    span
}

/// One step of the start, within its span.
macro_rules! step {
    ($name:literal) => {
        tracing::info_span!(target: model::trace::TARGET, $name).entered()
    };
}
pub(crate) use step;

pub(crate) fn failed(span: &Span, failure: &Failure) {
    span.record("otel.status_code", "ERROR");
    span.record(
        "error.type",
        match failure.fault.domain {
            Domain::User => "user",
            Domain::External => "external",
            Domain::Internal => "internal",
        },
    );
}

/// Checkpoints under way, each a trace of its own with a link to the start: a job lives for weeks.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    application: String,
    attempt: u64,
    start: Option<Traceparent>,
    open: BTreeMap<u64, Span>,
}

impl Checkpoints {
    pub(crate) fn new(assignment: &Assignment, start: &Span) -> Self {
        Self {
            application: assignment.application.clone(),
            attempt: assignment.attempt,
            start: trace::place(start),
            open: BTreeMap::new(),
        }
    }

    /// From the barrier on.
    pub(crate) fn begin(&mut self, checkpoint: u64) {
        let span = info_span!(
            target: trace::TARGET,
            parent: None,
            "checkpoint",
            "weir.application" = self.application,
            "weir.attempt" = signed(self.attempt),
            "weir.checkpoint" = signed(checkpoint),
            "weir.snapshot" = Empty,
            "weir.state_bytes" = Empty,
            "otel.status_code" = Empty,
        );
        if span.is_disabled() {
            return;
        }
        if let Some(start) = &self.start {
            trace::link(&span, start);
        }
        self.open.insert(checkpoint, span);
    }

    /// Until its output is visible, or it came to nothing.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::CheckpointWritten(CheckpointWritten { id, snapshot, state_bytes, .. }) => {
                let Some(span) = self.open.get(id) else { return };
                span.record("weir.state_bytes", signed(*state_bytes));
                span.record("weir.snapshot", snapshot.as_deref());
                let _in = span.enter();
                tracing::info!(target: trace::TARGET, "written");
            }
            Event::CheckpointCommitted { id } => {
                self.open.remove(id);
            }
            Event::CheckpointFailed { id, .. } => {
                if let Some(span) = self.open.remove(id) {
                    span.record("otel.status_code", "ERROR");
                }
            }
            _ => {}
        }
    }
}

/// OpenTelemetry has no unsigned numbers.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
