//! Spans: from `tracing` to the collector, and what they are called outside this process.

use std::time::Duration;

use model::trace::{self, Traceparent};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter as Otlp};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use super::reach::Reach;

/// Who tells: the service's name if the environment has no other, its version, and which of several
/// processes.
pub(super) fn resource(service: &'static str, instance: Option<Uuid>) -> Resource {
    let mut own = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    own.extend(instance.map(|it| KeyValue::new("service.instance.id", it.to_string())));
    let given = Resource::builder().with_attributes(own.clone()).build();
    let name = given.iter().find(|(key, _)| key.as_str() == "service.name");
    if name.is_some_and(|(_, name)| !name.as_str().starts_with("unknown_service")) {
        return given;
    }
    Resource::builder().with_attributes(own).with_service_name(service).build()
}

/// Sends spans as the environment says, from a thread of its own.
pub(super) fn provider(service: &'static str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let otlp = Otlp::builder().with_http().build()?;
    let exporter = Told { otlp, reach: Reach::of("spans") };
    trace::install(Box::new(Spans));
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource(service, Some(Uuid::new_v4())))
        .build())
}

/// Takes the spans that are meant for it, and what is logged within them.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("weir"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|it| {
            it.target() == trace::TARGET || (it.is_event() && *it.level() <= Level::INFO)
        }))
}

/// Tells once when the collector does not answer.
#[derive(Debug)]
struct Told {
    otlp: Otlp,
    reach: Reach,
}

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.otlp.export(batch).await;
        self.reach.heard(result.as_ref());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.otlp.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

/// Puts `tracing`'s spans into traces.
struct Spans;

impl trace::Tracer for Spans {
    fn adopt(&self, span: &Span, parent: &Traceparent) {
        let parent = Context::new().with_remote_span_context(context(parent));
        // Refused for a span that is disabled.
        let _ = span.set_parent(parent);
    }

    fn link(&self, span: &Span, to: &Traceparent) {
        span.add_link(context(to));
    }

    fn place(&self, span: &Span) -> Option<Traceparent> {
        let context = span.context();
        let span = context.span();
        let it = span.span_context();
        Traceparent::new(
            u128::from_be_bytes(it.trace_id().to_bytes()),
            u64::from_be_bytes(it.span_id().to_bytes()),
            it.trace_flags().to_u8(),
        )
    }
}

fn context(of: &Traceparent) -> SpanContext {
    SpanContext::new(
        TraceId::from(of.trace_id()),
        SpanId::from(of.span_id()),
        TraceFlags::new(of.flags()),
        true,
        TraceState::NONE,
    )
}
