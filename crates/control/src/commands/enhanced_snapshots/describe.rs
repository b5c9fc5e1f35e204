//! DescribeSnapshot, ListSnapshots, DescribeSnapshotOperation, ListSnapshotOperations.

use model::{
    enhanced::SnapshotOperationKind,
    ids::{EnhancedName, OperationId},
    invalid::Invalid,
};
use store::{Enhanced, EnhancedFilter, OperationStatus, SnapshotOperation};

use crate::{
    Control,
    error::{Error, Result},
    page::{Page, PageRequest},
};

impl Control {
    /// One enhanced snapshot.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn describe_enhanced_snapshot(&self, name: &EnhancedName) -> Result<Enhanced> {
        let mut tx = self.store.begin().await?;
        tx.enhanced(name).await?.ok_or_else(|| Error::NoSuchEnhanced(name.clone()))
    }

    /// A page of the enhanced snapshots, newest first.
    ///
    /// # Errors
    /// More than one filter.
    pub async fn list_enhanced_snapshots(
        &self,
        filter: &EnhancedFilter,
        page: &PageRequest,
    ) -> Result<Page<Enhanced>> {
        let EnhancedFilter { application, initiator, made_by, status } = filter;
        let given =
            [application.is_some(), initiator.is_some(), made_by.is_some(), status.is_some()];
        if given.iter().filter(|it| **it).count() > 1 {
            return Err(Invalid::new(
                "SourceApplicationName",
                "cannot be combined: give one of SourceApplicationName, SnapshotInitiator, \
                 SnapshotInitiatorOperation and SnapshotStatus",
            )
            .into());
        }
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let found = tx.list_enhanced(filter, before, page.fetch()).await?;
        Ok(page.page(found, |snapshot| snapshot.ordinal.to_string()))
    }

    /// One operation on an enhanced snapshot; also when the snapshot is gone.
    ///
    /// # Errors
    /// There is none of that id.
    pub async fn describe_snapshot_operation(
        &self,
        name: &EnhancedName,
        id: &OperationId,
    ) -> Result<SnapshotOperation> {
        let mut tx = self.store.begin().await?;
        tx.snapshot_operation(name, id).await?.ok_or_else(|| Error::NoSuchSnapshotOperation {
            snapshot: name.clone(),
            operation: id.clone(),
        })
    }

    /// A page of the operations on an enhanced snapshot, newest first.
    ///
    /// # Errors
    /// There never was one of that name; both filters.
    pub async fn list_snapshot_operations(
        &self,
        name: &EnhancedName,
        kind: Option<SnapshotOperationKind>,
        status: Option<OperationStatus>,
        page: &PageRequest,
    ) -> Result<Page<SnapshotOperation>> {
        if kind.is_some() && status.is_some() {
            return Err(Invalid::new(
                "SnapshotOperation",
                "cannot be combined with SnapshotOperationStatus",
            )
            .into());
        }
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let found = tx.list_snapshot_operations(name, kind, status, before, page.fetch()).await?;
        if found.is_empty() && tx.enhanced(name).await?.is_none() {
            let any = tx.list_snapshot_operations(name, None, None, None, 1).await?;
            if any.is_empty() {
                return Err(Error::NoSuchEnhanced(name.clone()));
            }
        }
        Ok(page.page(found, |operation| operation.ordinal.to_string()))
    }
}
