//! Aggregate functions with Flink's results, over many groups at once.

mod types;

use arrow::array::{ArrayRef, BooleanArray};

use crate::Result;
pub use types::{call_type, multiset, return_type};

/// An aggregate function; types and results as Flink's built-in ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// `COUNT(*)`: no argument.
    CountStar,
    /// `COUNT(x)`
    Count,
    /// `SUM`: integers keep their type and wrap; DECIMAL(p, s) gives DECIMAL(38, s).
    Sum,
    /// `AVG`: integers keep their type and cut toward zero.
    Avg,
    /// `MIN`
    Min,
    /// `MAX`
    Max,
    /// `FIRST_VALUE`: first non-NULL by arrival.
    FirstValue,
    /// `LAST_VALUE`: last non-NULL by arrival.
    LastValue,
    /// `LISTAGG(x, separator)`
    ListAgg(String),
    /// `COLLECT`: a MULTISET, as Map<x, Int32>.
    Collect,
    /// `STDDEV_POP`
    StddevPop,
    /// `STDDEV_SAMP`, `STDDEV`
    StddevSamp,
    /// `VAR_POP`
    VarPop,
    /// `VAR_SAMP`, `VARIANCE`
    VarSamp,
}

/// One aggregate call over columns of the operator's input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AggregateCall {
    /// The function.
    pub function: AggregateFunction,
    /// Input columns of the arguments (none for `COUNT(*)`).
    pub arguments: Vec<usize>,
    /// `FILTER (WHERE column)`: a Boolean input column; only true counts.
    pub filter: Option<usize>,
    /// `DISTINCT`
    pub distinct: bool,
}

/// Accumulators of one call for many groups, numbered from 0.
pub trait Accumulator: Send {
    /// Makes room for groups `0..groups`.
    fn resize(&mut self, groups: usize);

    /// Adds row `i` of `arguments` to group `groups[i]`, where `filter` (if any) is true.
    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()>;

    /// Adds states made by [`Accumulator::state`]: row `i` to group `groups[i]`.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// The state of the groups `0..n`, as columns (for checkpoints and for merging panes).
    fn state(&self) -> Result<Vec<ArrayRef>>;

    /// The result of the groups `0..n`.
    fn finish(&mut self) -> Result<ArrayRef>;

    /// Bytes held, roughly.
    fn size(&self) -> usize;
}
