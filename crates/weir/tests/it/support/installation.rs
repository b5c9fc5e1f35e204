//! An API server and workers as processes of their own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::application::{Answer, Application};
use super::services::{ACCESS_KEY, BUCKET, SECRET_KEY, Services};
use super::{Producer, eventually};

static SHARED: Mutex<Weak<(Installation, Worker)>> = Mutex::new(Weak::new());

/// One installation: a database, a prefix in the bucket, an API server.
pub(crate) struct Installation {
    api: Mutex<Api>,
    http: reqwest::Client,
    name: String,
    database: String,
    folder: PathBuf,
    /// More of the environment of its processes.
    environment: Vec<(String, String)>,
    services: Arc<Services>,
}

/// An API server; killed when dropped.
pub(crate) struct Api {
    process: Process,
    url: String,
}

/// A worker; killed when dropped.
pub(crate) struct Worker {
    process: Process,
    /// Must not end before it.
    _services: Arc<Services>,
}

impl Installation {
    /// An installation of its own, without a worker.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same, with more in the environment of its processes.
    pub(crate) fn start_with(name: &str, environment: &[(&str, &str)]) -> Self {
        let services = Services::shared();
        let database = services.create_database(name);
        Self::start_over(services, database, name, environment)
    }

    /// The same over a dump of another one's database.
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
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let folder = services.folder().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let place =
            Place { services: &services, name, database: &database, environment: &environment };
        let api = Mutex::new(place.start_api("127.0.0.1:0", folder.join("api.log")));
        // The client wants to know how it would encrypt; another test may have told it.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        let name = name.to_owned();
        Self { api, http, name, database, folder, environment, services }
    }

    /// Ends the API server as a power cut would.
    pub(crate) fn kill_api(&self) {
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        api.process.child.kill().unwrap();
        api.process.child.wait().unwrap();
    }

    /// Another API server, which takes all calls from now on; gives the one that took them before.
    pub(crate) fn replace_api(&self, name: &str) -> Api {
        let log = self.folder.join(format!("{name}.log"));
        let new = self.place().start_api("127.0.0.1:0", log);
        let mut api = self.api.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *api, new)
    }

    /// Another API server beside the one that takes calls; `listen` may have port 0.
    pub(crate) fn start_api_beside(&self, listen: &str, name: &str) -> Api {
        let log = self.folder.join(format!("{name}.log"));
        self.place().start_api(listen, log)
    }

    /// Another API server, which speaks HTTPS only.
    pub(crate) fn start_api_with(&self, certificate: &Path, key: &Path) -> Api {
        let mut command = self.place().command(Path::new(crate::weir()), "api");
        command.env("WEIR_TLS_CERT", certificate).env("WEIR_TLS_KEY", key);
        let arguments = ["--no-auth", "--listen", "127.0.0.1:0"];
        let process = Process::start(command, &arguments, self.folder.join("https.log"));
        let url = process.says("API listens on ");
        Api { process, url }
    }

    /// URL of its database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// What its database answers.
    pub(crate) fn query(&self, sql: &str) -> String {
        self.services.postgres_run("psql", &[&self.database, "-q", "-t", "-A", "-c", sql])
    }

    /// Copies its objects to another prefix of the bucket; gives how many.
    pub(crate) fn copy_objects_to(&self, prefix: &str) -> usize {
        let s3 = self.services.s3();
        let objects = s3.list(BUCKET, &format!("{}/", self.name)).unwrap();
        for object in &objects {
            let rest = object.key.strip_prefix(&self.name).unwrap();
            let bytes = s3.get(BUCKET, &object.key).unwrap();
            s3.put(BUCKET, &format!("{prefix}{rest}"), bytes).unwrap();
        }
        objects.len()
    }

    /// A private folder that ends with the installation.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts an object into the bucket of checkpoints.
    pub(crate) fn put_object(&self, key: &str) {
        self.services.s3().put(BUCKET, &format!("{}/{key}", self.name), b"x".to_vec()).unwrap();
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
        let folder = self.folder.join(name);
        let arguments = ["--kpus", "64", "--folder", folder.to_str().unwrap()];
        let worker = self.place().command(program, "worker");
        let log = self.folder.join(format!("{name}.log"));
        let process = Process::start(worker, &arguments, log);
        process.says("worker is ready");
        let worker = Worker { process, _services: Arc::clone(&self.services) };
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
        &self.services
    }

    /// Keys of its objects in the bucket of checkpoints.
    pub(crate) fn objects(&self) -> Vec<String> {
        let found = self.services.s3().list(BUCKET, &format!("{}/", self.name)).unwrap();
        found.into_iter().map(|object| object.key).collect()
    }

    /// Makes a topic; gives what writes to it.
    pub(crate) fn topic(&self, name: &str, partitions: usize) -> Producer {
        self.services.create_topic(name, partitions);
        Producer::open(&self.services.connectors(), &self.services.kafka(), name)
    }

    /// What writes to one partition of a topic.
    pub(crate) fn partition(&self, topic: &str, partition: usize) -> Producer {
        let (connectors, servers) = (self.services.connectors(), self.services.kafka());
        Producer::open_partition(&connectors, &servers, topic, partition)
    }

    /// URL of the API.
    pub(crate) fn url(&self) -> String {
        self.api.lock().unwrap_or_else(PoisonError::into_inner).url.clone()
    }

    /// The body of a call that succeeds.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, Vec::new());
        assert!(answer.status < 300, "GET {path}: {answer:?}");
        answer.body
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        self.send(self.request(method, path, body)).0
    }

    /// Calls with one more header; gives the headers of the answer, too.
    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        (name, value): (&str, &str),
    ) -> (Answer, HeaderMap) {
        self.send(self.request(method, path, body).header(name, value))
    }

    fn request(&self, method: &str, path: &str, body: Vec<u8>) -> RequestBuilder {
        let url = format!("{}{path}", self.url());
        let request = self.http.request(method.parse().unwrap(), url).body(body);
        request.header("content-type", "application/json")
    }

    fn send(&self, request: RequestBuilder) -> (Answer, HeaderMap) {
        self.services.block_on(async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let bytes = response.bytes().await.unwrap();
            let body = serde_json::from_slice(&bytes).unwrap_or_default();
            (Answer { status, body }, headers)
        })
    }

    fn place(&self) -> Place<'_> {
        let Self { name, database, environment, services, .. } = self;
        Place { services, name, database, environment }
    }

    /// What a process has said.
    pub(crate) fn log(&self, process: &str) -> String {
        read(&self.folder.join(format!("{process}.log")))
    }
}

