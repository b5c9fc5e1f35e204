//! Kafka: one topic and one group, behind a transactional id.

use std::sync::Arc;

use connectors::kafka::{Broker, Marker, Prepared, Unsent};
use engine::stash::Stash;
use engine::{Error, Result};

use super::schedule::Fault::{Aborted, Killed, KilledAfter, Lost, Refused, Slow, Twice};
use super::world::{Actor, Inner, NoAnswer};

/// What the brokers know.
#[derive(Debug, Default)]
pub(super) struct Kafka {
    /// What a `read_committed` consumer sees.
    pub(super) topic: Vec<u8>,
    marker: Option<Marker>,
    /// Rises with every producer that begins to use the transactional id; the last may use it.
    fence: u64,
    pub(super) open: Option<(Vec<u8>, Marker)>,
}

/// What the brokers say to a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Done,
    Fenced,
    /// There is no such transaction (any more).
    NotOpen,
}

impl Kafka {
    /// The transaction that is open took too long.
    pub(super) fn time_out(&mut self) {
        self.open = None;
    }

    fn begin(&mut self) -> u64 {
        self.open = None;
        self.fence += 1;
        self.fence
    }

    fn produce(&mut self, fence: u64, records: &[u8], marker: Marker) -> Said {
        if fence != self.fence {
            return Said::Fenced;
        }
        // What comes twice has the same sequence numbers.
        self.open = Some((records.to_vec(), marker));
        Said::Done
    }

    fn commit(&mut self, fence: u64, marker: Marker) -> Said {
        match self.open.take() {
            open if fence != self.fence => {
                self.open = open;
                Said::Fenced
            }
            Some((records, marker)) => {
                self.topic.extend(records);
                self.marker = Some(marker);
                Said::Done
            }
            None if self.marker == Some(marker) => Said::Done,
            None => Said::NotOpen,
        }
    }
}

/// Kafka as one sink of one process sees it.
#[derive(Debug)]
pub(super) struct SimBroker {
    pub(super) actor: Actor,
    pub(super) stash: Arc<dyn Stash>,
    pub(super) fence: u64,
}

fn no_answer(_: NoAnswer) -> Error {
    Error::external("Kafka did not answer")
}

impl Broker for SimBroker {
    type Output = Vec<Prepared>;

    fn fence(&mut self) -> Result<()> {
        let faults = &[Killed, KilledAfter, Twice, Lost, Refused];
        let begin = |world: &mut Inner| world.kafka.begin();
        self.fence = self.actor.call(format_args!("fence"), faults, begin).map_err(no_answer)?;
        Ok(())
    }

    fn marker(&mut self) -> Result<Option<Marker>> {
        let read = |world: &mut Inner| world.kafka.marker;
        let marker = self.actor.call(format_args!("marker"), &[Killed, Refused], read);
        let marker = marker.map_err(no_answer)?;
        self.actor.say(format_args!("it is {marker:?}"));
        Ok(marker)
    }

    /// A client may find out late that it is fenced: what it produces is thrown away, and nothing
    /// says why. So both answers are given: an unclear one to records, a clear one to the end.
    fn transact(&mut self, output: Option<&Vec<Prepared>>, marker: Marker) -> Result<(), Unsent> {
        let mut records = Vec::new();
        for segment in output.into_iter().flatten().flat_map(|prepared| &prepared.segments) {
            records.extend(segment.read(&*self.stash).map_err(Unsent::Unclear)?);
        }
        let (fence, writes) = (self.fence, &[Killed, KilledAfter, Twice, Lost, Refused, Slow]);
        let produce = |world: &mut Inner| world.kafka.produce(fence, &records, marker);
        let what = format_args!("produce {records:?} with marker {}", marker.checkpoint);
        let unclear = |it| Unsent::Unclear(no_answer(it));
        match self.actor.call(what, writes, produce).map_err(unclear)? {
            Said::Done => {}
            said => return Err(Unsent::Unclear(Error::external(format!("{said:?}")))),
        }
        let commit = |world: &mut Inner| world.kafka.commit(fence, marker);
        let faults = &[Killed, KilledAfter, Twice, Lost, Refused, Slow, Aborted];
        match self
            .actor
            .call(format_args!("commit transaction"), faults, commit)
            .map_err(unclear)?
        {
            Said::Done => Ok(()),
            Said::Fenced => Err(Unsent::Refused(Error::external("fenced"))),
            Said::NotOpen => Err(Unsent::Unclear(Error::external("not open"))),
        }
    }
}
