//! Tags of enhanced snapshots.

use std::collections::BTreeMap;

use model::ids::EnhancedName;

use crate::{connection::Tx, error::Result};

impl Tx {
    /// All tags of a snapshot, by key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enhanced_tags(&mut self, name: &EnhancedName) -> Result<BTreeMap<String, String>> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM enhanced_snapshot_tags WHERE snapshot = $1")
                .bind(name.as_str())
                .fetch_all(&mut *self.inner)
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// Adds a tag or changes its value.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_enhanced_tag(
        &mut self,
        name: &EnhancedName,
        key: &str,
        value: &str,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO enhanced_snapshot_tags (snapshot, key, value)
             VALUES ($1, $2, $3)
             ON CONFLICT ON CONSTRAINT enhanced_snapshot_tags_pkey
             DO UPDATE SET value = excluded.value",
        )
        .bind(name.as_str())
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
    pub async fn delete_enhanced_tags(
        &mut self,
        name: &EnhancedName,
        keys: &[String],
    ) -> Result<()> {
        sqlx::query("DELETE FROM enhanced_snapshot_tags WHERE snapshot = $1 AND key = ANY ($2)")
            .bind(name.as_str())
            .bind(keys)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
