//! Keyed state's unit of redistribution, and what an operator hands to a checkpoint.

use std::ops::Range;

/// Number of key groups of every application (Flink's default maximum parallelism).
pub const KEY_GROUPS: u16 = 128;

/// Subtask that owns `group`, given `parallelism` subtasks (Flink's formula).
///
/// Must never change: state is rescaled by moving whole key groups.
#[must_use]
pub fn owner(group: u16, parallelism: usize) -> usize {
    usize::from(group) * parallelism / usize::from(KEY_GROUPS)
}

/// The key groups that subtask `index` of `parallelism` owns.
#[must_use]
pub fn owned(index: usize, parallelism: usize) -> Range<u16> {
    let groups = usize::from(KEY_GROUPS);
    let start = (index * groups).div_ceil(parallelism);
    let end = ((index + 1) * groups).div_ceil(parallelism);
    u16::try_from(start).unwrap_or(KEY_GROUPS)..u16::try_from(end).unwrap_or(KEY_GROUPS)
}

/// State of one operator's subtask in one checkpoint.
///
/// `bytes` is an Arrow IPC stream; keyed state has a column `key_group` (UInt16) so that a
/// restore at another parallelism reads the blobs of all old subtasks and keeps its own groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorState {
    /// Version of the operator's own format; a fixture of every version is kept and restored.
    pub format: u16,
    /// Fingerprint of what the state means (keys, aggregates, window); it must match to restore.
    pub fingerprint: String,
    /// The state itself.
    pub bytes: Vec<u8>,
}

/// What an operator gets back: the blobs of all subtasks of the checkpoint, its own key groups.
#[derive(Debug, Clone)]
pub struct RestoredState {
    /// One per old subtask.
    pub parts: Vec<OperatorState>,
    /// The key groups to keep.
    pub groups: Range<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_is_the_inverse_of_owner() {
        for parallelism in 1..=usize::from(KEY_GROUPS) {
            for group in 0..KEY_GROUPS {
                assert!(owned(owner(group, parallelism), parallelism).contains(&group));
            }
        }
    }
}
