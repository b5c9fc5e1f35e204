//! Postgres: rows in, model values out, transactions.
//!
//! **Is for**: all SQL text of Weir; one file per aggregate, literal statements beside their
//! methods.
//! **Must not**: decide anything: what a row becomes is the caller's choice.
//! **Start at**: [`Store`], [`Tx`], then `runs.rs` and `claims.rs`.
//!
//! Time is the database's (`now()`), so that workers on several machines agree about leases.
//! Lock order: the application's row first (`Tx::lock_application`), then its runs.

mod applications;
mod artifacts;
mod attempts;
mod audit;
mod checkpoint_age;
mod checkpoints;
mod claims;
mod connection;
mod enhanced_snapshots;
mod enhanced_tags;
mod error;
mod events;
mod garbage;
mod keys;
mod logs;
mod metric_points;
mod operations;
mod room;
mod runs;
mod scalings;
mod snapshot_operations;
mod snapshots;
mod sweeps;
mod tags;
mod usage;
mod versions;
mod wake;
mod workers;

pub use applications::{Application, ApplicationSummary, NewApplication};
pub use audit::{AuditEntry, NewAudit};
pub use checkpoints::{Checkpoint, NewCheckpoint};
pub use claims::{Asking, Claimable, Held};
pub use connection::{Store, Tx};
pub use enhanced_snapshots::{Enhanced, EnhancedFilter, EnhancedSource, NewEnhanced};
pub use error::{Error, Result, Taken};
pub use events::{ApplicationEvent, NewEvent};
pub use garbage::Garbage;
pub use keys::{Key, NewKey, Proof};
pub use logs::{LogFilter, LogRecord, OwnLine};
pub use metric_points::{Counts, MetricPoint, Observed};
pub use operations::{NewOperation, Operation, OperationStatus};

pub use room::Room;
pub use runs::{Desired, NewRun, Run, Successor};
pub use scalings::{Scaling, Thought};
pub use snapshot_operations::{NewSnapshotOperation, SnapshotOperation};
pub use snapshots::{Snapshot, SnapshotStatus};
pub use sweeps::{Progress, Sweep};
pub use usage::{Usage, UsageFilter};
pub use versions::{NewVersion, Version, VersionSummary};
pub use wake::Wake;
pub use workers::{NewWorker, Worker};
