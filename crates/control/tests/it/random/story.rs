//! One seed's story: the installation, what the reference model has of it, and the comparison.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::pin,
    task::Poll,
    time::Duration,
};

use control::{Claim, Control, Timing};
use model::ids::{ApplicationName, WorkerId};

use super::{
    observe::observe,
    reference::{App, Refusal},
};
use crate::world::{PATIENT, World, name, register};

pub(super) const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// A random number generator; the same numbers for the same seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { Some(&from[self.below(from.len())]) }
    }
}

/// Controls over the same database for which something is overdue at once.
pub(super) struct Overdue {
    pub(super) lease: Control,
    pub(super) start: Control,
    pub(super) snapshot: Control,
    pub(super) cancel: Control,
}

pub(super) struct Story {
    seed: u64,
    pub(super) world: World,
    store: store::Store,
    pub(super) overdue: Overdue,
    pub(super) workers: Vec<WorkerId>,
    pub(super) apps: BTreeMap<&'static str, App>,
    /// The attempts that workers have, and those they had.
    pub(super) jobs: BTreeMap<&'static str, Claim>,
    pub(super) old: VecDeque<Claim>,
    pub(super) random: Random,
    /// Status and newest event of each application when it was last seen.
    last: BTreeMap<&'static str, (String, i64)>,
    pub(super) told: VecDeque<String>,
    pub(super) calls: usize,
    pub(super) killed: usize,
    pub(super) refused: usize,
    pub(super) statuses: BTreeMap<&'static str, usize>,
}

impl Drop for Story {
    #[expect(clippy::print_stderr, reason = "a test that fails says how to repeat it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let told = self.told.make_contiguous().join("\n  ");
            eprintln!(
                "seed {}, call {}; the last calls:\n  {told}\nreplay it with: WEIR_SEED={} cargo \
                 test -p control --test it random -- --nocapture",
                self.seed, self.calls, self.seed
            );
        }
    }
}

impl Story {
    pub(super) async fn new(seed: u64) -> Self {
        let world = World::new(PATIENT).await;
        let zero = Duration::ZERO;
        let overdue = Overdue {
            lease: world.with_timing(Timing { lease: zero, ..PATIENT }).await,
            start: world.with_timing(Timing { start_deadline: zero, ..PATIENT }).await,
            snapshot: world.with_timing(Timing { snapshot_deadline: zero, ..PATIENT }).await,
            cancel: world
                .with_timing(Timing { cancel_deadline: zero, lease: zero, ..PATIENT })
                .await,
        };
        let workers = vec![world.worker, register(&world.control, "second").await];
        Self {
            seed,
            store: world.store().await,
            world,
            overdue,
            workers,
            apps: BTreeMap::new(),
            jobs: BTreeMap::new(),
            old: VecDeque::new(),
            random: Random(seed),
            last: BTreeMap::new(),
            told: VecDeque::new(),
            calls: 0,
            killed: 0,
            refused: 0,
            statuses: BTreeMap::new(),
        }
    }

    pub(super) fn tell(&mut self, what: String) {
        self.calls += 1;
        if self.told.len() == 40 {
            self.told.pop_front();
        }
        let status = |(name, app): (&&'static str, &App)| format!("{name} {}", app.status);
        let all: Vec<String> = self.apps.iter().map(status).collect();
        self.told.push_back(format!("{}: {what}    [{}]", self.calls, all.join(", ")));
    }

    /// A customer's call: what the service answers, and what it is afterwards, must be what the
    /// model says. Now and then the API server is killed in the middle of it: then all of it has
    /// happened or nothing.
    pub(super) async fn command<T>(
        &mut self,
        app: &'static str,
        what: String,
        real: impl Future<Output = control::Result<T>>,
        model: impl FnOnce(&mut App) -> Result<(), Refusal>,
    ) {
        self.tell(format!("{app}: {what}"));
        let before = self.apps.get(app).cloned();
        let mut after = before.clone();
        let expected = match &mut after {
            Some(it) => model(it),
            None => Err("ResourceNotFound"),
        };
        if expected.is_err() {
            after.clone_from(&before);
        }
        let polls = self.random.one_in(4).then(|| self.random.below(30));
        match cut(real, polls).await {
            Some(answer) => {
                self.refused += usize::from(answer.is_err());
                let found = answer.map(|_| ()).map_err(|error| error.code().to_string());
                let expected = expected.map_err(|refusal| format!("{refusal}Exception"));
                assert_eq!(found, expected, "{app}: {what}");
                self.keep(app, after).await;
            }
            None => {
                self.killed += 1;
                self.released(&name(app)).await;
                let seen = observe(&self.world.control, &name(app)).await;
                let happened = match (&mut after, &seen) {
                    (Some(after), Some(seen)) if !after.gone => {
                        after.learn(&seen.names);
                        after.text() == seen.text
                    }
                    (Some(after), None) => after.gone,
                    (_, seen) => seen.is_none(),
                };
                self.told.push_back(format!("   killed in it; it happened: {happened}"));
                self.keep(app, if happened { after } else { before }).await;
            }
        }
    }

    /// Waits until a transaction that was cut off does not hold the application any more.
    async fn released(&self, name: &ApplicationName) {
        let mut tx = self.store.begin().await.unwrap();
        tx.lock_application(name).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What an application became, by the model; the service must agree.
    pub(super) async fn keep(&mut self, app: &'static str, became: Option<App>) {
        let seen = observe(&self.world.control, &name(app)).await;
        let became = became.filter(|it| !it.gone);
        match (became, seen) {
            (None, None) => {
                self.apps.remove(app);
                self.last.remove(app);
            }
            (Some(mut became), Some(seen)) => {
                became.learn(&seen.names);
                assert!(
                    became.text() == seen.text,
                    "{app} is not what it should be\nexpected:\n{}\nfound:\n{}",
                    became.text(),
                    seen.text
                );
                became.check();
                *self.statuses.entry(became.status).or_default() += 1;
                if let Some((status, event)) = self.last.get(app) {
                    let silent = seen.newest_event == *event;
                    assert!(
                        *status == seen.status || !silent,
                        "no event tells why {app} went from {status} to {}",
                        seen.status
                    );
                }
                self.last.insert(app, (seen.status, seen.newest_event));
                self.apps.insert(app, became);
            }
            (became, seen) => panic!(
                "{app}: expected {:?}, found {:?}",
                became.map(|it| it.text()),
                seen.map(|it| it.text)
            ),
        }
        self.forget_old(app);
    }

    /// Attempts that are not the present one any more.
    fn forget_old(&mut self, app: &'static str) {
        let Some(job) = self.jobs.get(app) else { return };
        let run = self.apps.get(app).and_then(|it| it.run.as_ref());
        let present = run.is_some_and(|run| run.worker.is_some() && run.attempt == job.job.attempt);
        if !present {
            self.old.extend(self.jobs.remove(app));
            self.old.truncate(20);
        }
    }
}

/// Drops a call after so many polls: nobody waits for what the database says.
async fn cut<T>(future: impl Future<Output = T>, polls: Option<usize>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match (future.as_mut().poll(context), &mut left) {
        (Poll::Ready(done), _) => Poll::Ready(Some(done)),
        (Poll::Pending, Some(0)) => Poll::Ready(None),
        (Poll::Pending, Some(left)) => {
            *left -= 1;
            Poll::Pending
        }
        (Poll::Pending, None) => Poll::Pending,
    })
    .await
}
