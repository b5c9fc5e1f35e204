//! CreateApplication.

use std::collections::BTreeMap;

use model::{
    configuration::{ApplicationConfiguration, ApplicationMode, RuntimeEnvironment},
    ids::{ApplicationId, ApplicationName, VersionId},
    invalid::check_length,
};
use serde_json::json;
use store::{NewApplication, NewEvent, NewVersion, Taken};
use uuid::Uuid;

use crate::{
    Control,
    audit::Audit,
    commands::{
        change::{Change, Changed},
        tags::check_tags,
    },
    control::new_token,
    detail::ApplicationDetail,
    error::{Error, Result},
};

/// Start of the maintenance window, UTC (AWS in us-east-1).
const MAINTENANCE_WINDOW_START: &str = "03:00";

/// An application to be created.
#[derive(Debug, Clone)]
pub struct CreateApplication {
    /// Its name.
    pub name: ApplicationName,
    /// Free text of up to 1024 characters.
    pub description: Option<String>,
    /// How it is used.
    pub mode: ApplicationMode,
    /// Flink version the program was written for.
    pub runtime: RuntimeEnvironment,
    /// What differs from the defaults.
    pub change: Change,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Control {
    /// Creates an application: READY, at version 1.
    ///
    /// # Errors
    /// A value that breaks a rule, code that is not valid, a name that is taken.
    pub async fn create(&self, command: CreateApplication) -> Result<ApplicationDetail> {
        if let Some(text) = &command.description {
            check_length("ApplicationDescription", text, 0, 1024)?;
        }
        check_tags(&command.tags)?;
        let mut tx = self.store.begin().await?;
        if tx.application(&command.name).await?.is_some() {
            return Err(Error::ApplicationExists(command.name));
        }
        drop(tx);
        let defaults = ApplicationConfiguration::new(command.runtime);
        let changed = self.change(&defaults, command.change, VersionId::FIRST).await?;
        let new = NewApplication {
            id: ApplicationId(Uuid::now_v7()),
            name: command.name,
            description: command.description.filter(|text| !text.is_empty()),
            mode: command.mode,
            maintenance_window_start: MAINTENANCE_WINDOW_START.to_owned(),
        };
        self.keep_new(new, changed, command.tags).await
    }

    async fn keep_new(
        &self,
        new: NewApplication,
        changed: Changed,
        tags: BTreeMap<String, String>,
    ) -> Result<ApplicationDetail> {
        let mut tx = self.store.begin().await?;
        let most = self.settings.most_applications;
        if tx.count_applications().await? >= most {
            return Err(Error::TooManyApplications(most));
        }
        match tx.insert_application(&new).await {
            Err(store::Error::Taken(Taken::ApplicationName)) => {
                return Err(Error::ApplicationExists(new.name));
            }
            other => other?,
        }
        if let Some((sha256, bytes)) = &changed.artifact {
            tx.put_artifact(sha256, bytes).await?;
        }
        let version = NewVersion {
            version: VersionId::FIRST,
            configuration: &changed.configuration,
            conditional_token: &new_token(),
            updated_from: None,
            rolled_back_to: None,
        };
        tx.insert_version(new.id, &version).await?;
        for (key, value) in &tags {
            tx.put_tag(new.id, key, value).await?;
        }
        let event = NewEvent {
            kind: "ApplicationCreated",
            message: "created at version 1",
            version: VersionId::FIRST,
            attempt: None,
        };
        tx.insert_event(new.id, &event).await?;
        let audit = Audit::of("CreateApplication", &new.name)
            .configuration(None, &changed.configuration)
            .with("description", new.description.clone())
            .with("version", VersionId::FIRST.get())
            .with("tags", json!(tags));
        self.audit(&mut tx, audit).await?;
        let application = Self::existing(&mut tx, &new.name).await?;
        let version = Self::current(&mut tx, &application).await?;
        let detail = self.detail(&mut tx, application, version).await?;
        tx.commit().await?;
        tracing::info!(application = %new.name, "application created");
        Ok(detail)
    }
}

#[cfg(test)]
mod tests {
    use model::configuration::{ApplicationCode, CodeContentType, Program};

    use super::*;
    use crate::{NewCode, NewContent};

    #[test]
    fn debug_shows_neither_values_of_properties_nor_programs() {
        let secret = "hunter2";
        let map = [("password".to_owned(), secret.to_owned())].into();
        let properties = model::protocol::PropertyGroups::from([("db".to_owned(), map)]);
        let code =
            |content| Some(NewCode { content_type: Some(CodeContentType::Plaintext), content });
        let mut command = CreateApplication {
            name: "alerts".parse().unwrap(),
            description: None,
            mode: ApplicationMode::Streaming,
            runtime: "FLINK-1_20".parse().unwrap(),
            change: Change { properties: Some(properties.clone()), ..Change::default() },
            tags: BTreeMap::new(),
        };
        command.change.code = code(NewContent::Text(format!("SELECT '{secret}'")));
        let mut configuration = ApplicationConfiguration::new(command.runtime.clone());
        configuration.properties = properties;
        configuration.code = Some(ApplicationCode {
            program: Program::Sql { text: secret.to_owned() },
            sha256: String::new(),
            md5: String::new(),
            size: 0,
            s3: None,
            s3_version: None,
            s3_etag: None,
        });
        for shown in [format!("{command:?}"), format!("{configuration:?}")] {
            assert!(shown.contains(r#"{"db": {"password"}}"#), "{shown}");
            assert!(!shown.contains(secret), "{shown}");
        }
        command.change.code = code(NewContent::Zip(secret.as_bytes().to_vec()));
        assert!(format!("{:?}", command.change.code).contains("Zip(*** (7 bytes))"));
    }
}
