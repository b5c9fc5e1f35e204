//! Locks by object name.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// More than there are writers at a time, so that two keys rarely share a lock.
const STRIPES: usize = 1024;

/// One lock per object, for operations that check something before they write.
#[derive(Debug)]
pub(super) struct Locks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Locks {
    pub(super) fn new() -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::new(())).collect();
        Self { stripes, hasher: RandomState::new() }
    }

    /// Waits until nobody else writes the object.
    pub(super) async fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one((bucket, key));
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        self.stripes[stripe].lock().await
    }
}
