//! What can go wrong in the data plane, and who has to act on it.

use model::fault::{Domain, Fault};

/// Result of everything that happens while a stream graph runs.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a running program.
///
/// `fault` is all a supervisor needs to decide on a restart; the message is for the customer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Whose failure it is, and whether trying again can help.
    pub fault: Fault,
    /// Lower case, no full stop, names in backticks, says what was tried.
    pub message: String,
    /// The cause, if there is one.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The customer's data or program is wrong; a restart does not help.
    pub fn user(message: impl Into<String>) -> Self {
        Self {
            fault: Fault { domain: Domain::User, retry: false },
            message: message.into(),
            source: None,
        }
    }

    /// An outside system did not do what was asked; a restart may help.
    pub fn external(message: impl Into<String>) -> Self {
        Self {
            fault: Fault { domain: Domain::External, retry: true },
            message: message.into(),
            source: None,
        }
    }

    /// A defect of Weir itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            fault: Fault { domain: Domain::Internal, retry: true },
            message: message.into(),
            source: None,
        }
    }

    /// The same failure with its cause attached.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::internal(format!("arrow: {error}"))
    }
}
