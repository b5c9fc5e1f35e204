//! Keys of the API, for administrators: made, listed, revoked.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use control::{CreateKey, Key};
use model::access::{KeyKind, Role};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::{parsed, seconds};

/// A key, without what proves it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct KeyBody {
    /// `WEIR…`, or the access key id `AKIA…`.
    key_id: String,
    /// `api` (bearer) or `access` (SigV4).
    kind: String,
    name: String,
    /// `viewer`, `operator` or `admin`.
    role: String,
    created_at: f64,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<f64>,
    /// To the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<f64>,
}

impl From<Key> for KeyBody {
    fn from(key: Key) -> Self {
        Self {
            key_id: key.id,
            kind: key.kind.to_string(),
            name: key.name,
            role: key.role.to_string(),
            created_at: seconds(key.created_at),
            expires_at: key.expires_at.map(seconds),
            revoked_at: key.revoked_at.map(seconds),
            last_used_at: key.last_used_at.map(seconds),
        }
    }
}

/// All keys, oldest first, also those that ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeysAnswer {
    keys: Vec<KeyBody>,
}

/// Lists all keys, also those that ended. Only for the role admin.
#[utoipa::path(get, path = "/v1/keys", tag = "access", operation_id = "ListKeys",
    responses((status = 200, body = KeysAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn list(shared: Shared) -> Result<Json<KeysAnswer>, Failure> {
    let keys = shared.control.list_keys().await?;
    Ok(Json(KeysAnswer { keys: keys.into_iter().map(KeyBody::from).collect() }))
}

/// A key to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreateKeyRequest {
    /// Whose or what for, 1 to 128 characters.
    name: String,
    /// `viewer`, `operator` or `admin`.
    role: String,
    /// `api` (the default) or `access`.
    kind: Option<String>,
    /// How long it is good for, at least 1; absent = until it is revoked.
    expires_in_seconds: Option<i64>,
}

impl CreateKeyRequest {
    fn parse(self) -> Result<CreateKey, Invalid> {
        let role: Role = self.role.parse()?;
        let kind = parsed(self.kind.as_deref())?.unwrap_or(KeyKind::Api);
        let expires_in = match self.expires_in_seconds {
            None => None,
            Some(seconds @ 1..) => Some(Duration::from_secs(seconds.unsigned_abs())),
            Some(_) => return Err(Invalid::new("ExpiresInSeconds", "must be at least 1")),
        };
        Ok(CreateKey { kind, name: self.name, role, expires_in })
    }
}

/// A key, and what nobody is told again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreatedKeyAnswer {
    key: KeyBody,
    /// The bearer key, or the secret access key.
    secret: String,
}

/// Makes a key. Its secret is in the answer and is never shown again. An access key needs a master key.
#[utoipa::path(post, path = "/v1/keys", tag = "access", operation_id = "CreateKey",
    request_body = CreateKeyRequest,
    responses((status = 201, body = CreatedKeyAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn create(
    shared: Shared,
    Body(request): Body<CreateKeyRequest>,
) -> Result<impl IntoResponse, Failure> {
    let made = shared.control.create_key(request.parse()?, shared.master.as_ref()).await?;
    let answer = CreatedKeyAnswer { key: made.key.into(), secret: made.secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)))
}

/// Ends a key; API servers notice within five seconds. One that has ended stays as it is.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "access", operation_id = "RevokeKey",
    params(("id" = String, Path, description = "KeyId")),
    responses((status = 204, description = "It is revoked"), (status = "4XX", body = FailureBody)))]
pub(super) async fn revoke(shared: Shared, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    shared.control.revoke_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
