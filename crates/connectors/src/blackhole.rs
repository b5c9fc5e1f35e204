//! `blackhole`: takes everything, keeps nothing (Flink's BlackHole connector).

use std::sync::Arc;

use engine::Result;
use engine::batch::Batch;
use engine::connector::{TableRefused, TableSpec};
use engine::sink::{CommitContext, Committable, Committer, Sink, SinkContext, SinkWriter};

use crate::options::Options;
use crate::registry::{Connector, Environment};

/// The connector `blackhole`.
#[derive(Debug)]
pub(crate) struct Blackhole;

impl Connector for Blackhole {
    fn sink(&self, table: &TableSpec, _env: &Environment) -> Result<Arc<dyn Sink>, TableRefused> {
        Options::read(table, &[])?;
        Ok(Arc::new(Hole))
    }
}

#[derive(Debug)]
struct Hole;

impl Sink for Hole {
    fn accepts_updates(&self) -> bool {
        true
    }

    fn prepares(&self) -> bool {
        false
    }

    fn open(&self, _context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(Self))
    }

    fn committer(&self, _context: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(None)
    }
}

impl SinkWriter for Hole {
    fn write(&mut self, _batch: Batch) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _checkpoint: u64) -> Result<Vec<Committable>> {
        Ok(Vec::new())
    }
}
