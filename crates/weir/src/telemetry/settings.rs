//! OpenTelemetry's own variables, as far as the SDK does not read them itself.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long a collector may take for an answer (the default of the specification).
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }
}

/// Whom to trust, if not whom the machine does.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The variables that begin with `OTEL_` or say whom to trust, and are not empty.
#[derive(Clone)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(super) fn of_environment() -> Self {
        let all = std::env::vars_os();
        Self::new(all.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    fn new(all: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |(name, value): &(String, String)| {
            let ours = name.starts_with("OTEL_") || CERTIFICATES.contains(&name.as_str());
            ours && !value.is_empty()
        };
        Self(all.into_iter().filter(ours).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The signal's own variable, else the one for all.
    fn exporter(&self, signal: Signal, name: &str) -> Option<&str> {
        self.get(&format!("OTEL_EXPORTER_OTLP_{}_{name}", signal.word()))
            .or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn chosen(&self, signal: Signal) -> Option<&str> {
        self.get(&format!("OTEL_{}_EXPORTER", signal.word()))
    }

    /// Only if a collector is named.
    pub(super) fn wants(&self, signal: Signal) -> bool {
        let off = self.get("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let otlp = self.chosen(signal).is_none_or(|it| it == "otlp");
        !off && otlp && self.exporter(signal, "ENDPOINT").is_some()
    }

    /// What is asked for and cannot be had.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for signal in [Signal::Traces, Signal::Metrics] {
            let word = signal.word();
            if let Some(other) = self.chosen(signal).filter(|it| !matches!(*it, "otlp" | "none")) {
                complaints.push(format!(
                    "OTEL_{word}_EXPORTER is `{other}`, but there are only `otlp` and `none`"
                ));
            }
            let protocol = self.exporter(signal, "PROTOCOL").filter(|_| self.wants(signal));
            if let Some(other) = protocol.filter(|it| *it != "http/protobuf") {
                complaints.push(format!(
                    "{} go out by http/protobuf, not by `{other}`: the collector must take that \
                     (usually at port 4318)",
                    word.to_lowercase()
                ));
            }
        }
        complaints
    }

    /// Where points go.
    pub(super) fn metrics_url(&self) -> Option<String> {
        if let Some(own) = self.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") {
            return Some(own.to_owned());
        }
        let all = self.get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/metrics", all.trim_end_matches('/')))
    }

    /// What goes with them: `name=value,name=value`, percent-encoded.
    pub(super) fn metrics_headers(&self) -> Vec<(String, String)> {
        let given = self.exporter(Signal::Metrics, "HEADERS").unwrap_or_default();
        let pairs = given.split(',').filter_map(|it| it.split_once('='));
        pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect()
    }

    pub(super) fn metrics_timeout(&self) -> Duration {
        let given = self.exporter(Signal::Metrics, "TIMEOUT").and_then(|it| it.parse().ok());
        given.map_or(TIMEOUT, Duration::from_millis)
    }

    /// Everything but the name of this process, if traces are exported. Jobs export no metrics.
    pub(super) fn for_jobs(&self) -> Vec<(String, String)> {
        if !self.wants(Signal::Traces) {
            return Vec::new();
        }
        let all = self.0.iter().filter(|(name, _)| *name != "OTEL_SERVICE_NAME");
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// What is no code stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &others[2..] } else { others };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: &[(&str, &str)]) -> Settings {
        Settings::new(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn nothing_is_exported_unless_a_collector_is_named() {
        let wanted = |all: &[(&str, &str)]| {
            let settings = settings(all);
            (settings.wants(Signal::Traces), settings.wants(Signal::Metrics))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(wanted(&[]), (false, false));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), (false, false));
        assert_eq!(wanted(&[("OTEL_TRACES_EXPORTER", "otlp")]), (false, false));
        assert_eq!(wanted(&[endpoint]), (true, true));
        assert_eq!(wanted(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]), (false, true));
        assert_eq!(wanted(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]), (true, false));
        assert_eq!(wanted(&[endpoint, ("OTEL_SDK_DISABLED", "true")]), (false, false));
        let only = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics/otlp");
        assert_eq!(wanted(&[only]), (false, true));
        assert_eq!(settings(&[only, endpoint]).metrics_url().unwrap(), only.1);
        let url = "http://collector:4318/v1/metrics";
        assert_eq!(settings(&[endpoint]).metrics_url().unwrap(), url);
    }

    #[test]
    fn what_cannot_be_had_is_complained_of() {
        let settings = settings(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
        ]);
        let complaints = settings.complaints();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("`grpc`") && complaints[1].contains("`prometheus`"));
    }

    #[test]
    fn headers_are_decoded() {
        let given = "api-key=a%20b%3D%zz, x=1,,nothing";
        let settings = settings(&[("OTEL_EXPORTER_OTLP_HEADERS", given)]);
        let read = settings.metrics_headers();
        assert_eq!(read, [("api-key", "a b=%zz"), ("x", "1")].map(|(n, v)| (n.into(), v.into())));
    }

    #[test]
    fn jobs_have_a_name_of_their_own() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let name = ("OTEL_SERVICE_NAME", "mine");
        let trusted = ("SSL_CERT_FILE", "/etc/ours.pem");
        let given = settings(&[endpoint, name, trusted, ("DATABASE_URL", "secret")]).for_jobs();
        assert_eq!(given, [endpoint, trusted].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(settings(&[name]).for_jobs(), []);
    }
}
