//! What the API's specification says of one application, in plain words of Rust: no database, no
//! clock, and nothing of `model::lifecycle` or `control::rules`.

use std::collections::BTreeMap;

/// Names of the AWS exceptions, without `Exception`.
pub(super) type Refusal = &'static str;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    Skip,
    Latest,
    Named(String),
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) parallelism: u32,
    pub(super) snapshots: bool,
    pub(super) rollback: bool,
    pub(super) code: bool,
    pub(super) from: Option<i64>,
    /// For one that a rollback made: whose configuration it has.
    pub(super) to: Option<i64>,
    pub(super) ran: bool,
    pub(super) rolled_back: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// As it is called; of those the service names only the beginning, until it was seen.
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) version: i64,
    pub(super) checkpoint: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Operation {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) versions: Option<(i64, i64)>,
    /// Whether it names a rollback.
    pub(super) rollback: bool,
}

/// What is to become of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Want {
    Run,
    Snapshot,
    Commit,
    Cancel,
}

#[derive(Debug, Clone)]
pub(super) struct Next {
    pub(super) version: i64,
    pub(super) parallelism: u32,
    pub(super) wish: Wish,
}

#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    pub(super) number: u64,
    pub(super) attempt: u64,
    pub(super) version: i64,
    pub(super) committed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) next: Next,
    pub(super) want: Want,
    /// Place among the snapshots of the one that ends it.
    pub(super) stop: Option<String>,
    pub(super) successor: Option<Next>,
    /// The worker that has it, by number.
    pub(super) worker: Option<usize>,
    /// Whether that one's lease is over.
    pub(super) silent: bool,
    pub(super) attempt: u64,
    pub(super) running: bool,
    pub(super) reached: bool,
    /// What the first attempt began with, once there was one.
    pub(super) began: Option<Option<u64>>,
    pub(super) checkpoints: Vec<Checkpoint>,
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Exit {
    FailedForGood,
    Failed,
    Gone,
    Stopped,
    Exhausted,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Ordered,
    Exhausted,
    NotStarted,
}

#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) status: &'static str,
    pub(super) version: i64,
    pub(super) versions: BTreeMap<i64, Version>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) operations: Vec<Operation>,
    pub(super) run: Option<Run>,
    /// The run before.
    pub(super) before: Option<Run>,
    pub(super) attempts: u64,
    /// All checkpoints of all runs.
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) gone: bool,
}

impl Run {
    pub(super) fn new(next: Next) -> Self {
        Self {
            next,
            want: Want::Run,
            stop: None,
            successor: None,
            worker: None,
            silent: false,
            attempt: 0,
            running: false,
            reached: false,
            began: None,
            checkpoints: Vec::new(),
        }
    }

    pub(super) fn held(&self) -> bool {
        self.worker.is_some() && !self.silent
    }
}

impl App {
    pub(super) fn new(first: Version) -> Self {
        Self {
            status: "READY",
            version: 1,
            versions: [(1, first)].into(),
            snapshots: Vec::new(),
            operations: Vec::new(),
            run: None,
            before: None,
            attempts: 0,
            checkpoints: Vec::new(),
            tags: BTreeMap::new(),
            gone: false,
        }
    }

    pub(super) fn present(&self) -> &Version {
        &self.versions[&self.version]
    }

    pub(super) fn named(&mut self, name: &str) -> Option<&mut Snapshot> {
        self.snapshots.iter_mut().find(|it| it.name == name)
    }

    pub(super) fn snapshot(&self, name: &str) -> Option<&Snapshot> {
        self.snapshots.iter().find(|it| it.name == name)
    }

    /// The newest state that is READY, of some versions or of all.
    pub(super) fn newest(&self, of: impl Fn(i64) -> bool) -> Option<&Snapshot> {
        let ready = self.snapshots.iter().filter(|it| it.status == "READY" && of(it.version));
        ready.max_by_key(|it| it.checkpoint)
    }

    pub(super) fn journal(&mut self, kind: &'static str, versions: Option<(i64, i64)>) {
        assert!(self.operations.iter().all(|it| it.status != "IN_PROGRESS"), "one at a time");
        self.operations.push(Operation { kind, status: "IN_PROGRESS", versions, rollback: false });
    }

    pub(super) fn decide(&mut self, status: &'static str) {
        if let Some(last) = self.operations.iter_mut().find(|it| it.status == "IN_PROGRESS") {
            last.status = status;
        }
    }

    pub(super) fn wish(&self, wish: &Wish) -> Result<(), Refusal> {
        match wish {
            Wish::Named(name) => match self.snapshot(name) {
                Some(snapshot) if snapshot.status == "READY" => Ok(()),
                _ => Err("InvalidArgument"),
            },
            Wish::Skip | Wish::Latest => Ok(()),
        }
    }
}
