//! The subtasks: a source that can be read again from any position, and the sinks' writers.

use std::sync::Arc;

use connectors::kafka;
use engine::Result;
use engine::batch::Barrier;
use engine::runtime::{Acknowledgement, Ended};
use engine::sink::Committable;
use engine::stash::Stash;
use engine::state::OperatorState;

use super::actor::{APPLICATION, FILES, KAFKA, SOURCE, SPLIT, subtask};
use super::objects::SimFiles;
use super::world::Actor;

/// Records between two barriers.
const BATCH: usize = 2;
/// Records of one partition.
const PARTITION: usize = 4;

/// Reads and writes, a barrier's worth at a time.
pub(super) struct Writers {
    actor: Actor,
    attempt: u64,
    stash: Arc<dyn Stash>,
    position: usize,
    records: usize,
    /// Output prepared so far, for names that are never used twice.
    prepared: usize,
    /// Whether a stop barrier has come.
    pub(super) stopped: bool,
}

impl Writers {
    pub(super) fn new(actor: Actor, attempt: u64, stash: Arc<dyn Stash>, position: usize) -> Self {
        let records = actor.look(|world| world.plane.records());
        Self { actor, attempt, stash, position, records, prepared: 0, stopped: false }
    }

    /// Reads on, and passes a barrier through all subtasks. What is left before the end of the input
    /// and is less than a batch is prepared by subtasks that end.
    pub(super) fn pass(&mut self, barrier: Barrier) -> Result<(Vec<Acknowledgement>, Vec<Ended>)> {
        let read = (self.records - self.position).min(BATCH);
        let acknowledged = self.share(read, barrier.id)?;
        self.stopped = barrier.stop;
        let rest = self.records - self.position;
        let left = match (barrier.stop, rest < BATCH) {
            (true, _) => self.acknowledgements(barrier.id, Vec::new(), Vec::new()),
            (false, true) => self.share(rest, barrier.id + 1)?,
            (false, false) => return Ok((acknowledged, Vec::new())),
        };
        let ended = left.into_iter().map(|last| Ended { last, stopped: barrier.stop });
        Ok((acknowledged, ended.collect()))
    }

    /// Reads `count` records and prepares them.
    fn share(&mut self, count: usize, checkpoint: u64) -> Result<Vec<Acknowledgement>> {
        let range = self.position..self.position + count;
        self.position = range.end;
        let records: Vec<u8> = range.map(|it| u8::try_from(it).unwrap()).collect();
        let (kafka, files) = match records.as_slice() {
            [] => (Vec::new(), Vec::new()),
            [first, rest @ ..] => (self.for_kafka(*first, rest)?, self.for_files(&records)?),
        };
        Ok(self.acknowledgements(checkpoint, kafka, files))
    }

    /// One record is kept in the stash, the others in the checkpoint itself.
    fn for_kafka(&mut self, first: u8, rest: &[u8]) -> Result<Vec<Committable>> {
        let name = format!("{}-kafka-0-{}", self.attempt, self.prepared);
        self.stash.put(&name, vec![first])?;
        let prepared = kafka::Prepared {
            topic: "topic".to_owned(),
            records: 1 + rest.len() as u64,
            segments: vec![kafka::Segment::Stashed(name), kafka::Segment::inline(rest)],
        };
        Ok(vec![prepared.write()?])
    }

    fn for_files(&mut self, records: &[u8]) -> Result<Vec<Committable>> {
        self.prepared += 1;
        let name = format!("part-{APPLICATION}-{}-0a0b0c0d-0-{}", self.attempt, self.prepared);
        let partition = format!("d={}", usize::from(records[0]) / PARTITION);
        let file = SimFiles(self.actor.clone()).prepare(&name, &partition, records)?;
        Ok(vec![file.write()?])
    }

    fn acknowledgements(
        &self,
        checkpoint: u64,
        kafka: Vec<Committable>,
        files: Vec<Committable>,
    ) -> Vec<Acknowledgement> {
        let position = self.position.to_string();
        let share = |operator: &str| Acknowledgement {
            checkpoint,
            subtask: subtask(operator),
            states: Vec::new(),
            splits: Vec::new(),
            committables: Vec::new(),
        };
        let bytes = position.clone().into_bytes();
        let state = OperatorState { format: 1, fingerprint: String::new(), bytes };
        let of = |operator: &str, committables: Vec<Committable>| Acknowledgement {
            committables: vec![(operator.to_owned(), committables)],
            ..share(operator)
        };
        vec![
            Acknowledgement {
                states: vec![(SOURCE.to_owned(), state)],
                splits: vec![(SOURCE.to_owned(), [(SPLIT.to_owned(), position)].into())],
                ..share(SOURCE)
            },
            of(KAFKA, kafka),
            of(FILES, files),
        ]
    }
}
