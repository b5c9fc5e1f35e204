//! Keys that callers prove themselves with.

use chrono::{DateTime, Utc};
use model::access::{KeyKind, Role};

use crate::{
    connection::Tx,
    error::{Result, read},
};

/// What proves a key.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// SHA-256 of the whole bearer key.
    Hash(Vec<u8>),
    /// The secret of an access key, encrypted.
    Sealed {
        /// Nonce, ciphertext, tag.
        bytes: Vec<u8>,
        /// Id of the master key.
        with: String,
    },
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hash(_) => "Hash",
            Self::Sealed { .. } => "Sealed",
        })
    }
}

/// A key to be added.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Its public id.
    pub id: &'a str,
    /// Whose or what for.
    pub name: &'a str,
    /// What its holder may do.
    pub role: Role,
    /// What proves it.
    pub proof: &'a Proof,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its public id.
    pub id: String,
    /// How it is used.
    pub kind: KeyKind,
    /// Whose or what for.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// What proves it.
    pub proof: Proof,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    name: String,
    role: String,
    hash: Option<Vec<u8>>,
    sealed: Option<Vec<u8>>,
    sealed_with: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Key {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        let proof = match row.hash {
            Some(hash) => Proof::Hash(hash),
            None => Proof::Sealed {
                bytes: row.sealed.unwrap_or_default(),
                with: row.sealed_with.unwrap_or_default(),
            },
        };
        Ok(Self {
            id: row.id,
            kind: read("access_keys.kind", &row.kind)?,
            name: row.name,
            role: read("access_keys.role", &row.role)?,
            proof,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

impl Tx {
    /// Adds a key.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_key(&mut self, new: &NewKey<'_>) -> Result<()> {
        let (kind, hash, sealed, with) = match new.proof {
            Proof::Hash(hash) => (KeyKind::Api, Some(hash), None, None),
            Proof::Sealed { bytes, with } => (KeyKind::Access, None, Some(bytes), Some(with)),
        };
        sqlx::query(
            "INSERT INTO access_keys (id, kind, name, role, hash, sealed, sealed_with, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id)
        .bind(kind.as_str())
        .bind(new.name)
        .bind(new.role.as_str())
        .bind(hash)
        .bind(sealed)
        .bind(with)
        .bind(new.expires_at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The key with an id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn key(&mut self, id: &str) -> Result<Option<Key>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, kind, name, role, hash, sealed, sealed_with, created_at, expires_at,
                    revoked_at, last_used_at
               FROM access_keys
              WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Key::try_from).transpose()
    }

    /// The bearer key with a hash.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn key_by_hash(&mut self, hash: &[u8]) -> Result<Option<Key>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, kind, name, role, hash, sealed, sealed_with, created_at, expires_at,
                    revoked_at, last_used_at
               FROM access_keys
              WHERE hash = $1",
        )
        .bind(hash)
        .fetch_optional(&mut *self.inner)
        .await?;
        row.map(Key::try_from).transpose()
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_keys(&mut self) -> Result<Vec<Key>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, kind, name, role, hash, sealed, sealed_with, created_at, expires_at,
                    revoked_at, last_used_at
               FROM access_keys
              ORDER BY created_at, id",
        )
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Key::try_from).collect()
    }

    /// Puts the same secret, encrypted anew, in the place of what was kept of an access key; `after` is
    /// the ciphertext and the id of its master key. Tells whether `before` was there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn reseal_key(
        &mut self,
        id: &str,
        before: &[u8],
        after: (&[u8], &str),
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE access_keys
                SET sealed = $3, sealed_with = $4
              WHERE id = $1 AND sealed = $2",
        )
        .bind(id)
        .bind(before)
        .bind(after.0)
        .bind(after.1)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a key now; whether it was there and not revoked yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn revoke_key(&mut self, id: &str) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE access_keys
                SET revoked_at = now()
              WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(id)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes that a key was used, at most once a minute.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn touch_key(&mut self, id: &str) -> Result<()> {
        sqlx::query(
            "UPDATE access_keys
                SET last_used_at = now()
              WHERE id = $1
                AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        )
        .bind(id)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
