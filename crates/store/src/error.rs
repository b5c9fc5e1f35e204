//! What a caller of the store can be told.

/// A name that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// An application has that name.
    ApplicationName,
    /// A snapshot of the application has that name.
    SnapshotName,
    /// An enhanced snapshot has that name.
    EnhancedName,
    /// An enhanced snapshot of the application is being made.
    EnhancedInProgress,
    /// The enhanced snapshot is being exported.
    ExportInProgress,
    /// The application has an operation in progress.
    OperationInProgress,
    /// The application has a run that has not ended.
    OpenRun,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique name exists already.
    #[error("the name or place is taken")]
    Taken(Taken),
    /// A row holds what this version of the program cannot read.
    #[error("column `{column}` holds a value that cannot be read: {problem}")]
    Unreadable {
        /// `table.column`.
        column: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The migrations could not be applied.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database did not answer, or cannot at the moment.
    #[error("the database did not answer")]
    Database(#[source] sqlx::Error),
    /// The database answered that it cannot do what it was asked: a defect, not a passing trouble.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
}

/// The result of a store method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let taken = error.as_database_error().and_then(|e| e.constraint()).and_then(|name| {
            Some(match name {
                "applications_name_key" => Taken::ApplicationName,
                "snapshots_pkey" => Taken::SnapshotName,
                "enhanced_snapshots_pkey" => Taken::EnhancedName,
                "enhanced_snapshots_one_creating" => Taken::EnhancedInProgress,
                "snapshot_operations_one_export" => Taken::ExportInProgress,
                "operations_one_in_progress" => Taken::OperationInProgress,
                "runs_one_open" => Taken::OpenRun,
                _ => return None,
            })
        });
        match taken {
            Some(taken) => Self::Taken(taken),
            None if is_defect(&error) => Self::Refused(error),
            None => Self::Database(error),
        }
    }
}

/// Whether the same statement would be refused again, by the classes of SQLSTATE codes: data (22),
/// integrity (23), and syntax or access (42).
fn is_defect(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|code| ["22", "23", "42"].iter().any(|class| code.starts_with(class)))
}

/// Reads a stored text as a model value.
pub(crate) fn read<T>(column: &'static str, text: &str) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|e: T::Err| Error::Unreadable { column, problem: e.to_string() })
}

/// Reads a stored number as a model value.
pub(crate) fn number<T, N>(column: &'static str, number: N) -> Result<T>
where
    T: TryFrom<N>,
    T::Error: std::fmt::Display,
{
    T::try_from(number).map_err(|e: T::Error| Error::Unreadable { column, problem: e.to_string() })
}
