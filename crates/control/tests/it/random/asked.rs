//! What a customer may ask of an application, and what becomes of it.

use super::reference::{App, End, Next, Refusal, Run, Snapshot, Version, Want, Wish};

impl App {
    pub(super) fn start(&mut self, wish: Wish) -> Result<(), Refusal> {
        if self.status != "READY" {
            return Err("ResourceInUse");
        }
        self.wish(&wish)?;
        if !self.present().code {
            return Err("InvalidApplicationConfiguration");
        }
        let parallelism = self.present().parallelism;
        self.run = Some(Run::new(Next { version: self.version, parallelism, wish }));
        self.status = "STARTING";
        self.journal("StartApplication", None);
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<(), Refusal> {
        if self.status != "RUNNING" {
            return Err("ResourceInUse");
        }
        self.decide("CANCELLED");
        self.journal("StopApplication", None);
        self.status = "STOPPING";
        let want = if self.present().snapshots { Want::Snapshot } else { Want::Cancel };
        self.order(want, "STOP");
        Ok(())
    }

    pub(super) fn force_stop(&mut self) -> Result<(), Refusal> {
        if ["READY", "FORCE_STOPPING", "DELETING"].contains(&self.status) {
            return Err("ResourceInUse");
        }
        self.decide("CANCELLED");
        self.journal("StopApplication", None);
        self.status = "FORCE_STOPPING";
        if let Some(run) = &mut self.run {
            run.successor = None;
        }
        self.order(Want::Cancel, "STOP");
        Ok(())
    }

    /// `seen`: whether the version given is the present one.
    pub(super) fn update(
        &mut self,
        seen: bool,
        bad: Option<Refusal>,
        change: impl Fn(&mut Version),
        wish: Wish,
    ) -> Result<(), Refusal> {
        if !["READY", "RUNNING"].contains(&self.status) {
            return Err("ResourceInUse");
        }
        if !seen {
            return Err("ConcurrentModification");
        }
        if let Some(bad) = bad {
            return Err(bad);
        }
        self.wish(&wish)?;
        let before = self.present().clone();
        let mut after = Version {
            from: Some(self.version),
            to: None,
            ran: false,
            rolled_back: false,
            ..before.clone()
        };
        change(&mut after);
        let (from, to) = (self.version, self.version + 1);
        let snapshot = before.snapshots && after.snapshots;
        let next = Next { version: to, parallelism: after.parallelism, wish };
        self.versions.insert(to, after);
        self.version = to;
        self.journal("UpdateApplication", Some((from, to)));
        match &mut self.run {
            None => self.decide("SUCCESSFUL"),
            Some(run) => {
                run.successor = Some(next);
                self.status = "UPDATING";
                let want = if snapshot { Want::Snapshot } else { Want::Cancel };
                self.order(want, "UPDATEAPPLICATION");
            }
        }
        Ok(())
    }

    pub(super) fn rollback(&mut self, seen: bool) -> Result<(), Refusal> {
        if !["RUNNING", "UPDATING", "AUTOSCALING"].contains(&self.status) {
            return Err("ResourceInUse");
        }
        if !seen {
            return Err("ConcurrentModification");
        }
        let mut at = self.present();
        let target = loop {
            if let Some(same) = at.to {
                at = &self.versions[&same];
                continue;
            }
            let number = at.from.ok_or("InvalidRequest")?;
            at = &self.versions[&number];
            if at.ran && !at.rolled_back {
                break number;
            }
        };
        let run = self.run.clone().expect("there is a run in these statuses");
        let state = self.newest_state(&run).is_some();
        let ending = run.stop.clone().filter(|name| {
            let taken = self.snapshot(name).is_some_and(|it| it.status == "READY");
            run.successor.is_some() && self.snapshot(name).is_some() && (taken || state)
        });
        let snapshot = match &ending {
            Some(name) => name.clone(),
            None => {
                let mine =
                    |version: i64| version == target || self.versions[&version].to == Some(target);
                let found = self.newest(mine).or_else(|| self.newest(|_| true));
                found.ok_or("InvalidRequest")?.name.clone()
            }
        };
        self.decide("CANCELLED");
        let from = self.version;
        self.go_back(target);
        self.journal("RollbackApplication", Some((from, self.version)));
        self.status = "ROLLING_BACK";
        let parallelism = self.present().parallelism;
        let next = Next { version: self.version, parallelism, wish: Wish::Named(snapshot) };
        let run = self.run.as_mut().expect("it is still there");
        run.successor = Some(next);
        if ending.is_some() {
            run.want = Want::Cancel;
            if !run.held() {
                self.finish(End::Ordered);
            }
        } else {
            self.order(Want::Cancel, "ROLLBACK");
        }
        Ok(())
    }

    pub(super) fn go_back(&mut self, target: i64) {
        let version = Version {
            from: Some(self.version),
            to: Some(target),
            ran: false,
            rolled_back: false,
            ..self.versions[&target].clone()
        };
        self.versions.get_mut(&self.version).expect("the present version").rolled_back = true;
        self.version += 1;
        self.versions.insert(self.version, version);
    }

    pub(super) fn delete(&mut self, right: bool) -> Result<(), Refusal> {
        if !["READY", "RUNNING"].contains(&self.status) {
            return Err("ResourceInUse");
        }
        if !right {
            return Err("ConcurrentModification");
        }
        self.status = "DELETING";
        self.decide("CANCELLED");
        if self.run.is_none() {
            self.gone = true;
        } else {
            self.order(Want::Cancel, "DELETE");
        }
        Ok(())
    }

    pub(super) fn create_snapshot(&mut self, name: &str) -> Result<(), Refusal> {
        if self.status != "RUNNING" {
            return Err("InvalidRequest");
        }
        let run = self.run.as_ref().expect("a RUNNING application has a run");
        if !(run.held() && run.running) {
            return Err("InvalidApplicationConfiguration");
        }
        if self.snapshot(name).is_some() {
            return Err("ResourceInUse");
        }
        let version = run.next.version;
        self.add_snapshot(name.to_owned(), version);
        Ok(())
    }

    pub(super) fn add_snapshot(&mut self, name: String, version: i64) {
        self.snapshots.push(Snapshot { name, status: "CREATING", version, checkpoint: None });
    }

    pub(super) fn delete_snapshot(&mut self, name: &str, right: bool) -> Result<(), Refusal> {
        if self.status == "DELETING" {
            return Err("ResourceInUse");
        }
        let found = self.snapshot(name).ok_or("ResourceNotFound")?;
        if found.status == "CREATING" {
            return Err("ResourceInUse");
        }
        if !right {
            return Err("InvalidArgument");
        }
        if let Some(run) = &self.run {
            let newest = self.newest(|_| true).is_some_and(|it| it.name == name);
            let wishes = |next: &Next| match &next.wish {
                Wish::Named(wished) => wished == name,
                Wish::Latest => newest,
                Wish::Skip => false,
            };
            let began = match run.began {
                Some(began) => began.is_some() && began == found.checkpoint,
                None => wishes(&run.next),
            };
            let needed = run.checkpoints.is_empty() && began;
            let ends = run.stop.as_deref() == Some(name);
            if ends || needed || run.successor.as_ref().is_some_and(wishes) {
                return Err("ResourceInUse");
            }
        }
        self.snapshots.retain(|it| it.name != name);
        Ok(())
    }
}
