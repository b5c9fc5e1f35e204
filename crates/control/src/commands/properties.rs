//! Property groups, one by one: each change is an update of the application.

use std::collections::BTreeMap;

use model::{
    configuration::check_group,
    ids::{ApplicationName, PropertyGroupId, VersionId},
    protocol::PropertyGroups,
};

use crate::{
    Control,
    commands::{
        change::{Change, Seen},
        update::{UpdateApplication, Updated},
    },
    error::{Error, Result},
};

/// The property groups of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyGroupsOf {
    /// The groups.
    pub groups: PropertyGroups,
    /// The version they are of.
    pub version: VersionId,
    /// That version's token.
    pub conditional_token: String,
}

impl Control {
    /// All property groups of an application.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn property_groups(&self, name: &ApplicationName) -> Result<PropertyGroupsOf> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let version = Self::current(&mut tx, &application).await?;
        Ok(PropertyGroupsOf {
            groups: version.configuration.properties,
            version: version.version,
            conditional_token: version.conditional_token,
        })
    }

    /// Adds a property group or replaces all its entries.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn put_property_group(
        &self,
        name: ApplicationName,
        group: PropertyGroupId,
        entries: BTreeMap<String, String>,
        seen: Seen,
    ) -> Result<Updated> {
        check_group(group.as_str(), &entries)?;
        let present = self.property_groups(&name).await?;
        let seen = pinned(seen, &present);
        let mut groups = present.groups;
        groups.insert(group.as_str().to_owned(), entries);
        self.replace_groups(name, groups, seen).await
    }

    /// Removes a property group.
    ///
    /// # Errors
    /// There is no such group; else as [`Control::update`].
    pub async fn delete_property_group(
        &self,
        name: ApplicationName,
        group: PropertyGroupId,
        seen: Seen,
    ) -> Result<Updated> {
        let present = self.property_groups(&name).await?;
        let seen = pinned(seen, &present);
        let mut groups = present.groups;
        if groups.remove(group.as_str()).is_none() {
            let present = if groups.is_empty() {
                "none".to_owned()
            } else {
                groups.keys().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
            };
            return Err(Error::NoSuchPropertyGroup { application: name, group, present });
        }
        self.replace_groups(name, groups, seen).await
    }

    async fn replace_groups(
        &self,
        name: ApplicationName,
        groups: PropertyGroups,
        seen: Seen,
    ) -> Result<Updated> {
        let change = Change { properties: Some(groups), ..Change::default() };
        self.update(UpdateApplication { name, seen, change, run_configuration: None }).await
    }
}

/// Who does not compare still must not undo what happened since the groups were read.
fn pinned(seen: Seen, present: &PropertyGroupsOf) -> Seen {
    match seen {
        Seen::Any => Seen::Match { version: Some(present.version), token: None },
        Seen::Match { .. } => seen,
    }
}
