//! Tags of applications.

use std::collections::BTreeMap;

use model::ids::ApplicationId;

use crate::{connection::Tx, error::Result};

impl Tx {
    /// All tags of an application, by key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn tags(&mut self, application: ApplicationId) -> Result<BTreeMap<String, String>> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM tags WHERE application_id = $1")
                .bind(application.0)
                .fetch_all(&mut *self.inner)
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// Adds a tag or changes its value.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_tag(
        &mut self,
        application: ApplicationId,
        key: &str,
        value: &str,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO tags (application_id, key, value)
             VALUES ($1, $2, $3)
             ON CONFLICT ON CONSTRAINT tags_pkey DO UPDATE SET value = excluded.value",
        )
        .bind(application.0)
        .bind(key)
        .bind(value)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Removes tags; keys that do not exist are passed over.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_tags(&mut self, application: ApplicationId, keys: &[String]) -> Result<()> {
        sqlx::query("DELETE FROM tags WHERE application_id = $1 AND key = ANY ($2)")
            .bind(application.0)
            .bind(keys)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
