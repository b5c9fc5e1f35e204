//! The life of a job over several attempts, and what a seed makes of it.

use std::sync::{Arc, Mutex};

use fastrand::Rng;

use super::attempt::{Attempt, Conditions, Counts, End, Parts};
use super::input::{BEGIN_MS, Input, Shape};
use super::programs::{ALL, Program};
use super::source::{Arriving, Held, Limits};
use super::stage::{Stage, VirtualClock};
use super::trace::Trace;
use super::world::{Table, Visible, World};
use crate::graph::{Exchange, NodeKind, StreamGraph};

/// What is computed over what.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) program: Program,
    pub(super) inputs: Vec<Arc<Input>>,
    /// Splits that pause become idle.
    pub(super) idle: bool,
    /// Sources have one subtask, so that all schedules agree on what is late.
    pub(super) one_source: bool,
    /// Most records of a batch.
    pub(super) most: usize,
    /// Longest time a sink takes to write.
    pub(super) slow_ms: i64,
}

/// How often a job is started again.
const MOST_ATTEMPTS: u64 = 8;

pub(super) struct Job {
    setup: Setup,
    world: Arc<Mutex<World>>,
    rng: Rng,
    pub(super) trace: Trace,
    pub(super) counts: Counts,
    attempt: u64,
    held: Held,
    parallelism: usize,
}

impl Setup {
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let program = ALL[usize::try_from(seed).unwrap_or(0) % ALL.len()];
        let many_channels = matches!(program, Program::Union | Program::Spread);
        let kind = rng.u32(0..4);
        let (late, pauses, slow) = (kind == 0 && !many_channels, kind == 1, kind == 2);
        let shape = Shape {
            splits: if late { 1 } else { rng.usize(1..=5) },
            records: rng.usize(4..=60),
            keys: rng.i64(1..=9),
            pauses,
            late,
        };
        let inputs =
            (0..program.sources()).map(|_| Arc::new(Input::new(&mut rng, shape))).collect();
        let (most, slow_ms) = (rng.usize(1..=12), if slow { rng.i64(20..200) } else { 0 });
        // Splits that never pause are never idle, however long a sink keeps them waiting.
        let idle = pauses || slow && rng.bool();
        Self { program, inputs, idle, one_source: late, most, slow_ms }
    }
}

impl Job {
    pub(super) fn new(setup: &Setup, seed: u64, aloud: bool) -> Self {
        let world = World::new(VirtualClock::at(BEGIN_MS));
        Self {
            setup: setup.clone(),
            world: Arc::new(Mutex::new(world)),
            rng: Rng::with_seed(seed ^ 0x5eed),
            trace: Trace::new(aloud),
            counts: Counts::default(),
            attempt: 0,
            held: Held::default(),
            parallelism: 0,
        }
    }

    /// What one undisturbed run makes visible.
    pub(super) fn straight(setup: &Setup) -> (Visible, Counts) {
        let mut job = Self::new(setup, 0, false);
        let conditions = Conditions {
            parallelism: 1,
            channel_capacity: 8,
            owner_in: 1,
            ..Conditions::default()
        };
        let end = job.start(conditions).map(Attempt::run);
        assert_eq!(end, Some(End::Finished));
        (job.visible(), job.counts)
    }

    pub(super) fn visible(&self) -> Visible {
        self.world.lock().unwrap().visible()
    }

    fn graph(&self, stage: &Stage, seed: u64) -> StreamGraph {
        let doors = || Arc::clone(stage.doors());
        let mut graph = self.setup.program.graph(&|source, number| {
            if !source {
                let (name, world) = (format!("sink {number}"), Arc::clone(&self.world));
                let table =
                    Table { name, world, doors: doors(), seed, slow_ms: self.setup.slow_ms };
                return NodeKind::Sink(Arc::new(table));
            }
            let input = Arc::clone(&self.setup.inputs[number]);
            let (most, held) = (self.setup.most, Arc::clone(&self.held));
            Arriving { input, doors: doors(), seed, most, held }.node(self.setup.idle)
        });
        if self.setup.one_source {
            for edge in graph.edges.clone() {
                if !matches!(graph.nodes[edge.from].kind, NodeKind::Source(_)) {
                    continue;
                }
                graph.nodes[edge.from].parallelism = Some(1);
                if edge.exchange == Exchange::Forward {
                    graph.nodes[edge.to].parallelism = Some(1);
                }
            }
        }
        graph
    }

