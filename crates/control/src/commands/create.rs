//! CreateApplication.

use std::collections::BTreeMap;

use model::{
    configuration::{
        ApplicationConfiguration, ApplicationMode, FlinkChange, FlinkConfiguration,
        RuntimeEnvironment, check_arn, check_groups,
    },
    ids::{ApplicationId, ApplicationName, VersionId},
    invalid::check_length,
    protocol::PropertyGroups,
};
use serde_json::json;
use store::{NewApplication, NewEvent, NewVersion, Taken};
use uuid::Uuid;

use crate::{
    Control,
    audit::Audit,
    code::NewCode,
    commands::tags::check_tags,
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
    /// ARN of the role it acts as; kept and shown, not used.
    pub service_execution_role: Option<String>,
    /// Its program; may come later.
    pub code: Option<NewCode>,
    /// Its property groups.
    pub properties: PropertyGroups,
    /// What differs from the defaults.
    pub flink: FlinkChange,
    /// Whether stop and update take a snapshot; absent = yes.
    pub snapshots_enabled: Option<bool>,
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
        if let Some(role) = &command.service_execution_role {
            check_arn("ServiceExecutionRole", role)?;
        }
        check_groups(&command.properties)?;
        check_tags(&command.tags)?;
        let flink = command.flink.apply(&FlinkConfiguration::default())?;
        self.check_kpus(&flink.parallelism)?;
        let mut tx = self.store.begin().await?;
        if tx.application(&command.name).await?.is_some() {
            return Err(Error::ApplicationExists(command.name));
        }
        drop(tx);
        let accepted = match command.code {
            Some(code) => Some(self.accept_code(code, None, &command.properties).await?),
            None => None,
        };
        let (code, zip) = accepted.map_or((None, None), |a| (Some(a.code), a.zip));
        let configuration = ApplicationConfiguration {
            service_execution_role: command.service_execution_role,
            code,
            properties: command.properties,
            flink,
            snapshots_enabled: command.snapshots_enabled.unwrap_or(true),
            ..ApplicationConfiguration::new(command.runtime)
        };
        let new = NewApplication {
            id: ApplicationId(Uuid::now_v7()),
            name: command.name,
            description: command.description.filter(|text| !text.is_empty()),
            mode: command.mode,
            maintenance_window_start: MAINTENANCE_WINDOW_START.to_owned(),
        };
        self.keep_new(new, configuration, zip, command.tags).await
    }

    async fn keep_new(
        &self,
        new: NewApplication,
        configuration: ApplicationConfiguration,
        zip: Option<Vec<u8>>,
        tags: BTreeMap<String, String>,
    ) -> Result<ApplicationDetail> {
        let mut tx = self.store.begin().await?;
        match tx.insert_application(&new).await {
            Err(store::Error::Taken(Taken::ApplicationName)) => {
                return Err(Error::ApplicationExists(new.name));
            }
            other => other?,
        }
        if let (Some(code), Some(bytes)) = (&configuration.code, &zip) {
            tx.put_artifact(&code.sha256, bytes).await?;
        }
        let version = NewVersion {
            version: VersionId::FIRST,
            configuration: &configuration,
            conditional_token: &new_token(),
            updated_from: None,
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
            .configuration(None, &configuration)
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
