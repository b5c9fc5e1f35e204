//! A script that is killed after a checkpoint and goes on from it, several times.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::{Environment, Registry};
use crossbeam_channel::{Receiver, unbounded};
use engine::clock::SystemClock;
use engine::graph::{Node, NodeKind, StreamGraph};
use engine::runtime::coordinator::{
    Action, Collected, Committables, Coordinator, CoordinatorSettings,
};
use engine::runtime::{
    Execution, ExecutionEvent, ExecutionOptions, Positions, RestoredGraph, RestoredOperator,
    SubtaskId,
};
use engine::sink::{CommitContext, Committer};
use engine::stash::{MemoryStash, Stash};
use engine::state::OperatorState;
use model::manifest::{Manifest, OperatorManifest, StateObject};
use model::protocol::{PropertyGroups, S3Settings};
use sql::Session;

use crate::DEADLINE;
use crate::held::{Tap, hold};

/// Records of a batch: few, so that a barrier can come between any two of them.
const BATCH: usize = 2;

const APPLICATION: &str = "app";

/// A script, and a folder for its checkpoints.
pub(crate) struct Script {
    text: String,
    folder: PathBuf,
    stash: Arc<dyn Stash>,
    runtime: tokio::runtime::Runtime,
}

/// Where an attempt is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    /// Polls of its sources before its barrier, and after.
    pub(crate) polls: (u64, u64),
    /// Output is committed before it is killed; else the next attempt has to.
    pub(crate) commits: bool,
}

impl Script {
    pub(crate) fn new(text: String, folder: &Path) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let stash = Arc::new(MemoryStash::default());
        Self { text, folder: folder.to_owned(), stash, runtime }
    }

    fn context(&self, node: &Node, attempt: u64) -> CommitContext {
        CommitContext {
            operator_id: node.operator_id.clone(),
            application_id: APPLICATION.to_owned(),
            attempt,
            clock: Arc::new(SystemClock),
            stash: Arc::clone(&self.stash),
        }
    }

    fn graph(&self) -> StreamGraph {
        let registry = Registry::new(Environment {
            s3: S3Settings::default(),
            log: Arc::new(|_| {}),
            print: Some(Arc::new(|_| {})),
            runtime: self.runtime.handle().clone(),
        });
        let settings: [(&str, &str); 0] = [];
        let mut session = Session::new(Arc::new(registry), settings).unwrap();
        session.execute_with_properties(&self.text, &PropertyGroups::new()).unwrap();
        session.into_graph().unwrap()
    }

    /// Runs to the end without a stop; polls that took.
    pub(crate) fn straight(&self) -> u64 {
        let mut attempt = self.start(1, 1);
        attempt.tap.open();
        attempt.finish();
        attempt.tap.taken()
    }

    /// One attempt for each kill, one that finishes; the parallelisms in turn.
    pub(crate) fn interrupted(&self, kills: &[Kill], parallelism: &[usize]) {
        for (number, kill) in (1..).zip(kills) {
            let at = parallelism[(number - 1) % parallelism.len()];
            let mut attempt = self.start(number as u64, at);
            attempt.until_empty_subtasks_have_ended();
            attempt.tap.allow(kill.polls.0);
            attempt.until_dry();
            attempt.commits = kill.commits;
            attempt.checkpoint();
            attempt.tap.allow(kill.polls.1);
            attempt.until_dry();
            attempt.kill();
        }
        let number = kills.len();
        let mut attempt = self.start(number as u64 + 1, parallelism[number % parallelism.len()]);
        attempt.until_empty_subtasks_have_ended();
        attempt.tap.open();
        attempt.finish();
    }

    fn start(&self, number: u64, parallelism: usize) -> Attempt<'_> {
        let mut graph = self.graph();
        let mut committers = BTreeMap::new();
        for node in &graph.nodes {
            if let NodeKind::Sink(sink) = &node.kind
                && let Some(committer) = sink.committer(self.context(node, number)).unwrap()
            {
                committers.insert(node.operator_id.clone(), committer);
            }
        }
        let manifest = self.manifest();
        let checkpoint = manifest.as_ref().map_or(0, |manifest| manifest.checkpoint);
        for (id, operator) in manifest.iter().flat_map(|manifest| &manifest.operators) {
            if let Some(committer) = committers.get_mut(id) {
                committer.take_over(&[(checkpoint, operator.committables.clone())]).unwrap();
            }
        }
        let restored = manifest.as_ref().map(|manifest| self.restored(manifest, &graph));
        let tap = Arc::new(Tap::default());
        hold(&mut graph, &tap);
        let sources = graph.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Source(_)));
        let sources = sources.map(|node| node.operator_id.clone()).collect();
        let options = ExecutionOptions {
            parallelism,
            batch_size: BATCH,
            channel_capacity: 2,
            clock: Arc::new(SystemClock),
            attempt: number,
            application_id: APPLICATION.to_owned(),
            stash: Arc::clone(&self.stash),
            restored,
            first_checkpoint: checkpoint + 1,
        };
        let (told, events) = unbounded();
        let execution = Execution::start(graph, options, move |event| drop(told.send(event)));
        let execution = execution.unwrap();
        let settings = CoordinatorSettings {
            enabled: false,
            interval_ms: 0,
            min_pause_ms: 0,
            timeout_ms: u64::MAX,
            tolerated_failures: 0,
        };
        let subtasks = execution.subtasks().to_vec();
        let coordinator = Coordinator::new(settings, subtasks, checkpoint + 1, 0);
        Attempt {
            script: self,
            number,
            parallelism,
            sources,
            ended: 0,
            tap,
            execution,
            events,
            coordinator,
            committers,
            commits: true,
            recorded: None,
            finished: false,
        }
    }

    /// Writes a checkpoint as a job does: states, then the manifest.
    fn write(&self, attempt: &Attempt<'_>, collected: &Collected) {
        let mut operators = BTreeMap::new();
        let mut part = 0;
        for (id, operator) in &collected.operators {
            let mut entry = OperatorManifest {
                splits: operator.splits.clone(),
                committables: operator.committables.clone(),
                ..OperatorManifest::default()
            };
            for (_, state) in &operator.states {
                let key = format!("{}-{part}.state", collected.checkpoint);
                part += 1;
                fs::write(self.folder.join(&key), &state.bytes).unwrap();
                entry.state_format = state.format;
                entry.fingerprint.clone_from(&state.fingerprint);
                entry.state.push(StateObject { key, bytes: state.bytes.len() as u64 });
            }
            operators.insert(id.clone(), entry);
        }
        let manifest = Manifest {
            format: 1,
            application: String::new(),
            version: 1,
            checkpoint: collected.checkpoint,
            attempt: attempt.number,
            parallelism: attempt.parallelism,
            started_ms: 0,
            state_bytes: 0,
            operators,
        };
        let text = serde_json::to_string(&manifest).unwrap();
        fs::write(self.folder.join("manifest.json"), text).unwrap();
    }

    /// The last checkpoint's manifest.
    fn manifest(&self) -> Option<Manifest> {
        let text = fs::read(self.folder.join("manifest.json")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    fn restored(&self, manifest: &Manifest, graph: &StreamGraph) -> RestoredGraph {
        let mut operators = BTreeMap::new();
        for (id, entry) in &manifest.operators {
            let state = entry.state.iter().map(|object| OperatorState {
                format: entry.state_format,
                fingerprint: entry.fingerprint.clone(),
                bytes: fs::read(self.folder.join(&object.key)).unwrap(),
            });
            let node = graph.nodes.iter().find(|node| &node.operator_id == id).unwrap();
            let is_source = matches!(node.kind, NodeKind::Source(_));
            let splits = is_source.then(|| entry.splits.clone());
            operators.insert(id.clone(), RestoredOperator { state: state.collect(), splits });
        }
        RestoredGraph { operators }
    }
}

/// One attempt of a script.
struct Attempt<'a> {
    script: &'a Script,
    number: u64,
    parallelism: usize,
    sources: Vec<String>,
    /// Subtasks of sources that have ended.
    ended: usize,
    tap: Arc<Tap>,
    execution: Execution,
    events: Receiver<ExecutionEvent>,
    coordinator: Coordinator,
    committers: BTreeMap<String, Box<dyn Committer>>,
    commits: bool,
    recorded: Option<u64>,
    finished: bool,
}

