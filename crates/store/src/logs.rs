//! Log lines of applications, capped.

use chrono::{DateTime, Utc};
use model::{
    ids::{ApplicationId, RunId},
    protocol::LogLine,
};

use crate::{
    connection::Tx,
    error::{Result, number},
};

/// A kept log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Rises within the application; may leave numbers out.
    pub sequence: i64,
    /// Attempt that wrote it.
    pub attempt: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: String,
    /// Who speaks.
    pub logger: String,
    /// The text.
    pub message: String,
}

type Row = (i64, i64, DateTime<Utc>, String, String, String);

fn record((sequence, attempt, at, level, logger, message): Row) -> Result<LogRecord> {
    let attempt = number("log_lines.attempt", attempt)?;
    Ok(LogRecord { sequence, attempt, at, level, logger, message })
}

impl Tx {
    /// Appends lines of an attempt; false, and nothing is kept, if it is not the present one of
    /// its run. The run is not locked: that another attempt begins at this very moment is no harm.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn append_log(
        &mut self,
        application: ApplicationId,
        run: RunId,
        attempt: u64,
        lines: &[LogLine],
    ) -> Result<bool> {
        let present: Option<i64> = sqlx::query_scalar(
            "SELECT 1::bigint FROM runs
              WHERE id = $1 AND application_id = $2 AND attempt = $3 AND ended_at IS NULL",
        )
        .bind(run.0)
        .bind(application.0)
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .fetch_optional(&mut *self.inner)
        .await?;
        if present.is_none() {
            return Ok(false);
        }
        let times: Vec<DateTime<Utc>> = lines
            .iter()
            .map(|line| DateTime::from_timestamp_millis(line.at_ms).unwrap_or_default())
            .collect();
        // Postgres text cannot hold NUL.
        let texts = |of: fn(&LogLine) -> &String| -> Vec<String> {
            lines.iter().map(|line| of(line).replace('\0', "\u{fffd}")).collect()
        };
        sqlx::query(
            "INSERT INTO log_lines (application_id, attempt, at, level, logger, message)
             SELECT $1, $2, line.at, line.level, line.logger, line.message
               FROM unnest($3::timestamptz[], $4::text[], $5::text[], $6::text[])
                    WITH ORDINALITY AS line (at, level, logger, message, place)
              ORDER BY line.place",
        )
        .bind(application.0)
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .bind(times)
        .bind(texts(|line| &line.level))
        .bind(texts(|line| &line.logger))
        .bind(texts(|line| &line.message))
        .execute(&mut *self.inner)
        .await?;
        Ok(true)
    }

    /// Up to `limit` lines after `sequence`, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_after(
        &mut self,
        application: ApplicationId,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<LogRecord>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, attempt, at, level, logger, message
               FROM log_lines
              WHERE application_id = $1 AND sequence > $2
              ORDER BY sequence
              LIMIT $3",
        )
        .bind(application.0)
        .bind(sequence)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(record).collect()
    }

    /// The last `limit` lines, oldest first; of one attempt only, if wanted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn log_tail(
        &mut self,
        application: ApplicationId,
        attempt: Option<u64>,
        limit: i64,
    ) -> Result<Vec<LogRecord>> {
        let mut rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, attempt, at, level, logger, message
               FROM log_lines
              WHERE application_id = $1 AND ($2::bigint IS NULL OR attempt = $2)
              ORDER BY sequence DESC
              LIMIT $3",
        )
        .bind(application.0)
        .bind(attempt.map(|attempt| i64::try_from(attempt).unwrap_or(i64::MAX)))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.reverse();
        rows.into_iter().map(record).collect()
    }

    /// Removes all but the last `keep` lines of every application. Returns how many.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn trim_logs(&mut self, keep: i64) -> Result<u64> {
        let done = sqlx::query(
            "WITH cut AS MATERIALIZED (
                 SELECT a.id, (SELECT k.sequence FROM log_lines k
                                WHERE k.application_id = a.id
                                ORDER BY k.sequence DESC
                               OFFSET $1 LIMIT 1) AS last
                   FROM applications a
             )
             DELETE FROM log_lines l
              USING cut
              WHERE l.application_id = cut.id AND l.sequence <= cut.last",
        )
        .bind(keep)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
