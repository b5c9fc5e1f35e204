//! `filesystem`: files of a local folder or an S3 bucket as a bounded source and as a sink
//! (Flink's FileSystem SQL connector).
//!
//! **Is for**: which files a table consists of, partition folders, part files that become visible
//! only when their checkpoint is committed, success files.
//! **Must not**: know how a record is spelled ([`crate::format`]) or how S3 is spoken to ([`crate::s3`]).
//! **Start at**: [`Filesystem`], then `source.rs` and `writer.rs`;
//! [`FileCommitter`] makes prepared files visible, knowing their place only as [`Files`].
//!
//! Unlike Flink, a sink rolls its part files at *every* checkpoint: what a checkpoint covers is
//! visible as soon as it is committed, and no file stays open over checkpoints. Part files are
//! named `part-{application}-{attempt}-{sink}-{subtask}-{number}`, never twice alike. A crash may leave
//! hidden `.part-….inprogress` files or unfinished uploads behind, which no reader sees; the next attempt
//! removes them (`sweep.rs`). A rule of the bucket that aborts old uploads must leave them longer than
//! an application may stand still between a checkpoint and its commit.

mod bytes;
mod columns;
mod committer;
mod files;
mod listing;
mod location;
mod options;
mod part;
mod partition;
mod pending;
mod reader;
mod sink;
mod source;
mod splits;
mod sweep;
mod trigger;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use engine::connector::{TableRefused, TableSpec};
use engine::sink::Sink;
use engine::source::Source;

pub use committer::FileCommitter;
pub use files::Files;
pub use options::CommitPolicy;
pub use pending::{HiddenFile, Prepared, Progress, Upload, Waiting};

use crate::registry::{Connector, Environment};

/// The connector `filesystem`.
#[derive(Debug)]
pub(crate) struct Filesystem;

impl Connector for Filesystem {
    fn source(
        &self,
        table: &TableSpec,
        env: &Environment,
    ) -> Result<Arc<dyn Source>, TableRefused> {
        Ok(Arc::new(source::FileSource::plan(table, env)?))
    }

    fn sink(&self, table: &TableSpec, env: &Environment) -> Result<Arc<dyn Sink>, TableRefused> {
        Ok(Arc::new(sink::FileSink::plan(table, env)?))
    }

    fn metadata(&self, _options: &BTreeMap<String, String>) -> Vec<(String, DataType)> {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        vec![
            ("file.path".to_owned(), DataType::Utf8),
            ("file.name".to_owned(), DataType::Utf8),
            ("file.size".to_owned(), DataType::Int64),
            ("file.modification-time".to_owned(), instant),
        ]
    }
}
