//! What applications took.

use axum::Json;
use control::{PageRequest, Usage, UsageQuery};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::failure::{Failure, FailureBody};
use crate::request::Query;
use crate::server::Shared;

/// Which usage.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The first day (UTC), `YYYY-MM-DD`; absent = a month before the last.
    from: Option<String>,
    /// The last day (UTC); absent = today.
    to: Option<String>,
    /// Name of one application; it may be gone.
    application: Option<String>,
    /// Most items of a page, 1 to 50.
    #[serde(rename = "Limit")]
    limit: Option<i64>,
    /// What the page before gave.
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

/// What one application took on one day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct UsageBody {
    application_name: String,
    /// Tells applications apart that had the same name one after another.
    application_id: String,
    /// UTC, `YYYY-MM-DD`.
    day: String,
    /// KPUs by seconds, from each claim by a worker until its end. There is no orchestration KPU:
    /// what AWS bills beside an application's own KPUs is not counted.
    kpu_seconds: f64,
}

/// A page of usage.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UsageAnswer {
    usage: Vec<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Lists the KPU-seconds that applications took, by day and application; they are counted every
/// minute and stay when an application is deleted.
#[utoipa::path(get, path = "/v1/usage", tag = "service", operation_id = "ListUsage",
    params(Parameters),
    responses((status = 200, body = UsageAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn usage(
    shared: Shared,
    Query(parameters): Query<Parameters>,
) -> Result<Json<UsageAnswer>, Failure> {
    let Parameters { from, to, application, limit, next_token } = parameters;
    let day = |field, text: Option<String>| {
        let wrong = |_| Invalid::new(field, "must be a day such as `2026-01-31`");
        text.map(|text| text.parse()).transpose().map_err(wrong)
    };
    let query = UsageQuery {
        from: day("from", from)?,
        to: day("to", to)?,
        application: application.map(|name| name.parse()).transpose()?,
    };
    let page = shared.control.usage(&query, &PageRequest::new(limit, next_token)?).await?;
    let usage = page.items.into_iter().map(body).collect();
    Ok(Json(UsageAnswer { usage, next_token: page.next_token }))
}

fn body(usage: Usage) -> UsageBody {
    UsageBody {
        application_name: usage.name.to_string(),
        application_id: usage.application.0.to_string(),
        day: usage.day.to_string(),
        kpu_seconds: (usage.kpu_seconds * 1000.0).round() / 1000.0,
    }
}
