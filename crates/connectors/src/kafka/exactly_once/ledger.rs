//! Decides which checkpoints' output is still to be sent: no client, no clock, no waiting.

use std::fmt::Debug;

use engine::{Error, Result};
use model::fault::{Domain, Fault};

/// How often output is sent again when it is not known what became of it.
const TRIES: usize = 3;

/// What a sink's group remembers: the last checkpoint that was sent, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Number of the checkpoint; 0 = none yet.
    pub checkpoint: u64,
    /// Attempt number (fencing token) of who sent it.
    pub attempt: u64,
}

/// Why a transaction may not have taken effect.
#[derive(Debug)]
pub enum Unsent {
    /// It has or it has not: the marker tells.
    Unclear(Error),
    /// It has not, and the same would happen again.
    Refused(Error),
}

/// What is asked of Kafka. Every call may take effect although it fails.
pub trait Broker: Debug {
    /// The output of one checkpoint.
    type Output;

    /// Learns of output that may have been sent before: the marker of where it goes counts.
    fn expect(&mut self, output: &Self::Output) {
        let _ = output;
    }

    /// Makes this process the only one that can use the sink's transactional id: what others have
    /// open is aborted, and they can open nothing more.
    fn fence(&mut self) -> Result<()>;

    /// The marker; `None` = the group remembers nothing. No transaction of a fenced process can change
    /// the answer any more.
    fn marker(&mut self) -> Result<Option<Marker>>;

    /// Sends `output` (`None` = nothing) and `marker`, all or nothing.
    fn transact(&mut self, output: Option<&Self::Output>, marker: Marker) -> Result<(), Unsent>;
}

/// What to do when there is output to finish but no marker to tell whether it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostMarker {
    /// Fail, and let a person decide.
    Fail,
    /// Send it, perhaps a second time.
    Send,
    /// Take it for sent.
    Skip,
}

/// Keeps the books of one sink.
#[derive(Debug)]
pub struct Ledger<B> {
    broker: B,
    attempt: u64,
    lost_marker: LostMarker,
}

impl<B: Broker> Ledger<B> {
    /// For attempt `attempt`.
    pub fn new(broker: B, attempt: u64, lost_marker: LostMarker) -> Self {
        Self { broker, attempt, lost_marker }
    }

    /// Takes over from earlier attempts and sends what they got recorded but not sent, oldest first.
    ///
    /// # Errors
    /// A newer attempt has taken over, the marker is lost, or Kafka does not answer.
    pub fn take_over(&mut self, unfinished: &[(u64, B::Output)]) -> Result<()> {
        unfinished.iter().for_each(|(_, output)| self.broker.expect(output));
        self.broker.fence()?;
        let marker = self.marker()?;
        for (checkpoint, output) in unfinished {
            match (marker, self.lost_marker) {
                (Some(marker), _) if marker.checkpoint >= *checkpoint => {}
                (Some(_), _) | (None, LostMarker::Send) => self.commit(*checkpoint, output)?,
                (None, LostMarker::Skip) => {}
                (None, LostMarker::Fail) => return Err(lost(*checkpoint)),
            }
        }
        if marker.is_none() {
            // From now on a missing marker is a lost one.
            let last = unfinished.last().map_or(0, |(checkpoint, _)| *checkpoint);
            self.send(None, last)?;
        }
        Ok(())
    }

    /// Sends the output of a recorded checkpoint.
    ///
    /// # Errors
    /// Another process has taken over, the output is refused, or Kafka does not answer.
    pub fn commit(&mut self, checkpoint: u64, output: &B::Output) -> Result<()> {
        self.send(Some(output), checkpoint)
    }

    fn send(&mut self, output: Option<&B::Output>, checkpoint: u64) -> Result<()> {
        let marker = Marker { checkpoint, attempt: self.attempt };
        let mut tries = 0;
        loop {
            match self.broker.transact(output, marker) {
                Ok(()) => return Ok(()),
                Err(Unsent::Refused(error)) => return Err(error),
                Err(Unsent::Unclear(error)) if tries == TRIES => return Err(error),
                Err(Unsent::Unclear(error)) => {
                    tracing::debug!(checkpoint, %error, "it is unclear whether output was sent");
                }
            }
            tries += 1;
            self.broker.fence()?;
            // It may have been sent by an earlier attempt that has fenced this one in between.
            if self.marker()?.is_some_and(|marker| marker.checkpoint >= checkpoint) {
                return Ok(());
            }
        }
    }

    /// The marker, unless a newer attempt has written it.
    fn marker(&mut self) -> Result<Option<Marker>> {
        let marker = self.broker.marker()?;
        match marker {
            Some(Marker { checkpoint, attempt }) if attempt > self.attempt => Err(Error {
                fault: Fault { domain: Domain::External, retry: false },
                message: format!(
                    "attempt {attempt} has sent checkpoint {checkpoint} to Kafka already, but this is attempt \
                     {}: a newer attempt has taken over, or the control plane's database was set back \
                     to an older state (then give the sink a new `sink.transactional-id-prefix`)",
                    self.attempt
                ),
                source: None,
            }),
            Some(_) | None => Ok(marker),
        }
    }
}

