//! Exhaustive crash points: exactly once, whatever dies between which two calls.
//!
//! Real are the order of calls ([`crate::attempt`]), the coordinator, the storage tasks, manifests,
//! restore, stash, and both committers with the ledger of Kafka's markers. Simulated are what they
//! speak to: the control plane (`plane.rs`, after `control` and `store`), the object store and the
//! files (`objects.rs`), Kafka (`broker.rs`), and the subtasks (`actor.rs`). Every call of an
//! attempt is a point where a [`schedule::Fault`] may strike; `explore.rs` tries them all.
//!
//! ```text
//! WEIR_SCHEDULE=steady:17t,40p,55s cargo test -p job crash_points -- --nocapture   replays one
//! WEIR_CRASH_SHARE=1 cargo test -p job crash_points                                every pair of faults
//! ```
//!
//! **Start at**: `schedule.rs` (what may go wrong), `world.rs` (a call), `checks.rs` (what must hold).

mod actor;
mod broker;
mod checks;
mod explore;
mod objects;
mod plane;
mod scenarios;
mod schedule;
mod world;
mod writers;
