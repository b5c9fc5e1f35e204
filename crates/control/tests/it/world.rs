//! What the stories need: a control over a fresh database, a worker, and short words.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use control::{
    ApplicationDetail, Change, Claim, Control, CreateApplication, DeleteApplication, Diagnostic,
    JobKey, NewCode, NewContent, Operation, OperationStatus, PageRequest, Seen, Settings, Snapshot,
    StartApplication, Timing, UpdateApplication, Updated, Verdict, WorkerInfo,
    ports::{
        Object, ObjectReader, Pending, ProgramChecker, ReadError, RestoreChecker, RestoreProblem,
        RestoreQuestion,
    },
};
use model::{
    configuration::{ApplicationMode, RunConfiguration, S3Location},
    fault::{Domain, Fault},
    ids::{ApplicationName, OperationId, SnapshotName, WorkerId},
    lifecycle::Status,
    protocol::{CheckpointWritten, Failure, Order, PropertyGroups},
};
use uuid::Uuid;

use crate::database::{self, Database};

/// Refuses scripts with the word `SELEC`, at its place, and with a property that is not there.
#[derive(Debug)]
struct Checker;

impl ProgramChecker for Checker {
    fn check(&self, script: &str, properties: &PropertyGroups) -> Result<(), Vec<Diagnostic>> {
        let mut found = Vec::new();
        for (line, text) in (1..).zip(script.lines()) {
            if let Some(at) = text.find("SELEC ") {
                let column = u32::try_from(at).unwrap() + 1;
                found.push(Diagnostic { line, column, message: "unknown word".to_owned() });
            }
            if text.contains("${topics:in}") && !properties.contains_key("topics") {
                let message = "property group `topics` does not exist".to_owned();
                found.push(Diagnostic { line, column: 1, message });
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

/// What manifests are worth, by key; those not named here fit. Remembers what was asked.
#[derive(Debug, Default)]
pub(crate) struct Restores {
    pub(crate) bad: Mutex<BTreeMap<String, Bad>>,
    pub(crate) asked: Mutex<Vec<RestoreQuestion>>,
}

/// Why a manifest is no use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bad {
    Misfit,
    Unreadable,
    Unavailable,
}

impl RestoreChecker for Restores {
    fn check(&self, question: &RestoreQuestion) -> Result<(), RestoreProblem> {
        self.asked.lock().unwrap().push(question.clone());
        let Some(manifest) = &question.manifest else { return Ok(()) };
        match self.bad.lock().unwrap().get(manifest) {
            None => Ok(()),
            Some(Bad::Misfit) if question.allow_non_restored_state => Ok(()),
            Some(Bad::Misfit) => Err(RestoreProblem::Misfit {
                message: "`window:7` (Window) has changed".to_owned(),
                operators: vec!["window:7".to_owned()],
            }),
            Some(Bad::Unreadable) => Err(RestoreProblem::Unreadable("it is gone".to_owned())),
            Some(Bad::Unavailable) => Err(RestoreProblem::Unavailable("refused".into())),
        }
    }
}

/// Objects by bucket and key.
#[derive(Debug, Default)]
pub(crate) struct Objects(pub(crate) Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl ObjectReader for Objects {
    fn read<'a>(
        &'a self,
        location: &'a S3Location,
        _limit: u64,
    ) -> Pending<'a, Result<Object, ReadError>> {
        let place = (location.bucket().to_owned(), location.file_key().to_owned());
        let found = self.0.lock().unwrap().get(&place).cloned();
        Box::pin(async move {
            let bytes = found.ok_or(ReadError::NotFound)?;
            let etag = Some(format!("etag of {} bytes", bytes.len()));
            Ok(Object { bytes, version: Some("v7".to_owned()), etag })
        })
    }
}

/// One installation.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) objects: Arc<Objects>,
    pub(crate) restores: Arc<Restores>,
    pub(crate) worker: WorkerId,
    _database: Database,
}

/// Nothing is ever overdue and nothing waits before a restart.
pub(crate) const PATIENT: Timing = Timing {
    lease: Duration::from_secs(600),
    start_deadline: Duration::from_secs(600),
    snapshot_deadline: Duration::from_secs(600),
    copy_deadline: Duration::from_secs(600),
    cancel_deadline: Duration::from_secs(600),
    first_backoff: Duration::ZERO,
    longest_backoff: Duration::ZERO,
    accidents: 3,
    most_failures: None,
    stable_after: Duration::from_secs(600),
    settled_after: Duration::from_secs(600),
    overdue_intervals: 3,
    overdue_at_least: Duration::from_secs(600),
    sweep_every: Duration::ZERO,
    metrics_period: Duration::from_millis(1),
    metrics_kept: Duration::from_secs(600),
    worker_silence: Duration::from_secs(600),
};

pub(crate) fn name(text: &str) -> ApplicationName {
    text.parse().unwrap()
}

pub(crate) fn snapshot(text: &str) -> SnapshotName {
    text.parse().unwrap()
}

pub(crate) fn sql(text: &str) -> NewCode {
    NewCode { content_type: None, content: NewContent::Text(text.to_owned()) }
}

pub(crate) fn failure(domain: Domain, retry: bool, message: &str) -> Failure {
    Failure { fault: Fault { domain, retry }, message: message.to_owned(), traceback: None }
}

pub(crate) fn request(application: &str) -> CreateApplication {
    CreateApplication {
        name: name(application),
        description: None,
        mode: ApplicationMode::Streaming,
        runtime: "FLINK-1_20".parse().unwrap(),
        change: Change { code: Some(sql("INSERT INTO t SELECT 1")), ..Change::default() },
        tags: BTreeMap::new(),
    }
}

impl World {
    pub(crate) async fn new(timing: Timing) -> Self {
        Self::with_settings(Settings { timing, ..Settings::standard() }).await
    }

