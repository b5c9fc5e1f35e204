//! Sends what checkpoints hold, and removes from the stash what is sent.

use std::fmt::{self, Debug};
use std::sync::Arc;

use engine::Result;
use engine::sink::{Committable, Committer};
use engine::stash::Stash;

use super::broker::Client;
use super::ledger::{Ledger, LostMarker};
use super::prepared::Prepared;

/// The committer of one sink.
pub(in crate::kafka) struct KafkaCommitter {
    ledger: Ledger<Client>,
    stash: Arc<dyn Stash>,
    /// Names in the stash of the output that was sent last. They stay until the next is sent: by
    /// then the control plane knows that nobody will ask for them again.
    sent: Vec<String>,
}

impl KafkaCommitter {
    pub(in crate::kafka) fn new(
        client: Client,
        attempt: u64,
        lost_marker: LostMarker,
        stash: Arc<dyn Stash>,
    ) -> Self {
        Self { ledger: Ledger::new(client, attempt, lost_marker), stash, sent: Vec::new() }
    }
}

impl Committer for KafkaCommitter {
    fn take_over(&mut self, unfinished: &[(u64, Vec<Committable>)]) -> Result<()> {
        let read = |(checkpoint, committables): &(u64, Vec<Committable>)| {
            Ok((*checkpoint, Prepared::read_all(committables)?))
        };
        let unfinished = unfinished.iter().map(read).collect::<Result<Vec<_>>>()?;
        let prepared = unfinished.iter().flat_map(|(_, prepared)| prepared);
        self.ledger.broker().also(prepared.map(|it| it.topic.clone()));
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

impl Debug for KafkaCommitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaCommitter").finish_non_exhaustive()
    }
}
