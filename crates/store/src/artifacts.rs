//! Artifacts: uploaded code, by the SHA-256 of its bytes.

use crate::{
    connection::{Store, Tx},
    error::Result,
};

impl Tx {
    /// Keeps bytes under their SHA-256; the same bytes are kept once, and count as new again.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn put_artifact(&mut self, sha256: &str, bytes: &[u8]) -> Result<()> {
        sqlx::query(
            "INSERT INTO artifacts (sha256, bytes)
             VALUES ($1, $2)
             ON CONFLICT ON CONSTRAINT artifacts_pkey DO UPDATE SET created_at = now()",
        )
        .bind(sha256)
        .bind(bytes)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Store {
    /// The bytes of an artifact.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn artifact(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar("SELECT bytes FROM artifacts WHERE sha256 = $1")
            .bind(sha256)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Removes artifacts that no version of any application names, an hour after their upload.
    /// Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_unused_artifacts(&self) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM artifacts f
              WHERE f.created_at < now() - interval '1 hour'
                AND NOT EXISTS (SELECT FROM application_versions v WHERE v.artifact = f.sha256)",
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
