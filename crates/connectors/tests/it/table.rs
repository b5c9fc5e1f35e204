//! Tables as a planner would give them, and what tests do with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field};
use connectors::{Environment, Registry};
use engine::batch::Batch;
use engine::clock::SystemClock;
use engine::connector::{ColumnSpec, Connectors as _, TableSpec};
use engine::metrics::NodeMetrics;
use engine::sink::{CommitContext, Committable, Committer, SinkContext, SinkWriter};
use engine::source::{Polled, Position, Source, SourceContext, SourceReader, SplitId};
use engine::stash::MemoryStash;
use model::protocol::S3Settings;
use tokio::runtime::Handle;

/// How long a test waits for something that must happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The application's log, as lines.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// All connectors, and the log they write to.
pub(crate) fn registry(s3: &S3Settings, runtime: Handle) -> (Registry, Log) {
    let log = Log::default();
    let lines = Arc::clone(&log);
    let environment = Environment {
        s3: s3.clone(),
        log: Arc::new(move |line| lines.lock().unwrap().push(line.message)),
        print: None,
        runtime,
    };
    (Registry::new(environment), log)
}

/// A table: options, columns (`key AS metadata` as a third member), partition columns.
pub(crate) fn table(
    options: &[(&str, &str)],
    columns: &[(&str, DataType, Option<&str>)],
    partitions: &[&str],
) -> TableSpec {
    TableSpec {
        name: "t".to_owned(),
        options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        columns: columns
            .iter()
            .map(|(name, kind, metadata)| ColumnSpec {
                field: Field::new(*name, kind.clone(), true),
                metadata: metadata.map(str::to_owned),
            })
            .collect(),
        partition_keys: partitions.iter().map(|key| (*key).to_owned()).collect(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

pub(crate) fn source(registry: &Registry, table: &TableSpec) -> Arc<dyn Source> {
    registry.source(table).unwrap()
}

/// Positions as a checkpoint holds them.
pub(crate) type Positions = BTreeMap<SplitId, Position>;

pub(crate) fn reader(
    source: &dyn Source,
    subtask: usize,
    parallelism: usize,
    restored: Option<Positions>,
) -> Box<dyn SourceReader> {
    let context = SourceContext {
        subtask,
        parallelism,
        restored,
        batch_size: 1000,
        clock: Arc::new(SystemClock),
        metrics: Arc::new(NodeMetrics::default()),
        attempt: 1,
    };
    source.open(context).unwrap()
}

/// Reads until `enough` rows have come, or the input ends.
pub(crate) fn read(reader: &mut dyn SourceReader, enough: usize) -> Vec<RecordBatch> {
    let until = Instant::now() + DEADLINE;
    let mut batches: Vec<RecordBatch> = Vec::new();
    loop {
        let have: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if have >= enough {
            return batches;
        }
        assert!(Instant::now() < until, "{have} rows instead of {enough} after {DEADLINE:?}");
        match reader.poll(Duration::from_millis(20)).unwrap() {
            Polled::Batch { rows, .. } => batches.push(rows),
            Polled::Nothing | Polled::SplitEnd(_) => {}
            Polled::EndOfInput => return batches,
        }
    }
}

/// Rows as text, one line each, columns separated by `|`.
pub(crate) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let Some(first) = batches.first() else { return Vec::new() };
    let all = concat_batches(&first.schema(), batches).unwrap();
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let local = |column: &ArrayRef| match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            arrow::compute::cast(column, &DataType::Timestamp(*unit, None)).unwrap()
        }
        _ => Arc::clone(column),
    };
    let shown: Vec<ArrayRef> = all.columns().iter().map(local).collect();
    let columns: Vec<_> = shown
        .iter()
        .map(|c| arrow::util::display::ArrayFormatter::try_new(c, &options).unwrap())
        .collect();
    let line =
        |row: usize| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..all.num_rows()).map(line).collect()
}

/// A sink with one writer.
pub(crate) struct Written {
    pub(crate) writer: Box<dyn SinkWriter>,
    pub(crate) committer: Option<Box<dyn Committer>>,
}

impl Written {
    pub(crate) fn open(registry: &Registry, table: &TableSpec, attempt_id: &str) -> Self {
        let sink = registry.sink(table).unwrap();
        let writer = sink.open(context(attempt_id)).unwrap();
        let committer = sink.committer(committing(1)).unwrap();
        Self { writer, committer }
    }

    pub(crate) fn write(&mut self, rows: RecordBatch) {
        self.writer.write(Batch::of(rows)).unwrap();
    }

    pub(crate) fn prepare(&mut self, checkpoint: u64) -> Vec<Committable> {
        self.writer.prepare(checkpoint).unwrap()
    }

    pub(crate) fn commit(&mut self, checkpoint: u64, committables: &[Committable]) {
        if let Some(committer) = &mut self.committer {
            committer.commit(checkpoint, committables).unwrap();
        }
        self.writer.committed(checkpoint).unwrap();
    }
}

pub(crate) fn context(attempt_id: &str) -> SinkContext {
    SinkContext::alone(attempt_id)
}

/// For the committer of attempt `attempt` of application `a`.
pub(crate) fn committing(attempt: u64) -> CommitContext {
    CommitContext {
        operator_id: "sink".to_owned(),
        application_id: "a".to_owned(),
        attempt,
        clock: Arc::new(SystemClock),
        stash: Arc::new(MemoryStash::default()),
    }
}
