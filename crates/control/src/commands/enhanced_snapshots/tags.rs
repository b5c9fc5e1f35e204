//! Tags of enhanced snapshots.

use std::collections::BTreeMap;

use model::{
    enhanced::EnhancedStatus,
    ids::{ApplicationName, EnhancedName},
};
use serde_json::json;
use store::Tx;

use crate::{
    Control,
    audit::Audit,
    commands::tags::{MOST_TAGS, check_keys, check_tags},
    error::{Error, Result},
};

/// What has tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// An application.
    Application(ApplicationName),
    /// An enhanced snapshot.
    Snapshot(EnhancedName),
}

impl Control {
    /// What an ARN is of.
    ///
    /// # Errors
    /// It is of nothing of this installation that has tags.
    pub fn resource_of_arn(&self, arn: &str) -> Result<Resource> {
        match self.snapshot_of_arn(arn) {
            Ok(name) => Ok(Resource::Snapshot(name)),
            Err(_) => Ok(Resource::Application(self.name_of_arn(arn)?)),
        }
    }

    /// All tags of an enhanced snapshot, by key.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn enhanced_tags(&self, name: &EnhancedName) -> Result<BTreeMap<String, String>> {
        let mut tx = self.store.begin().await?;
        if tx.enhanced(name).await?.is_none() {
            return Err(Error::NoSuchEnhanced(name.clone()));
        }
        Ok(tx.enhanced_tags(name).await?)
    }

    /// Adds tags or changes their values.
    ///
    /// # Errors
    /// A tag that breaks a rule, more than fifty together with those there are.
    pub async fn tag_enhanced(
        &self,
        name: &EnhancedName,
        tags: BTreeMap<String, String>,
    ) -> Result<()> {
        check_tags(&tags)?;
        let mut tx = self.store.begin().await?;
        check_there(&Self::locked_enhanced(&mut tx, name).await?)?;
        let before = tx.enhanced_tags(name).await?;
        let mut all = before.clone();
        all.extend(tags.clone());
        if all.len() > MOST_TAGS {
            return Err(Error::TooManyTags(all.len()));
        }
        for (key, value) in &tags {
            tx.put_enhanced_tag(name, key, value).await?;
        }
        self.audit_tags(&mut tx, "TagResource", name, &before, &all).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes tags; keys that do not exist are passed over.
    ///
    /// # Errors
    /// A key that no tag can have; no snapshot of that name.
    pub async fn untag_enhanced(&self, name: &EnhancedName, keys: Vec<String>) -> Result<()> {
        check_keys(&keys)?;
        let mut tx = self.store.begin().await?;
        check_there(&Self::locked_enhanced(&mut tx, name).await?)?;
        let before = tx.enhanced_tags(name).await?;
        tx.delete_enhanced_tags(name, &keys).await?;
        let after = tx.enhanced_tags(name).await?;
        self.audit_tags(&mut tx, "UntagResource", name, &before, &after).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Control {
    async fn audit_tags(
        &self,
        tx: &mut Tx,
        action: &'static str,
        name: &EnhancedName,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Result<()> {
        let audit = Audit::general(action).with("snapshot", name.as_str()).changed(
            "tags",
            json!(before),
            json!(after),
        );
        self.audit(tx, audit).await
    }
}

fn check_there(found: &store::Enhanced) -> Result<()> {
    if found.status == EnhancedStatus::Deleting {
        return Err(Error::EnhancedBusy { snapshot: found.name.clone(), status: found.status });
    }
    Ok(())
}
