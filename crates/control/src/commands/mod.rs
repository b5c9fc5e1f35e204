//! What customers may ask; one file per command.

mod audit;
mod change;
mod create;
mod delete;
mod describe;
mod enhanced_snapshots;
mod history;
mod keys;
mod legacy;
mod maintenance;
mod metrics;
mod observe;
mod presigned_url;
mod properties;
mod restorable;
mod rollback;
mod snapshots;
mod start;
mod stop;
mod tags;
mod update;
mod usage;
mod waiting;

pub use change::{Change, Seen};
pub use create::CreateApplication;
pub use delete::DeleteApplication;
pub use describe::{VersionDetail, VersionOverview};
pub use enhanced_snapshots::{
    BegunSnapshot, CreateSnapshot, DeleteSnapshot, ExportSnapshot, ImportSnapshot, Resource,
};
pub use history::OperationFilter;
pub use keys::{CreateKey, CreatedKey, Reencrypted};
pub use metrics::{LiveMetrics, ServiceMetrics};
pub use observe::Metrics;
pub use presigned_url::DashboardGrant;
pub use properties::PropertyGroupsOf;
pub use rollback::RollbackApplication;
pub use start::StartApplication;
pub use update::{UpdateApplication, Updated};
pub use usage::UsageQuery;
pub use waiting::{WaitingOperator, WaitingOperators};
