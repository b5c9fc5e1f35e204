//! Logs, metrics, the stream graph, checkpoints, workers.

use model::{ids::ApplicationName, protocol::JobMetrics};
use store::{Checkpoint, LogFilter, LogRecord, Run, Tx, Worker};

use crate::{
    Control,
    detail::Outages,
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// Most log lines in one answer.
const MOST_LINES: i64 = 1000;

/// Counters of the present or last run.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// The attempt they are of.
    pub attempt: u64,
    /// How often the job was started again in this run.
    pub restarts: u64,
    /// For how long it was down, and how often it came back.
    pub outages: Outages,
    /// Checkpoints of this run that came to nothing.
    pub failed_checkpoints: u64,
    /// Milliseconds since its newest checkpoint was recorded.
    pub last_checkpoint_age_ms: Option<i64>,
    /// Whether that is too long.
    pub checkpoint_overdue: bool,
    /// Whether the job runs now.
    pub running: bool,
    /// Milliseconds since the job runs; 0 when it does not.
    pub uptime_ms: i64,
    /// What the job last reported; absent before its first report.
    pub job: Option<JobMetrics>,
    /// Its newest checkpoint.
    pub latest_checkpoint: Option<Checkpoint>,
}

impl Control {
    /// Up to `limit` (at most 1000) log lines after `sequence`, oldest first. Begin with 0.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn logs_after(
        &self,
        name: &ApplicationName,
        sequence: i64,
        limit: i64,
        filter: &LogFilter,
    ) -> Result<Vec<LogRecord>> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        Ok(tx.log_after(application.id, sequence, limit.clamp(1, MOST_LINES), filter).await?)
    }

    /// The last `limit` (at most 1000) log lines, oldest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn logs_tail(
        &self,
        name: &ApplicationName,
        limit: i64,
        filter: &LogFilter,
    ) -> Result<Vec<LogRecord>> {
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        Ok(tx.log_tail(application.id, None, limit.clamp(1, MOST_LINES), filter).await?)
    }

    /// Counters of the present or last run.
    ///
    /// # Errors
    /// There is no application of that name, or it never ran.
    pub async fn metrics(&self, name: &ApplicationName) -> Result<Metrics> {
        let mut tx = self.store.begin().await?;
        let run = last_run(&mut tx, name).await?;
        let since = run.running_since.filter(|_| run.is_held());
        Ok(Metrics {
            attempt: run.attempt,
            restarts: run.restarts,
            outages: Outages::of(&run),
            failed_checkpoints: run.failed_checkpoints,
            last_checkpoint_age_ms: run
                .last_checkpoint_at
                .map(|at| (run.now - at).num_milliseconds()),
            checkpoint_overdue: run.checkpoint_overdue,
            running: since.is_some(),
            uptime_ms: since.map_or(0, |since| (run.now - since).num_milliseconds()),
            job: tx.metrics(run.id).await?,
            latest_checkpoint: tx.latest_checkpoint(run.application, run.id).await?,
        })
    }

    /// Stream graph of the present or last run, `{"nodes": […], "edges": […]}`; `None` before it
    /// is planned.
    ///
    /// # Errors
    /// There is no application of that name, or it never ran.
    pub async fn graph(&self, name: &ApplicationName) -> Result<Option<serde_json::Value>> {
        let mut tx = self.store.begin().await?;
        let run = last_run(&mut tx, name).await?;
        Ok(tx.graph(run.id).await?)
    }

    /// A page of the checkpoints of an application that are kept, newest first.
    ///
    /// # Errors
    /// There is no application of that name.
    pub async fn checkpoints(
        &self,
        name: &ApplicationName,
        page: &PageRequest,
    ) -> Result<Page<Checkpoint>> {
        let before = page.after_number()?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let found = tx.list_checkpoints(application.id, before, page.fetch()).await?;
        Ok(page.page(found, |checkpoint| checkpoint.number.to_string()))
    }

    /// All workers, oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn workers(&self) -> Result<Vec<Worker>> {
        let mut tx = self.store.begin().await?;
        Ok(tx.list_workers().await?)
    }
}

async fn last_run(tx: &mut Tx, name: &ApplicationName) -> Result<Run> {
    let application = Control::existing(tx, name).await?;
    tx.latest_run(application.id).await?.ok_or_else(|| Error::NeverRan(name.clone()))
}