fn lost(checkpoint: u64) -> Error {
    Error {
        fault: Fault { domain: Domain::External, retry: false },
        message: format!(
            "it cannot be told whether the output of checkpoint {checkpoint} is in Kafka: the sink's \
             marker, an offset of its consumer group, is gone (the broker forgets offsets of idle \
             groups after `offsets.retention.minutes`); compare the topic, then set \
             `sink.lost-marker` to `send` or `skip`"
        ),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker that answers from a script, and what was asked of it.
    #[derive(Debug, Default)]
    struct Scripted {
        marker: Option<Marker>,
        /// What becomes of the next transactions, last first: applied, and reported as done.
        fates: Vec<(bool, bool)>,
        asked: Vec<String>,
        sent: Vec<&'static str>,
        /// What another process sends before the next fence.
        meanwhile: Option<(&'static str, Marker)>,
    }

    impl Broker for Scripted {
        type Output = &'static str;

        fn fence(&mut self) -> Result<()> {
            self.asked.push("fence".to_owned());
            if let Some((output, marker)) = self.meanwhile.take() {
                self.sent.push(output);
                self.marker = Some(marker);
            }
            Ok(())
        }

        fn marker(&mut self) -> Result<Option<Marker>> {
            self.asked.push("marker".to_owned());
            Ok(self.marker)
        }

        fn transact(
            &mut self,
            output: Option<&&'static str>,
            marker: Marker,
        ) -> Result<(), Unsent> {
            let (applied, told) = self.fates.pop().unwrap_or((true, true));
            self.asked.push(format!("{} as {}", output.unwrap_or(&"-"), marker.checkpoint));
            if applied {
                self.marker = Some(marker);
                self.sent.extend(output);
            }
            if told { Ok(()) } else { Err(Unsent::Unclear(Error::external("no answer"))) }
        }
    }

    fn ledger(marker: Option<(u64, u64)>, fates: &[(bool, bool)]) -> Ledger<Scripted> {
        let marker = marker.map(|(checkpoint, attempt)| Marker { checkpoint, attempt });
        let broker = Scripted { marker, fates: fates.to_vec(), ..Scripted::default() };
        Ledger::new(broker, 5, LostMarker::Fail)
    }

    #[test]
    fn the_first_attempt_leaves_a_marker() {
        let mut it = ledger(None, &[]);
        it.take_over(&[]).unwrap();
        it.commit(1, &"a").unwrap();
        assert_eq!(it.broker.asked, ["fence", "marker", "- as 0", "a as 1"]);
    }

    #[test]
    fn only_what_the_marker_does_not_cover_is_sent() {
        for (marker, want) in [(6, vec!["g"]), (7, vec![]), (9, vec![])] {
            let mut it = ledger(Some((marker, 4)), &[]);
            it.take_over(&[(7, "g")]).unwrap();
            assert_eq!(it.broker.sent, want, "{marker}");
        }
    }

    #[test]
    fn an_unclear_transaction_is_looked_up_before_it_is_repeated() {
        let mut it = ledger(Some((6, 4)), &[(true, false), (false, false)]);
        it.commit(7, &"g").unwrap();
        let asked = ["g as 7", "fence", "marker", "g as 7", "fence", "marker"];
        assert_eq!(it.broker.asked, asked);
        assert_eq!(it.broker.sent, ["g"]);

        let mut it = ledger(Some((6, 4)), &[(false, false); 9]);
        it.commit(7, &"g").unwrap_err();
        assert!(it.broker.sent.is_empty());
    }

    /// A process that was paused fences its successor, which has read the marker already.
    #[test]
    fn what_an_earlier_attempt_has_sent_meanwhile_is_not_sent_again() {
        let mut it = ledger(Some((6, 4)), &[(false, false)]);
        it.broker.meanwhile = Some(("g", Marker { checkpoint: 7, attempt: 4 }));
        it.commit(7, &"g").unwrap();
        assert_eq!(it.broker.sent, ["g"]);
    }

    #[test]
    fn who_is_superseded_sends_nothing() {
        let mut it = ledger(Some((9, 6)), &[]);
        assert!(it.take_over(&[(7, "g")]).unwrap_err().to_string().contains("attempt 6"));
        let mut it = ledger(Some((9, 6)), &[(false, false)]);
        it.commit(7, &"g").unwrap_err();
        assert!(it.broker.sent.is_empty());
    }

    #[test]
    fn a_lost_marker_is_for_a_person_to_decide() {
        let error = ledger(None, &[]).take_over(&[(7, "g")]).unwrap_err();
        assert!(error.to_string().contains("sink.lost-marker"), "{error}");
        for (decision, want) in [(LostMarker::Send, vec!["g"]), (LostMarker::Skip, vec![])] {
            let mut it = Ledger { lost_marker: decision, ..ledger(None, &[]) };
            it.take_over(&[(7, "g")]).unwrap();
            assert_eq!(it.broker.sent, want);
            assert_eq!(it.broker.marker, Some(Marker { checkpoint: 7, attempt: 5 }));
        }
    }
}
