//! How many requests a second a key may make: a token bucket for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Buckets by id of a key. A bucket holds the requests of one second.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Requests a second; 0 = no limit.
    rate: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Limits {
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Whether the key may make one more request now.
    pub(crate) fn admits(&self, key: &str, now: Instant) -> bool {
        if self.rate == 0 {
            return true;
        }
        let most = f64::from(self.rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(key) {
            buckets.insert(key.to_owned(), Bucket { tokens: most, filled: now });
        }
        let Some(bucket) = buckets.get_mut(key) else { return true };
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * most).min(most);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_has_so_many_requests_a_second_and_no_other_key_less() {
        let limits = Limits::new(3);
        let now = Instant::now();
        let admitted = |key, at| (0..5).filter(|_| limits.admits(key, at)).count();
        assert_eq!(admitted("a", now), 3);
        assert_eq!(admitted("b", now), 3);
        assert_eq!(admitted("a", now + Duration::from_millis(700)), 2);
        assert_eq!(admitted("a", now + Duration::from_secs(60)), 3);
        assert!((0..9).all(|_| Limits::new(0).admits("a", now)));
    }
}
