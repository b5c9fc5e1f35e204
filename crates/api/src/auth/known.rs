//! Keys as the server knows them for a few seconds, so that a request asks no database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use control::{Control, Key, MasterKeys, Secret};
use model::access::Role;
use ring::hmac;

use super::refused::Refused;
use super::sigv4::{Scope, hex_sha256, signing_key};

/// How long a key is believed: a revoked one may be used for so long.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Most keys that are remembered; more only cost questions.
const MOST: usize = 10_000;

/// A key that is good.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    expires_at: Option<DateTime<Utc>>,
    secret: Option<Secret>,
    /// By date; a key signs with the same one all day.
    signing: Mutex<Option<(String, hmac::Key)>>,
    asked: Instant,
    noted: AtomicBool,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("id", &self.id).field("role", &self.role).finish()
    }
}

impl Known {
    /// What is good now of what the database has.
    fn of(key: Key, secret: Option<Secret>) -> Option<Self> {
        let known = Self {
            id: key.id,
            name: key.name,
            role: key.role,
            expires_at: key.expires_at,
            secret,
            signing: Mutex::new(None),
            asked: Instant::now(),
            noted: AtomicBool::new(false),
        };
        (key.revoked_at.is_none() && !known.expired()).then_some(known)
    }

    fn expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= Utc::now())
    }

    /// The key that signs on a day.
    pub(crate) fn signing(&self, date: &str, scope: Scope<'_>) -> hmac::Key {
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*signing {
            Some((of, key)) if of == date => key.clone(),
            _ => {
                let secret = self.secret.as_ref().map_or("", Secret::reveal);
                let key = signing_key(secret, date, scope);
                *signing = Some((date.to_owned(), key.clone()));
                key
            }
        }
    }
}

/// Finds keys.
#[derive(Debug)]
pub(crate) struct Keys {
    control: Control,
    master: Option<MasterKeys>,
    /// By id of an access key, by hash of a bearer key.
    known: Mutex<HashMap<String, Arc<Known>>>,
}

impl Keys {
    pub(crate) fn new(control: Control, master: Option<MasterKeys>) -> Self {
        Self { control, master, known: Mutex::default() }
    }

    /// The bearer key that was shown.
    pub(crate) async fn bearer(&self, shown: &str) -> Result<Arc<Known>, Refused> {
        let place = hex_sha256(shown.as_bytes());
        if let Some(known) = self.remembered(&place) {
            return Ok(known);
        }
        let found = self.control.find_api_key(shown).await.map_err(unavailable)?;
        self.remember(place, found.and_then(|key| Known::of(key, None)))
    }

    /// The access key with an id.
    pub(crate) async fn access(&self, id: &str) -> Result<Arc<Known>, Refused> {
        if let Some(known) = self.remembered(id) {
            return Ok(known);
        }
        let found = self.control.find_access_key(id, self.master.as_ref()).await;
        let found = found.map_err(unavailable)?;
        let known = found.and_then(|(key, secret)| Known::of(key, Some(secret)));
        self.remember(id.to_owned(), known)
    }

    /// Notes in the database that a key was used, once for each time it was asked for there.
    pub(crate) async fn used(&self, known: &Known) -> Result<(), Refused> {
        if known.noted.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.control.touch_key(&known.id).await.map_err(unavailable)
    }

    fn remembered(&self, place: &str) -> Option<Arc<Known>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(place)?;
        let fresh = found.asked.elapsed() < BELIEVED_FOR && !found.expired();
        fresh.then(|| Arc::clone(found))
    }

    fn remember(&self, place: String, known: Option<Known>) -> Result<Arc<Known>, Refused> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.map(Arc::new) else {
            all.remove(&place);
            return Err(Refused::UnknownKey);
        };
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(place, Arc::clone(&known));
        Ok(known)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: control::Error) -> Refused {
    tracing::error!(%error, "a key could not be looked up");
    Refused::Unavailable
}
