//! A log shared by connections, and those who wait for it to grow.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::log::{AppendError, Durability, Log};
use super::transaction::{Instance, Outcome};

/// One partition of a topic.
#[derive(Debug)]
pub(super) struct Partition {
    log: Mutex<Log>,
    /// One per connection with a fetch that found too little here.
    waiters: Mutex<Vec<Weak<Notify>>>,
}

impl Partition {
    pub(super) fn open(path: &Path, durability: Durability) -> io::Result<Self> {
        let log = Mutex::new(Log::open(path, durability)?);
        Ok(Self { log, waiters: Mutex::default() })
    }

    /// The log, for as long as nobody else needs it.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one batch and wakes whoever waits for it.
    pub(super) fn append(&self, batch: &[u8]) -> Result<i64, AppendError> {
        let base_offset = self.log().append(batch)?;
        self.wake();
        Ok(base_offset)
    }

    /// Ends the transaction of a producer here and wakes whoever waits for that.
    pub(super) fn append_marker(
        &self,
        who: Instance,
        outcome: Outcome,
        timestamp: i64,
    ) -> io::Result<()> {
        self.log().append_marker(who, outcome, timestamp)?;
        self.wake();
        Ok(())
    }

    /// Has `waiter` notified once, at the next change. To miss none, look at the log afterwards.
    pub(super) fn watch(&self, waiter: &Arc<Notify>) {
        let mut waiters = self.waiters();
        waiters.retain(|known| known.strong_count() > 0);
        if !waiters.iter().any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(waiter))) {
            waiters.push(Arc::downgrade(waiter));
        }
    }

    /// Notifies everybody who watches.
    pub(super) fn wake(&self) {
        for waiter in self.waiters().drain(..).filter_map(|waiter| waiter.upgrade()) {
            waiter.notify_one();
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Vec<Weak<Notify>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
