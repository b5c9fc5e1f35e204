//! The audit log: who did what, append-only.

use chrono::{DateTime, Utc};
use model::access::Role;
use serde_json::Value;

use crate::{
    connection::Tx,
    error::{Result, read},
};

/// An entry to be added.
#[derive(Debug, Clone)]
pub struct NewAudit<'a> {
    /// Who: the id of a key, or `development`.
    pub principal: &'a str,
    /// What it may do.
    pub role: Role,
    /// Which way the request came.
    pub door: &'a str,
    /// Where it came from.
    pub address: Option<&'a str>,
    /// Its id.
    pub request_id: &'a str,
    /// AWS operation, for example `StopApplication`.
    pub action: &'a str,
    /// `DONE` or `DENIED`.
    pub outcome: &'a str,
    /// Name of the application it is about.
    pub application: Option<&'a str>,
    /// What was before, of that which changed.
    pub before: &'a Value,
    /// What it became.
    pub after: &'a Value,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Rises with time.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: the id of a key, or `development`.
    pub principal: String,
    /// What it could do.
    pub role: Role,
    /// Which way the request came.
    pub door: String,
    /// Where it came from.
    pub address: Option<String>,
    /// Its id.
    pub request_id: String,
    /// AWS operation, for example `StopApplication`.
    pub action: String,
    /// `DONE` or `DENIED`.
    pub outcome: String,
    /// Name of the application it is about.
    pub application: Option<String>,
    /// What was before, of that which changed.
    pub before: Value,
    /// What it became.
    pub after: Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    at: DateTime<Utc>,
    principal: String,
    role: String,
    door: String,
    address: Option<String>,
    request_id: String,
    action: String,
    outcome: String,
    application: Option<String>,
    before: Value,
    after: Value,
}

impl TryFrom<Row> for AuditEntry {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            at: row.at,
            principal: row.principal,
            role: read("audit_log.role", &row.role)?,
            door: row.door,
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            outcome: row.outcome,
            application: row.application,
            before: row.before,
            after: row.after,
        })
    }
}

impl Tx {
    /// Adds an entry.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn insert_audit(&mut self, new: &NewAudit<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_log
                    (principal, role, door, address, request_id, action, outcome, application,
                     before, after)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(new.principal)
        .bind(new.role.as_str())
        .bind(new.door)
        .bind(new.address)
        .bind(new.request_id)
        .bind(new.action)
        .bind(new.outcome)
        .bind(new.application)
        .bind(new.before)
        .bind(new.after)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Entries before `before`, newest first; of one application or of everything.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn list_audit(
        &mut self,
        application: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, at, principal, role, door, address, request_id, action, outcome,
                    application, before, after
               FROM audit_log
              WHERE ($1::text IS NULL OR application = $1)
                AND ($2::bigint IS NULL OR id < $2)
              ORDER BY id DESC
              LIMIT $3",
        )
        .bind(application)
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }
}
