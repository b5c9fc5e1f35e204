//! Every operation of the AWS API: who may call it and what answers it.

use futures::future::BoxFuture;
use model::access::Role;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use super::{applications, configuration, enhanced, history, legacy, lifecycle, snapshots, tags};
use crate::server::Shared;

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// As AWS names it.
    pub(super) name: &'static str,
    /// The least that a caller must be.
    pub(super) role: Role,
    /// Answers a request that was held against its shape.
    pub(super) run: Run,
}

type Run = fn(Shared, Value) -> BoxFuture<'static, Result<Value, Refusal>>;

impl Operation {
    /// Name of the shape of its requests.
    pub(super) fn request_shape(&self) -> String {
        format!("{}Request", self.name)
    }

    /// Name of the shape of its answers.
    pub(super) fn answer_shape(&self) -> String {
        format!("{}Response", self.name)
    }
}

/// The operation of a name.
pub(super) fn named(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The least that a caller of an operation must be. What does not exist, anybody may ask for in
/// vain.
pub(crate) fn least_role(name: &str) -> Role {
    named(name).map_or(Role::Viewer, |operation| operation.role)
}

/// Reads the request into what a handler takes and renders what it gives. Most handlers take the use
/// cases alone of what is shared.
async fn call<S, I, O, F>(
    shared: Shared,
    input: Value,
    handler: impl FnOnce(S, I) -> F + Send,
) -> Result<Value, Refusal>
where
    S: From<Shared>,
    I: DeserializeOwned,
    O: Serialize,
    F: Future<Output = Result<O, Refusal>> + Send,
{
    let input = serde_json::from_value(input)
        .map_err(|error| Refusal::unreadable(format!("the body cannot be read: {error}")))?;
    let answer = handler(shared.into(), input).await?;
    serde_json::to_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer could not be rendered");
        Refusal::internal()
    })
}

/// One row each: least role, name of the operation, its handler.
macro_rules! operations {
    ($($role:ident $name:ident => $handler:path,)+) => {
        const OPERATIONS: &[Operation] = &[$(Operation {
            name: stringify!($name),
            role: Role::$role,
            run: |shared, input| Box::pin(call(shared, input, $handler)),
        }),+];
    };
}

operations! {
    Admin AddApplicationCloudWatchLoggingOption => configuration::add_logging_option,
    Admin AddApplicationInput => legacy::sql_only,
    Admin AddApplicationInputProcessingConfiguration => legacy::sql_only,
    Admin AddApplicationOutput => legacy::sql_only,
    Admin AddApplicationReferenceDataSource => legacy::sql_only,
    Admin AddApplicationVpcConfiguration => configuration::add_vpc,
    Admin CreateApplication => applications::create,
    Operator CreateApplicationPresignedUrl => configuration::presigned_url,
    Operator CreateApplicationSnapshot => snapshots::create,
    Operator CreateSnapshot => enhanced::create,
    Admin DeleteApplication => applications::delete,
    Admin DeleteApplicationCloudWatchLoggingOption => configuration::delete_logging_option,
    Admin DeleteApplicationInputProcessingConfiguration => legacy::sql_only,
    Admin DeleteApplicationOutput => legacy::sql_only,
    Admin DeleteApplicationReferenceDataSource => legacy::sql_only,
    Operator DeleteApplicationSnapshot => snapshots::delete,
    Admin DeleteApplicationVpcConfiguration => configuration::delete_vpc,
    Operator DeleteSnapshot => enhanced::delete,
    Viewer DescribeApplication => applications::describe,
    Viewer DescribeApplicationOperation => history::operation,
    Viewer DescribeApplicationSnapshot => snapshots::describe,
    Viewer DescribeApplicationVersion => history::version,
    Viewer DescribeSnapshot => enhanced::describe,
    Viewer DescribeSnapshotOperation => enhanced::operation,
    Admin DiscoverInputSchema => legacy::discover,
    Admin ExportSnapshot => enhanced::export,
    Admin ImportSnapshot => enhanced::import,
    Viewer ListApplicationOperations => history::operations,
    Viewer ListApplicationSnapshots => snapshots::list,
    Viewer ListApplicationVersions => history::versions,
    Viewer ListApplications => applications::list,
    Viewer ListSnapshotOperations => enhanced::operations,
    Viewer ListSnapshots => enhanced::list,
    Viewer ListTagsForResource => tags::list,
    Operator RollbackApplication => lifecycle::rollback,
    Operator StartApplication => lifecycle::start,
    Operator StopApplication => lifecycle::stop,
    Operator TagResource => tags::put,
    Operator UntagResource => tags::delete,
    Admin UpdateApplication => applications::update,
    Admin UpdateApplicationMaintenanceConfiguration => configuration::set_maintenance_window,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::shapes::SHAPES;

    #[test]
    fn every_operation_has_its_shapes() {
        assert_eq!(OPERATIONS.len(), 41);
        for operation in OPERATIONS {
            SHAPES.cut(&operation.request_shape(), &mut Value::Null);
            SHAPES.cut(&operation.answer_shape(), &mut Value::Null);
        }
    }

    #[test]
    fn who_only_views_changes_nothing() {
        for Operation { name, role, .. } in OPERATIONS {
            let reads = name.starts_with("Describe") || name.starts_with("List");
            assert_eq!(*role == Role::Viewer, reads, "{name}");
        }
    }
}
