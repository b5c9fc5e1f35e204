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
mod random;
mod recovery;
mod restorable;
mod rollback;
mod room;
mod scaling;
mod snapshots;
mod start_stop;
mod starts;
mod traced;
mod update;
mod usage;
mod world;
