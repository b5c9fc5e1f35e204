//! Stories over real HTTP, with the control plane on a real Postgres behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod answer;
mod applications;
mod audit;
mod aws;
mod bodies;
mod code;
mod cors;
mod dashboard;
#[expect(dead_code, reason = "other crates use more of it")]
#[path = "../../../store/tests/it/database.rs"]
mod database;
mod detail;
mod doors;
mod enhanced;
mod etag;
mod history;
mod keys;
mod lifecycle;
mod limits;
mod logs;
mod metrics;
mod nul;
mod observation;
mod openapi;
mod properties;
mod rollback;
mod scenarios;
mod secrets;
mod service;
mod signer;
mod snapshots;
mod sub_resources;
mod tags;
mod tls;
mod update;
mod usage;
mod world;
