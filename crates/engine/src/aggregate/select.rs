//! Which rows of a batch an accumulator looks at.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};

/// The rows that have no NULL argument and pass the filter; `None` = all of them.
pub(super) fn selected(
    arguments: &[ArrayRef],
    filter: Option<&BooleanArray>,
) -> Option<BooleanBuffer> {
    let mut nulls: Option<NullBuffer> = None;
    for argument in arguments {
        if argument.logical_null_count() > 0 {
            nulls = NullBuffer::union(nulls.as_ref(), argument.logical_nulls().as_ref());
        }
    }
    let mut mask = nulls.map(NullBuffer::into_inner);
    if let Some(filter) = filter {
        let kept = match filter.nulls() {
            Some(valid) => filter.values() & valid.inner(),
            None => filter.values().clone(),
        };
        mask = Some(match mask {
            Some(mask) => &mask & &kept,
            None => kept,
        });
    }
    mask
}

/// Calls `each` with the numbers of the selected rows, in order.
#[inline]
pub(super) fn for_selected(rows: usize, mask: Option<&BooleanBuffer>, mut each: impl FnMut(usize)) {
    match mask {
        None => (0..rows).for_each(each),
        Some(mask) => mask.set_indices().for_each(&mut each),
    }
}
