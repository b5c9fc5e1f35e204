//! What belongs to a configuration and has operations of its own.

use control::Control;

use super::applications::{Done, Named};
use super::refusal::Refusal;

/// There is no use case for it yet.
pub(super) async fn not_offered(control: Control, request: Named) -> Result<Done, Refusal> {
    control.describe(&request.application_name).await?;
    Err(Refusal::unsupported("this operation is not supported here"))
}
