//! The file sink: its plan, and what it opens.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use engine::Result;
use engine::connector::{TableRefused, TableSpec};
use engine::sink::{CommitContext, Committer, Sink, SinkContext, SinkWriter};

use super::committer::FileCommitter;
use super::files::Place;
use super::location::Location;
use super::options::{CommitPolicy, Table};
use super::part::MAX_FILE_BYTES;
use super::pending::Waiting;
use super::writer::Writer;
use crate::registry::Environment;
use crate::s3::S3;

/// What a writer needs to know of its table.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) table: Table,
    /// Partition columns: name and index in the table, in the order of PARTITIONED BY.
    pub(super) partitions: Vec<(String, usize)>,
    /// Indices of the columns that stand in the files.
    pub(super) in_file: Vec<usize>,
    pub(super) file_schema: SchemaRef,
    /// Size at which a file is closed.
    pub(super) roll_bytes: u64,
    pub(super) policy: Option<CommitPolicy>,
    /// Part of the file names: a program may hold several sinks for one folder.
    pub(super) token: u32,
}

/// A table of files to write.
#[derive(Debug)]
pub(super) struct FileSink {
    layout: Arc<Layout>,
    waiting: Waiting,
    environment: Environment,
}

impl FileSink {
    pub(super) fn plan(spec: &TableSpec, environment: &Environment) -> Result<Self, TableRefused> {
        let table = Table::plan(spec)?;
        if let Some(column) = spec.columns.iter().find(|column| column.metadata.is_some()) {
            let message = format!(
                "table `{}`: metadata column `{}` cannot be written to files; declare it VIRTUAL",
                spec.name,
                column.field.name()
            );
            return Err(TableRefused { message, option: None });
        }
        let file_schema = Arc::new(Schema::new(Table::file_fields(spec)));
        table.format.check_encodes(&file_schema)?;
        let index = |name: &String| spec.columns.iter().position(|c| c.field.name() == name);
        let partitions = spec.partition_keys.iter().map(|key| {
            let found = index(key).map(|at| (key.clone(), at));
            found.ok_or_else(|| TableRefused {
                message: format!(
                    "table `{}` has no column `{key}` to be partitioned by",
                    spec.name
                ),
                option: None,
            })
        });
        let partitions = partitions.collect::<Result<Vec<_>, _>>()?;
        let in_file = (0..spec.columns.len()).filter(|at| partitions.iter().all(|(_, p)| p != at));
        let roll = table.options.memory("sink.rolling-policy.file-size").unwrap_or(MAX_FILE_BYTES);
        let policy = CommitPolicy::plan(&table, &spec.partition_keys)?;
        let layout = Layout {
            in_file: in_file.collect(),
            partitions,
            file_schema,
            roll_bytes: roll.clamp(1, MAX_FILE_BYTES),
            policy,
            token: fastrand::u32(..),
            table,
        };
        Ok(Self {
            layout: Arc::new(layout),
            waiting: Waiting::default(),
            environment: environment.clone(),
        })
    }

    fn client(&self) -> Option<S3> {
        match self.layout.table.location {
            Location::Local(_) => None,
            Location::S3 { .. } => {
                Some(S3::connect(&self.environment.s3, self.environment.runtime.clone()))
            }
        }
    }
}

impl Sink for FileSink {
    fn accepts_updates(&self) -> bool {
        self.layout.table.format.accepts_updates()
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let s3 = self.client();
        if let (Some(s3), Location::S3 { bucket, .. }) = (&s3, &self.layout.table.location) {
            s3.require_bucket(bucket)?;
        }
        let encoder = self.layout.table.format.encoder(&self.layout.file_schema)?;
        let layout = Arc::clone(&self.layout);
        Ok(Box::new(Writer::new(layout, s3, encoder, self.waiting.clone(), context)))
    }

    fn committer(&self, context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        let place = Place { location: self.layout.table.location.clone(), s3: self.client() };
        let (policy, waiting) = (self.layout.policy.clone(), self.waiting.clone());
        Ok(Some(Box::new(FileCommitter::new(place, policy, waiting, &context))))
    }
}
