//! What control asks of others; the binary fills these in.

use std::{fmt, future::Future, pin::Pin};

use model::{configuration::S3Location, hidden::Bytes, protocol::PropertyGroups};

/// A place in a SQL script and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong and what would work instead.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Plans a SQL script without running it.
pub trait ProgramChecker: Send + Sync {
    /// Whether the script, with its properties filled in, can be planned.
    ///
    /// # Errors
    /// At least one diagnostic, in the order of the script.
    fn check(&self, script: &str, properties: &PropertyGroups) -> Result<(), Vec<Diagnostic>>;
}

/// A SQL script with what is filled in.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The text.
    pub text: String,
    /// Its properties.
    pub properties: PropertyGroups,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = Bytes(self.text.len());
        let mut shown = f.debug_struct("Script");
        shown.field("text", &text).field("properties", &self.properties).finish()
    }
}

/// Whether a program could go on from kept state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreQuestion {
    /// The program; absent when it cannot be planned without being run (a zip file): then only
    /// the manifest is looked at.
    pub program: Option<Script>,
    /// The program that runs, whose state is yet to be taken.
    pub running: Option<Script>,
    /// Key of the manifest of what is there already, relative to the installation's prefix.
    pub manifest: Option<String>,
    /// State that fits no operator of the program may be dropped.
    pub allow_non_restored_state: bool,
}

/// Why a program could not go on from kept state.
#[derive(Debug, thiserror::Error)]
pub enum RestoreProblem {
    /// The state does not fit the program.
    #[error("{message}")]
    Misfit {
        /// For the customer.
        message: String,
        /// Ids of the operators it is about.
        operators: Vec<String>,
    },
    /// The manifest is not there or makes no sense.
    #[error("its manifest cannot be read: {0}")]
    Unreadable(String),
    /// S3 did not answer.
    #[error("S3 did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Compares programs with kept state without running anything. May block.
pub trait RestoreChecker: Send + Sync {
    /// Whether the program could go on.
    ///
    /// # Errors
    /// See [`RestoreProblem`].
    fn check(&self, question: &RestoreQuestion) -> Result<(), RestoreProblem>;
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its version, where the bucket keeps versions.
    pub version: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
}

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such bucket or object, or it may not be read.
    #[error("the object does not exist or may not be read")]
    NotFound,
    /// It is larger than `limit` bytes.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// The limit that was given.
        limit: u64,
    },
    /// S3 did not answer.
    #[error("S3 did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a port gives back later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads code that a customer gave as an S3 reference.
pub trait ObjectReader: Send + Sync {
    /// Reads a whole object of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read<'a>(
        &'a self,
        location: &'a S3Location,
        limit: u64,
    ) -> Pending<'a, Result<Object, ReadError>>;
}
