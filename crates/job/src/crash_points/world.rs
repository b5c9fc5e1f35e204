//! The world of one schedule: whose turn it is, and what a call does.

use std::collections::BTreeSet;
use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::actor;
use super::broker::Kafka;
use super::checks;
use super::objects::ObjectStore;
use super::plane::{Job, Plane};
use super::scenarios::Scenario;
use super::schedule::{Fault, Schedule};

/// No schedule takes so many calls, unless it goes on for ever.
const MOST_CALLS: usize = 3000;

/// A process dies with it.
struct Died;

/// A call that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// It was not even sent yet (only reports).
    pub(super) late: bool,
}

/// A call that could be struck, and by what.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) step: usize,
    pub(super) faults: Vec<Fault>,
}

/// What one schedule came to.
pub(super) struct Played {
    pub(super) calls: usize,
    /// Calls after the last that was struck.
    pub(super) points: Vec<Point>,
    pub(super) violation: Option<String>,
    pub(super) trace: Vec<String>,
}

/// All that outlives a process, and the processes' turns.
pub(super) struct Inner {
    pub(super) plane: Plane,
    pub(super) objects: ObjectStore,
    pub(super) kafka: Kafka,
    pub(super) violation: Option<String>,
    schedule: Schedule,
    struck: usize,
    steps: usize,
    points: Vec<Point>,
    /// Whose turn it is; `None` = the driver's.
    turn: Option<usize>,
    alive: BTreeSet<usize>,
    trace: Option<Vec<String>>,
}

pub(super) struct World {
    inner: Mutex<Inner>,
    turns: Condvar,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, whose: Option<usize>) -> MutexGuard<'_, Inner> {
        let waited = self.turns.wait_while(self.lock(), |inner| inner.turn != whose);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, mut inner: MutexGuard<'_, Inner>, whose: Option<usize>) {
        inner.turn = whose;
        drop(inner);
        self.turns.notify_all();
    }
}

/// One process, as its calls see it.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) world: Arc<World>,
    pub(super) id: usize,
    /// What it works for, once it has claimed it.
    pub(super) job: Option<Job>,
    /// The last call took longer than a checkpoint may.
    pub(super) slow: Arc<Mutex<bool>>,
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Actor {
    /// One call to the world outside. `kinds` may strike it, besides those that may strike any.
    pub(super) fn call<T>(
        &self,
        what: Arguments<'_>,
        kinds: &[Fault],
        mut effect: impl FnMut(&mut Inner) -> T,
    ) -> Result<T, NoAnswer> {
        loop {
            let mut inner = self.world.wait(Some(self.id));
            let fault = inner.arrive(self, what, kinds);
            let answer = match fault {
                Some(Fault::Paused) => {
                    inner.plane.lease_expired(self.job);
                    self.world.give(inner, None);
                    continue;
                }
                Some(Fault::Switched) => {
                    let other = inner.alive.iter().rev().find(|id| **id != self.id).copied();
                    self.world.give(inner, other);
                    continue;
                }
                Some(Fault::Stopped) => {
                    inner.plane.stop_by_force();
                    None
                }
                Some(Fault::Killed) => None,
                Some(Fault::KilledAfter) => {
                    effect(&mut inner);
                    None
                }
                Some(Fault::Refused) => Some(Err(NoAnswer { late: false })),
                Some(Fault::Late) => Some(Err(NoAnswer { late: true })),
                Some(Fault::Aborted) => {
                    inner.kafka.time_out();
                    Some(Ok(effect(&mut inner)))
                }
                Some(Fault::Lost) => {
                    effect(&mut inner);
                    Some(Err(NoAnswer { late: false }))
                }
                Some(Fault::Twice) => {
                    effect(&mut inner);
                    Some(Ok(effect(&mut inner)))
                }
                Some(Fault::Slow) => {
                    *self.slow.lock().unwrap() = true;
                    Some(Ok(effect(&mut inner)))
                }
                None => Some(Ok(effect(&mut inner))),
            };
            checks::always(&mut inner);
            let Some(answer) = answer.filter(|_| inner.violation.is_none()) else {
                drop(inner);
                resume_unwind(Box::new(Died));
            };
            return answer;
        }
    }

    /// Reads what needs no call: orders that the worker has heard.
    pub(super) fn look<T>(&self, read: impl FnOnce(&mut Inner) -> T) -> T {
        read(&mut self.world.wait(Some(self.id)))
    }

    /// A line that explains the trace.
    pub(super) fn say(&self, words: Arguments<'_>) {
        if let Some(trace) = &mut self.world.lock().trace {
            trace.push(format!("      {}  {words}", "        ".repeat(self.id)));
        }
    }
}

