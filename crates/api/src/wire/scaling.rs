//! What the scaler did and thinks.

use control::{Scaling, Thought};
use serde::Serialize;
use utoipa::ToSchema;

/// What the scaler thinks of the run, and what it did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Autoscaling {
    /// What it thought last; absent before its first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// The change of parallelism that made this run, or that is about to end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = AutoscalingDecision)]
struct Decision {
    at: f64,
    /// `OFF`, `COOLING_DOWN`, `HOLD`, `BLOCKED`, `SCALE_UP` or `SCALE_DOWN`.
    verdict: String,
    /// Why, with the figures.
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = AutoscalingChange)]
struct Change {
    from: u32,
    to: u32,
    /// Why, with the figures.
    reason: String,
    /// When this takes back a change whose job did not start: why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

pub(crate) fn autoscaling(
    thought: Option<Thought>,
    scaling: Option<Scaling>,
) -> Option<Autoscaling> {
    if thought.is_none() && scaling.is_none() {
        return None;
    }
    let decision = thought.map(|it| Decision {
        // Exact for every time there will be.
        at: (it.at_ms / 1000) as f64,
        verdict: it.verdict,
        reason: it.reason,
    });
    let change = scaling.map(|it| Change {
        from: it.from,
        to: it.to,
        reason: it.reason,
        failure: it.failure,
    });
    Some(Autoscaling { decision, change })
}
