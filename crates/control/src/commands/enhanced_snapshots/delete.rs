//! DeleteSnapshot.

use chrono::{DateTime, Utc};
use model::{
    enhanced::{EnhancedStatus, SnapshotOperationKind},
    ids::EnhancedName,
};
use serde_json::Value;
use store::NewSnapshotOperation;

use super::BegunSnapshot;
use crate::{
    Control,
    audit::Audit,
    control::new_operation_id,
    error::{Error, Result},
};

/// An enhanced snapshot to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteSnapshot {
    /// Which.
    pub name: EnhancedName,
    /// When it was created, to the second, so that no newer one of the same name is meant.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// Begins to delete an enhanced snapshot; it goes as soon as nobody exports it any more.
    ///
    /// # Errors
    /// It is being made or deleted, was created at another time, or is all that a running
    /// application could restart from.
    pub async fn delete_enhanced_snapshot(&self, command: DeleteSnapshot) -> Result<BegunSnapshot> {
        let mut tx = self.store.begin().await?;
        let found = Self::locked_enhanced(&mut tx, &command.name).await?;
        match found.status {
            EnhancedStatus::Ready | EnhancedStatus::Failed => {}
            EnhancedStatus::Creating | EnhancedStatus::Deleting => {
                return Err(Error::EnhancedBusy { snapshot: found.name, status: found.status });
            }
        }
        if command.created_at.timestamp() != found.created_at.timestamp() {
            return Err(Error::OtherEnhancedTimestamp(found.name));
        }
        if tx.needs_enhanced(&found.name).await? {
            return Err(Error::EnhancedNeeded(found.name));
        }
        tx.set_enhanced_status(&found.name, EnhancedStatus::Deleting).await?;
        let operation = new_operation_id();
        tx.insert_snapshot_operation(&NewSnapshotOperation {
            id: &operation,
            snapshot: &found.name,
            kind: SnapshotOperationKind::Delete,
            location: None,
            application: None,
        })
        .await?;
        let audit =
            Audit::general("DeleteSnapshot").changed("snapshot", found.name.as_str(), Value::Null);
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        let arn = self.snapshot_arn(&found.name);
        Ok(BegunSnapshot { arn, status: EnhancedStatus::Deleting, operation })
    }
}
