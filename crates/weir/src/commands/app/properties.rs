//! `weir app properties`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::applications::changed;
use super::session::{Error, Session, application, encoded, text};
use super::table::Table;
use crate::client::Body;

/// Options of `weir app properties`.
#[derive(Debug, clap::Args)]
pub(super) struct Properties {
    /// Name of the application
    name: String,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all groups, or one
    Get {
        /// Id of the group
        group: Option<String>,
    },
    /// Put a group in place of what it was; a running application is restarted with it
    Set {
        /// Id of the group
        group: String,
        /// All entries of the group
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = entry)]
        entries: Vec<(String, String)>,
        /// Keep the group's other entries
        #[arg(long)]
        merge: bool,
        /// Wait until a running application runs again
        #[arg(long)]
        wait: bool,
    },
    /// Delete a group; a running application is restarted without it
    Delete {
        /// Id of the group
        group: String,
        /// Wait until a running application runs again
        #[arg(long)]
        wait: bool,
    },
}

fn entry(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must look like KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) async fn run(session: &Session, arguments: Properties) -> Result<(), Error> {
    let name = &arguments.name;
    let groups = format!("{}/property-groups", application(name));
    let path = |group: &str| format!("{groups}/{}", encoded(group));
    match arguments.action.unwrap_or(Action::Get { group: None }) {
        Action::Get { group: None } => {
            let answer = session.client.get(&groups).await?;
            session.show(&answer, |it| groups_in_words(&it["PropertyGroups"]));
        }
        Action::Get { group: Some(group) } => {
            let answer = session.client.get(&path(&group)).await?;
            session.show(&answer, |it| groups_in_words(&json!([it])));
        }
        Action::Set { group, entries, merge, wait } => {
            let (mut map, seen) =
                if merge { present(session, &groups, &group).await? } else { Default::default() };
            map.extend(entries.into_iter().map(|(key, value)| (key, Value::String(value))));
            let body = json!({ "PropertyMap": map, "CurrentApplicationVersionId": seen });
            let answer = session.client.put(&path(&group), Body::Json(body)).await?;
            changed(session, name, &answer, wait).await?;
        }
        Action::Delete { group, wait } => {
            let answer = session.client.call(Method::DELETE, &path(&group), Body::Nothing).await?;
            changed(session, name, &answer, wait).await?;
        }
    }
    Ok(())
}

/// What a group has now, nothing if there is none of that name, and the version it is of.
async fn present(
    session: &Session,
    groups: &str,
    group: &str,
) -> Result<(Map<String, Value>, Value), Error> {
    let answer = session.client.get(groups).await?;
    let all = answer["PropertyGroups"].as_array().into_iter().flatten();
    let found = all.into_iter().find(|it| it["PropertyGroupId"] == group);
    let map = found.and_then(|it| it["PropertyMap"].as_object()).cloned().unwrap_or_default();
    Ok((map, answer["ApplicationVersionId"].clone()))
}

/// Groups as a table of their entries.
pub(super) fn groups_in_words(groups: &Value) -> String {
    let mut table = Table::new(&["GROUP", "KEY", "VALUE"]);
    for group in groups.as_array().into_iter().flatten() {
        for (key, value) in group["PropertyMap"].as_object().into_iter().flatten() {
            table.row(vec![text(&group["PropertyGroupId"]), key.clone(), text(value)]);
        }
    }
    table.text("there are no property groups")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_equals_signs() {
        assert_eq!(entry("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(entry("a").is_err());
    }
}
