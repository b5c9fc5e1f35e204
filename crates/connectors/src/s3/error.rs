//! What can go wrong between us and an object store, by what a caller can do about it.

use std::fmt::Display;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Result of an S3 call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed S3 call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bucket has to be created, or another one named.
    #[error("bucket `{bucket}` does not exist; create it, or name another bucket")]
    NoSuchBucket {
        /// Name of the bucket.
        bucket: String,
    },
    /// There is no such object.
    #[error("object `s3://{bucket}/{key}` does not exist")]
    NoSuchKey {
        /// Name of the bucket.
        bucket: String,
        /// Key of the object.
        key: String,
    },
    /// The multipart upload was finished, aborted or expired.
    #[error("the multipart upload of `s3://{bucket}/{key}` does not exist any more")]
    NoSuchUpload {
        /// Name of the bucket.
        bucket: String,
        /// Key of the object to be.
        key: String,
    },
    /// The store does not want to serve this request, and will not if asked again.
    #[error(
        "the object store refused to {action}: {code}{detail}; check credentials, region and \
             bucket policy"
    )]
    Refused {
        /// What was tried.
        action: String,
        /// S3 error code, or the HTTP status.
        code: String,
        /// `: ` and the store's own words, if it gave any.
        detail: String,
    },
    /// No answer, or a failure of the store, after retries.
    #[error("the object store did not {action}: {reason}")]
    Unavailable {
        /// What was tried.
        action: String,
        /// The cause, in short.
        reason: String,
    },
}

impl Error {
    /// Sorts a failure of the SDK. `key` is empty for calls on a whole bucket.
    pub(super) fn sort<E>(verb: &str, bucket: &str, key: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let slash = if key.is_empty() { "" } else { "/" };
        let action = format!("{verb} `s3://{bucket}{slash}{key}`");
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (Some(status), SdkError::ServiceError(service)) = (status, error) else {
            return Self::unavailable(action, causes(error));
        };
        let meta = service.err().meta();
        let owned = (bucket.to_owned(), key.to_owned());
        match (meta.code().unwrap_or_default(), status) {
            ("NoSuchBucket", _) => Self::NoSuchBucket { bucket: owned.0 },
            ("NoSuchUpload", _) => Self::NoSuchUpload { bucket: owned.0, key: owned.1 },
            ("NoSuchKey", _) => Self::NoSuchKey { bucket: owned.0, key: owned.1 },
            // An answer to HEAD has no body, so no code.
            ("" | "NotFound", 404) if key.is_empty() => Self::NoSuchBucket { bucket: owned.0 },
            ("" | "NotFound", 404) => Self::NoSuchKey { bucket: owned.0, key: owned.1 },
            ("SlowDown" | "RequestTimeout" | "OperationAborted" | "ExpiredToken", _)
            | (_, 429 | 500..) => Self::unavailable(action, causes(error)),
            (code, status) => Self::Refused {
                action,
                code: if code.is_empty() { format!("status {status}") } else { code.to_owned() },
                detail: meta.message().map(|text| format!(": {text}")).unwrap_or_default(),
            },
        }
    }

    pub(super) fn unavailable(action: impl Into<String>, reason: impl Display) -> Self {
        Self::Unavailable { action: action.into(), reason: reason.to_string() }
    }
}

/// An error and what led to it, in one line. The SDK's own words for the outermost ones say little.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = Vec::new();
    for word in chain.map(ToString::to_string) {
        if !words.iter().any(|known| known.contains(&word)) {
            words.push(word);
        }
    }
    words.join(": ")
}

impl From<Error> for engine::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let sorted = match &error {
            Error::NoSuchBucket { .. } | Error::NoSuchKey { .. } | Error::Refused { .. } => {
                Self::user(message)
            }
            Error::NoSuchUpload { .. } | Error::Unavailable { .. } => Self::external(message),
        };
        sorted.because(error)
    }
}
