//! Folders of the object store that nothing needs any more.

use crate::{connection::Tx, error::Result};

/// A folder to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Place in the list.
    pub id: i64,
    /// Its key relative to the installation's bucket and prefix, without a slash at its end.
    pub folder: String,
}

impl Tx {
    /// Whether nobody else cleans up at the moment; holds until the end of the transaction.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn try_lock_cleanup(&mut self) -> Result<bool> {
        // Any number that no other advisory lock of ours uses.
        Ok(sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(7311)")
            .fetch_one(&mut *self.inner)
            .await?)
    }

    /// Notes that a folder is not needed any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_garbage(&mut self, folder: &str) -> Result<()> {
        sqlx::query("INSERT INTO garbage (folder) VALUES ($1)")
            .bind(folder)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Up to `limit` folders to be removed, oldest first; not those that a snapshot is still being
    /// copied from.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_garbage(&mut self, limit: i64) -> Result<Vec<Garbage>> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT g.id, g.folder FROM garbage g
                  WHERE NOT EXISTS (SELECT FROM enhanced_snapshots s
                                     WHERE s.status = 'CREATING'
                                       AND starts_with(s.source_manifest, g.folder || '/'))
                  ORDER BY g.id
                  LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows.into_iter().map(|(id, folder)| Garbage { id, folder }).collect())
    }

    /// Forgets folders that were removed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_garbage(&mut self, ids: &[i64]) -> Result<()> {
        sqlx::query("DELETE FROM garbage WHERE id = ANY ($1)")
            .bind(ids)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
