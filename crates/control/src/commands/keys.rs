//! Keys: create, list, revoke, find.

use std::time::Duration;

use chrono::Utc;
use model::{
    access::{KeyKind, Role},
    invalid::check_length,
};
use serde_json::json;
use store::{Key, NewKey, Proof};

use crate::{
    Control,
    audit::Audit,
    error::{Error, Result},
    keys::{MasterKeys, Secret, new_api_key, new_id, new_secret, sha256},
};

/// A key to be made.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// How it is used.
    pub kind: KeyKind,
    /// Whose or what for, 1 to 128 characters.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// How long it is good for; absent = until it is revoked.
    pub expires_in: Option<Duration>,
}

/// A key, and what nobody can be told again.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key.
    pub key: Key,
    /// The bearer key, or the secret access key.
    pub secret: Secret,
}

/// What became of the secrets of access keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reencrypted {
    /// Encrypted with the newest master key now.
    pub rewritten: u64,
    /// So before.
    pub unchanged: u64,
    /// Of revoked keys, encrypted with a master key that is not given.
    pub unreadable: u64,
}

impl Control {
    /// Makes a key. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// A name or a time that breaks a rule; an access key without a master key.
    pub async fn create_key(
        &self,
        command: CreateKey,
        master: Option<&MasterKeys>,
    ) -> Result<CreatedKey> {
        check_length("Name", &command.name, 1, 128)?;
        let wrong = || model::invalid::Invalid::new("ExpiresIn", "is too long");
        let expires_at = match command.expires_in {
            Some(time) => {
                let time = chrono::Duration::from_std(time).map_err(|_| wrong())?;
                Some(Utc::now().checked_add_signed(time).ok_or_else(wrong)?)
            }
            None => None,
        };
        let (id, secret, proof) = match command.kind {
            KeyKind::Api => {
                let secret = new_api_key()?;
                let proof = Proof::Hash(sha256(secret.reveal()));
                (new_id("WEIR")?, secret, proof)
            }
            KeyKind::Access => {
                let (id, secret) = (new_id("AKIA")?, new_secret()?);
                let proof = master.ok_or(Error::NoMasterKey)?.seal(&id, &secret)?;
                (id, secret, proof)
            }
        };
        let CreateKey { name, role, kind, .. } = command;
        let mut tx = self.store.begin().await?;
        let new = NewKey { id: &id, name: &name, role, proof: &proof, expires_at };
        tx.insert_key(&new).await?;
        let until = expires_at.map(|at| at.to_rfc3339());
        let made = json!({ "id": id, "kind": kind, "name": name, "role": role,
                           "expires_at": until });
        self.audit(&mut tx, Audit::general("CreateKey").with("key", made)).await?;
        let key = tx.key(&id).await?.ok_or_else(|| Error::NoSuchKey(id.clone()))?;
        tx.commit().await?;
        tracing::info!(key = id, %role, "key created");
        Ok(CreatedKey { key, secret })
    }

    /// All keys, oldest first, also those that ended.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_keys(&self) -> Result<Vec<Key>> {
        let mut tx = self.store.begin().await?;
        Ok(tx.list_keys().await?)
    }

    /// Ends a key; API servers notice within seconds.
    ///
    /// # Errors
    /// There is none of that id.
    pub async fn revoke_key(&self, id: &str) -> Result<Key> {
        let mut tx = self.store.begin().await?;
        let missing = || Error::NoSuchKey(id.to_owned());
        let before = tx.key(id).await?.ok_or_else(missing)?;
        if tx.revoke_key(id).await? {
            let audit = Audit::general("RevokeKey").changed(
                "key",
                json!({ "id": id, "name": before.name, "revoked": false }),
                json!({ "id": id, "name": before.name, "revoked": true }),
            );
            self.audit(&mut tx, audit.with("id", id)).await?;
            tracing::info!(key = id, "key revoked");
        }
        let key = tx.key(id).await?.ok_or_else(missing)?;
        tx.commit().await?;
        Ok(key)
    }

    /// Encrypts all secrets with the newest master key, so that older ones are not needed any more.
    /// The keys themselves stay as they are.
    ///
    /// # Errors
    /// A secret of a key that is not revoked cannot be decrypted: nothing is changed.
    pub async fn reencrypt_keys(&self, master: &MasterKeys) -> Result<Reencrypted> {
        let mut done = Reencrypted::default();
        let mut tx = self.store.begin().await?;
        for key in tx.list_keys().await? {
            let Proof::Sealed { bytes, .. } = &key.proof else { continue };
            if master.is_newest(&key.proof) {
                done.unchanged += 1;
                continue;
            }
            let secret = match master.open(&key.id, &key.proof) {
                Err(_) if key.revoked_at.is_some() => {
                    done.unreadable += 1;
                    continue;
                }
                opened => opened?,
            };
            let Proof::Sealed { bytes: anew, with } = master.seal(&key.id, &secret)? else {
                continue;
            };
            if tx.reseal_key(&key.id, bytes, (&anew, &with)).await? {
                done.rewritten += 1;
            }
        }
        if done.rewritten > 0 {
            let audit = Audit::general("ReencryptKeys").with("master_key", master.newest());
            self.audit(&mut tx, audit.with("secrets", done.rewritten)).await?;
        }
        tx.commit().await?;
        Ok(done)
    }

    /// The access key of an id, and its secret.
    ///
    /// # Errors
    /// The secret cannot be decrypted.
    pub async fn find_access_key(
        &self,
        id: &str,
        master: Option<&MasterKeys>,
    ) -> Result<Option<(Key, Secret)>> {
        let mut tx = self.store.begin().await?;
        let found = tx.key(id).await?.filter(|key| key.kind == KeyKind::Access);
        let Some(key) = found else { return Ok(None) };
        let secret = master.ok_or(Error::NoMasterKey)?.open(id, &key.proof)?;
        Ok(Some((key, secret)))
    }

    /// The key that a bearer shows.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn find_api_key(&self, shown: &str) -> Result<Option<Key>> {
        let mut tx = self.store.begin().await?;
        Ok(tx.key_by_hash(&sha256(shown)).await?)
    }

    /// Notes that a key was used.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn touch_key(&self, id: &str) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.touch_key(id).await?;
        Ok(tx.commit().await?)
    }
}