impl Worker {
    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.child.kill().unwrap();
        self.process.child.wait().unwrap();
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) {
        self.process.terminate();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// How its name ends.
    pub(crate) fn name_suffix(&self) -> String {
        format!("-{}", self.pid())
    }

    /// Process ids of its jobs.
    pub(crate) fn jobs(&self) -> Vec<u32> {
        let parent = self.pid().to_string();
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
            let (state, its_parent) = (after_name.next()?, after_name.next()?);
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let is_job = command.split('\0').nth(1) == Some("job");
            (its_parent == parent && state != "Z" && is_job).then_some(pid)
        });
        processes.collect()
    }
}

/// What the processes of an installation are pointed at.
struct Place<'a> {
    services: &'a Services,
    name: &'a str,
    database: &'a str,
    environment: &'a [(String, String)],
}

impl Place<'_> {
    fn start_api(&self, listen: &str, log: PathBuf) -> Api {
        let process = self.command(Path::new(crate::weir()), "api");
        let process = Process::start(process, &["--no-auth", "--listen", listen], log);
        let url = process.says("API listens on ");
        Api { process, url }
    }

    /// A command of the binary.
    fn command(&self, program: &Path, name: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg(name)
            .args(["--database-url", self.database, "--bucket", BUCKET, "--prefix", self.name])
            .args(["--s3-endpoint", &self.services.s3_endpoint()])
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A process whose output goes to a file; killed when dropped.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(mut command: Command, arguments: &[&str], log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn terminate(&mut self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Waits for a line that begins so; gives its rest.
    fn says(&self, begin: &str) -> String {
        eventually(begin, || {
            let said = read(&self.log);
            let rest = said.lines().find_map(|line| line.strip_prefix(begin)).map(str::to_owned);
            rest.ok_or(said)
        })
    }
}

impl Api {
    /// URL it listens at.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) {
        self.process.terminate();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            let said = read(&self.log);
            let lines: Vec<&str> = said.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- {} ---\n{last}", self.log.display());
        }
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}
