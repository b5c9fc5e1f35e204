//! The connection: settings, HTTP client, runtime.

use std::fmt::{self, Debug};
use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedHttpClient,
};
use aws_smithy_http_client::tls;
use model::protocol::S3Settings;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Error, Result};

const DEFAULT_REGION: &str = "us-east-1";
const MAX_ATTEMPTS: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// An object store. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct S3 {
    pub(super) client: Client,
    runtime: Handle,
}

impl S3 {
    /// Prepares a client whose requests run on `runtime` (a multi-thread one); nothing is sent
    /// yet, so an unreachable store shows at the first call.
    #[must_use]
    pub fn connect(settings: &S3Settings, runtime: Handle) -> Self {
        Self { client: Client::from_conf(configure(settings)), runtime }
    }

    /// Runs one request to its end on the caller's thread.
    pub(super) fn run<T>(&self, request: impl Future<Output = T>) -> T {
        self.runtime.block_on(request)
    }

    /// Starts a request that goes on while the caller does something else.
    pub(super) fn start<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Pending<T> {
        Pending { task: self.runtime.spawn(request), runtime: self.runtime.clone() }
    }
}

impl Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").finish_non_exhaustive()
    }
}

/// A request on its way. Dropping it does not stop the request.
pub struct Pending<T> {
    task: JoinHandle<Result<T>>,
    runtime: Handle,
}

impl<T> Pending<T> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// Whatever the request failed with.
    pub fn wait(self) -> Result<T> {
        match self.runtime.block_on(self.task) {
            Ok(answer) => answer,
            Err(error) => Err(Error::unavailable("finish a request", error)),
        }
    }
}

impl<T> Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("finished", &self.task.is_finished()).finish()
    }
}

fn configure(settings: &S3Settings) -> aws_sdk_s3::Config {
    let region = if settings.region.is_empty() { DEFAULT_REGION } else { &settings.region };
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .force_path_style(settings.path_style)
        .http_client(http_client(settings.endpoint.as_deref()))
        // Other stores than AWS do not know the newer checksum headers.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    if settings.access_key_id.is_empty() {
        return builder.allow_no_auth().build();
    }
    let mut credentials = Credentials::builder()
        .access_key_id(&settings.access_key_id)
        .secret_access_key(&settings.secret_access_key)
        .provider_name("weir");
    if let Some(token) = &settings.session_token {
        credentials = credentials.session_token(token);
    }
    builder.credentials_provider(credentials.build()).build()
}

/// A plain client for plain endpoints: it needs no certificates on the machine.
fn http_client(endpoint: Option<&str>) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        return builder.build_http();
    }
    let ring = tls::rustls_provider::CryptoMode::Ring;
    builder.tls_provider(tls::Provider::Rustls(ring)).build_https()
}
