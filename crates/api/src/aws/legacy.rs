//! Operations that only SQL-1_0 applications had, which are no more.

use control::Control;
use model::ids::{ApplicationName, VersionId};
use serde::Deserialize;

use super::applications::Done;
use super::refusal::Refusal;

/// What all of them say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SqlOnly {
    application_name: ApplicationName,
    current_application_version_id: i64,
}

pub(super) async fn sql_only(control: Control, request: SqlOnly) -> Result<Done, Refusal> {
    let version = VersionId::try_from(request.current_application_version_id)?;
    let refused = control.refuse_sql_only(&request.application_name, version).await;
    match refused? {}
}

/// DiscoverInputSchema asks for no application.
pub(super) async fn discover(_: Control, _: serde_json::Value) -> Result<Done, Refusal> {
    Err(Refusal::unsupported("DiscoverInputSchema is only for SQL-1_0 applications"))
}
