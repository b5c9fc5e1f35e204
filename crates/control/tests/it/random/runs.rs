//! How the runs of an application begin, fare and end.

use super::reference::{App, Checkpoint, End, Exit, Next, Run, Want, Wish};

impl App {
    pub(super) fn order(&mut self, want: Want, occasion: &str) {
        let Some(run) = &mut self.run else { return };
        let (old, version, up) = (run.stop.take(), run.next.version, run.held() && run.running);
        run.want = if up { want } else { Want::Cancel };
        if let Some(old) = old {
            self.fail_snapshot(&old);
        }
        if want == Want::Snapshot {
            let name = format!("{occasion}-");
            self.add_snapshot(name.clone(), version);
            self.run.as_mut().expect("it is there").stop = Some(name);
        }
        if !self.run.as_ref().expect("it is there").held() {
            self.finish(End::Ordered);
        }
    }

    fn fail_snapshot(&mut self, name: &str) {
        if let Some(snapshot) = self.named(name)
            && snapshot.status == "CREATING"
        {
            snapshot.status = "FAILED";
        }
    }

    pub(super) fn newest_state(&self, run: &Run) -> Option<Checkpoint> {
        match run.checkpoints.last() {
            Some(own) => Some(own.clone()),
            None => {
                let number = run.began.flatten()?;
                self.checkpoints.iter().find(|it| it.number == number).cloned()
            }
        }
    }

    pub(super) fn finish(&mut self, end: End) {
        let run = self.run.take().expect("a run that ends");
        let mut missing = false;
        if let Some(name) = &run.stop
            && self.snapshot(name).is_some_and(|it| it.status != "READY")
        {
            let state = self.newest_state(&run).filter(|_| end == End::Ordered);
            let snapshot = self.named(name).expect("it was there");
            match state {
                Some(state) => {
                    snapshot.status = "READY";
                    snapshot.checkpoint = Some(state.number);
                    snapshot.version = state.version;
                }
                None => {
                    snapshot.status = "FAILED";
                    missing = true;
                }
            }
        }
        for snapshot in &mut self.snapshots {
            if snapshot.status == "CREATING" {
                snapshot.status = "FAILED";
            }
        }
        let before = self.before.replace(run.clone());
        if self.status == "DELETING" {
            self.gone = true;
            return;
        }
        match end {
            End::Ordered => {
                if let Some(next) = run.successor {
                    self.run = Some(Run::new(next));
                    return;
                }
                assert!(self.status.ends_with("STOPPING"), "{} ends by order", self.status);
                self.decide(if missing { "FAILED" } else { "SUCCESSFUL" });
            }
            End::Exhausted => self.decide("SUCCESSFUL"),
            End::NotStarted => {
                if self.go_back_by_itself(&run, before.as_ref()) {
                    return;
                }
                self.decide("FAILED");
            }
        }
        self.status = "READY";
    }

    fn go_back_by_itself(&mut self, failed: &Run, before: Option<&Run>) -> bool {
        let wanted = ["UPDATING", "AUTOSCALING"].contains(&self.status)
            && self.versions[&failed.next.version].rollback;
        let Some(before) = before.filter(|it| wanted && it.reached) else { return false };
        let old = before.next.version;
        let mine = |version: i64| version == old || self.versions[&version].to == Some(old);
        let left = before.stop.as_ref().and_then(|name| self.snapshot(name));
        let found = left.filter(|it| it.status == "READY").or_else(|| self.newest(mine));
        let Some(snapshot) = found.or_else(|| self.newest(|_| true)) else { return false };
        let wish = Wish::Named(snapshot.name.clone());
        self.decide("FAILED");
        self.operations.last_mut().expect("the update").rollback = true;
        let from = self.version;
        self.go_back(old);
        self.journal("RollbackApplication", Some((from, self.version)));
        self.status = "ROLLING_BACK";
        let parallelism = before.next.parallelism;
        self.run = Some(Run::new(Next { version: self.version, parallelism, wish }));
        true
    }

