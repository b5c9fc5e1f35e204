//! Operations that only SQL-1_0 applications had.

use model::{
    ids::{ApplicationName, VersionId},
    lifecycle::{Command, admit},
};

use crate::{
    Control,
    commands::change::Seen,
    error::{Error, Result},
};

impl Control {
    /// Refuses a change of what only a SQL-1_0 application has, as AWS does: a client learns first
    /// whether there is such an application and whether it could be changed at all.
    ///
    /// # Errors
    /// Always.
    pub async fn refuse_sql_only(
        &self,
        name: &ApplicationName,
        version: VersionId,
    ) -> Result<std::convert::Infallible> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        admit(application.status, Command::Update)?;
        let present = Self::current(&mut tx, &application).await?;
        let seen = Seen::Match { version: Some(version), token: None };
        seen.check(&present).map_err(|stale| stale.of(name))?;
        Err(Error::OnlyForSql(present.configuration.runtime.to_string()))
    }
}
