//! Stories of the control plane over a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoints;
mod code;
mod create;
#[path = "../../../store/tests/it/database.rs"]
mod database;
mod deadlines;
mod enhanced;
mod failures;
mod fencing;
mod history;
mod metrics;
mod recovery;
mod restorable;
mod rollback;
mod snapshots;
mod start_stop;
mod update;
mod world;
