//! ListApplicationOperations, DescribeApplicationOperation, and the events.

use model::{
    ids::{ApplicationName, OperationId},
    invalid::check_length,
};
use store::{ApplicationEvent, Operation, OperationStatus};

use crate::{
    Control,
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// Which operations are wanted; absent = all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// AWS `Operation`, for example `StartApplication`.
    pub kind: Option<String>,
    /// What became of it.
    pub status: Option<OperationStatus>,
}

impl Control {
    /// A page of an application's operations, newest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn list_operations(
        &self,
        name: &ApplicationName,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>> {
        if let Some(kind) = &filter.kind {
            check_length("Operation", kind, 1, 64)?;
        }
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx
            .list_operations(
                application.id,
                filter.kind.as_deref(),
                filter.status,
                before,
                page.fetch(),
            )
            .await?;
        Ok(page.page(found, |operation| operation.ordinal.to_string()))
    }

    /// One operation of an application.
    ///
    /// # Errors
    /// There is none of that id.
    pub async fn describe_operation(
        &self,
        name: &ApplicationName,
        operation: &OperationId,
    ) -> Result<Operation> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        tx.operation(application.id, operation).await?.ok_or_else(|| Error::NoSuchOperation {
            application: name.clone(),
            operation: operation.clone(),
        })
    }

    /// A page of what happened to an application, newest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn events(
        &self,
        name: &ApplicationName,
        page: &PageRequest,
    ) -> Result<Page<ApplicationEvent>> {
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx.list_events(application.id, before, page.fetch()).await?;
        Ok(page.page(found, |event| event.id.to_string()))
    }
}
