//! Writes one subtask's rows into part files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::partition as equal_runs;
use engine::Result;
use engine::batch::{Batch, Watermark};
use engine::metrics::NodeMetrics;
use engine::sink::{Committable, SinkContext, SinkWriter};

use super::part::{Closing, PartFile, file_name};
use super::partition;
use super::pending::{Prepared, Progress, Waiting};
use super::sink::Layout;
use crate::format::Encoder;
use crate::s3::S3;

/// The writer of one subtask: one open part file for each partition.
pub(super) struct Writer {
    layout: Arc<Layout>,
    s3: Option<S3>,
    encoder: Box<dyn Encoder>,
    context: SinkContext,
    waiting: Waiting,
    /// Whether partitions are not complete with their first file, so that they must be remembered.
    remembers: bool,
    /// Open files by partition folder.
    open: BTreeMap<String, PartFile>,
    /// Files closed since the last checkpoint.
    closed: Vec<Closing>,
    /// Partitions written to since the last checkpoint, if they must be remembered.
    touched: BTreeSet<String>,
    files: u64,
    watermark: i64,
    payloads: Vec<u8>,
    ends: Vec<usize>,
    line: Vec<u8>,
}

impl Writer {
    pub(super) fn new(
        layout: Arc<Layout>,
        s3: Option<S3>,
        encoder: Box<dyn Encoder>,
        waiting: Waiting,
        context: SinkContext,
    ) -> Self {
        Self {
            remembers: layout.policy.as_ref().is_some_and(|policy| !policy.at_once()),
            layout,
            s3,
            encoder,
            context,
            waiting,
            open: BTreeMap::new(),
            closed: Vec::new(),
            touched: BTreeSet::new(),
            files: 0,
            watermark: i64::MIN,
            payloads: Vec::new(),
            ends: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Folder of row `row`.
    fn folder(&self, columns: &[ArrayRef], row: usize) -> String {
        let mut folder = String::new();
        for ((key, _), column) in self.layout.partitions.iter().zip(columns) {
            if !folder.is_empty() {
                folder.push('/');
            }
            partition::spell(key, column, row, &self.layout.table.default_name, &mut folder);
        }
        folder
    }

    fn write_run(&mut self, folder: &str, batch: &Batch) -> Result<()> {
        let rows = batch.rows.project(&self.layout.in_file)?;
        self.payloads.clear();
        self.ends.clear();
        self.encoder.encode(&batch.with_rows(rows), &mut self.payloads, &mut self.ends)?;
        let mut begin = 0;
        self.line.clear();
        for index in 0..self.ends.len() {
            let end = self.ends[index];
            if end > begin {
                self.line.extend_from_slice(&self.payloads[begin..end]);
                self.line.push(b'\n');
            }
            begin = end;
            let last = index + 1 == self.ends.len();
            let held = self.open.get(folder).map_or(0, PartFile::bytes) + self.line.len() as u64;
            if (last || held >= self.layout.roll_bytes) && !self.line.is_empty() {
                self.append(folder)?;
            }
        }
        Ok(())
    }

    /// Moves the collected lines into the folder's open file, and closes it when it is full.
    fn append(&mut self, folder: &str) -> Result<()> {
        if !self.open.contains_key(folder) {
            let SinkContext { attempt_id, subtask, .. } = &self.context;
            let token = self.layout.token;
            let name = file_name(&format!("{attempt_id}-{token:08x}-{subtask}-{}", self.files));
            self.files += 1;
            let location = &self.layout.table.location;
            let file = PartFile::open(location, self.s3.as_ref(), folder, &name)?;
            self.open.insert(folder.to_owned(), file);
        }
        if self.remembers && !self.touched.contains(folder) {
            self.touched.insert(folder.to_owned());
        }
        let file = self.open.get_mut(folder).expect("opened above");
        file.write(&self.line)?;
        NodeMetrics::add(&self.context.metrics.bytes, self.line.len());
        self.line.clear();
        if file.bytes() >= self.layout.roll_bytes
            && let Some(full) = self.open.remove(folder)
        {
            self.closed.push(full.close()?);
        }
        Ok(())
    }

    /// What the committer must know to mark partitions that are not complete at once.
    fn progress(&mut self) -> Option<Prepared> {
        if !self.remembers {
            return None;
        }
        let now_ms = self.context.clock.now_ms();
        for folder in std::mem::take(&mut self.touched) {
            self.waiting.add(&folder, now_ms);
        }
        let first = self.context.subtask == 0;
        let waiting = if first { self.waiting.all() } else { BTreeMap::new() };
        Some(Prepared::Progress(Progress { watermark: self.watermark, now_ms, waiting }))
    }
}

impl SinkWriter for Writer {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if self.layout.partitions.is_empty() {
            return self.write_run("", &batch);
        }
        let columns = self.layout.partitions.iter().map(|(_, at)| batch.rows.column(*at));
        let columns: Vec<ArrayRef> = columns.map(Arc::clone).collect();
        let runs = equal_runs(&columns)?.ranges();
        if let [_] = runs.as_slice() {
            let folder = self.folder(&columns, 0);
            return self.write_run(&folder, &batch);
        }
        let mut rows_of: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for run in runs {
            let rows = u32::try_from(run.start).unwrap_or(u32::MAX)..;
            rows_of
                .entry(self.folder(&columns, run.start))
                .or_default()
                .extend(rows.take(run.len()));
        }
        for (folder, rows) in rows_of {
            self.write_run(&folder, &batch.take(&UInt32Array::from(rows))?)?;
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark) -> Result<()> {
        self.watermark = watermark.0;
        Ok(())
    }

    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Committable>> {
        let mut closing = std::mem::take(&mut self.closed);
        for (_, file) in std::mem::take(&mut self.open) {
            closing.push(file.close()?);
        }
        let progress = self.progress();
        let files = closing.into_iter().map(Closing::finish);
        let all = files.chain(progress.map(Ok)).map(|prepared| prepared?.write());
        all.collect()
    }
}

impl Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("open", &self.open).finish_non_exhaustive()
    }
}
