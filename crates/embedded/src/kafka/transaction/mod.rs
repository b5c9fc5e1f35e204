//! A transactional id: which producer has it now, and how far its transaction is.
//!
//! The rules of Kafka's transaction coordinator as a state machine without clock, disk or
//! connections. Whoever drives it takes a copy, changes it, writes it down and only then puts it
//! in the place of the old one; so what is refused changes nothing.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::offsets::{Committed, Place};

/// The epoch of a transactional id whose producer has not been let in yet.
const NO_EPOCH: i16 = -1;

/// No client is given a larger epoch, so that there is always one left to fence it with.
const LAST_EPOCH: i16 = i16::MAX - 1;

/// One instance of a producer; a larger epoch fences the smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) producer: i64,
    pub(super) epoch: i16,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    Commit,
    Abort,
}

/// What a transaction has touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) partitions: BTreeSet<Place>,
    /// Offsets to commit, by consumer group.
    pub(super) groups: BTreeMap<String, Vec<(Place, Committed)>>,
}

/// A transactional id with its newest instance and the last transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transaction {
    current: Instance,
    /// The instance that may become the current one by naming itself: it has asked for that before
    /// and the answer was lost, or its transaction was aborted for it.
    asked_by: Option<Instance>,
    timeout_ms: i32,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// Between transactions. The outcome of the last one, if it was one of the current instance.
    Idle { last: Option<Outcome> },
    /// Begun at this time, milliseconds since 1970.
    Open { since: i64, work: Work },
    /// Decided and written down; what it touched is being told.
    Ending { outcome: Outcome, work: Work },
}

/// The answer to a producer that wants to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is this instance.
    Admitted(Instance),
    /// The former instance is fenced and its transaction is to be aborted. The client is told to
    /// ask again.
    AbortFirst,
}

/// The answer to a producer that ends its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is decided: what it touched is to be told.
    Decided,
    /// It had ended this way before.
    Repeated,
}

type Checked<T> = Result<T, ResponseError>;

impl Transaction {
    /// A transactional id that was never heard of.
    pub(super) fn new(producer: i64) -> Self {
        let current = Instance { producer, epoch: NO_EPOCH };
        Self { current, asked_by: None, timeout_ms: 0, phase: Phase::Idle { last: None } }
    }

    /// Must the next instance get a new producer id, because the epochs of this one are used up?
    pub(super) fn is_used_up(&self) -> bool {
        self.current.epoch >= LAST_EPOCH
    }

    /// Lets a producer in, which fences all instances before it. A producer that knows who it is
    /// gets its next epoch, if nobody came after it; but as in Kafka, it is only looked at after
    /// the open transaction was aborted, whoever has that. `fresh` is a new producer id, for when
    /// [`Transaction::is_used_up`].
    pub(super) fn admit(
        &mut self,
        known: Option<Instance>,
        timeout_ms: i32,
        fresh: Option<i64>,
    ) -> Checked<Admission> {
        let is_repeated = known.is_some() && known == self.asked_by;
        let is_new = self.current.epoch == NO_EPOCH;
        let is_known = is_new || is_repeated;
        if !is_known && known.is_some_and(|known| known.producer != self.current.producer) {
            return Err(ResponseError::ProducerFenced);
        }
        match self.phase {
            Phase::Ending { .. } => Err(ResponseError::ConcurrentTransactions),
            Phase::Open { .. } => {
                self.fence();
                Ok(Admission::AbortFirst)
            }
            Phase::Idle { .. } if !is_known && known.is_some_and(|known| known != self.current) => {
                Err(ResponseError::ProducerFenced)
            }
            Phase::Idle { .. } => {
                if !is_repeated || self.current.epoch > LAST_EPOCH {
                    self.asked_by = known;
                    self.current = match fresh {
                        Some(producer) => Instance { producer, epoch: 0 },
                        None => Instance { epoch: self.current.epoch + 1, ..self.current },
                    };
                }
                self.timeout_ms = timeout_ms;
                self.phase = Phase::Idle { last: None };
                Ok(Admission::Admitted(self.current))
            }
        }
    }

    /// Takes partitions into the transaction; the first ones begin it.
    pub(super) fn add_partitions(
        &mut self,
        who: Instance,
        now: i64,
        partitions: impl IntoIterator<Item = Place>,
    ) -> Checked<()> {
        self.begun(who, now)?.partitions.extend(partitions);
        Ok(())
    }

    /// Takes a consumer group into the transaction, which may begin it.
    pub(super) fn add_group(&mut self, who: Instance, now: i64, group: &str) -> Checked<()> {
        self.begun(who, now)?.groups.entry(group.to_owned()).or_default();
        Ok(())
    }

