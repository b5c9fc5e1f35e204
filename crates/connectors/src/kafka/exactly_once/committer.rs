//! Sends what checkpoints hold, and removes from the stash what is sent.

use std::fmt::{self, Debug};
use std::sync::Arc;

use engine::Result;
use engine::sink::{Committable, Committer};
use engine::stash::Stash;

use super::ledger::{Broker, Ledger, LostMarker};
use super::prepared::Prepared;

/// The committer of one sink.
pub struct KafkaCommitter<B> {
    ledger: Ledger<B>,
    stash: Arc<dyn Stash>,
    /// Names in the stash of the output that was sent last. They stay until the next is sent: by
    /// then the control plane knows that nobody will ask for them again.
    sent: Vec<String>,
}

impl<B: Broker<Output = Vec<Prepared>>> KafkaCommitter<B> {
    /// For attempt `attempt`; prepared output is in `stash`.
    pub fn new(broker: B, attempt: u64, lost_marker: LostMarker, stash: Arc<dyn Stash>) -> Self {
        Self { ledger: Ledger::new(broker, attempt, lost_marker), stash, sent: Vec::new() }
    }
}

impl<B: Broker<Output = Vec<Prepared>> + Send> Committer for KafkaCommitter<B> {
    fn take_over(&mut self, unfinished: &[(u64, Vec<Committable>)]) -> Result<()> {
        let read = |(checkpoint, committables): &(u64, Vec<Committable>)| {
            Ok((*checkpoint, Prepared::read_all(committables)?))
        };
        let unfinished = unfinished.iter().map(read).collect::<Result<Vec<_>>>()?;
        self.ledger.take_over(&unfinished)
    }

    fn commit(&mut self, checkpoint: u64, committables: &[Committable]) -> Result<()> {
        let prepared = Prepared::read_all(committables)?;
        self.ledger.commit(checkpoint, &prepared)?;
        let before = std::mem::replace(&mut self.sent, Prepared::names(&prepared));
        // What stays for want of an answer is swept up later.
        if let Err(error) = self.stash.remove(&before) {
            tracing::debug!(%error, "sent output is still in the stash");
        }
        Ok(())
    }

    fn abort(&mut self, committables: &[Committable]) -> Result<()> {
        self.stash.remove(&Prepared::names(&Prepared::read_all(committables)?))
    }
}

impl<B> Debug for KafkaCommitter<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaCommitter").finish_non_exhaustive()
    }
}
