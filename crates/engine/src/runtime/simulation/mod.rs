//! The engine under a virtual clock and a seeded schedule, with crashes and restores.
//!
//! **Is for**: running the real subtask loops so that one seed is one schedule, and comparing what
//! becomes visible with what an undisturbed run makes visible.
//! **Must not**: stand in for anything of the engine; only sources, sinks and the store are its own.
//! **Start at**: [`tests`], then `job.rs` (the life of a job), `stage.rs` (whose turn it is).
//!
//! ```text
//! cargo test -p engine simulation                                 120 seeds, and every barrier position
//! WEIR_SEEDS=1000 cargo test -p engine simulation                 seeds 0..1000
//! WEIR_SEEDS=1000..3000 cargo test -p engine simulation           those
//! WEIR_SEED=17 cargo test -p engine simulation -- --nocapture     one, with its trace
//! ```

mod attempt;
mod input;
mod job;
mod programs;
mod source;
mod stage;
mod tests;
mod trace;
mod world;