    pub(crate) async fn with_settings(settings: Settings) -> Self {
        let (database, store) = database::fresh().await;
        let objects = Arc::new(Objects::default());
        let restores = Arc::new(Restores::default());
        let control = of(store, settings, &objects, &restores);
        let worker = register(&control, "first").await;
        Self { control, objects, restores, worker, _database: database }
    }

    /// Another control over the same database, with its own settings.
    pub(crate) async fn with_timing(&self, timing: Timing) -> Control {
        let store = self.store().await;
        let settings = Settings { timing, ..Settings::standard() };
        of(store, settings, &self.objects, &self.restores)
    }

    /// Another control over the same database, which allows so many applications.
    pub(crate) async fn with_applications(&self, most_applications: i64) -> Control {
        let store = store::Store::connect(&self._database.url, 3).await.unwrap();
        let settings = Settings { most_applications, timing: PATIENT, ..Settings::standard() };
        of(store, settings, &self.objects, &self.restores)
    }

    /// The database itself.
    pub(crate) async fn store(&self) -> store::Store {
        store::Store::connect(&self._database.url, 2).await.unwrap()
    }

    pub(crate) async fn create(&self, application: &str) -> ApplicationDetail {
        self.control.create(request(application)).await.unwrap()
    }

    pub(crate) async fn describe(&self, application: &str) -> ApplicationDetail {
        self.control.describe(&name(application)).await.unwrap()
    }

    pub(crate) async fn status(&self, application: &str) -> Status {
        self.describe(application).await.status
    }

    pub(crate) async fn start(&self, application: &str) -> OperationId {
        self.start_from(application, RunConfiguration::default()).await.unwrap()
    }

    pub(crate) async fn start_from(
        &self,
        application: &str,
        run_configuration: RunConfiguration,
    ) -> control::Result<OperationId> {
        let command = StartApplication { name: name(application), run_configuration };
        self.control.start(command).await
    }

    pub(crate) async fn claim(&self) -> Claim {
        self.claim_by(self.worker).await
    }

    /// Claims as another worker. A refused command before it may hold its locks for a moment,
    /// until its connection is back in the pool: claims pass locked rows over and try again.
    pub(crate) async fn claim_by(&self, worker: WorkerId) -> Claim {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(claim) = self.control.claim(worker, 8).await.unwrap() {
                return claim;
            }
            assert!(Instant::now() < deadline, "there is nothing to claim");
        }
    }

    /// Starts, claims and runs.
    pub(crate) async fn run(&self, application: &str) -> Claim {
        self.start(application).await;
        let claim = self.claim().await;
        self.running(&claim).await;
        claim
    }

    pub(crate) async fn running(&self, claim: &Claim) {
        let restored = claim.restore.checkpoint();
        let verdict = self.control.job_running(&claim.job, restored, &[]).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
    }

