//! What the audit log keeps of a change: the members that differ, without what may be secret.
//!
//! Values of properties and the text of a program are left out, since both may hold passwords and
//! the log outlives the application. A property whose name stands on both sides has another value
//! now; a program is known by its `sha256`.

use model::{configuration::ApplicationConfiguration, ids::ApplicationName};
use serde_json::{Map, Value, json};
use store::{NewAudit, Tx};

use crate::{Control, error::Result};

/// In the place of a value that is not kept.
const HIDDEN: &str = "***";

/// What a mutation did; written by [`Control::audit`] in the transaction of the mutation.
#[derive(Debug)]
pub(crate) struct Audit {
    action: &'static str,
    application: Option<String>,
    before: Map<String, Value>,
    after: Map<String, Value>,
}

impl Audit {
    /// Something was done to an application; `action` is the name of the AWS operation.
    pub(crate) fn of(action: &'static str, application: &ApplicationName) -> Self {
        Self { application: Some(application.to_string()), ..Self::general(action) }
    }

    /// Something was done that is not about one application.
    pub(crate) fn general(action: &'static str) -> Self {
        Self { action, application: None, before: Map::new(), after: Map::new() }
    }

    /// A member that changed; left out if it did not, and where it was or is null.
    #[must_use]
    pub(crate) fn changed(
        mut self,
        what: &str,
        before: impl Into<Value>,
        after: impl Into<Value>,
    ) -> Self {
        let (before, after) = differences(before.into(), after.into());
        for (side, value) in [(&mut self.before, before), (&mut self.after, after)] {
            if !value.is_null() {
                side.insert(what.to_owned(), value);
            }
        }
        self
    }

    /// A member that tells what was asked.
    #[must_use]
    pub(crate) fn with(self, what: &str, value: impl Into<Value>) -> Self {
        self.changed(what, Value::Null, value)
    }

    /// The configuration changed.
    #[must_use]
    pub(crate) fn configuration(
        mut self,
        before: Option<&ApplicationConfiguration>,
        after: &ApplicationConfiguration,
    ) -> Self {
        self = self.changed("configuration", json!(before), json!(after));
        for side in [&mut self.before, &mut self.after] {
            if let Some(configuration) = side.get_mut("configuration") {
                hide(configuration);
            }
        }
        self
    }
}

/// Of two values those members, at any depth, that are not the same.
fn differences(before: Value, after: Value) -> (Value, Value) {
    match (before, after) {
        (before, after) if before == after => (Value::Null, Value::Null),
        (Value::Object(mut old), Value::Object(new)) => {
            let (mut before, mut after) = (Map::new(), Map::new());
            for (name, value) in new {
                let was = old.remove(&name).unwrap_or_default();
                let (was, is) = differences(was, value);
                if !was.is_null() {
                    before.insert(name.clone(), was);
                }
                if !is.is_null() {
                    after.insert(name, is);
                }
            }
            before.extend(old);
            let side = |it: Map<String, Value>| if it.is_empty() { Value::Null } else { it.into() };
            (side(before), side(after))
        }
        different => different,
    }
}

/// Takes out of a configuration what may be secret.
fn hide(configuration: &mut Value) {
    if let Some(Value::Object(groups)) = configuration.get_mut("properties") {
        let entries = groups.values_mut().filter_map(Value::as_object_mut);
        for value in entries.flat_map(Map::values_mut) {
            *value = HIDDEN.into();
        }
    }
    if let Some(Value::Object(program)) = configuration.pointer_mut("/code/program") {
        program.remove("text");
    }
}

impl Control {
    /// Adds to the audit log what this transaction does, for the caller of [`Control::by`].
    pub(crate) async fn audit(&self, tx: &mut Tx, audit: Audit) -> Result<()> {
        let sides = (audit.before, audit.after);
        self.note(tx, audit.action, audit.application.as_deref(), "DONE", sides).await
    }

    /// Adds to the audit log that the caller was refused because its role is too low.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn denied(&self, action: &str, application: Option<&str>) -> Result<()> {
        let mut tx = self.store.begin().await?;
        self.note(&mut tx, action, application, "DENIED", Default::default()).await?;
        Ok(tx.commit().await?)
    }

    async fn note(
        &self,
        tx: &mut Tx,
        action: &str,
        application: Option<&str>,
        outcome: &str,
        sides: (Map<String, Value>, Map<String, Value>),
    ) -> Result<()> {
        let caller = &*self.caller;
        let address = caller.address.map(|address| address.to_string());
        let entry = NewAudit {
            principal: &caller.principal,
            role: caller.role,
            door: caller.door.as_str(),
            address: address.as_deref(),
            request_id: &caller.request_id,
            action,
            outcome,
            application,
            before: &Value::Object(sides.0),
            after: &Value::Object(sides.1),
        };
        Ok(tx.insert_audit(&entry).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(values: Value) -> ApplicationConfiguration {
        let mut all = json!({ "runtime": "FLINK-1_20" });
        all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn only_what_differs_is_kept_and_no_value_of_a_property() {
        let code = |text: &str, sha256: &str| {
            json!({ "program": { "kind": "sql", "text": text }, "sha256": sha256, "md5": "m",
                    "size": 3 })
        };
        let before = configuration(json!({
            "properties": { "db": { "password": "hunter2", "user": "me", "old": "secret" } },
            "code": code("SELECT 'hunter2'", "aa"),
        }));
        let after = configuration(json!({
            "properties": { "db": { "password": "hunter3", "user": "me" }, "new": { "k": "v" } },
            "code": code("SELECT 'hunter3'", "bb"),
            "snapshots_enabled": false,
        }));
        let name = "alerts".parse().unwrap();
        let audit = Audit::of("UpdateApplication", &name).configuration(Some(&before), &after);
        assert_eq!(
            Value::Object(audit.before),
            json!({ "configuration": {
                "properties": { "db": { "password": "***", "old": "***" } },
                "code": { "program": {}, "sha256": "aa" },
                "snapshots_enabled": true,
            } })
        );
        assert_eq!(
            Value::Object(audit.after),
            json!({ "configuration": {
                "properties": { "db": { "password": "***" }, "new": { "k": "***" } },
                "code": { "program": {}, "sha256": "bb" },
                "snapshots_enabled": false,
            } })
        );
    }

    #[test]
    fn what_did_not_change_is_left_out() {
        let audit = Audit::general("CreateKey").changed("a", 1, 1).changed("b", 1, 2).with("c", 3);
        assert_eq!(Value::Object(audit.before), json!({ "b": 1 }));
        assert_eq!(Value::Object(audit.after), json!({ "b": 2, "c": 3 }));
    }
}
