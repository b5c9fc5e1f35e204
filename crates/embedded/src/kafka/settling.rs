//! The edge around transactions: remembering each step, telling partitions and groups how a
//! transaction has ended, and aborting those that are open for too long.
//!
//! A decided end is written down before anybody is told, and told again after a restart. Locks are
//! taken in one order: transactions, then offsets or one log.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_protocol::ResponseError;

use super::broker::Shared;
use super::transaction::{Outcome, Transaction};
use super::transactions::Transactions;

/// When to try again to tell what could not be written.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Is it the first time that an end is told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    First,
    /// Some may know already.
    Again,
}

impl Shared {
    pub(super) fn transactions(&self) -> MutexGuard<'_, Transactions> {
        self.transactions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step in the transaction of an id that is known.
    pub(super) fn step<T>(
        &self,
        id: &str,
        step: impl FnOnce(&mut Transaction) -> Result<T, ResponseError>,
    ) -> Result<T, ResponseError> {
        let mut transactions = self.transactions();
        let known = transactions.get(id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        let mut transaction = known.clone();
        let result = step(&mut transaction)?;
        self.keep(&mut transactions, id, transaction)?;
        Ok(result)
    }

    /// Remembers a step, and if it has decided the end, tells everybody.
    pub(super) fn keep(
        &self,
        transactions: &mut Transactions,
        id: &str,
        transaction: Transaction,
    ) -> Result<(), ResponseError> {
        let is_decided = transaction.ending().is_some();
        let opens = transaction.deadline().is_some()
            && transactions.get(id).and_then(Transaction::deadline).is_none();
        transactions.put(id, transaction).map_err(|error| {
            tracing::error!(%error, id, "a transaction cannot be written down");
            ResponseError::KafkaStorageError
        })?;
        // From here on it is decided, whether all can be told now or later.
        if is_decided && self.settle(transactions, id, Telling::First).is_err() {
            self.deadlines.notify_one();
        }
        if opens {
            self.deadlines.notify_one();
        }
        Ok(())
    }

    /// Finishes what was decided before this broker was started.
    pub(super) fn settle_all(&self) -> io::Result<()> {
        let mut transactions = self.transactions();
        for id in transactions.ids_where(|transaction| transaction.ending().is_some()) {
            self.settle(&mut transactions, &id, Telling::Again)?;
        }
        Ok(())
    }

    fn settle(
        &self,
        transactions: &mut Transactions,
        id: &str,
        telling: Telling,
    ) -> io::Result<()> {
        let Some(mut transaction) = transactions.get(id).cloned() else { return Ok(()) };
        let told = self.tell(&transaction, telling).and_then(|()| {
            transaction.ended();
            transactions.put(id, transaction)
        });
        told.inspect_err(|error| tracing::error!(%error, id, "a transaction cannot be ended"))
    }

    fn tell(&self, transaction: &Transaction, telling: Telling) -> io::Result<()> {
        let Some((who, outcome, work)) = transaction.ending() else { return Ok(()) };
        for place in &work.partitions {
            // A topic that was deleted meanwhile needs to know nothing.
            let Some(topic) = self.catalog.by_name(&place.topic) else { continue };
            let Some(partition) = topic.partition(place.partition) else { continue };
            // Told already, or without records of this transaction.
            if telling == Telling::Again && !partition.log().is_open(who.producer) {
                continue;
            }
            partition.append_marker(who, outcome, now())?;
        }
        if outcome == Outcome::Abort {
            return Ok(());
        }
        let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
        for (group, kept) in &work.groups {
            let mut kept = kept.clone();
            kept.retain(|(place, _)| self.catalog.by_name(&place.topic).is_some());
            if !kept.is_empty() {
                offsets.commit(group, kept)?;
            }
        }
        Ok(())
    }

    /// Aborts what is open for too long and tells what could not be told before. Gives the time
    /// until there is something to do again, if there is.
    fn let_transactions_age(&self) -> Option<Duration> {
        let mut transactions = self.transactions();
        let now = now();
        for id in transactions.ids_where(|known| known.ending().is_some()) {
            if self.settle(&mut transactions, &id, Telling::Again).is_err() {
                return Some(AGAIN_AFTER);
            }
        }
        for id in transactions.ids_where(|known| known.deadline().is_some_and(|due| due <= now)) {
            let Some(mut transaction) = transactions.get(&id).cloned() else { continue };
            if transaction.expire(now) {
                tracing::info!(id, "a transaction was open for too long and is aborted");
                if self.keep(&mut transactions, &id, transaction).is_err() {
                    return Some(AGAIN_AFTER);
                }
            }
        }
        let next = transactions.next_deadline()?;
        Some(Duration::from_millis(u64::try_from(next - now).unwrap_or(0)))
    }
}

/// Lets time pass for all transactions until the broker stops.
pub(super) async fn keep_time(shared: Arc<Shared>) {
    loop {
        let next = shared.let_transactions_age();
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.deadlines.notified() => {}
            () = tokio::time::sleep(next.unwrap_or(Duration::from_secs(3600))) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use tokio_util::sync::CancellationToken;

    use super::super::broker::{self, Options};
    use super::super::log::tests::of_transaction;
    use super::super::log::{Isolation, Log};
    use super::super::offsets::{Committed, Place};
    use super::super::transaction::{Admission, End, Instance};
    use super::*;

    fn open(dir: &Path) -> Shared {
        broker::open(dir, Options::default(), CancellationToken::new()).unwrap()
    }

    fn place(partition: i32) -> Place {
        Place { topic: "t".into(), partition }
    }

    fn committed() -> Committed {
        Committed { offset: 5, leader_epoch: -1, metadata: "five".into() }
    }

    /// A transaction that has written two records to partitions 0 and 1, none to partition 2, and
    /// has an offset to commit.
    fn begin(shared: &Shared) -> Instance {
        let topic = shared.catalog.create("t", 3, BTreeMap::new()).unwrap();
        let mut transaction = Transaction::new(9);
        let admitted = transaction.admit(None, 60_000, None).unwrap();
        let Admission::Admitted(who) = admitted else { panic!("{admitted:?}") };
        transaction.add_partitions(who, now(), (0..3).map(place)).unwrap();
        transaction.add_group(who, now(), "g").unwrap();
        transaction.add_offsets(who, "g", vec![(place(0), committed())]).unwrap();
        shared.keep(&mut shared.transactions(), "x", transaction).unwrap();
        for partition in &topic.partitions[..2] {
            partition.append(&of_transaction(who, 0, 2)).unwrap();
        }
        who
    }

    fn log<T>(shared: &Shared, partition: i32, look: impl FnOnce(&Log) -> T) -> T {
        let topic = shared.catalog.by_name("t").unwrap();
        look(&topic.partition(partition).unwrap().log())
    }

    #[test]
    fn what_was_decided_is_told_after_a_crash_and_nobody_is_told_twice() {
        for outcome in [Outcome::Commit, Outcome::Abort] {
            for told in 0..=2 {
                let dir = tempfile::tempdir().unwrap();
                let shared = open(dir.path());
                let who = begin(&shared);
                // The broker dies after it has told this many partitions.
                let mut decided = shared.transactions().get("x").cloned().unwrap();
                assert_eq!(decided.end(who, outcome), Ok(End::Decided));
                shared.transactions().put("x", decided).unwrap();
                let topic = shared.catalog.by_name("t").unwrap();
                for partition in &topic.partitions[..told] {
                    partition.append_marker(who, outcome, now()).unwrap();
                }
                drop((topic, shared));

                let shared = open(dir.path());
                for (partition, end) in [(0, 3), (1, 3), (2, 0)] {
                    log(&shared, partition, |log| {
                        assert_eq!(log.end_offset(), end);
                        assert_eq!(log.end_for(Isolation::Committed), end);
                        let is_aborted = outcome == Outcome::Abort && end > 0;
                        assert_eq!(log.aborted(0, end).len(), usize::from(is_aborted));
                    });
                }
                let offsets = shared.offsets.lock().unwrap();
                let want = Some(committed()).filter(|_| outcome == Outcome::Commit);
                assert_eq!(offsets.get("g", &place(0)).cloned(), want);
                let again = shared.step("x", |known| known.end(who, outcome));
                assert_eq!(again, Ok(End::Repeated));
            }
        }
    }

    #[test]
    fn an_open_transaction_is_still_open_after_a_crash_and_ends_for_all() {
        let dir = tempfile::tempdir().unwrap();
        let who = begin(&open(dir.path()));
        let shared = open(dir.path());
        assert_eq!(log(&shared, 0, |log| log.end_for(Isolation::Committed)), 0);
        assert!(shared.transactions().hold("g", &place(0)));
        assert_eq!(shared.step("x", |known| known.may_write(who, &place(1))), Ok(()));
        assert_eq!(shared.step("x", |known| known.end(who, Outcome::Commit)), Ok(End::Decided));
        // A partition without records gets its marker as well, as in Kafka.
        for (partition, end) in [(0, 3), (1, 3), (2, 1)] {
            assert_eq!(log(&shared, partition, |log| log.end_for(Isolation::Committed)), end);
        }
        let offsets = shared.offsets.lock().unwrap();
        assert_eq!(offsets.get("g", &place(0)), Some(&committed()));
    }

    #[test]
    fn a_topic_that_was_deleted_meanwhile_does_not_keep_a_transaction_from_ending() {
        let dir = tempfile::tempdir().unwrap();
        let shared = open(dir.path());
        let who = begin(&shared);
        shared.catalog.delete("t").unwrap();
        assert_eq!(shared.step("x", |known| known.end(who, Outcome::Commit)), Ok(End::Decided));
        assert_eq!(shared.offsets.lock().unwrap().groups().count(), 0);
        assert!(shared.transactions().get("x").unwrap().ending().is_none());
    }
}
