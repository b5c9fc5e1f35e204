//! Where sinks keep prepared output that has no other place before its commit.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, Result};

/// Keeps bytes by name, where every later attempt of the application finds them.
///
/// Names are chosen by whoever puts; they have no slashes and begin with the number of the
/// attempt and a dash ([`attempt_of`]), so that what a dead attempt left behind can be told apart.
pub trait Stash: Debug + Send + Sync {
    /// Keeps `bytes`; durable when it returns. A name is never used for other bytes.
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()>;

    /// What was put under `name`. Error: there is nothing.
    fn get(&self, name: &str) -> Result<Vec<u8>>;

    /// Forgets names; those that are not there are no error.
    fn remove(&self, names: &[String]) -> Result<()>;

    /// All names there are.
    fn list(&self) -> Result<Vec<String>>;
}

/// Number of the attempt that put `name`.
#[must_use]
pub fn attempt_of(name: &str) -> Option<u64> {
    name.split_once('-')?.0.parse().ok()
}

/// Removes what attempts before `attempt` have put. Returns how many things were removed.
pub fn sweep(stash: &dyn Stash, attempt: u64) -> Result<usize> {
    let mut old = stash.list()?;
    old.retain(|name| attempt_of(name).is_some_and(|by| by < attempt));
    stash.remove(&old)?;
    Ok(old.len())
}

/// A stash that lasts as long as the process: for runs that are never restored.
#[derive(Debug, Default)]
pub struct MemoryStash(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStash {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        // The map is whole after every statement below, whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stash for MemoryStash {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.lock().insert(name.to_owned(), bytes);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>> {
        let found = self.lock().get(name).cloned();
        found.ok_or_else(|| Error::internal(format!("prepared output `{name}` is not kept")))
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        let mut kept = self.lock();
        for name in names {
            kept.remove(name);
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>> {
        Ok(self.lock().keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_attempts_left_is_swept() {
        let stash = MemoryStash::default();
        for name in ["1-a-0", "2-a-0", "10-a-0", "11-a-0"] {
            stash.put(name, name.as_bytes().to_vec()).unwrap();
        }
        assert_eq!(sweep(&stash, 10).unwrap(), 2);
        assert_eq!(stash.list().unwrap(), ["10-a-0", "11-a-0"]);
        assert_eq!(stash.get("10-a-0").unwrap(), b"10-a-0");
        stash.get("1-a-0").unwrap_err();
        stash.remove(&["1-a-0".to_owned(), "10-a-0".to_owned()]).unwrap();
        assert_eq!(sweep(&stash, 10).unwrap(), 0);
    }
}