    /// A worker may take it.
    pub(super) fn claimable(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| matches!(run.want, Want::Run | Want::Commit) && !run.held())
    }

    /// A worker takes it; gives what it starts from, or nothing if that is gone.
    pub(super) fn claim(&mut self, worker: usize) -> Option<Option<u64>> {
        let run = self.run.as_ref().expect("a claimable run");
        let from = match (run.checkpoints.last(), run.began) {
            (Some(own), _) => Some(own.number),
            (None, Some(began)) => began,
            (None, None) => match &run.next.wish {
                Wish::Skip => None,
                Wish::Latest => self.newest(|_| true).and_then(|it| it.checkpoint),
                Wish::Named(name) => {
                    let found = self.snapshot(name).filter(|it| it.status == "READY");
                    let Some(found) = found else {
                        self.finish(End::NotStarted);
                        return None;
                    };
                    found.checkpoint
                }
            },
        };
        self.attempts += 1;
        let attempt = self.attempts;
        let run = self.run.as_mut().expect("a claimable run");
        // What it started from last counts while it has no checkpoint of its own.
        run.began = Some(from);
        (run.worker, run.silent, run.running, run.attempt) = (Some(worker), false, false, attempt);
        Some(from)
    }

    pub(super) fn running(&mut self) {
        let run = self.run.as_mut().expect("a run");
        let waits = ["STARTING", "UPDATING", "AUTOSCALING", "ROLLING_BACK", "MAINTENANCE"];
        let waits = waits.contains(&self.status) && run.successor.is_none();
        if waits && run.want == Want::Cancel {
            return;
        }
        (run.running, run.reached) = (true, true);
        if run.want == Want::Commit {
            run.want = Want::Cancel;
        }
        let attempt = run.attempt;
        let earlier = |it: &&mut Checkpoint| it.attempt < attempt;
        run.checkpoints.iter_mut().filter(earlier).for_each(|it| it.committed = true);
        self.checkpoints.iter_mut().filter(earlier).for_each(|it| it.committed = true);
        let version = run.next.version;
        self.versions.get_mut(&version).expect("a version").ran = true;
        if waits {
            self.status = "RUNNING";
            self.decide("SUCCESSFUL");
        }
    }

    pub(super) fn next_checkpoint(&self) -> u64 {
        self.checkpoints.last().map_or(1, |it| it.number + 1)
    }

    pub(super) fn checkpoint(&mut self, number: u64, snapshot: Option<&str>) {
        let run = self.run.as_mut().expect("a run");
        let new = Checkpoint {
            number,
            attempt: run.attempt,
            version: run.next.version,
            committed: false,
        };
        run.checkpoints.push(new.clone());
        let stop = run.stop.clone();
        self.checkpoints.push(new.clone());
        let moved = stop.filter(|stop| self.snapshot(stop).is_some_and(|it| it.status == "READY"));
        for name in [snapshot.map(str::to_owned), moved].into_iter().flatten() {
            if let Some(snapshot) = self.named(&name) {
                snapshot.status = "READY";
                snapshot.checkpoint = Some(number);
                snapshot.version = new.version;
            }
        }
    }

    pub(super) fn committed(&mut self, number: u64) {
        let run = self.run.as_mut().expect("a run");
        let all = run.checkpoints.iter_mut().chain(&mut self.checkpoints);
        all.filter(|it| it.number == number).for_each(|it| it.committed = true);
    }

    pub(super) fn snapshot_failed(&mut self, name: &str) {
        self.fail_snapshot(name);
        let run = self.run.as_mut().expect("a run");
        if run.stop.as_deref() == Some(name) && run.want == Want::Snapshot {
            run.want = Want::Cancel;
        }
    }

    /// The job is no more.
    pub(super) fn ended(&mut self, exit: Exit) {
        let run = self.run.as_ref().expect("a run");
        let waits = ["STARTING", "UPDATING", "AUTOSCALING", "ROLLING_BACK", "MAINTENANCE"];
        let given_up = !run.reached && run.successor.is_none() && waits.contains(&self.status);
        let taken = run.stop.as_ref().is_some_and(|name| {
            let number = self.snapshot(name).filter(|it| it.status == "READY");
            number.and_then(|it| it.checkpoint).is_some_and(|number| {
                self.checkpoints.iter().any(|it| it.number == number && !it.committed)
            })
        });
        let mut want = run.want;
        let end = match (run.want, exit) {
            (_, Exit::Exhausted) => Some(End::Exhausted),
            (Want::Cancel, _) if given_up => Some(End::NotStarted),
            (Want::Cancel, _) | (Want::Snapshot | Want::Commit, Exit::Stopped) => {
                Some(End::Ordered)
            }
            (Want::Snapshot | Want::Commit, _) if taken => {
                want = Want::Commit;
                None
            }
            (Want::Snapshot | Want::Commit, _) => Some(End::Ordered),
            (Want::Run, Exit::FailedForGood) if !run.reached => Some(End::NotStarted),
            (Want::Run, _) => None,
        };
        match end {
            Some(end) => self.finish(end),
            None => {
                let run = self.run.as_mut().expect("a run");
                (run.worker, run.silent, run.running, run.want) = (None, false, false, want);
            }
        }
    }

    /// One look at it; what is overdue by then.
    pub(super) fn look(&mut self, start: bool, snapshots: bool, cancel: bool) {
        let moving = !["READY", "RUNNING"].contains(&self.status)
            || self.snapshots.iter().any(|it| it.status == "CREATING")
            || self.run.as_ref().is_some_and(|it| it.want != Want::Run);
        if !moving {
            return;
        }
        let stop = self.run.as_ref().and_then(|it| it.stop.clone());
        for snapshot in &mut self.snapshots {
            if snapshots && snapshot.status == "CREATING" && stop.as_ref() != Some(&snapshot.name) {
                snapshot.status = "FAILED";
            }
        }
        let Some(run) = &mut self.run else {
            assert_eq!(self.status, "READY", "it waits for a run");
            return;
        };
        match run.want {
            Want::Run if !run.reached && start => {
                (run.want, run.stop) = (Want::Cancel, None);
            }
            Want::Snapshot | Want::Commit if snapshots => run.want = Want::Cancel,
            Want::Run | Want::Commit => return,
            // Fenced off, with a lease of no length; it ends with the next look.
            Want::Cancel if cancel && run.held() => {
                run.worker = None;
                return;
            }
            Want::Cancel | Want::Snapshot => {}
        }
        if !run.held() {
            self.ended(Exit::Gone);
        }
    }
}
