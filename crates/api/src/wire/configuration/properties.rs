//! Property groups, in and out.

use std::collections::BTreeMap;

use model::hidden::Keys;
use model::invalid::Invalid;
use model::protocol::PropertyGroups;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// AWS `EnvironmentProperties` and `EnvironmentPropertyUpdates`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct EnvironmentProperties {
    property_groups: Vec<PropertyGroup>,
}

/// AWS `PropertyGroup`.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct PropertyGroup {
    pub(crate) property_group_id: String,
    pub(crate) property_map: BTreeMap<String, String>,
}

impl std::fmt::Debug for PropertyGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple(&self.property_group_id).field(&Keys(&self.property_map)).finish()
    }
}

impl EnvironmentProperties {
    pub(crate) fn parse(self) -> Result<PropertyGroups, Invalid> {
        let mut groups = PropertyGroups::new();
        for group in self.property_groups {
            let id = group.property_group_id;
            if groups.insert(id.clone(), group.property_map).is_some() {
                return Err(Invalid::new("PropertyGroups", format!("name group `{id}` twice")));
            }
        }
        Ok(groups)
    }
}

/// Property groups as AWS lists them.
pub(crate) fn listed(groups: &PropertyGroups) -> Vec<PropertyGroup> {
    let group = |(id, map): (&String, &BTreeMap<String, String>)| PropertyGroup {
        property_group_id: id.clone(),
        property_map: map.clone(),
    };
    groups.iter().map(group).collect()
}

/// AWS `EnvironmentPropertyDescriptions`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EnvironmentPropertyDescriptions {
    property_group_descriptions: Vec<PropertyGroup>,
}

/// `None` when there are no groups, as AWS has it.
pub(super) fn described(groups: &PropertyGroups) -> Option<EnvironmentPropertyDescriptions> {
    let property_group_descriptions = listed(groups);
    (!groups.is_empty()).then_some(EnvironmentPropertyDescriptions { property_group_descriptions })
}
