//! Snapshots that belong to the account: CreateSnapshot, DescribeSnapshot, ListSnapshots,
//! DeleteSnapshot, ExportSnapshot, ImportSnapshot and their operations.

mod create;
mod delete;
mod describe;
mod tags;
mod transfer;

pub use create::CreateSnapshot;
pub use delete::DeleteSnapshot;
pub use tags::Resource;
pub use transfer::{ExportSnapshot, ImportSnapshot};

use std::collections::BTreeMap;

use model::{
    enhanced::EnhancedStatus,
    ids::{EnhancedName, OperationId},
    invalid::{Invalid, check_length},
};
use store::{Enhanced, NewEnhanced, NewSnapshotOperation, Taken, Tx};

use crate::{
    Control,
    control::new_operation_id,
    error::{Error, Result},
};

/// Most enhanced snapshots of an installation.
const MOST_SNAPSHOTS: i64 = 1000;

/// What a request that began something is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunSnapshot {
    /// ARN of the snapshot.
    pub arn: String,
    /// What it is worth now.
    pub status: EnhancedStatus,
    /// The operation, which is in progress.
    pub operation: OperationId,
}

impl Control {
    /// ARN of an enhanced snapshot.
    pub fn snapshot_arn(&self, name: &EnhancedName) -> String {
        format!("{}{name}", self.snapshot_arns())
    }

    /// The enhanced snapshot an ARN is of.
    ///
    /// # Errors
    /// It is no ARN of an enhanced snapshot of this installation.
    pub fn snapshot_of_arn(&self, arn: &str) -> Result<EnhancedName> {
        let start = self.snapshot_arns();
        let name = arn.strip_prefix(&start).ok_or_else(|| {
            Invalid::new("SnapshotArn", format!("must look like `{start}my-snapshot`"))
        })?;
        Ok(name.parse()?)
    }

    fn snapshot_arns(&self) -> String {
        let crate::Settings { region, account, .. } = &*self.settings;
        format!("arn:aws:kinesisanalytics:{region}:{account}:snapshot/")
    }

    /// Reads and locks a snapshot that must exist.
    pub(crate) async fn locked_enhanced(tx: &mut Tx, name: &EnhancedName) -> Result<Enhanced> {
        tx.lock_enhanced(name).await?.ok_or_else(|| Error::NoSuchEnhanced(name.clone()))
    }

    /// Adds a snapshot that is being made, with its tags and its operation.
    pub(super) async fn begin_enhanced(
        &self,
        tx: &mut Tx,
        new: &NewEnhanced<'_>,
        tags: &BTreeMap<String, String>,
    ) -> Result<BegunSnapshot> {
        if tx.count_enhanced().await? >= MOST_SNAPSHOTS {
            return Err(Error::TooManyEnhanced);
        }
        match tx.insert_enhanced(new).await {
            Err(store::Error::Taken(Taken::EnhancedName)) => {
                return Err(Error::EnhancedExists(new.name.clone()));
            }
            Err(store::Error::Taken(Taken::EnhancedInProgress)) => {
                return Err(Error::EnhancedInProgress);
            }
            other => other?,
        }
        for (key, value) in tags {
            tx.put_enhanced_tag(new.name, key, value).await?;
        }
        let operation = new_operation_id();
        tx.insert_snapshot_operation(&NewSnapshotOperation {
            id: &operation,
            snapshot: new.name,
            kind: new.made_by,
            location: new.imported_from,
            application: new.source.map(|source| (source.name.as_str(), None)),
        })
        .await?;
        Ok(BegunSnapshot {
            arn: self.snapshot_arn(new.name),
            status: EnhancedStatus::Creating,
            operation,
        })
    }
}

/// Checks what a customer says of a snapshot to be made.
pub(super) fn check_description(description: Option<&str>) -> Result<()> {
    match description {
        Some(text) => Ok(check_length("SnapshotDescription", text, 0, 1024)?),
        None => Ok(()),
    }
}

/// Refuses names that are reserved for Weir's own snapshots.
pub(super) fn check_name(name: &EnhancedName) -> Result<()> {
    if model::enhanced::is_system_name(name.as_str()) {
        let words = format!("must not begin with `{}`", model::enhanced::SYSTEM_PREFIX);
        return Err(Invalid::new("SnapshotName", words).into());
    }
    Ok(())
}
