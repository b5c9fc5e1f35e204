//! The audit log, read.

use model::ids::ApplicationName;
use store::AuditEntry;

use crate::{
    Control,
    error::Result,
    page::{Page, PageRequest},
};

impl Control {
    /// A page of the audit log, newest first: of one application, also when it is deleted, or of
    /// everything.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn audit_log(
        &self,
        application: Option<&ApplicationName>,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let name = application.map(ApplicationName::as_str);
        let found = tx.list_audit(name, before, page.fetch()).await?;
        Ok(page.page(found, |entry| entry.id.to_string()))
    }
}
