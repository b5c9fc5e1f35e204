//! Settings from the command line and the environment; nothing else reads the environment.

use clap::Args;
use model::protocol::{S3Settings, Storage};
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// How Postgres is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct Database {
    /// Postgres URL, e.g. postgres://weir@db/weir
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
}

/// What secrets of access keys are encrypted with.
#[derive(Clone, Args)]
pub(crate) struct Master {
    /// Master keys, each 32 bytes in base64, separated by commas: the first encrypts, all decrypt
    #[arg(long, env = "WEIR_MASTER_KEY", hide_env_values = true)]
    master_key: Option<String>,
    /// File with the master keys
    #[arg(long, env = "WEIR_MASTER_KEY_FILE", conflicts_with = "master_key")]
    master_key_file: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master").field("master_key_file", &self.master_key_file).finish()
    }
}

impl Master {
    /// The keys, if there are any.
    pub(crate) fn keys(&self) -> Result<Option<control::MasterKeys>, String> {
        let text = match &self.master_key_file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| format!("reading `{}`: {error}", path.display()))?,
            ),
            None => self.master_key.clone(),
        };
        let keys = text.map(|text| control::MasterKeys::parse(&text)).transpose();
        keys.map_err(|error| error.to_string())
    }
}

/// How S3 is reached: the names that the AWS tools use.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct S3 {
    /// S3 endpoint URL; without one, AWS itself
    #[arg(long, env = "AWS_ENDPOINT_URL_S3", hide_env_values = true)]
    s3_endpoint: Option<String>,
    /// Endpoint of all AWS services, when there is none for S3 alone
    #[arg(long, env = "AWS_ENDPOINT_URL", hide = true, hide_env_values = true)]
    aws_endpoint: Option<String>,
    /// Region
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// Access key id
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value = "", hide_env_values = true)]
    access_key_id: String,
    /// Secret access key
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", default_value = "", hide_env_values = true)]
    secret_access_key: String,
    /// Session token of temporary credentials
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    session_token: Option<String>,
}

impl S3 {
    pub(crate) fn settings(&self) -> S3Settings {
        let endpoint = self.s3_endpoint.clone().or_else(|| self.aws_endpoint.clone());
        S3Settings {
            // Endpoints of one's own rarely resolve a host name for each bucket.
            path_style: endpoint.is_some(),
            endpoint,
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: self.session_token.clone(),
        }
    }
}

/// Where checkpoints lie.
#[derive(Debug, Clone, Args)]
pub(crate) struct Bucket {
    /// Bucket for checkpoints and snapshots
    #[arg(long, env = "WEIR_BUCKET", default_value = "weir")]
    pub(crate) bucket: String,
    /// Key prefix inside the bucket
    #[arg(long, env = "WEIR_PREFIX", default_value = "")]
    pub(crate) prefix: String,
}

impl Bucket {
    pub(crate) fn storage(&self, s3: S3Settings) -> Storage {
        Storage { bucket: self.bucket.clone(), prefix: self.prefix.clone(), s3 }
    }
}

/// How often a failing job is started again.
#[derive(Debug, Clone, Args)]
pub(crate) struct Restarts {
    /// Failures in a row after which a job is not started again, unless its program SETs
    /// restart-strategy.type; 0 = it is always started again
    #[arg(long, env = "WEIR_MOST_FAILURES", default_value_t = 1500)]
    most_failures: u32,
}

/// How much there may be of what.
#[derive(Debug, Clone, Args)]
pub(crate) struct Quotas {
    /// Applications that the installation may have
    #[arg(long, env = "WEIR_MOST_APPLICATIONS", default_value_t = 100)]
    pub(crate) most_applications: u32,
    /// Most KPUs of one application
    #[arg(long, env = "WEIR_KPUS_PER_APPLICATION", default_value_t = 64)]
    kpus_per_application: u32,
    /// Most KPUs of all applications together [default: what the workers offer]
    #[arg(long, env = "WEIR_KPU_QUOTA")]
    kpu_quota: Option<u32>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { most_applications: 100, kpus_per_application: 64, kpu_quota: None }
    }
}

impl Default for Restarts {
    fn default() -> Self {
        Self { most_failures: 1500 }
    }
}

impl Restarts {
    pub(crate) fn most_failures(&self) -> Option<u32> {
        (self.most_failures > 0).then_some(self.most_failures)
    }
}

impl Quotas {
    pub(crate) fn room(&self) -> control::RoomSettings {
        control::RoomSettings {
            kpus_per_application: self.kpus_per_application,
            kpus: self.kpu_quota,
            ..control::RoomSettings::STANDARD
        }
    }
}

/// What the process logs, on standard error.
#[derive(Debug, Clone, Args)]
pub(crate) struct Log {
    /// Levels, e.g. info or worker=debug,info
    #[arg(long = "log", env = "WEIR_LOG", default_value = "info")]
    filter: String,
    /// One JSON object a line
    #[arg(long, env = "WEIR_LOG_JSON")]
    log_json: bool,
}

impl Log {
    /// Writes it. Spans that are only there to be exported are none of its business.
    pub(crate) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let filter = EnvFilter::try_new(&self.filter).unwrap_or_else(|_| EnvFilter::new("info"));
        let filter = filter.and(filter_fn(|it| it.target() != model::trace::TARGET));
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        if self.log_json {
            log.json().with_filter(filter).boxed()
        } else {
            log.with_filter(filter).boxed()
        }
    }
}

/// How user programs in Python are run.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Python {
    /// Python interpreter for user programs (3.8 or newer) [default: the system's python3]
    #[arg(long, env = "WEIR_PYTHON")]
    pub(crate) python: Option<std::path::PathBuf>,
    /// Run user programs without isolation where the system forbids it; only if all are trusted
    #[arg(long, env = "WEIR_ALLOW_UNSANDBOXED_PYTHON")]
    pub(crate) allow_unsandboxed_python: bool,
}
