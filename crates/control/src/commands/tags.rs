//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;

use model::{
    ids::ApplicationName,
    invalid::{Invalid, check_length},
    lifecycle::{Command, admit},
};
use serde_json::json;

use crate::{
    Control,
    audit::Audit,
    error::{Error, Result},
};

/// Most tags an application may have.
pub(super) const MOST_TAGS: usize = 50;

impl Control {
    /// All tags of an application, by key.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn tags(&self, name: &ApplicationName) -> Result<BTreeMap<String, String>> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        Ok(tx.tags(application.id).await?)
    }

    /// Adds tags or changes their values; no new version.
    ///
    /// # Errors
    /// A tag that breaks a rule, more than fifty together with those there are.
    pub async fn tag(&self, name: &ApplicationName, tags: BTreeMap<String, String>) -> Result<()> {
        check_tags(&tags)?;
        let mut tx = self.store.begin().await?;
        let application = Self::locked(&mut tx, name).await?;
        admit(application.status, Command::Tag)?;
        let before = tx.tags(application.id).await?;
        let mut all = before.clone();
        all.extend(tags.clone());
        if all.len() > MOST_TAGS {
            return Err(Error::TooManyTags(all.len()));
        }
        for (key, value) in &tags {
            tx.put_tag(application.id, key, value).await?;
        }
        let audit = Audit::of("TagResource", name).changed("tags", json!(before), json!(all));
        self.audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes tags; keys that do not exist are passed over.
    ///
    /// # Errors
    /// A key that no tag can have; no application of that name.
    pub async fn untag(&self, name: &ApplicationName, keys: Vec<String>) -> Result<()> {
        check_keys(&keys)?;
        let mut tx = self.store.begin().await?;
        let application = Self::locked(&mut tx, name).await?;
        admit(application.status, Command::Tag)?;
        let before = tx.tags(application.id).await?;
        tx.delete_tags(application.id, &keys).await?;
        let after = tx.tags(application.id).await?;
        let audit = Audit::of("UntagResource", name).changed("tags", json!(before), json!(after));
        self.audit(&mut tx, audit).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Checks tags against the AWS rules.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    if tags.len() > MOST_TAGS {
        return Err(Error::TooManyTags(tags.len()));
    }
    for (key, value) in tags {
        check_key("Key", key)?;
        check_length("Value", value, 0, 256)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Invalid::new("Key", "must not begin with `aws:`").into());
        }
    }
    Ok(())
}

/// Checks the keys of tags that shall go against the AWS rules.
pub(super) fn check_keys(keys: &[String]) -> Result<()> {
    keys.iter().try_for_each(|key| check_key("TagKeys", key))
}

fn check_key(field: &'static str, key: &str) -> Result<()> {
    Ok(check_length(field, key, 1, 128)?)
}
