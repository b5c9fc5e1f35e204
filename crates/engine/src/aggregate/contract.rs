//! Aggregate calls and the accumulators that compute them.

use arrow::array::{ArrayRef, BooleanArray};

use crate::{Error, Result};

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
///
/// A group that saw no value is as one that was never updated. Group numbers given to any method
/// must be below the last `resize`.
pub trait Accumulator: Send {
    /// Makes room for groups `0..groups`; never shrinks.
    fn resize(&mut self, groups: usize);

    /// Adds row `i` of `arguments` to group `groups[i]`, where `filter` (if any) is true.
    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()>;

    /// Takes back what [`Accumulator::update`] added. Only for accumulators made by
    /// [`super::retractable_accumulator`]; the others refuse.
    fn retract(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let _ = (groups, arguments, filter);
        Err(Error::internal("this accumulator cannot take values back"))
    }

    /// Adds states made by [`Accumulator::state`]: row `i` to group `groups[i]`, in this order.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// The state of `groups`, as columns (for checkpoints and for merging panes).
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// The results of `groups`.
    fn finish(&self, groups: &[u32]) -> Result<ArrayRef>;

    /// Forgets what `groups` saw, so that their numbers can be given to others.
    fn clear(&mut self, groups: &[u32]);

    /// Bytes held, roughly.
    fn size(&self) -> usize;
}