impl Inner {
    /// Counts a call and notes what may strike it; what does.
    fn arrive(&mut self, actor: &Actor, what: Arguments<'_>, kinds: &[Fault]) -> Option<Fault> {
        self.steps += 1;
        let step = self.steps;
        if step > MOST_CALLS {
            self.violation.get_or_insert_with(|| "it goes on for ever".to_owned());
        }
        let mut faults = Vec::new();
        let fault = self.schedule.at(step);
        let beyond = self.schedule.last().is_none_or(|last| step > last);
        if !self.plane.undisturbed() && (beyond || fault.is_some()) {
            faults.extend(kinds);
            if self.alive.len() > 1 {
                faults.push(Fault::Switched);
            }
            if actor.job.is_some_and(|job| self.plane.holds(job)) {
                faults.push(Fault::Paused);
                if self.plane.may_be_forced() {
                    faults.push(Fault::Stopped);
                }
            }
        }
        if let Some(trace) = &mut self.trace {
            let indent = "        ".repeat(actor.id);
            let struck = fault.map(|fault| format!("   <<< {fault:?}")).unwrap_or_default();
            trace.push(format!("{step:4}  {indent}{}: {what}{struck}", actor.id));
        }
        if let Some(fault) = fault {
            self.struck += 1;
            if !faults.contains(&fault) {
                let words = format!("call {step} (`{what}`) cannot be struck by {fault:?}");
                self.violation.get_or_insert(words);
            }
        } else if beyond && !faults.is_empty() {
            self.points.push(Point { step, faults });
        }
        fault
    }
}

/// Plays one schedule to its end.
pub(super) fn play(scenario: &'static Scenario, schedule: &Schedule, tracing: bool) -> Played {
    let inner = Inner {
        plane: Plane::new(scenario),
        objects: ObjectStore::default(),
        kafka: Kafka::default(),
        violation: None,
        schedule: schedule.clone(),
        struck: 0,
        steps: 0,
        points: Vec::new(),
        turn: None,
        alive: BTreeSet::new(),
        trace: tracing.then(Vec::new),
    };
    let world = Arc::new(World { inner: Mutex::new(inner), turns: Condvar::new() });
    std::thread::scope(|scope| {
        let mut id = 0;
        loop {
            let mut inner = world.wait(None);
            let broken = inner.violation.is_some();
            if !broken && inner.plane.claimable() {
                inner.alive.insert(id);
                let slow = Arc::default();
                let actor = Actor { world: Arc::clone(&world), id, job: None, slow };
                scope.spawn(move || live(actor));
                world.give(inner, Some(id));
                id += 1;
            } else if let Some(newest) = inner.alive.last().copied()
                && (broken || !inner.plane.start_next_run(false))
            {
                world.give(inner, Some(newest));
            } else if inner.alive.is_empty() && (broken || !inner.plane.start_next_run(true)) {
                return;
            }
        }
    });
    let mut inner = world.lock();
    if inner.violation.is_none() && inner.struck < schedule.0.len() {
        inner.violation = Some("not all calls of the schedule are made".to_owned());
    }
    checks::in_the_end(&mut inner, scenario);
    Played {
        calls: inner.steps,
        points: std::mem::take(&mut inner.points),
        violation: inner.violation.take(),
        trace: inner.trace.take().unwrap_or_default(),
    }
}

/// The life of a process.
fn live(actor: Actor) {
    let (world, id) = (Arc::clone(&actor.world), actor.id);
    let told = Arc::new(Mutex::new(None));
    let job = Arc::clone(&told);
    let ended = catch_unwind(AssertUnwindSafe(move || actor::live(actor, &told)));
    let mut inner = world.wait(Some(id));
    if let Err(cause) = ended {
        if !cause.is::<Died>() {
            let words = cause.downcast_ref::<String>().cloned();
            let words = words.or_else(|| cause.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            inner.violation = Some(format!("panicked: {}", words.unwrap_or_default()));
        }
        let job = *job.lock().unwrap_or_else(PoisonError::into_inner);
        inner.plane.gone(job);
    }
    inner.alive.remove(&id);
    world.give(inner, None);
}
