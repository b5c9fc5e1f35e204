//! What workers and their jobs do at random, what time does, and what late reports do not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use control::{Claim, Verdict};
use model::{fault::Domain, protocol::Order};

use super::{
    reference::{App, Exit, Want},
    story::{NAMES, Story},
};
use crate::world::{failure, register};

impl Story {
    /// The application's present attempt, if a worker has one.
    fn job(&self, app: &str) -> Option<(Claim, App)> {
        Some((self.jobs.get(app)?.clone(), self.apps.get(app)?.clone()))
    }

    pub(super) async fn claim(&mut self) {
        let worker = self.random.below(self.workers.len());
        self.tell(format!("worker {worker} claims"));
        // A call that was cut off may hold its lock for a moment; claims pass locked rows over.
        let deadline = Instant::now() + Duration::from_secs(20);
        let claim = loop {
            let claimed = self.world.control.claim(self.workers[worker], 64).await.unwrap();
            if let Some(claim) = claimed {
                break claim;
            }
            let waiting: Vec<&str> =
                self.apps.iter().filter(|(_, it)| it.claimable()).map(|(name, _)| *name).collect();
            if waiting.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "nobody gets {waiting:?}");
        };
        let app = *NAMES.iter().find(|it| **it == claim.job.application.as_str()).unwrap();
        let mut became = self.apps[app].clone();
        assert!(became.claimable(), "{app} was claimed\n{}", became.text());
        let next = became.next_checkpoint();
        let from = became.claim(worker).expect("what it wishes to start from is there");
        let run = became.run.as_ref().unwrap();
        assert_eq!(claim.restore.checkpoint(), from, "{app}: {}", claim.restore);
        assert_eq!((claim.job.attempt, claim.next_checkpoint), (run.attempt, next));
        assert_eq!(claim.version.get(), run.next.version);
        assert_eq!(u32::try_from(claim.parallelism).unwrap(), run.next.parallelism);
        self.old.extend(self.jobs.insert(app, claim));
        self.keep(app, Some(became)).await;
    }

    pub(super) async fn running(&mut self, app: &'static str) {
        let Some((claim, mut became)) = self.job(app) else { return };
        if became.run.as_ref().is_none_or(|run| run.running) {
            return;
        }
        self.tell(format!("{app}: attempt {} runs", claim.job.attempt));
        let restored = claim.restore.checkpoint();
        let verdict = self.world.control.job_running(&claim.job, restored, &[]).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
        became.running();
        self.keep(app, Some(became)).await;
    }

    pub(super) async fn checkpoint(&mut self, app: &'static str) {
        let Some((claim, mut became)) = self.job(app) else { return };
        let Some(run) = became.run.clone().filter(|run| run.running) else { return };
        let creating =
            |name: &String| became.snapshot(name).is_some_and(|it| it.status == "CREATING");
        let wanted = match run.want {
            Want::Run => became.snapshots.iter().map(|it| it.name.clone()).find(creating),
            Want::Snapshot => run.stop.filter(creating),
            Want::Commit | Want::Cancel => None,
        };
        let wanted = wanted.filter(|_| !self.random.one_in(3));
        let number = became.next_checkpoint();
        if let Some(name) = wanted.as_ref().filter(|_| self.random.one_in(4)) {
            self.tell(format!("{app}: snapshot {name} fails"));
            let control = &self.world.control;
            let verdict = control.checkpoint_failed(&claim.job, number, Some(name), "disk").await;
            assert_eq!(verdict.unwrap(), Verdict::Current);
            became.snapshot_failed(name);
            return self.keep(app, Some(became)).await;
        }
        let visible = !self.random.one_in(4);
        self.tell(format!("{app}: checkpoint {number} {wanted:?}, visible {visible}"));
        let verdict = self.world.written(&claim.job, number, wanted.as_deref()).await;
        assert_eq!(verdict, Verdict::Current);
        became.checkpoint(number, wanted.as_deref());
        if visible {
            let verdict = self.world.control.checkpoint_committed(&claim.job, number).await;
            assert_eq!(verdict.unwrap(), Verdict::Current);
            became.committed(number);
        }
        self.keep(app, Some(became)).await;
    }

    pub(super) async fn end(&mut self, app: &'static str) {
        let Some((claim, mut became)) = self.job(app) else { return };
        let run = became.run.clone().expect("it has a job");
        let exits: &[Exit] = match run.want {
            Want::Run => &[Exit::Failed, Exit::FailedForGood, Exit::FailedForGood, Exit::Gone],
            Want::Snapshot => &[Exit::Stopped, Exit::Stopped, Exit::Failed, Exit::Gone],
            Want::Commit | Want::Cancel => &[Exit::Stopped, Exit::Gone, Exit::Failed],
        };
        let mut exit = *self.random.pick(exits).unwrap();
        if run.running && self.random.one_in(8) {
            exit = Exit::Exhausted;
        }
        self.tell(format!("{app}: attempt {} ends, {exit:?}", claim.job.attempt));
        let control = &self.world.control;
        let job = &claim.job;
        let verdict = match exit {
            Exit::Failed => {
                control.job_failed(job, &failure(Domain::External, true, "broker")).await
            }
            Exit::FailedForGood => {
                control.job_failed(job, &failure(Domain::User, false, "division by zero")).await
            }
            Exit::Gone => control.job_gone(job, "signal 9").await,
            Exit::Stopped => control.job_finished(job, true).await,
            Exit::Exhausted => control.job_finished(job, false).await,
        };
        assert_eq!(verdict.unwrap(), Verdict::Current);
        became.ended(exit);
        self.keep(app, Some(became)).await;
    }

    /// The worker of a job dies or is cut off: its lease runs out.
    pub(super) async fn silence(&mut self, app: &'static str) {
        let Some((claim, mut became)) = self.job(app) else { return };
        let run = became.run.as_mut().expect("it has a job");
        let worker = run.worker.expect("a worker has it");
        self.tell(format!("{app}: worker {worker} is silent"));
        let job = std::slice::from_ref(&claim.job);
        self.overdue.lease.renew_leases(self.workers[worker], job).await.unwrap();
        run.silent = true;
        self.keep(app, Some(became)).await;
    }

    /// A worker that is there renews all it has.
    pub(super) async fn renew(&mut self) {
        let worker = self.random.below(self.workers.len());
        self.tell(format!("worker {worker} renews"));
        let has = |app: &App| app.run.as_ref().is_some_and(|run| run.worker == Some(worker));
        let mine: Vec<&'static str> =
            self.apps.iter().filter(|(_, app)| has(app)).map(|(name, _)| *name).collect();
        let jobs: Vec<_> = mine.iter().map(|name| self.jobs[name].job.clone()).collect();
        let held = self.world.control.renew_leases(self.workers[worker], &jobs).await.unwrap();
        let named = |jobs: &[control::JobKey]| -> BTreeSet<String> {
            jobs.iter().map(|job| format!("{} {}", job.application, job.attempt)).collect()
        };
        assert_eq!(named(&held), named(&jobs));
        for app in mine {
            self.apps.get_mut(app).unwrap().run.as_mut().unwrap().silent = false;
        }
    }

    /// A worker ends in good order; another one takes its number.
    pub(super) async fn retire(&mut self) {
        let worker = self.random.below(self.workers.len());
        self.tell(format!("worker {worker} ends"));
        self.world.control.retire_worker(self.workers[worker]).await.unwrap();
        self.workers[worker] = register(&self.world.control, "another").await;
        for app in NAMES {
            let Some(mut became) = self.apps.get(app).cloned() else { continue };
            if let Some(run) = became.run.as_mut().filter(|run| run.worker == Some(worker)) {
                (run.worker, run.silent, run.running) = (None, false, false);
                self.keep(app, Some(became)).await;
            }
        }
    }

    /// What a worker is told to tell its jobs.
    pub(super) async fn orders(&mut self) {
        let worker = self.random.below(self.workers.len());
        self.tell(format!("worker {worker} asks for orders"));
        let mut expected = BTreeSet::new();
        for (app, it) in &self.apps {
            let Some(run) = it.run.as_ref().filter(|run| run.worker == Some(worker)) else {
                continue;
            };
            let creating = it.snapshots.iter().filter(|it| it.status == "CREATING");
            match (run.want, run.running) {
                (Want::Cancel, _) => {
                    expected.insert(format!("{app} cancel"));
                }
                (Want::Run, true) => {
                    expected.extend(creating.map(|it| format!("{app} snapshot {}", it.name)));
                }
                (Want::Snapshot, true) => expected.extend(
                    creating
                        .filter(|it| Some(&it.name) == run.stop.as_ref())
                        .map(|it| format!("{app} stop {}", it.name)),
                ),
                (Want::Run | Want::Snapshot | Want::Commit, _) => {}
            }
        }
        let orders = self.world.control.orders_for(self.workers[worker]).await.unwrap();
        let found: BTreeSet<String> = orders
            .into_iter()
            .map(|it| {
                let app = it.job.application;
                match it.order {
                    Order::Cancel => format!("{app} cancel"),
                    Order::Snapshot { name, stop: false } => format!("{app} snapshot {name}"),
                    Order::Snapshot { name, stop: true } => format!("{app} stop {name}"),
                    other => panic!("no order of control: {other:?}"),
                }
            })
            .collect();
        assert_eq!(found, expected);
    }

    /// What an attempt says that is not the present one changes nothing.
    pub(super) async fn late(&mut self) {
        let claims: Vec<Claim> = self.old.iter().cloned().collect();
        let Some(claim) = self.random.pick(&claims) else { return };
        let (job, kind) = (&claim.job, self.random.below(4));
        self.tell(format!("{}: late report {kind} of attempt {}", job.application, job.attempt));
        let control = &self.world.control;
        let verdict = match kind {
            0 => control.job_running(job, None, &[]).await.unwrap(),
            1 => self.world.written(job, 9999, None).await,
            2 => control.job_gone(job, "late").await.unwrap(),
            _ => control.job_finished(job, true).await.unwrap(),
        };
        assert_eq!(verdict, Verdict::Fenced);
        let app = *NAMES.iter().find(|it| **it == job.application.as_str()).unwrap();
        let same = self.apps.get(app).cloned();
        self.keep(app, same).await;
    }

    /// A tick, at which something may be overdue.
    pub(super) async fn look(&mut self) {
        let kind = self.random.below(6);
        self.tell(format!("a look, overdue {kind}"));
        let control = match kind {
            0 => &self.overdue.start,
            1 => &self.overdue.snapshot,
            2 => &self.overdue.cancel,
            _ => &self.world.control,
        };
        control.reconcile().await.unwrap();
        for app in NAMES {
            let Some(mut became) = self.apps.get(app).cloned() else { continue };
            became.look(kind == 0, kind == 1, kind == 2);
            self.keep(app, Some(became)).await;
        }
    }
}
