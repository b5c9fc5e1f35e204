//! Entries of the audit log.

use control::AuditEntry;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::seconds;

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AuditBody {
    /// Rises with time.
    id: i64,
    timestamp: f64,
    /// Id of the key; `development` without authentication, `terminal:…` on the command line.
    principal: String,
    /// Role of the key at that time.
    role: String,
    /// `rest`, `aws`, `terminal` or `service`.
    door: String,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    request_id: String,
    /// AWS operation, for example `StopApplication`; of what was denied, what was asked.
    action: String,
    /// `DONE` or `DENIED`.
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_name: Option<String>,
    /// What was before, of that which changed. Values of properties and texts of programs are not
    /// kept.
    #[schema(value_type = Object)]
    before: Value,
    /// What it became.
    #[schema(value_type = Object)]
    after: Value,
}

pub(crate) fn entry(entry: AuditEntry) -> AuditBody {
    AuditBody {
        id: entry.id,
        timestamp: seconds(entry.at),
        principal: entry.principal,
        role: entry.role.to_string(),
        door: entry.door,
        address: entry.address,
        request_id: entry.request_id,
        action: entry.action,
        outcome: entry.outcome,
        application_name: entry.application,
        before: entry.before,
        after: entry.after,
    }
}
