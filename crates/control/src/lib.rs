//! The use cases: what customers may ask and what workers report.
//!
//! **Is for**: one file per command in `commands`, one per question or report of a worker in
//! `worker`, pure decisions in `rules`.
//! **Must not**: contain SQL (that is `store`), HTTP (that is `api`), or link the data plane:
//! what it must know of SQL text and S3 it asks through [`ports`].
//! **Start at**: [`Control`], then `commands/start.rs` and `worker/claim.rs`.

mod audit;
mod caller;
mod code;
mod commands;
mod control;
mod detail;
mod error;
mod keys;
mod page;
pub mod ports;
mod rules;
mod settings;
mod worker;

pub use caller::{Caller, Door};
pub use code::{NewCode, NewContent, S3Change, ZipProblem};
pub use commands::{
    BegunSnapshot, Change, CreateApplication, CreateKey, CreateSnapshot, CreatedKey,
    DashboardGrant, DeleteApplication, DeleteSnapshot, ExportSnapshot, ImportSnapshot, LiveMetrics,
    Metrics, OperationFilter, PropertyGroupsOf, Reencrypted, Resource, RollbackApplication, Seen,
    ServiceMetrics, StartApplication, UpdateApplication, Updated, UsageQuery, VersionDetail,
    VersionOverview, WaitingOperator, WaitingOperators,
};
pub use control::Control;
pub use detail::{
    ApplicationDetail, FailureDetail, JobPhase, MaintenanceWindow, Outages, RunDetail,
};
pub use error::{Error, Result};
pub use keys::{BadMasterKey, MasterKeys, Secret};
pub use page::{Page, PageRequest};
pub use ports::Diagnostic;
pub use rules::{JobHealth, METRICS, MetricInfo, MetricLevels, Since};
pub use settings::{RoomSettings, ScalingPolicy, Settings, Timing};
pub use store::{
    ApplicationEvent, ApplicationSummary, AuditEntry, Checkpoint, Enhanced, EnhancedFilter,
    Garbage, Key, LogFilter, LogRecord, MetricPoint, Operation, OperationStatus, Scaling, Snapshot,
    SnapshotOperation, SnapshotStatus, Thought, Usage, VersionSummary, Wake, Worker,
};
pub use worker::{
    ApplicationMetrics, CheckpointsFolder, Claim, Copied, CopyProblem, CopyTask, CopyWork, JobKey,
    JobOrder, KeptMetrics, Program, Verdict, WorkerInfo, exported_folder,
};