    /// The next attempt; `None` = it crashed before it ran.
    pub(super) fn start(&mut self, conditions: Conditions) -> Option<Attempt<'_>> {
        self.attempt += 1;
        let (clock, restored) = {
            let world = self.world.lock().unwrap();
            (Arc::clone(&world.clock), world.recorded.is_some())
        };
        let stage = Stage::new(&clock);
        let seed = self.rng.u64(..);
        let graph = self.graph(&stage, seed);
        let rescaled = restored && self.parallelism != conditions.parallelism;
        self.counts.rescaled += u64::from(rescaled);
        self.parallelism = conditions.parallelism;
        Attempt::start(Parts {
            number: self.attempt,
            world: Arc::clone(&self.world),
            stage,
            graph,
            conditions,
            rng: self.rng.fork(),
            trace: &mut self.trace,
            counts: &mut self.counts,
        })
    }

    /// Random conditions; those of the last attempt let it come to its end.
    fn conditions(&mut self, turns: u64) -> Conditions {
        let last = self.attempt + 1 >= MOST_ATTEMPTS;
        let rng = &mut self.rng;
        let one_of = |rng: &mut Rng, all: &[u32]| all[rng.usize(0..all.len())];
        let times = (rng.u64(5..300), rng.u64(0..100), [15, 60, 400, 4000][rng.usize(0..4)]);
        let crashes = !last && rng.u32(0..4) > 0;
        Conditions {
            parallelism: rng.usize(1..=4),
            channel_capacity: rng.usize(1..=4),
            crash_at: crashes.then(|| rng.u64(1..=turns * 3 / 2)),
            times: (rng.u32(0..3) > 0).then_some(times),
            snapshot_in: (rng.u32(0..3) > 0).then(|| one_of(rng, &[20, 100, 400])),
            stop_in: (!last && rng.u32(0..4) == 0).then(|| one_of(rng, &[200, 800])),
            store_fails_in: (rng.u32(0..2) > 0).then(|| one_of(rng, &[2, 6])),
            owner_in: one_of(rng, &[1, 4, 30]),
            skewed: rng.bool(),
        }
    }

    /// Attempts under random conditions until one finishes.
    pub(super) fn run(&mut self) {
        let records: usize = self.setup.inputs.iter().map(|input| input.count()).sum();
        let turns = 40 + 8 * u64::try_from(records).unwrap_or(0);
        let mut end = None;
        while end != Some(End::Finished) {
            let conditions = self.conditions(turns);
            end = self.start(conditions).map(Attempt::run);
        }
    }

    /// A checkpoint when the splits of the first source have been read so far, a crash some turns
    /// later, and a restore at another parallelism. `hasty`: the barrier does not wait until what
    /// was read has gone through.
    pub(super) fn run_over(&mut self, at: &[usize], hasty: bool, parallelism: (usize, usize)) {
        let limits = Limits { at_most: at.to_vec(), read: vec![0; at.len()] };
        *self.held.lock().unwrap() = Some(limits);
        let held = Arc::clone(&self.held);
        let world = Arc::clone(&self.world);
        let later = self.rng.u32(0..40);
        let mut conditions = Conditions {
            parallelism: parallelism.0,
            channel_capacity: 2,
            owner_in: 3,
            ..Conditions::default()
        };
        let mut attempt = self.start(conditions.clone()).expect("nothing was restored");
        attempt.run_until(|attempt| {
            let reached = held.lock().unwrap().as_ref().is_some_and(|it| it.read == it.at_most);
            reached && (hasty || attempt.quiet())
        });
        attempt.snapshot(false);
        *held.lock().unwrap() = None;
        attempt.run_until(|_| world.lock().unwrap().recorded.is_some());
        assert_eq!(world.lock().unwrap().positions(), at, "the barrier is not where it should be");
        for _ in 0..later {
            attempt.run_until(|_| true);
        }
        attempt.crash();
        attempt.close();
        conditions.parallelism = parallelism.1;
        let end = self.start(conditions).map(Attempt::run);
        assert_eq!(end, Some(End::Finished));
    }
}
