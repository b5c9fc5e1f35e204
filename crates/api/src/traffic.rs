//! Counts requests and how long they took, by endpoint and status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Upper ends of the histogram's buckets, in seconds.
pub(crate) const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// What was counted of one endpoint and status.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answered {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    /// Answers within each of [`BUCKETS`], those of smaller ones included.
    pub(crate) within: [u64; BUCKETS.len()],
}

impl Answered {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.count += 1;
        self.seconds += seconds;
        let within = self.within.iter_mut().zip(BUCKETS).filter(|(_, end)| seconds <= *end);
        within.for_each(|(count, _)| *count += 1);
    }
}

/// Method, path template and status: few, whatever is asked for.
type Kind = (String, String, u16);

/// The counts of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic(Arc<Mutex<BTreeMap<Kind, Answered>>>);

impl Traffic {
    pub(crate) fn all(&self) -> BTreeMap<Kind, Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, kind: Kind, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(kind).or_default().add(took);
    }
}

/// Counts a request when its answer begins.
pub(crate) async fn count(
    State(traffic): State<Traffic>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    let method = method.to_owned();
    let path = request.extensions().get::<MatchedPath>();
    // What is nowhere must not become a name for each guess.
    let path = path.map_or("unknown", |it| it.as_str()).to_owned();
    let response = next.run(request).await;
    traffic.add((method, path, response.status().as_u16()), began.elapsed());
    response
}
