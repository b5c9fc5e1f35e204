//! Real sources which read on only as far as they may, so that a short input has a middle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use engine::Result;
use engine::batch::SchemaRef;
use engine::graph::{NodeKind, StreamGraph};
use engine::source::{Polled, Position, Source, SourceContext, SourceReader, SplitId};

/// How often the sources of a program may be asked, together.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    allowed: AtomicU64,
    taken: AtomicU64,
    /// Readers that were opened without anything to read.
    empty: AtomicUsize,
}

impl Tap {
    /// Lets so many more polls through.
    pub(crate) fn allow(&self, polls: u64) {
        self.allowed.fetch_add(polls, Ordering::SeqCst);
    }

    /// Lets everything through.
    pub(crate) fn open(&self) {
        self.allowed.store(u64::MAX / 2, Ordering::SeqCst);
    }

    /// Whether all polls that were allowed have been made.
    pub(crate) fn dry(&self) -> bool {
        self.taken() >= self.allowed.load(Ordering::SeqCst)
    }

    /// Polls so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }

    pub(crate) fn empty(&self) -> usize {
        self.empty.load(Ordering::SeqCst)
    }

    fn take(&self) -> bool {
        let allowed = self.allowed.load(Ordering::SeqCst);
        let next = |taken: u64| (taken < allowed).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }
}

/// Puts the tap before every source of a graph.
pub(crate) fn hold(graph: &mut StreamGraph, tap: &Arc<Tap>) {
    for node in &mut graph.nodes {
        if let NodeKind::Source(node) = &mut node.kind {
            let source = Arc::clone(&node.source);
            node.source = Arc::new(Held { source, tap: Arc::clone(tap) });
        }
    }
}

#[derive(Debug)]
struct Held {
    source: Arc<dyn Source>,
    tap: Arc<Tap>,
}

impl Source for Held {
    fn schema(&self) -> SchemaRef {
        self.source.schema()
    }

    fn bounded(&self) -> bool {
        self.source.bounded()
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let reader = self.source.open(context)?;
        let empty = reader.splits().is_empty();
        self.tap.empty.fetch_add(usize::from(empty), Ordering::SeqCst);
        Ok(Box::new(HeldReader { reader, tap: Arc::clone(&self.tap), empty }))
    }
}

struct HeldReader {
    reader: Box<dyn SourceReader>,
    tap: Arc<Tap>,
    empty: bool,
}

impl SourceReader for HeldReader {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        if self.empty || self.tap.take() {
            return self.reader.poll(wait);
        }
        let wait = wait.clamp(Duration::from_micros(50), Duration::from_millis(1));
        let _ = crossbeam_channel::never::<()>().recv_timeout(wait);
        Ok(Polled::Nothing)
    }

    fn splits(&self) -> Vec<SplitId> {
        self.reader.splits()
    }

    fn knows_splits(&self) -> bool {
        self.reader.knows_splits()
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        self.reader.positions()
    }

    fn committed(&mut self, positions: &BTreeMap<SplitId, Position>) -> Result<()> {
        self.reader.committed(positions)
    }
}
