//! CreateSnapshot.

use std::collections::BTreeMap;

use model::{
    configuration::SnapshotMode,
    enhanced::SnapshotOperationKind,
    ids::{ApplicationName, EnhancedId, EnhancedName},
    lifecycle::{Command, admit},
};
use store::{EnhancedSource, NewEnhanced, NewEvent};
use uuid::Uuid;

use super::{BegunSnapshot, check_description, check_name};
use crate::{
    Control,
    audit::Audit,
    commands::tags::check_tags,
    error::{Error, Result},
};

/// The first Flink whose applications have enhanced snapshots.
const FIRST_RELEASE: (u16, u16) = (1, 20);

/// A snapshot to be taken of a running application.
#[derive(Debug, Clone)]
pub struct CreateSnapshot {
    /// Of which.
    pub application: ApplicationName,
    /// Its name, unique in the installation.
    pub name: EnhancedName,
    /// For people.
    pub description: Option<String>,
    /// Tags it begins with.
    pub tags: BTreeMap<String, String>,
}

impl Control {
    /// Begins to take an enhanced snapshot of a RUNNING application: its job takes a checkpoint,
    /// then a worker copies it to where the application's end does not reach.
    ///
    /// # Errors
    /// The application or its job does not run, is not set up for enhanced snapshots, or has one
    /// under way; the name is taken or reserved.
    pub async fn create_enhanced_snapshot(&self, command: CreateSnapshot) -> Result<BegunSnapshot> {
        check_name(&command.name)?;
        check_description(command.description.as_deref())?;
        check_tags(&command.tags)?;
        let mut tx = self.store.begin().await?;
        let application = Self::locked(&mut tx, &command.application).await?;
        admit(application.status, Command::CreateEnhancedSnapshot)?;
        let run = tx
            .lock_open_run(application.id)
            .await?
            .filter(|run| run.running_since.is_some() && run.is_held())
            .ok_or_else(|| Error::SnapshotNeedsJob(application.name.clone()))?;
        let version = Self::current(&mut tx, &application).await?;
        let runtime = &version.configuration.runtime;
        if runtime.release() < FIRST_RELEASE {
            return Err(Error::RuntimeWithoutEnhanced {
                application: application.name,
                runtime: runtime.clone(),
            });
        }
        if version.configuration.snapshot_mode() != SnapshotMode::Enhanced {
            return Err(Error::EnhancedNotEnabled(application.name));
        }
        let source = EnhancedSource {
            id: application.id,
            name: application.name.clone(),
            created_at: application.created_at,
            version: run.version,
        };
        let new = NewEnhanced {
            name: &command.name,
            id: EnhancedId(Uuid::now_v7()),
            description: command.description.as_deref(),
            made_by: SnapshotOperationKind::Create,
            source: Some(&source),
            runtime: Some(runtime),
            imported_from: None,
        };
        let begun = self.begin_enhanced(&mut tx, &new, &command.tags).await?;
        let event = NewEvent {
            kind: "SnapshotRequested",
            message: &format!("enhanced snapshot `{}` requested", command.name),
            version: run.version,
            attempt: Some(run.attempt),
        };
        tx.insert_event(application.id, &event).await?;
        let audit =
            Audit::of("CreateSnapshot", &application.name).with("snapshot", command.name.as_str());
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        Ok(begun)
    }
}