impl Attempt<'_> {
    /// A subtask without a split holds watermarks back until it has said that it has none. What is
    /// late depends on it, so it comes first: a barrier passes where all channels have ended or
    /// have it.
    fn until_empty_subtasks_have_ended(&mut self) {
        while self.ended < self.tap.empty() {
            self.hear();
        }
        self.checkpoint();
    }

    fn until_dry(&mut self) {
        let is_source = |id: &&SubtaskId| self.sources.contains(&id.operator_id);
        let readers = self.execution.subtasks().iter().filter(is_source).count();
        let since = Instant::now();
        while !self.tap.dry() && self.ended < readers {
            assert!(since.elapsed() < DEADLINE, "the sources do not read what they may");
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(1)) {
                self.handle(event);
            }
        }
    }

    /// Takes a checkpoint, unless everything has ended meanwhile.
    fn checkpoint(&mut self) {
        if self.finished {
            return;
        }
        let before = self.recorded;
        let actions = self.coordinator.snapshot("s", false, 0);
        self.perform(actions);
        while self.recorded == before && !self.finished {
            self.hear();
        }
    }

    fn finish(&mut self) {
        while !self.finished {
            self.hear();
        }
    }

    fn kill(self) {
        self.execution.cancel();
        self.execution.join().unwrap();
    }

    fn hear(&mut self) {
        let event = self.events.recv_timeout(DEADLINE).expect("an event before the deadline");
        self.handle(event);
    }

    fn handle(&mut self, event: ExecutionEvent) {
        let actions = match event {
            ExecutionEvent::Acknowledged(it) => self.coordinator.acknowledged(it, 0),
            ExecutionEvent::Ended(it) => {
                let is_source = self.sources.contains(&it.last.subtask.operator_id);
                self.ended += usize::from(is_source);
                self.coordinator.ended(it, 0)
            }
            ExecutionEvent::AllEnded => Vec::new(),
            ExecutionEvent::Failed(error) => panic!("the script failed: {error}"),
        };
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Inject(barrier) => self.execution.inject(barrier),
                Action::Write(collected) => {
                    self.script.write(self, &collected);
                    assert!(self.coordinator.written(collected.checkpoint));
                    self.recorded = Some(collected.checkpoint);
                    if self.commits {
                        let actions = self.coordinator.recorded(collected.checkpoint);
                        self.perform(actions);
                    }
                }
                Action::Commit { checkpoint, committables, positions } => {
                    self.commit(checkpoint, &committables, positions);
                }
                Action::Finish { .. } => self.finished = true,
                Action::Failed { message, .. } | Action::GiveUp { message } => panic!("{message}"),
            }
        }
    }

    fn commit(&mut self, checkpoint: u64, committables: &Committables, positions: Positions) {
        for (sink, committables) in committables {
            if let Some(committer) = self.committers.get_mut(sink) {
                committer.commit(checkpoint, committables).unwrap();
            }
        }
        self.execution.committed(checkpoint, positions);
        let actions = self.coordinator.committed(checkpoint, 0);
        self.perform(actions);
    }
}
