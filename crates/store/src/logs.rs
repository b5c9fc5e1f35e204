//! Log lines of applications, capped.

use chrono::{DateTime, Utc};
use model::{
    ids::{ApplicationId, RunId, VersionId},
    protocol::LogLine,
};

use crate::{
    connection::Tx,
    error::{Result, number},
    runs::Run,
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
    /// The application version that ran; unknown of lines of an older Weir.
    pub version: Option<VersionId>,
    /// Traceback of what the line tells of.
    pub throwable: Option<String>,
}

/// Which lines are wanted; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of these levels only; empty = of all.
    pub levels: Vec<String>,
    /// With this text in the message or the traceback, whatever its case.
    pub contains: Option<String>,
}

/// A line that the control plane itself has to say of a run.
#[derive(Debug, Clone, Copy)]
pub struct OwnLine<'a> {
    /// `ERROR`, `WARN`, `INFO`, `DEBUG`.
    pub level: &'a str,
    /// Who speaks.
    pub logger: &'a str,
    /// The text.
    pub message: &'a str,
    /// Traceback of what it tells of.
    pub throwable: Option<&'a str>,
}

#[derive(sqlx::FromRow)]
struct Row {
    sequence: i64,
    attempt: i64,
    at: DateTime<Utc>,
    level: String,
    logger: String,
    message: String,
    version: Option<i64>,
    throwable: Option<String>,
}

fn record(row: Row) -> Result<LogRecord> {
    Ok(LogRecord {
        sequence: row.sequence,
        attempt: number("log_lines.attempt", row.attempt)?,
        at: row.at,
        level: row.level,
        logger: row.logger,
        message: row.message,
        version: row.version.map(|version| number("log_lines.version", version)).transpose()?,
        throwable: row.throwable,
    })
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
            "SELECT version FROM runs
              WHERE id = $1 AND application_id = $2 AND attempt = $3 AND ended_at IS NULL",
        )
        .bind(run.0)
        .bind(application.0)
        .bind(i64::try_from(attempt).unwrap_or(i64::MAX))
        .fetch_optional(&mut *self.inner)
        .await?;
        let Some(version) = present else { return Ok(false) };
        let times: Vec<DateTime<Utc>> = lines
            .iter()
            .map(|line| DateTime::from_timestamp_millis(line.at_ms).unwrap_or_default())
            .collect();
        // Postgres text cannot hold NUL.
        let texts = |of: fn(&LogLine) -> &String| -> Vec<String> {
            lines.iter().map(|line| of(line).replace('\0', "\u{fffd}")).collect()
        };
        sqlx::query(
            "INSERT INTO log_lines (application_id, attempt, at, level, logger, message, version)
             SELECT $1, $2, line.at, line.level, line.logger, line.message, $7
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
        .bind(version)
        .execute(&mut *self.inner)
        .await?;
        Ok(true)
    }

    /// Appends a line of the control plane's own about a run's present attempt.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn append_own_line(&mut self, run: &Run, line: OwnLine<'_>) -> Result<()> {
        let plain = |text: &str| text.replace('\0', "\u{fffd}");
        sqlx::query(
            "INSERT INTO log_lines
                    (application_id, attempt, at, level, logger, message, version, throwable)
             VALUES ($1, $2, clock_timestamp(), $3, $4, $5, $6, $7)",
        )
        .bind(run.application.0)
        .bind(i64::try_from(run.attempt).unwrap_or(i64::MAX))
        .bind(line.level)
        .bind(line.logger)
        .bind(plain(line.message))
        .bind(run.version.get())
        .bind(line.throwable.map(plain))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
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
        filter: &LogFilter,
    ) -> Result<Vec<LogRecord>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, attempt, at, level, logger, message, version, throwable
               FROM log_lines
              WHERE application_id = $1 AND sequence > $2
                AND (cardinality($4::text[]) = 0 OR level = ANY ($4))
                AND ($5::text IS NULL OR
                     position(lower($5) IN lower(concat_ws(' ', message, throwable))) > 0)
              ORDER BY sequence
              LIMIT $3",
        )
        .bind(application.0)
        .bind(sequence)
        .bind(limit)
        .bind(&filter.levels)
        .bind(&filter.contains)
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
        filter: &LogFilter,
    ) -> Result<Vec<LogRecord>> {
        let mut rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, attempt, at, level, logger, message, version, throwable
               FROM log_lines
              WHERE application_id = $1 AND ($2::bigint IS NULL OR attempt = $2)
                AND (cardinality($4::text[]) = 0 OR level = ANY ($4))
                AND ($5::text IS NULL OR
                     position(lower($5) IN lower(concat_ws(' ', message, throwable))) > 0)
              ORDER BY sequence DESC
              LIMIT $3",
        )
        .bind(application.0)
        .bind(attempt.map(|attempt| i64::try_from(attempt).unwrap_or(i64::MAX)))
        .bind(limit)
        .bind(&filter.levels)
        .bind(&filter.contains)
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
