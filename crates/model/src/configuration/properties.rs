//! Property groups: what a program reads from `/etc/flink/application_properties.json`.

use std::collections::BTreeMap;

use crate::{
    ids::PropertyGroupId,
    invalid::{Invalid, check_length},
    protocol::PropertyGroups,
};

/// The group in which AWS reads how a Python program is run.
pub const PYTHON_RUN_OPTIONS: &str = "kinesis.analytics.flink.run.options";

const MOST_GROUPS: usize = 50;
const MOST_ENTRIES: usize = 50;

/// Checks a whole set of property groups against the AWS quotas.
///
/// # Errors
/// More than 50 groups, or what [`check_group`] refuses.
pub fn check_groups(groups: &PropertyGroups) -> Result<(), Invalid> {
    if groups.len() > MOST_GROUPS {
        return Err(Invalid::new(
            "PropertyGroups",
            format!("may have at most {MOST_GROUPS} groups, but has {}", groups.len()),
        ));
    }
    groups.iter().try_for_each(|(id, map)| check_group(id, map))
}

/// Checks one property group against the AWS quotas.
///
/// # Errors
/// An id outside the AWS pattern, no entry or more than 50, keys and values outside 1..2048
/// characters.
pub fn check_group(id: &str, map: &BTreeMap<String, String>) -> Result<(), Invalid> {
    id.parse::<PropertyGroupId>()?;
    if map.is_empty() || map.len() > MOST_ENTRIES {
        return Err(Invalid::new(
            "PropertyMap",
            format!("of group `{id}` must have 1 to {MOST_ENTRIES} entries, but has {}", map.len()),
        ));
    }
    for (key, value) in map {
        check_length("PropertyMap", key, 1, 2048)?;
        check_length("PropertyMap", value, 1, 2048).map_err(|invalid| {
            Invalid::new("PropertyMap", format!("value of `{key}` in `{id}` {}", invalid.problem))
        })?;
    }
    Ok(())
}

/// Path inside the zip of the Python file to run: key `python` of [`PYTHON_RUN_OPTIONS`], else
/// `main.py`.
pub fn main_file(groups: &PropertyGroups) -> &str {
    groups
        .get(PYTHON_RUN_OPTIONS)
        .and_then(|options| options.get("python"))
        .map_or("main.py", |file| file.trim())
}
