//! Wires the control plane: its ports are filled here, where all rooms are known.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use connectors::s3::S3;
use control::ports::{
    Diagnostic, Object, ObjectReader, Pending, ProgramChecker, ReadError, RestoreChecker,
    RestoreProblem, RestoreQuestion, Script,
};
use control::{Control, Settings, Timing};
use job::check::{Restore, RestoreError};
use model::configuration::S3Location;
use model::protocol::{PropertyGroups, S3Settings, Storage};
use store::Store;

use crate::copying;
use crate::settings::{Python, Quotas, Restarts};
use crate::telemetry::Telemetry;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Most connections of one process to Postgres.
const CONNECTIONS: u32 = 16;

/// Connects to Postgres, migrates its tables, and fills the ports.
pub(crate) async fn open(
    database_url: &str,
    storage: &Storage,
    restarts: &Restarts,
    quotas: &Quotas,
) -> Result<Control, Error> {
    let store = Store::connect(database_url, CONNECTIONS).await?;
    store.migrate().await?;
    let timing = Timing { most_failures: restarts.most_failures(), ..Timing::STANDARD };
    let most_applications = i64::from(quotas.most_applications);
    let room = quotas.room();
    let settings = Settings { most_applications, timing, room, ..Settings::standard() };
    let restores = Restores { storage: storage.clone() };
    Ok(Control::new(store, settings, Arc::new(Planner), Arc::new(restores), objects(&storage.s3)))
}

fn objects(s3: &S3Settings) -> Arc<dyn ObjectReader> {
    Arc::new(S3Objects { settings: s3.clone() })
}

/// Time for last checkpoints, unless somebody says otherwise.
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

/// A worker whose jobs are processes of this very program.
pub(crate) fn worker(
    control: Control,
    storage: &Storage,
    folder: PathBuf,
    python: &Python,
    kpus: Option<u32>,
    telemetry: &Telemetry,
) -> Result<worker::Worker, Error> {
    let mut arguments = vec!["job".to_owned()];
    if let Some(interpreter) = &python.python {
        arguments.extend(["--python".to_owned(), interpreter.display().to_string()]);
    }
    if python.allow_unsandboxed_python {
        arguments.push("--allow-unsandboxed-python".to_owned());
    }
    let bucket = Bucket::open(storage);
    let listed = bucket.clone();
    let options = worker::Options {
        name: format!("{}-{}", host_name(), std::process::id()),
        // Not by its path: an upgrade may have put another program there meanwhile.
        program: PathBuf::from("/proc/self/exe"),
        arguments,
        environment: telemetry.for_jobs(),
        folder,
        storage: storage.clone(),
        drain_within: DRAIN_WITHIN,
        kpus: kpus.unwrap_or_else(worker::all_kpus),
        remove_folder: Arc::new(move |folder| bucket.remove(folder)),
        list_folders: Arc::new(move |folder| listed.folders(folder)),
        copy: copying::copier(storage, tokio::runtime::Handle::current()),
        publish: telemetry.publish(),
    };
    Ok(worker::Worker::new(control, options))
}

/// The installation's bucket, for cleaning.
#[derive(Clone)]
struct Bucket {
    s3: S3,
    name: String,
    /// Goes before every key; empty or ending with a slash.
    prefix: String,
}

impl Bucket {
    fn open(storage: &Storage) -> Self {
        let prefix = match storage.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let s3 = S3::connect(&storage.s3, tokio::runtime::Handle::current());
        Self { s3, name: storage.bucket.clone(), prefix }
    }

    fn keys(&self, folder: &str) -> Result<Vec<String>, Error> {
        let found = self.s3.list(&self.name, &format!("{}{folder}/", self.prefix))?;
        Ok(found.into_iter().map(|object| object.key).collect())
    }

    /// Removes every object in a folder.
    fn remove(&self, folder: &str) -> Result<(), Error> {
        Ok(self.s3.delete_all(&self.name, &self.keys(folder)?)?)
    }

    /// The folders directly in a folder.
    fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let own = |key: &str| {
            let rest = key.strip_prefix(&self.prefix)?.strip_prefix(folder)?.strip_prefix('/')?;
            Some(format!("{folder}/{}", rest.split_once('/')?.0))
        };
        let found: BTreeSet<String> =
            self.keys(folder)?.iter().filter_map(|key| own(key)).collect();
        Ok(found.into_iter().collect())
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The planner, asked before anything starts.
struct Planner;

impl ProgramChecker for Planner {
    fn check(&self, script: &str, properties: &PropertyGroups) -> Result<(), Vec<Diagnostic>> {
        job::check::check(script, properties, tokio::runtime::Handle::current()).map_err(|it| {
            vec![Diagnostic {
                line: u32::try_from(it.line).unwrap_or(u32::MAX),
                column: u32::try_from(it.column).unwrap_or(u32::MAX),
                message: match it.hint {
                    Some(hint) => format!("{}; {hint}", it.message),
                    None => it.message,
                },
            }]
        })
    }
}

/// Compares scripts with manifests, before anything that runs is stopped.
struct Restores {
    storage: Storage,
}

impl RestoreChecker for Restores {
    fn check(&self, question: &RestoreQuestion) -> Result<(), RestoreProblem> {
        let question = Restore {
            program: question.program.as_ref().map(parts),
            running: question.running.as_ref().map(parts),
            manifest: question.manifest.as_deref(),
            may_drop: question.allow_non_restored_state,
        };
        let runtime = tokio::runtime::Handle::current();
        job::check::check_restore(question, &self.storage, &runtime).map_err(|it| match it {
            RestoreError::Misfit(misfit) => {
                RestoreProblem::Misfit { message: misfit.message, operators: misfit.operators }
            }
            RestoreError::Unreadable(why) => RestoreProblem::Unreadable(why),
            RestoreError::Unavailable(error) => RestoreProblem::Unavailable(error.into()),
            RestoreError::Refused(diagnostic) => {
                RestoreProblem::Misfit { message: diagnostic.to_string(), operators: Vec::new() }
            }
        })
    }
}

fn parts(script: &Script) -> (&str, &PropertyGroups) {
    (&script.text, &script.properties)
}

/// S3, asked for code that customers keep there.
struct S3Objects {
    settings: S3Settings,
}

impl ObjectReader for S3Objects {
    fn read<'a>(
        &'a self,
        location: &'a S3Location,
        limit: u64,
    ) -> Pending<'a, Result<Object, ReadError>> {
        Box::pin(async move {
            let settings = self.settings.clone();
            let location = location.clone();
            let unavailable =
                |error: Box<dyn std::error::Error + Send + Sync>| ReadError::Unavailable(error);
            tokio::task::spawn_blocking(move || read(&settings, &location, limit))
                .await
                .map_err(|error| unavailable(error.into()))?
        })
    }
}

fn read(settings: &S3Settings, location: &S3Location, limit: u64) -> Result<Object, ReadError> {
    let unavailable = |error: connectors::s3::Error| ReadError::Unavailable(error.into());
    let s3 = S3::connect(settings, tokio::runtime::Handle::current());
    let bucket = location.bucket();
    let Some(found) = s3.head(bucket, location.file_key()).map_err(unavailable)? else {
        return Err(ReadError::NotFound);
    };
    if found.bytes > limit {
        return Err(ReadError::TooLarge { limit });
    }
    let bytes = s3.get(bucket, location.file_key()).map_err(unavailable)?.to_vec();
    Ok(Object { bytes, version: None, etag: Some(found.etag) })
}
