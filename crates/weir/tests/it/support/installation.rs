//! An API server and workers as processes of their own.

use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::application::{Answer, Application};
use super::processes::{Api, Place, Worker};
use super::services::{BUCKET, Services};
use super::{Producer, eventually};

static SHARED: Mutex<Weak<(Installation, Worker)>> = Mutex::new(Weak::new());

/// One installation: a database, a prefix in the bucket, an API server.
pub(crate) struct Installation {
    api: Mutex<Api>,
    http: reqwest::Client,
    place: Place,
    /// Proves to its API servers who asks, if they want to know.
    key: Option<String>,
}

impl Installation {
    /// An installation of its own, without a worker.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with more in the environment of its processes. With a `WEIR_MASTER_KEY` its API
    /// servers ask for keys; all calls are then an administrator's.
    pub(crate) fn start_with(name: &str, environment: &[(&str, &str)]) -> Self {
        let services = Services::shared();
        let database = services.create_database(name);
        Self::start_over(services, database, name, environment)
    }

    /// An installation over a dump of another one's database.
    pub(crate) fn restored(name: &str, dump: &Path) -> Self {
        let services = Services::shared();
        let database = services.create_database(name);
        let dump = dump.to_str().unwrap();
        services.postgres_run("pg_restore", &["--no-owner", "--dbname", &database, dump]);
        Self::start_over(services, database, name, &[])
    }

    fn start_over(
        services: Arc<Services>,
        database: String,
        name: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = services.folder().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let environment =
            environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let (name, environment) = (name.to_owned(), environment.collect());
        let place = Place { services, name, database, folder, environment };
        let api = Mutex::new(place.start_api("127.0.0.1:0", "api"));
        // The client wants to know how it would encrypt; another test may have told it.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let mut installation = Self { api, http: reqwest::Client::new(), place, key: None };
        if installation.place.asks_for_keys() {
            let made = installation.create_key(&["--name", "test", "--role", "admin"]);
            installation.key = Some(made[0]["ApiKey"].as_str().unwrap().to_owned());
        }
        installation
    }

    /// Runs `weir key` with JSON as its result.
    pub(crate) fn key(&self, arguments: &[&str]) -> Output {
        self.place.key(arguments)
    }

    /// What `weir key create` says.
    pub(crate) fn create_key(&self, arguments: &[&str]) -> Value {
        let made = self.key(&[&["create"], arguments].concat());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        serde_json::from_slice(&made.stdout).unwrap()
    }

    /// Ends the API server as a power cut would.
    pub(crate) fn kill_api(&self) {
        self.api.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Another API server, which takes all calls from now on; gives the one that took them before.
    pub(crate) fn replace_api(&self, name: &str) -> Api {
        let new = self.place.start_api("127.0.0.1:0", name);
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *api, new)
    }

    /// Another API server beside the one that takes calls; `listen` may have port 0.
    pub(crate) fn start_api_beside(&self, listen: &str, name: &str) -> Api {
        self.place.start_api(listen, name)
    }

