//! What logs and messages for developers do not show: values of properties and texts of programs, both
//! of which may hold passwords.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter, Result};
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

/// Property groups of an application: group id → key → value. `Debug` shows ids and keys only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PropertyGroups(BTreeMap<String, BTreeMap<String, String>>);

impl PropertyGroups {
    /// No group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Deref for PropertyGroups {
    type Target = BTreeMap<String, BTreeMap<String, String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for PropertyGroups {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<const N: usize> From<[(String, BTreeMap<String, String>); N]> for PropertyGroups {
    fn from(groups: [(String, BTreeMap<String, String>); N]) -> Self {
        Self(groups.into())
    }
}

impl FromIterator<(String, BTreeMap<String, String>)> for PropertyGroups {
    fn from_iter<T: IntoIterator<Item = (String, BTreeMap<String, String>)>>(groups: T) -> Self {
        Self(groups.into_iter().collect())
    }
}

impl Debug for PropertyGroups {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_map().entries(self.0.iter().map(|(id, map)| (id, Keys(map)))).finish()
    }
}

/// `Debug` of a map without its values.
pub struct Keys<'a>(pub &'a BTreeMap<String, String>);

impl Debug for Keys<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `Debug` of something of that many bytes, without its content.
pub struct Bytes(pub usize);

impl Debug for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "*** ({} bytes)", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_keys_are_shown_and_values_are_not() {
        let map = [("password".to_owned(), "hunter2".to_owned())].into();
        let groups = PropertyGroups::from([("db".to_owned(), map)]);
        assert_eq!(format!("{groups:?}"), r#"{"db": {"password"}}"#);
        assert_eq!(serde_json::to_string(&groups).unwrap(), r#"{"db":{"password":"hunter2"}}"#);
        assert_eq!(format!("{:?}", Bytes(7)), "*** (7 bytes)");
    }
}
