//! Syntax trees → logical plan.
//!
//! **Start at**: [`Planner`] in `query`, then `select`; `bind` turns expressions into typed ones;
//! `grouping` and `window` do aggregations; `insert` checks what goes into a sink; `prune` leaves
//! out columns nobody reads.

mod aggregate;
mod aggregation;
mod bind;
mod call;
mod from;
mod grouping;
mod grouping_sets;
mod insert;
mod json;
mod lift;
mod literal;
mod over;
mod prune;
mod query;
mod rank;
mod rel;
mod scope;
mod select;
mod window;

pub(crate) use bind::Binder;
pub(crate) use from::rename;
pub(crate) use insert::{SinkPlan, plan_insert};
pub(crate) use prune::prune;
pub(crate) use query::Planner;
pub(crate) use rank::per_window;
pub(crate) use rel::{
    Aggregation, Column, Op, Rel, Scan, SourceColumn, Time, Watermark, WindowColumn, WindowPart,
    Windowing, relation_of,
};
pub(crate) use scope::Scope;
