//! ExportSnapshot, ImportSnapshot.

use std::collections::BTreeMap;

use model::{
    enhanced::{EnhancedStatus, S3Prefix, SnapshotOperationKind},
    ids::{EnhancedId, EnhancedName, OperationId},
};
use serde_json::json;
use store::{NewEnhanced, NewSnapshotOperation, Taken};
use uuid::Uuid;

use super::{BegunSnapshot, check_description, check_name};
use crate::{
    Control,
    audit::Audit,
    commands::tags::check_tags,
    control::new_operation_id,
    error::{Error, Result},
};

/// An enhanced snapshot to be written to a bucket.
#[derive(Debug, Clone)]
pub struct ExportSnapshot {
    /// Which.
    pub name: EnhancedName,
    /// Where to; the id of the operation is appended.
    pub to: S3Prefix,
}

/// An exported snapshot to be read.
#[derive(Debug, Clone)]
pub struct ImportSnapshot {
    /// Its name here.
    pub name: EnhancedName,
    /// The folder that an export wrote.
    pub from: S3Prefix,
    /// For people.
    pub description: Option<String>,
    /// Tags it begins with.
    pub tags: BTreeMap<String, String>,
}

impl Control {
    /// Begins to write an enhanced snapshot to a bucket.
    ///
    /// # Errors
    /// It is not READY, or is being exported.
    pub async fn export_snapshot(&self, command: ExportSnapshot) -> Result<OperationId> {
        let mut tx = self.store.begin().await?;
        let found = Self::locked_enhanced(&mut tx, &command.name).await?;
        if found.status != EnhancedStatus::Ready {
            return Err(Error::EnhancedBusy { snapshot: found.name, status: found.status });
        }
        let operation = new_operation_id();
        let new = NewSnapshotOperation {
            id: &operation,
            snapshot: &found.name,
            kind: SnapshotOperationKind::Export,
            location: Some(&command.to),
            application: None,
        };
        match tx.insert_snapshot_operation(&new).await {
            Err(store::Error::Taken(Taken::ExportInProgress)) => {
                return Err(Error::ExportInProgress(found.name));
            }
            other => other?,
        }
        let audit = Audit::general("ExportSnapshot")
            .with("snapshot", found.name.as_str())
            .with("to", json!(command.to));
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        Ok(operation)
    }

    /// Begins to read an exported snapshot. What lies there is looked at by a worker: if it is no
    /// snapshot, the operation fails and says why.
    ///
    /// # Errors
    /// The name is taken or reserved.
    pub async fn import_snapshot(&self, command: ImportSnapshot) -> Result<BegunSnapshot> {
        check_name(&command.name)?;
        check_description(command.description.as_deref())?;
        check_tags(&command.tags)?;
        let mut tx = self.store.begin().await?;
        let new = NewEnhanced {
            name: &command.name,
            id: EnhancedId(Uuid::now_v7()),
            description: command.description.as_deref(),
            made_by: SnapshotOperationKind::Import,
            source: None,
            runtime: None,
            imported_from: Some(&command.from),
        };
        let begun = self.begin_enhanced(&mut tx, &new, &command.tags).await?;
        let audit = Audit::general("ImportSnapshot")
            .with("snapshot", command.name.as_str())
            .with("from", json!(command.from));
        self.audit(&mut tx, audit).await?;
        tx.notify().await?;
        tx.commit().await?;
        Ok(begun)
    }
}