    /// Another API server, which speaks HTTPS only.
    pub(crate) fn start_api_with(&self, certificate: &Path, key: &Path) -> Api {
        let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap());
        let more = [("WEIR_TLS_CERT", certificate), ("WEIR_TLS_KEY", key)];
        self.place.start_api_with("127.0.0.1:0", "https", &more)
    }

    /// URL of its database.
    pub(crate) fn database(&self) -> &str {
        &self.place.database
    }

    /// What its database answers.
    pub(crate) fn query(&self, sql: &str) -> String {
        self.place
            .services
            .postgres_run("psql", &[&self.place.database, "-q", "-t", "-A", "-c", sql])
    }

    /// Copies its objects to another prefix of the bucket; gives how many.
    pub(crate) fn copy_objects_to(&self, prefix: &str) -> usize {
        let s3 = self.place.services.s3();
        let objects = s3.list(BUCKET, &format!("{}/", self.place.name)).unwrap();
        for object in &objects {
            let rest = object.key.strip_prefix(&self.place.name).unwrap();
            let bytes = s3.get(BUCKET, &object.key).unwrap();
            s3.put(BUCKET, &format!("{prefix}{rest}"), bytes).unwrap();
        }
        objects.len()
    }

    /// A private folder that ends with the installation.
    pub(crate) fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Puts an object into the bucket of checkpoints.
    pub(crate) fn put_object(&self, key: &str) {
        self.place
            .services
            .s3()
            .put(BUCKET, &format!("{}/{key}", self.place.name), b"x".to_vec())
            .unwrap();
    }

    /// One installation with one worker for all tests that run at the same time and disturb
    /// nobody.
    pub(crate) fn shared() -> Arc<(Self, Worker)> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        // The services may have outlived an earlier one.
        let name = format!("shared-{}", fastrand::u32(..));
        let installation = Self::start(&name);
        let worker = installation.start_worker("worker");
        let started = Arc::new((installation, worker));
        *shared = Arc::downgrade(&started);
        started
    }

    pub(crate) fn start_worker(&self, name: &str) -> Worker {
        self.start_worker_of(Path::new(crate::weir()), name)
    }

    /// A worker that runs a copy of the binary.
    pub(crate) fn start_worker_of(&self, program: &Path, name: &str) -> Worker {
        let worker = self.place.start_worker(program, name);
        let suffix = worker.name_suffix();
        eventually("the worker registers", || {
            let workers = self.get("/v1/workers");
            let there = workers["Workers"].as_array().unwrap().iter();
            there
                .map(|it| it["Name"].as_str().unwrap().to_owned())
                .find(|name| name.ends_with(&suffix))
                .ok_or(workers.clone())
        });
        worker
    }

    pub(crate) fn application(&self, name: &str) -> Application<'_> {
        Application::new(self, name)
    }

    pub(crate) fn services(&self) -> &Services {
        &self.place.services
    }

    /// Keys of its objects in the bucket of checkpoints.
    pub(crate) fn objects(&self) -> Vec<String> {
        let found =
            self.place.services.s3().list(BUCKET, &format!("{}/", self.place.name)).unwrap();
        found.into_iter().map(|object| object.key).collect()
    }

    /// Makes a topic; gives what writes to it.
    pub(crate) fn topic(&self, name: &str, partitions: usize) -> Producer {
        self.place.services.create_topic(name, partitions);
        Producer::open(&self.place.services.connectors(), &self.place.services.kafka(), name)
    }

    /// What writes to one partition of a topic.
    pub(crate) fn partition(&self, topic: &str, partition: usize) -> Producer {
        let (connectors, servers) = (self.place.services.connectors(), self.place.services.kafka());
        Producer::open_partition(&connectors, &servers, topic, partition)
    }

    /// URL of the API.
    pub(crate) fn url(&self) -> String {
        self.api.lock().unwrap_or_else(PoisonError::into_inner).url().to_owned()
    }

    /// The body of a call that succeeds.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, Vec::new());
        assert!(answer.status < 300, "GET {path}: {answer:?}");
        answer.body
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        self.send(self.with_key(self.request(method, path, body))).unwrap().0
    }

    /// The same where the server may end before it has answered: `None`.
    pub(crate) fn try_call(&self, method: &str, path: &str, body: Vec<u8>) -> Option<Answer> {
        Some(self.send(self.with_key(self.request(method, path, body))).ok()?.0)
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Calls with one more header, and without the installation's key; gives the headers of the answer,
    /// too.
    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        (name, value): (&str, &str),
    ) -> (Answer, HeaderMap) {
        self.send(self.request(method, path, body).header(name, value)).unwrap()
    }

    fn request(&self, method: &str, path: &str, body: Vec<u8>) -> RequestBuilder {
        let url = format!("{}{path}", self.url());
        let request = self.http.request(method.parse().unwrap(), url).body(body);
        request.header("content-type", "application/json")
    }

    fn send(&self, request: RequestBuilder) -> reqwest::Result<(Answer, HeaderMap)> {
        self.place.services.block_on(async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let bytes = response.bytes().await?;
            let body = serde_json::from_slice(&bytes).unwrap_or_default();
            Ok((Answer { status, body }, headers))
        })
    }

    /// What a process has said.
    pub(crate) fn log(&self, process: &str) -> String {
        self.place.said(process)
    }
}
