//! An API server over a fresh database, a client of it, and a worker behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::ports::{
    Object, ObjectReader, Pending, ProgramChecker, ReadError, RestoreChecker, RestoreProblem,
    RestoreQuestion,
};
use control::{Claim, Control, Diagnostic, RoomSettings, Settings, Timing, Verdict, WorkerInfo};
use model::configuration::S3Location;
use model::ids::WorkerId;
use model::protocol::{CheckpointWritten, LogLine, OperatorCheckpoint, Order, PropertyGroups};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::answer::Answer;
use crate::database::{self, Database};

/// Refuses scripts with the word `SELEC`, at its place.
struct Checker;

impl ProgramChecker for Checker {
    fn check(&self, script: &str, _: &PropertyGroups) -> Result<(), Vec<Diagnostic>> {
        let typo = |(line, text): (u32, &str)| {
            let at = text.find("SELEC ")?;
            let column = u32::try_from(at).unwrap() + 1;
            Some(Diagnostic { line, column, message: "did you mean `SELECT`?".to_owned() })
        };
        let found: Vec<Diagnostic> = (1..).zip(script.lines()).filter_map(typo).collect();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

/// Scripts with the word `misfit` fit no state.
struct Restores;

impl RestoreChecker for Restores {
    fn check(&self, question: &RestoreQuestion) -> Result<(), RestoreProblem> {
        match &question.program {
            Some(script) if script.text.contains("misfit") => Err(RestoreProblem::Misfit {
                message: "`window:7` (Window) has changed".to_owned(),
                operators: vec!["window:7".to_owned()],
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Objects of bucket `code` by key; bucket `down` does not answer, bucket `broken` panics.
#[derive(Debug, Default)]
pub(crate) struct Objects(pub(crate) Mutex<BTreeMap<String, Vec<u8>>>);

impl ObjectReader for Objects {
    fn read<'a>(
        &'a self,
        location: &'a S3Location,
        _limit: u64,
    ) -> Pending<'a, Result<Object, ReadError>> {
        Box::pin(async move {
            match location.bucket() {
                "down" => return Err(ReadError::Unavailable("connection refused".into())),
                "broken" => panic!("a defect"),
                _ => {}
            }
            let found = self.0.lock().unwrap().get(location.file_key()).cloned();
            let bytes = found.ok_or(ReadError::NotFound)?;
            Ok(Object { bytes, version: None, etag: None })
        })
    }
}

/// A control plane with simple ports.
pub(crate) fn control(store: store::Store, objects: &Arc<Objects>) -> Control {
    let patient = Duration::from_secs(600);
    let timing = Timing { lease: patient, first_backoff: Duration::ZERO, ..Timing::STANDARD };
    let room = RoomSettings { kpus: Some(100), ..RoomSettings::STANDARD };
    let settings = Settings { timing, room, ..Settings::standard() };
    let reader: Arc<dyn ObjectReader> = Arc::<Objects>::clone(objects);
    Control::new(store, settings, Arc::new(Checker), Arc::new(Restores), reader)
}

/// An API server and its client.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), api::Error>>,
}

impl Api {
    pub(crate) async fn serve(control: Control) -> Self {
        Self::serve_with(control, api::Options::development()).await
    }

    pub(crate) async fn serve_with(control: Control, options: api::Options) -> Self {
        // The client wants to know how it would encrypt; another test may have told it.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = tokio::spawn(api::serve(listener, control, options, stop.clone()));
        Self { base, http: reqwest::Client::new(), stop, server }
    }

    /// Ends the server, which must not leave anything open.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.server).await;
        ended.expect("the server ends").unwrap().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn put_bytes(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Answer {
        self.send(self.request(Method::PUT, path).header(CONTENT_TYPE, kind).body(bytes)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }
}

/// An API with everything behind it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) control: Control,
    pub(crate) objects: Arc<Objects>,
    /// For what takes time.
    pub(crate) store: store::Store,
    pub(crate) worker: WorkerId,
    _database: Database,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (database, store) = database::fresh().await;
        let objects = Arc::new(Objects::default());
        let control = control(store.clone(), &objects);
        let worker = WorkerId(Uuid::new_v4());
        let info = WorkerInfo { id: worker, name: "the worker".to_owned(), capacity_kpus: 8 };
        control.register_worker(&info).await.unwrap();
        let api = Api::serve(control.clone()).await;
        Self { api, control, objects, store, worker, _database: database }
    }

    /// With an application `alerts`, READY at version 1.
    pub(crate) async fn with_alerts() -> Self {
        let world = Self::new().await;
        world.create("alerts").await;
        world
    }

    /// Creates an application with a script; gives its ApplicationDetail.
    pub(crate) async fn create(&self, name: &str) -> Value {
        let answer = self.api.post("/v1/applications", application(name)).await;
        answer.body(201)["ApplicationDetail"].take()
    }

    /// The ApplicationDetail.
    pub(crate) async fn describe(&self, name: &str) -> Value {
        let answer = self.api.get(&format!("/v1/applications/{name}")).await;
        answer.body(200)["ApplicationDetail"].take()
    }

    /// The worker says that it is there, and with what.
    pub(crate) async fn heartbeat(&self) {
        self.control.renew_leases(self.worker, &[]).await.unwrap();
    }

    /// Claims what there is. A call that was refused just now may still hold the lock of its
    /// application, which is then passed over, as by a real worker until it asks again.
    pub(crate) async fn claim(&self) -> Claim {
        let found = async {
            loop {
                if let Some(claim) = self.control.claim(self.worker, 8).await.unwrap() {
                    return claim;
                }
            }
        };
        let patience = Duration::from_secs(10);
        tokio::time::timeout(patience, found).await.expect("there is something to claim")
    }

    /// Starts `alerts` and brings it to RUNNING.
    pub(crate) async fn run_alerts(&self) -> Claim {
        self.api.post("/v1/applications/alerts/start", json!({})).await.body(202);
        let claim = self.claim().await;
        self.running(&claim).await;
        claim
    }

    pub(crate) async fn running(&self, claim: &Claim) {
        let restored = claim.restore.checkpoint();
        let verdict = self.control.job_running(&claim.job, restored, &[]).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
    }

    /// Reports a checkpoint, which may be a snapshot.
    pub(crate) async fn checkpoint(&self, claim: &Claim, number: u64, snapshot: Option<&str>) {
        let window = OperatorCheckpoint {
            name: "Window".to_owned(),
            state_bytes: 100 * number,
            acknowledged_ms: 3,
            upload_ms: 1,
        };
        let written = CheckpointWritten {
            id: number,
            snapshot: snapshot.map(str::to_owned),
            manifest: format!("{number}-{}/manifest.json", claim.job.attempt),
            state_bytes: 100 * number,
            duration_ms: 5,
            operators: [("window:1".to_owned(), window)].into(),
        };
        let verdict = self.control.checkpoint_written(&claim.job, &written).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
        let verdict = self.control.checkpoint_committed(&claim.job, number).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
    }

    /// Does what a job does that is to stop with a snapshot; gives the snapshot's name.
    pub(crate) async fn stop_with_snapshot(&self, claim: &Claim, number: u64) -> String {
        let orders = self.control.orders_for(self.worker).await.unwrap();
        let [order] = orders.as_slice() else { panic!("one order expected: {orders:?}") };
        let Order::Snapshot { name, stop: true } = &order.order else { panic!("{order:?}") };
        self.checkpoint(claim, number, Some(name)).await;
        let verdict = self.control.job_finished(&claim.job, true).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
        name.clone()
    }

    /// Appends lines to the log, as the running job.
    pub(crate) async fn log(&self, claim: &Claim, messages: &[String]) {
        let line = |message: &String| LogLine {
            at_ms: 1_700_000_000_123,
            level: "INFO".to_owned(),
            logger: "program".to_owned(),
            message: message.clone(),
        };
        let lines: Vec<LogLine> = messages.iter().map(line).collect();
        let verdict = self.control.log_lines(&claim.job, &lines).await.unwrap();
        assert_eq!(verdict, Verdict::Current);
    }
}

/// A request that creates an application.
pub(crate) fn application(name: &str) -> Value {
    json!({
        "ApplicationName": name,
        "RuntimeEnvironment": "FLINK-1_20",
        "ServiceExecutionRole": "arn:aws:iam::000000000000:role/weir",
        "ApplicationConfiguration": {
            "ApplicationCodeConfiguration": {
                "CodeContentType": "PLAINTEXT",
                "CodeContent": { "TextContent": "INSERT INTO t SELECT 1" },
            },
            "EnvironmentProperties": { "PropertyGroups": [
                { "PropertyGroupId": "topics", "PropertyMap": { "in": "readings" } },
            ] },
        },
    })
}
