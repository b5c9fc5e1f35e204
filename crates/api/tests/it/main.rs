//! Stories over real HTTP, with the control plane on a real Postgres behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answer;
mod applications;
mod audit;
mod aws;
mod bodies;
mod code;
#[expect(dead_code, reason = "other crates use more of it")]
#[path = "../../../store/tests/it/database.rs"]
mod database;
mod enhanced;
mod history;
mod lifecycle;
mod logs;
mod observation;
mod openapi;
mod properties;
mod rollback;
mod service;
mod snapshots;
mod tags;
mod update;
mod world;
