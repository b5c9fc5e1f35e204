//! Syntax trees → logical plan.
//!
//! **Start at**: [`Planner`] in `query`, then `select`; `bind` turns expressions into typed ones;
//! `grouping` and `window` do aggregations; `insert` checks what goes into a sink; `prune` leaves
//! out columns nobody reads.

mod aggregate;
mod bind;
mod call;
mod from;
mod grouping;
mod insert;
mod json;
mod lift;
mod literal;
mod prune;
mod query;
mod rank;
mod rel;
mod scope;
mod select;
mod window;

pub(crate) use bind::Binder;
pub(crate) use insert::{SinkPlan, plan_insert};
pub(crate) use prune::prune;
pub(crate) use query::Planner;
pub(crate) use rel::{
    Aggregation, Column, Op, Rel, Scan, SourceColumn, Time, Watermark, WindowColumn, Windowing,
};
pub(crate) use scope::Scope;
