//! What a process tells an OpenTelemetry collector: spans and the points of metrics, by OTLP over HTTP.
//!
//! **Is for**: everything that knows OpenTelemetry; the other rooms have `tracing`'s spans and
//! [`model::trace`].
//! **Must not**: hold up or end anything when the collector does not answer.
//! **Start at**: [`Telemetry::start`].

mod points;
mod pusher;
mod reach;
mod settings;
mod spans;

use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::Log;
use pusher::Pusher;
use settings::{Settings, Signal};

/// What a process calls itself unless `OTEL_SERVICE_NAME` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Api,
    Worker,
    Job,
    /// API and workers in one process.
    Dev,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "weir-api",
            Self::Worker => "weir-worker",
            Self::Job => "weir-job",
            Self::Dev => "weir-dev",
        }
    }

    /// What is left may be told within this time when the process ends. A job's end is waited for:
    /// until then its run is not started again.
    fn last_words_within(self) -> Duration {
        match self {
            Self::Job => Duration::from_secs(1),
            Self::Api | Self::Worker | Self::Dev => Duration::from_secs(2),
        }
    }
}

/// What a process exports; nothing unless the environment names a collector. What is left is told when
/// this is dropped, which must not be within a runtime.
pub(crate) struct Telemetry {
    service: Service,
    settings: Settings,
    spans: Option<SdkTracerProvider>,
    points: Option<Pusher>,
}

impl Telemetry {
    /// Must be called once in a process, before anything is logged.
    pub(crate) fn start(service: Service, log: Option<&Log>) -> Self {
        let settings = Settings::of_environment();
        let mut complaints = settings.complaints();
        let mut spans = None;
        if settings.wants(Signal::Traces) {
            match spans::provider(service.name()) {
                Ok(provider) => spans = Some(provider),
                Err(error) => complaints.push(format!("no traces are exported: {error}")),
            }
        }
        let layer = spans.as_ref().map(spans::layer);
        if log.is_some() || layer.is_some() {
            tracing_subscriber::registry().with(log.map(Log::layer)).with(layer).init();
        }
        for complaint in complaints {
            tracing::warn!("OpenTelemetry: {complaint}");
        }
        let pushes = matches!(service, Service::Worker | Service::Dev);
        let points = (pushes && settings.wants(Signal::Metrics))
            .then(|| Pusher::start(&settings, spans::resource(service.name(), None)));
        Self { service, settings, spans, points }
    }

    /// Where a worker hands kept metrics over.
    pub(crate) fn publish(&self) -> Option<worker::Publish> {
        self.points.as_ref().map(Pusher::publish)
    }

    /// What job processes find in their environment.
    pub(crate) fn for_jobs(&self) -> Vec<(String, String)> {
        self.settings.for_jobs()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let until = Instant::now() + self.service.last_words_within();
        let left = || until.saturating_duration_since(Instant::now());
        if let Some(points) = self.points.take() {
            points.end(left());
        }
        if let Some(spans) = self.spans.take() {
            // One that does not answer in time is told of nowhere: the process ends.
            let _ = spans.shutdown_with_timeout(left());
        }
    }
}
