//! One of many: what is kept of records that are dropped, so that somebody can tell of them.

use std::fmt::{Debug, Formatter};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::graph::NodeIndex;

/// Keeps the first value it is offered, until somebody takes it; then the next one.
///
/// Offering costs one atomic read while there is a value: so it may stand where many records come
/// by.
pub struct Sample<T> {
    kept: AtomicBool,
    value: Mutex<Option<T>>,
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self { kept: AtomicBool::new(false), value: Mutex::new(None) }
    }
}

impl<T> Debug for Sample<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sample").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl<T> Sample<T> {
    /// Makes a value and keeps it, unless there is one.
    pub fn offer(&self, make: impl FnOnce() -> T) {
        if self.kept.load(Ordering::Relaxed) {
            return;
        }
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        value.get_or_insert_with(make);
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Takes the value out.
    pub fn take(&self) -> Option<T> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        self.kept.store(false, Ordering::Relaxed);
        value.take()
    }
}

/// A late record, without anything of its contents but its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRecord {
    /// The source it came from, where that is known.
    pub origin: Option<NodeIndex>,
    /// Its event time, ms. (Of a record that carries its window: that window's last millisecond.)
    pub event_ms: i64,
    /// The watermark that was in force before it.
    pub watermark_ms: i64,
    /// The watermark at which the last window it could have counted for had fired.
    pub due_ms: i64,
}

impl LateRecord {
    /// By how much smaller the watermark would have had to be for the record to count.
    #[must_use]
    pub fn late_by_ms(&self) -> i64 {
        self.watermark_ms.saturating_sub(self.due_ms).saturating_add(1)
    }
}