    /// Keeps offsets of a group until the transaction ends.
    pub(super) fn add_offsets(
        &mut self,
        who: Instance,
        group: &str,
        offsets: Vec<(Place, Committed)>,
    ) -> Checked<()> {
        self.check(who)?;
        let work = match &mut self.phase {
            Phase::Open { work, .. } => work,
            Phase::Ending { .. } => return Err(ResponseError::ConcurrentTransactions),
            Phase::Idle { .. } => return Err(ResponseError::InvalidTxnState),
        };
        let kept = work.groups.get_mut(group).ok_or(ResponseError::InvalidTxnState)?;
        for (place, committed) in offsets {
            kept.retain(|(known, _)| *known != place);
            kept.push((place, committed));
        }
        Ok(())
    }

    /// May this instance write to a partition as part of its transaction?
    pub(super) fn may_write(&self, who: Instance, place: &Place) -> Checked<()> {
        self.check(who)?;
        match &self.phase {
            Phase::Open { work, .. } if work.partitions.contains(place) => Ok(()),
            Phase::Ending { .. } => Err(ResponseError::ConcurrentTransactions),
            Phase::Open { .. } | Phase::Idle { .. } => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Decides how the transaction ends.
    pub(super) fn end(&mut self, who: Instance, outcome: Outcome) -> Checked<End> {
        self.check(who)?;
        match &mut self.phase {
            Phase::Open { work, .. } => {
                let work = std::mem::take(work);
                self.phase = Phase::Ending { outcome, work };
                Ok(End::Decided)
            }
            Phase::Ending { outcome: decided, .. } if *decided == outcome => {
                Err(ResponseError::ConcurrentTransactions)
            }
            Phase::Idle { last } if *last == Some(outcome) => Ok(End::Repeated),
            Phase::Ending { .. } | Phase::Idle { .. } => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Aborts the transaction if it is open for too long; false if it is not.
    pub(super) fn expire(&mut self, now: i64) -> bool {
        let is_due = self.deadline().is_some_and(|deadline| deadline <= now);
        if is_due {
            self.fence();
        }
        is_due
    }

    /// Until when the open transaction must have ended, milliseconds since 1970.
    pub(super) fn deadline(&self) -> Option<i64> {
        match self.phase {
            Phase::Open { since, .. } => Some(since + i64::from(self.timeout_ms)),
            Phase::Idle { .. } | Phase::Ending { .. } => None,
        }
    }

    /// What is to be told to whom, once the end is decided.
    pub(super) fn ending(&self) -> Option<(Instance, Outcome, &Work)> {
        match &self.phase {
            Phase::Ending { outcome, work } => Some((self.current, *outcome, work)),
            Phase::Idle { .. } | Phase::Open { .. } => None,
        }
    }

    /// Everybody was told.
    pub(super) fn ended(&mut self) {
        if let Phase::Ending { outcome, .. } = self.phase {
            self.phase = Phase::Idle { last: Some(outcome) };
        }
    }

    /// Will the end of this transaction decide what the group has committed for this partition?
    pub(super) fn holds(&self, group: &str, place: &Place) -> bool {
        match &self.phase {
            Phase::Open { work, .. } | Phase::Ending { work, .. } => {
                work.groups.get(group).is_some_and(|kept| kept.iter().any(|(p, _)| p == place))
            }
            Phase::Idle { .. } => false,
        }
    }

    fn check(&self, who: Instance) -> Checked<()> {
        if who.producer != self.current.producer {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if who.epoch != self.current.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        Ok(())
    }

    /// What the open transaction has touched; opens one if there is none.
    fn begun(&mut self, who: Instance, now: i64) -> Checked<&mut Work> {
        self.check(who)?;
        if let Phase::Idle { .. } = self.phase {
            self.phase = Phase::Open { since: now, work: Work::default() };
        }
        match &mut self.phase {
            Phase::Open { work, .. } => Ok(work),
            Phase::Idle { .. } | Phase::Ending { .. } => Err(ResponseError::ConcurrentTransactions),
        }
    }

    /// Decides to abort, with an epoch that nobody was given: whoever has the transaction open
    /// can do no more in it. If nobody else comes, it may have that epoch.
    fn fence(&mut self) {
        if let Phase::Open { work, .. } = &mut self.phase {
            let work = std::mem::take(work);
            self.asked_by = Some(self.current);
            self.current.epoch = self.current.epoch.saturating_add(1);
            self.phase = Phase::Ending { outcome: Outcome::Abort, work };
        }
    }
}
