//! Sequence numbers of idempotent producers, for one partition.
//!
//! The rules of Kafka's `ProducerStateManager`: a batch that was written already is acknowledged
//! again without writing it, a gap is refused, and an older instance of a producer is fenced.

use std::collections::{HashMap, VecDeque};

use kafka_protocol::ResponseError;

use super::batch::{Stamp, sequence_after};

/// A producer may have five requests under way, so it may repeat the last five batches.
const REMEMBERED: usize = 5;

/// What is known about the producers of a partition.
#[derive(Debug, Default)]
pub(super) struct Producers {
    known: HashMap<i64, Producer>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    /// The last batches with their base offsets, oldest first; none after a marker of a new epoch.
    batches: VecDeque<(Stamp, i64)>,
}

/// What to do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new.
    Append,
    /// It is at this offset already.
    Repeated(i64),
}

impl Producers {
    /// Judges a batch that is about to be written.
    pub(super) fn judge(&self, stamp: &Stamp) -> Result<Verdict, ResponseError> {
        if stamp.first < 0 {
            return Err(ResponseError::InvalidRecord);
        }
        // Nothing known (perhaps all its batches are older than this log): any number will do.
        let Some(producer) = self.known.get(&stamp.producer) else { return Ok(Verdict::Append) };
        if stamp.epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if stamp.epoch > producer.epoch {
            return match stamp.first {
                0 => Ok(Verdict::Append),
                _ => Err(ResponseError::OutOfOrderSequenceNumber),
            };
        }
        if let Some((_, offset)) = producer.batches.iter().find(|(seen, _)| seen == stamp) {
            return Ok(Verdict::Repeated(*offset));
        }
        let (Some((oldest, _)), Some((newest, _))) =
            (producer.batches.front(), producer.batches.back())
        else {
            return Ok(Verdict::Append);
        };
        if stamp.first == sequence_after(newest.last, 1) {
            return Ok(Verdict::Append);
        }
        if stamp.last < oldest.first {
            return Err(ResponseError::DuplicateSequenceNumber);
        }
        Err(ResponseError::OutOfOrderSequenceNumber)
    }

    /// Notes a batch that was written at `base_offset`.
    pub(super) fn note(&mut self, stamp: Stamp, base_offset: i64) {
        let producer = self
            .known
            .entry(stamp.producer)
            .or_insert_with(|| Producer { epoch: stamp.epoch, batches: VecDeque::new() });
        if producer.epoch != stamp.epoch {
            producer.epoch = stamp.epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back((stamp, base_offset));
    }

    /// Notes a marker that ends a transaction; its epoch fences older ones like any other.
    pub(super) fn note_marker(&mut self, id: i64, epoch: i16) {
        let fresh = || Producer { epoch, batches: VecDeque::new() };
        let producer = self.known.entry(id).or_insert_with(fresh);
        if producer.epoch != epoch {
            *producer = fresh();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(epoch: i16, first: i32, records: i32) -> Stamp {
        Stamp { producer: 7, epoch, first, last: sequence_after(first, records - 1) }
    }

    fn after(batches: &[Stamp]) -> Producers {
        let mut producers = Producers::default();
        for (offset, batch) in (100..).step_by(10).zip(batches) {
            producers.note(*batch, offset);
        }
        producers
    }

    #[test]
    fn the_next_batch_is_new_and_the_last_five_are_repeated() {
        let written: Vec<Stamp> = (0..7).map(|n| stamp(0, n * 10, 10)).collect();
        let producers = after(&written);
        assert_eq!(producers.judge(&stamp(0, 70, 3)), Ok(Verdict::Append));
        for (n, batch) in written.iter().enumerate().skip(2) {
            let offset = 100 + 10 * i64::try_from(n).unwrap();
            assert_eq!(producers.judge(batch), Ok(Verdict::Repeated(offset)));
        }
        assert_eq!(producers.judge(&written[1]), Err(ResponseError::DuplicateSequenceNumber));
    }

    #[test]
    fn a_gap_and_a_changed_repetition_are_refused() {
        let producers = after(&[stamp(0, 0, 10), stamp(0, 10, 10)]);
        let gap = producers.judge(&stamp(0, 21, 1));
        assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
        let changed = producers.judge(&stamp(0, 10, 5));
        assert_eq!(changed, Err(ResponseError::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
        let producers = after(&[stamp(1, 0, 10)]);
        assert_eq!(producers.judge(&stamp(2, 0, 1)), Ok(Verdict::Append));
        let gap = producers.judge(&stamp(2, 10, 1));
        assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
        let old = producers.judge(&stamp(0, 10, 1));
        assert_eq!(old, Err(ResponseError::InvalidProducerEpoch));
    }

    #[test]
    fn a_marker_of_a_new_epoch_fences_the_old_one() {
        let mut producers = after(&[stamp(1, 0, 10)]);
        producers.note_marker(7, 1);
        assert_eq!(producers.judge(&stamp(1, 10, 1)), Ok(Verdict::Append));
        producers.note_marker(7, 2);
        let old = producers.judge(&stamp(1, 10, 1));
        assert_eq!(old, Err(ResponseError::InvalidProducerEpoch));
        assert_eq!(producers.judge(&stamp(3, 0, 1)), Ok(Verdict::Append));
    }

    #[test]
    fn numbers_start_again_after_the_largest() {
        let producers = after(&[stamp(0, i32::MAX - 1, 3)]);
        assert_eq!(producers.judge(&stamp(0, 1, 1)), Ok(Verdict::Append));
    }
}