    pub(crate) async fn written(
        &self,
        job: &JobKey,
        number: u64,
        snapshot: Option<&str>,
    ) -> Verdict {
        let written = CheckpointWritten {
            id: number,
            snapshot: snapshot.map(str::to_owned),
            manifest: format!("{number}-{}/manifest.json", job.attempt),
            state_bytes: 100 * number,
            duration_ms: 5,
            operators: BTreeMap::new(),
        };
        self.control.checkpoint_written(job, &written).await.unwrap()
    }

    /// Takes a checkpoint whose output becomes visible.
    pub(crate) async fn checkpoint(&self, job: &JobKey, number: u64, snapshot: Option<&str>) {
        assert_eq!(self.written(job, number, snapshot).await, Verdict::Current);
        let committed = self.control.checkpoint_committed(job, number).await.unwrap();
        assert_eq!(committed, Verdict::Current);
    }

    /// The orders of the worker as text.
    pub(crate) async fn orders(&self) -> Vec<String> {
        let orders = self.control.orders_for(self.worker).await.unwrap();
        orders
            .into_iter()
            .map(|order| match order.order {
                Order::Snapshot { name, stop: true } => format!("stop with {name}"),
                Order::Snapshot { name, stop: false } => format!("snapshot {name}"),
                Order::Cancel => "cancel".to_owned(),
                other => panic!("no order of control: {other:?}"),
            })
            .collect()
    }

    /// Name of the snapshot that the job is to stop with.
    pub(crate) async fn stop_order(&self) -> String {
        let orders = self.orders().await;
        let [only] = orders.as_slice() else { panic!("one order expected: {orders:?}") };
        only.strip_prefix("stop with ").expect("an order to stop").to_owned()
    }

    /// Stops by the rules, with checkpoint `number` as the snapshot.
    pub(crate) async fn stop(&self, claim: &Claim, number: u64) -> String {
        self.control.stop(&claim.job.application).await.unwrap();
        let snapshot = self.stop_order().await;
        self.checkpoint(&claim.job, number, Some(&snapshot)).await;
        let finished = self.control.job_finished(&claim.job, true).await.unwrap();
        assert_eq!(finished, Verdict::Current);
        snapshot
    }

    pub(crate) async fn update(&self, application: &str, change: Change) -> Updated {
        let command = UpdateApplication {
            name: name(application),
            seen: Seen::Any,
            change,
            run_configuration: None,
        };
        self.control.update(command).await.unwrap()
    }

    pub(crate) async fn delete(&self, application: &str) -> control::Result<()> {
        let create_timestamp = self.describe(application).await.created_at;
        let name = name(application);
        self.control.delete(DeleteApplication { name, create_timestamp }).await
    }

    pub(crate) async fn operation(&self, application: &str, id: &OperationId) -> Operation {
        self.control.describe_operation(&name(application), id).await.unwrap()
    }

    /// Status and failure of an operation.
    pub(crate) async fn outcome(
        &self,
        application: &str,
        id: &OperationId,
    ) -> (OperationStatus, Option<String>) {
        let operation = self.operation(application, id).await;
        assert_eq!(
            operation.ended_at.is_some(),
            operation.status != OperationStatus::InProgress,
            "only ended operations have an end"
        );
        (operation.status, operation.failure)
    }

    pub(crate) async fn snapshots(&self, application: &str) -> Vec<Snapshot> {
        let page = PageRequest::default();
        self.control.list_snapshots(&name(application), &page).await.unwrap().items
    }

    pub(crate) async fn events(&self, application: &str) -> Vec<String> {
        let page = PageRequest::default();
        let events = self.control.events(&name(application), &page).await.unwrap();
        events.items.into_iter().map(|event| event.kind).collect()
    }
}

fn of(
    store: store::Store,
    settings: Settings,
    objects: &Arc<Objects>,
    restores: &Arc<Restores>,
) -> Control {
    let reader: Arc<dyn ObjectReader> = Arc::<Objects>::clone(objects);
    let restores: Arc<dyn RestoreChecker> = Arc::<Restores>::clone(restores);
    Control::new(store, settings, Arc::new(Checker), restores, reader)
}

pub(crate) async fn register(control: &Control, who: &str) -> WorkerId {
    register_with(control, who, 8).await
}

pub(crate) async fn register_with(control: &Control, who: &str, capacity_kpus: u32) -> WorkerId {
    let id = WorkerId(Uuid::new_v4());
    let info = WorkerInfo { id, name: who.to_owned(), capacity_kpus };
    control.register_worker(&info).await.unwrap();
    id
}
