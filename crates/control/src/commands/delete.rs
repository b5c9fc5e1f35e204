//! DeleteApplication.

use chrono::{DateTime, Utc};
use model::{
    ids::ApplicationName,
    lifecycle::{Command, admit},
};
use store::{Desired, NewEvent, OperationStatus};

use crate::{
    Control,
    audit::Audit,
    error::{Error, Result},
    worker::{remove_application, stop_run},
};

/// An application to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteApplication {
    /// Which.
    pub name: ApplicationName,
    /// When it was created, to the second, so that no newer one of the same name is meant.
    pub create_timestamp: DateTime<Utc>,
}

impl Control {
    /// Deletes an application, its snapshots and everything else of it; a RUNNING one is stopped
    /// first, without a snapshot.
    ///
    /// # Errors
    /// It is neither READY nor RUNNING, or was created at another time.
    pub async fn delete(&self, command: DeleteApplication) -> Result<()> {
        let DeleteApplication { name, create_timestamp } = command;
        let mut tx = self.store.begin().await?;
        let mut application = Self::locked(&mut tx, &name).await?;
        let next = admit(application.status, Command::Delete)?;
        if application.created_at.timestamp() != create_timestamp.timestamp() {
            return Err(Error::OtherCreateTimestamp(name));
        }
        let before = application.status;
        if !tx.set_status(&mut application, next).await? {
            return Err(Error::Overtaken(name));
        }
        tx.end_operation(
            application.id,
            OperationStatus::Cancelled,
            Some("superseded by DeleteApplication"),
        )
        .await?;
        let audit = Audit::of("DeleteApplication", &name)
            .changed("status", before.as_str(), application.status.as_str())
            .with("id", application.id.to_string());
        self.audit(&mut tx, audit).await?;
        match tx.lock_open_run(application.id).await? {
            Some(run) => {
                let event = NewEvent {
                    kind: "DeleteRequested",
                    message: "deletion requested; the job is ended first",
                    version: application.version,
                    attempt: None,
                };
                tx.insert_event(application.id, &event).await?;
                stop_run(&mut tx, &mut application, run, Desired::Cancel, "DELETE").await?;
                tx.notify().await?;
            }
            None => remove_application(&mut tx, &application).await?,
        }
        tx.commit().await?;
        tracing::info!(application = %name, "deletion requested");
        Ok(())
    }
}
