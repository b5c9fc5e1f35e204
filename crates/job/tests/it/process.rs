//! A job process without the process: `job::lifecycle` on a thread, with an object store.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use connectors::s3::S3;
use embedded::s3::S3Server;
use job::PythonOptions;
use job::lifecycle::{self, End};
use model::configuration::{LogLevel, MetricsLevel};
use model::protocol::{
    Assignment, Checkpointing, Code, Event, Failure, Order, PropertyGroups, S3Settings, Storage,
};
use python::sandbox::Isolation;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::DEADLINE;

const BUCKET: &str = "checkpoints";

/// An object store, a folder for files, and the numbers an application counts on.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    settings: S3Settings,
    attempt: u64,
    next_checkpoint: u64,
    _server: S3Server,
    _runtime: Runtime,
}

/// A running job.
pub(crate) struct Process {
    orders: UnixStream,
    events: BufReader<UnixStream>,
    thread: JoinHandle<End>,
}

impl World {
    pub(crate) fn start() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let objects = folder.path().join("objects");
        std::fs::create_dir(&objects).unwrap();
        let server = S3Server::start(&objects, listen, "key", "secret");
        let server = runtime.block_on(server).unwrap();
        let settings = S3Settings {
            endpoint: Some(server.endpoint()),
            region: String::new(),
            access_key_id: "key".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            path_style: true,
        };
        S3::connect(&settings, runtime.handle().clone()).create_bucket(BUCKET).unwrap();
        let (_server, _runtime) = (server, runtime);
        Self { folder, settings, attempt: 0, next_checkpoint: 1, _server, _runtime }
    }

    /// A job process's assignment to run `script`.
    pub(crate) fn assignment(&mut self, script: &str, parallelism: usize) -> Assignment {
        self.attempt += 1;
        Assignment {
            application: "app".to_owned(),
            application_id: "0123-app".to_owned(),
            version: 1,
            attempt: self.attempt,
            code: Code::Sql { text: script.to_owned() },
            properties: PropertyGroups::new(),
            parallelism,
            log_level: LogLevel::Info,
            metrics_level: MetricsLevel::Application,
            checkpointing: Checkpointing { enabled: true, interval_ms: 50, min_pause_ms: 0 },
            restore: None,
            unfinished: Vec::new(),
            allow_non_restored_state: false,
            next_checkpoint: self.next_checkpoint,
            storage: Storage {
                bucket: BUCKET.to_owned(),
                prefix: "installation".to_owned(),
                s3: self.settings.clone(),
            },
            folder: "applications/app".to_owned(),
            scratch: self.folder.path().to_str().unwrap().to_owned(),
            traceparent: None,
        }
    }

    /// Rows of a table of files, sorted.
    pub(crate) fn rows(&self, table: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for entry in std::fs::read_dir(self.folder.path().join(table)).unwrap() {
            let entry = entry.unwrap();
            if !entry.file_name().to_str().unwrap().starts_with(['.', '_']) {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                rows.extend(text.lines().map(str::to_owned));
            }
        }
        rows.sort();
        rows
    }
}

impl Process {
    pub(crate) fn start(assignment: Assignment) -> Self {
        let (orders, input) = UnixStream::pair().unwrap();
        let (output, events) = UnixStream::pair().unwrap();
        events.set_read_timeout(Some(DEADLINE)).unwrap();
        let thread = std::thread::spawn(move || {
            let python = PythonOptions { interpreter: None, isolation: Isolation::Unsandboxed };
            lifecycle::run(BufReader::new(input), output, &python)
        });
        let mut process = Self { orders, events: BufReader::new(events), thread };
        process.order(&Order::Assign(Box::new(assignment)));
        process
    }

    pub(crate) fn order(&mut self, order: &Order) {
        let mut line = serde_json::to_vec(order).unwrap();
        line.push(b'\n');
        self.orders.write_all(&line).unwrap();
    }

    /// The next event that counts.
    pub(crate) fn next(&mut self) -> Event {
        loop {
            let mut line = String::new();
            self.events.read_line(&mut line).expect("an event before the deadline");
            assert!(!line.is_empty(), "the job has ended without a word");
            match serde_json::from_str(&line).unwrap() {
                Event::Metrics(_) | Event::Log(_) | Event::Planned { .. } => {}
                event => return event,
            }
        }
    }

    /// The checkpoint it says it goes on from, and what was dropped.
    pub(crate) fn running(&mut self) -> (Option<u64>, Vec<String>) {
        match self.next() {
            Event::Running { restored, dropped } => (restored, dropped),
            other => panic!("not running: {other:?}"),
        }
    }

    pub(crate) fn refused(mut self) -> Failure {
        let event = self.next();
        assert_eq!(self.thread.join().unwrap(), End::Failed);
        match event {
            Event::Failed(failure) => failure,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Records checkpoints as a worker does until `enough` have been committed.
    pub(crate) fn commit(&mut self, enough: usize) {
        let mut committed = 0;
        while committed < enough {
            match self.next() {
                Event::CheckpointWritten(it) => {
                    self.order(&Order::CheckpointRecorded { id: it.id });
                }
                Event::CheckpointCommitted { .. } => committed += 1,
                other => panic!("no checkpoint: {other:?}"),
            }
        }
    }

    /// Lets it run to its end; the snapshot it took, if it was stopped.
    pub(crate) fn finish(mut self, world: &mut World) -> Option<String> {
        let mut snapshot = None;
        loop {
            match self.next() {
                Event::CheckpointWritten(it) => {
                    world.next_checkpoint = it.id + 1;
                    if it.snapshot.is_some() {
                        snapshot = Some(it.manifest.clone());
                    }
                    self.order(&Order::CheckpointRecorded { id: it.id });
                }
                Event::CheckpointCommitted { .. } => {}
                Event::Finished { .. } => break,
                other => panic!("not finished: {other:?}"),
            }
        }
        assert_eq!(self.thread.join().unwrap(), End::Finished);
        snapshot
    }

    /// Stops it with a snapshot; its manifest's key.
    pub(crate) fn stop(mut self, world: &mut World) -> String {
        self.order(&Order::Snapshot { name: "s".to_owned(), stop: true });
        self.finish(world).expect("a snapshot was taken")
    }
}
