//! Why a use case was refused or failed.

use model::{
    configuration::{RuntimeEnvironment, SubResourceProblem},
    enhanced::EnhancedStatus,
    error_code::ErrorCode,
    ids::{
        ApplicationName, EnhancedName, OperationId, PropertyGroupId, SnapshotName, SubResourceId,
        VersionId,
    },
    invalid::Invalid,
    lifecycle::{Refused, Status},
};

use crate::ports::{Diagnostic, RestoreProblem};

/// Why a use case was refused or failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No application of that name.
    #[error("application `{0}` does not exist")]
    NoSuchApplication(ApplicationName),
    /// No such version.
    #[error("version {version} of application `{application}` does not exist")]
    NoSuchVersion {
        /// The application.
        application: ApplicationName,
        /// The version that was asked for.
        version: VersionId,
    },
    /// No such operation.
    #[error("operation `{operation}` of application `{application}` does not exist")]
    NoSuchOperation {
        /// The application.
        application: ApplicationName,
        /// The operation that was asked for.
        operation: OperationId,
    },
    /// No such snapshot.
    #[error("snapshot `{snapshot}` of application `{application}` does not exist")]
    NoSuchSnapshot {
        /// The application.
        application: ApplicationName,
        /// The snapshot that was asked for.
        snapshot: SnapshotName,
    },
    /// No such enhanced snapshot.
    #[error("snapshot `{0}` does not exist")]
    NoSuchEnhanced(EnhancedName),
    /// No such operation on an enhanced snapshot.
    #[error("operation `{operation}` of snapshot `{snapshot}` does not exist")]
    NoSuchSnapshotOperation {
        /// The snapshot.
        snapshot: EnhancedName,
        /// The operation that was asked for.
        operation: OperationId,
    },
    /// No such property group.
    #[error("application `{application}` has no property group `{group}`; it has {present}")]
    NoSuchPropertyGroup {
        /// The application.
        application: ApplicationName,
        /// The group that was asked for.
        group: PropertyGroupId,
        /// Those it has.
        present: String,
    },
    /// No such logging option or VPC configuration.
    #[error("there is no {field} `{id}`; describe the application to see what there is")]
    NoSuchSubResource {
        /// The AWS member that names it.
        field: &'static str,
        /// The id that was asked for.
        id: SubResourceId,
    },
    /// The application never ran.
    #[error("application `{0}` has not run yet")]
    NeverRan(ApplicationName),
    /// The name is taken.
    #[error("application `{0}` already exists")]
    ApplicationExists(ApplicationName),
    /// The name is taken.
    #[error("provided snapshot name `{snapshot}` already exists for application `{application}`")]
    SnapshotExists {
        /// The application.
        application: ApplicationName,
        /// The name.
        snapshot: SnapshotName,
    },
    /// The name is taken.
    #[error("snapshot `{0}` already exists; names stay taken until the snapshot is deleted")]
    EnhancedExists(EnhancedName),
    /// One at a time.
    #[error(
        "another enhanced snapshot of the application is being created; wait until it is READY"
    )]
    EnhancedInProgress,
    /// One at a time.
    #[error("snapshot `{0}` is being exported already; wait until that has ended")]
    ExportInProgress(EnhancedName),
    /// Its status does not admit it.
    #[error("snapshot `{snapshot}` is {status}, which does not allow this")]
    EnhancedBusy {
        /// The snapshot.
        snapshot: EnhancedName,
        /// What it is worth.
        status: EnhancedStatus,
    },
    /// The run would lose what it restarts from.
    #[error(
        "snapshot `{0}` is what a running application would restart from; delete it after that \
         one's next checkpoint"
    )]
    EnhancedNeeded(EnhancedName),
    /// The creation time of the request is another one.
    #[error(
        "snapshot `{0}` has a different SnapshotCreationTimestamp than the one you provided; call \
         DescribeSnapshot to fetch the valid SnapshotCreationTimestamp"
    )]
    OtherEnhancedTimestamp(EnhancedName),
    /// The runtime is too old for it.
    #[error(
        "application `{application}` has runtime {runtime}; enhanced snapshots need FLINK-1_20 or \
         newer"
    )]
    RuntimeWithoutEnhanced {
        /// The application.
        application: ApplicationName,
        /// Its runtime.
        runtime: RuntimeEnvironment,
    },
    /// The application is set up for its own snapshots only.
    #[error(
        "application `{0}` has no SnapshotMode ENHANCED_SNAPSHOTS; set it in its \
         ApplicationSnapshotConfiguration first"
    )]
    EnhancedNotEnabled(ApplicationName),
    /// The enhanced snapshot that a request names for restore is no use.
    #[error("the snapshot `{0}` provided for restore configuration does not exist or is not READY")]
    NoEnhancedToRestore(EnhancedName),
    /// Too many snapshots.
    #[error("there are 1000 enhanced snapshots; delete some first")]
    TooManyEnhanced,
    /// The status does not admit it.
    #[error("{0}")]
    Refused(Refused),
    /// A snapshot is only taken of a RUNNING application.
    #[error(
        "application `{application}` is in {status} status; snapshot creation is only allowed \
         when the application is in RUNNING status"
    )]
    SnapshotNeedsRunning {
        /// The application.
        application: ApplicationName,
        /// Its status.
        status: Status,
    },
    /// The job is down at the moment.
    #[error(
        "failed to take a snapshot of application `{0}` at this moment: its job is not running; \
         describe the application to see why, and retry when it runs again"
    )]
    SnapshotNeedsJob(ApplicationName),
    /// The snapshot is being taken.
    #[error("snapshot `{0}` is being created and cannot be deleted yet")]
    SnapshotBeingMade(SnapshotName),
    /// The run would lose what it restarts from.
    #[error(
        "snapshot `{0}` is what the application starts or would restart from; delete it after the \
         next checkpoint or stop the application first"
    )]
    SnapshotNeeded(SnapshotName),
    /// The snapshot that a request names for restore is no use.
    #[error("the snapshot name `{0}` provided for restore configuration does not exist")]
    NoSnapshotToRestore(SnapshotName),
    /// The snapshot that a request names for restore is no use.
    #[error("snapshot `{0}` cannot be restored: it is not READY")]
    SnapshotNotReady(SnapshotName),
    /// The program could not go on from what it would be restored from.
    #[error("{from} cannot be restored: {}", words(.problem))]
    CannotRestore {
        /// What it would be restored from.
        from: String,
        /// Why not.
        #[source]
        problem: RestoreProblem,
    },
    /// Too many KPUs.
    #[error("it takes {kpus} KPUs, but {whose} may have {most}")]
    KpuQuota {
        /// What would be taken.
        kpus: u32,
        /// The quota.
        most: u32,
        /// Whose quota that is.
        whose: &'static str,
    },
    /// No version ran before the present one.
    #[error("application `{0}` cannot be rolled back: no version of it ran before this one")]
    NothingToRollBackTo(ApplicationName),
    /// There is no state to go back to.
    #[error("application `{0}` cannot be rolled back: it has no snapshot")]
    NoSnapshotToRollBackTo(ApplicationName),
    /// Too many snapshots.
    #[error("application `{0}` has 1000 snapshots; delete some first")]
    TooManySnapshots(ApplicationName),
    /// The version of the request is not the present one.
    #[error(
        "the provided application version id or conditional token does not match the most recent \
         version of application `{0}`; describe it and repeat the request"
    )]
    StaleVersion(ApplicationName),
    /// The request names neither version nor token.
    #[error("give `CurrentApplicationVersionId` or `ConditionalToken`")]
    NoVersionGiven,
    /// The creation time of the request is another one.
    #[error(
        "the application with name `{0}` has a different create timestamp than the one you \
         provided; call DescribeApplication to fetch the valid create timestamp"
    )]
    OtherCreateTimestamp(ApplicationName),
    /// The creation time of the request is another one.
    #[error(
        "snapshot `{0}` has a different SnapshotCreationTimestamp than the one you provided; call \
         DescribeApplicationSnapshot to fetch the valid SnapshotCreationTimestamp"
    )]
    OtherSnapshotTimestamp(SnapshotName),
    /// Somebody else was faster.
    #[error("application `{0}` was changed by another request; describe it and try again")]
    Overtaken(ApplicationName),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Only SQL-1_0 applications had that.
    #[error("this is not allowed for {0} applications, only for SQL-1_0 ones")]
    OnlyForSql(String),
    /// There is nothing to run.
    #[error(
        "application `{0}` has no code; give it some with UpdateApplication before you start it"
    )]
    NoCode(ApplicationName),
    /// The SQL script cannot be planned.
    #[error("the SQL script is not valid: {}", first(.0))]
    Script(Vec<Diagnostic>),
    /// The zip file cannot be run.
    #[error("the zip file is not valid: {0}")]
    Zip(crate::code::ZipProblem),
    /// The code in S3 cannot be read.
    #[error(
        "Please check the role provided or validity of S3 location you provided. We are unable to \
         get the specified fileKey: {key} in the specified bucket: {bucket}"
    )]
    NoSuchObject {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The service does not do this.
    #[error("{0}")]
    Unsupported(String),
    /// Too many applications.
    #[error("this installation has {0} applications, as many as it may have; delete some first")]
    TooManyApplications(i64),
    /// No such key.
    #[error("key `{0}` does not exist")]
    NoSuchKey(String),
    /// Secrets of access keys cannot be encrypted.
    #[error("an access key needs a master key that its secret is encrypted with: WEIR_MASTER_KEY")]
    NoMasterKey,
    /// The secret was encrypted with another master key, or altered.
    #[error("the secret of key `{0}` cannot be decrypted with the master keys that are given")]
    SecretUnreadable(String),
    /// The system gives no random numbers.
    #[error("an internal error happened; the service's log says more")]
    NoRandom,
    /// Too many tags.
    #[error("an application may have at most 50 tags, this would make {0}")]
    TooManyTags(usize),
    /// S3 did not answer.
    #[error("S3 did not answer; try again later")]
    ObjectStore(#[source] crate::ports::ReadError),
    /// The database did not answer.
    #[error("the database did not answer; try again later")]
    Store(#[source] store::Error),
    /// The database holds what cannot be.
    #[error("an internal error happened; the service's log says more")]
    Broken(#[source] store::Error),
    /// A task of ours ended before its end.
    #[error("an internal error happened; the service's log says more")]
    Task(#[source] tokio::task::JoinError),
}

fn words(problem: &RestoreProblem) -> String {
    use RestoreProblem::{Misfit, Unavailable, Unreadable};
    match problem {
        Misfit { .. } | Unreadable(_) => format!("{problem}; nothing was changed"),
        Unavailable(_) => "S3 did not answer; nothing was changed, try again later".to_owned(),
    }
}

fn first(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "no reason given".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<SubResourceProblem> for Error {
    fn from(problem: SubResourceProblem) -> Self {
        match problem {
            SubResourceProblem::Invalid(invalid) => Self::Invalid(invalid),
            SubResourceProblem::Missing { field, id } => Self::NoSuchSubResource { field, id },
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Database(_) => Self::Store(error),
            store::Error::Taken(_)
            | store::Error::Unreadable { .. }
            | store::Error::Refused(_)
            | store::Error::Migrate(_) => Self::Broken(error),
        }
    }
}

impl Error {
    /// The AWS exception a customer gets.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoSuchApplication(_)
            | Self::NoSuchVersion { .. }
            | Self::NoSuchOperation { .. }
            | Self::NoSuchSnapshot { .. }
            | Self::NoSuchEnhanced(_)
            | Self::NoSuchSnapshotOperation { .. }
            | Self::NoSuchPropertyGroup { .. }
            | Self::NoSuchKey(_)
            | Self::NoSuchSubResource { .. }
            | Self::NeverRan(_) => ErrorCode::ResourceNotFound,
            Self::ApplicationExists(_)
            | Self::SnapshotExists { .. }
            | Self::EnhancedExists(_)
            | Self::EnhancedInProgress
            | Self::EnhancedBusy { .. }
            | Self::EnhancedNeeded(_)
            | Self::SnapshotBeingMade(_)
            | Self::SnapshotNeeded(_) => ErrorCode::ResourceInUse,
            Self::Refused(refused) => refused.code(),
            Self::SnapshotNeedsRunning { .. }
            | Self::NoMasterKey
            | Self::NothingToRollBackTo(_)
            | Self::NoSnapshotToRollBackTo(_) => ErrorCode::InvalidRequest,
            Self::SnapshotNeedsJob(_)
            | Self::NoCode(_)
            | Self::RuntimeWithoutEnhanced { .. }
            | Self::EnhancedNotEnabled(_) => ErrorCode::InvalidApplicationConfiguration,
            Self::CannotRestore { problem, .. } => match problem {
                RestoreProblem::Misfit { .. } => ErrorCode::InvalidApplicationConfiguration,
                RestoreProblem::Unreadable(_) => ErrorCode::InvalidArgument,
                RestoreProblem::Unavailable(_) => ErrorCode::ServiceUnavailable,
            },
            Self::TooManySnapshots(_)
            | Self::TooManyEnhanced
            | Self::ExportInProgress(_)
            | Self::KpuQuota { .. } => ErrorCode::LimitExceeded,
            Self::StaleVersion(_) | Self::OtherCreateTimestamp(_) | Self::Overtaken(_) => {
                ErrorCode::ConcurrentModification
            }
            Self::NoSnapshotToRestore(_)
            | Self::NoEnhancedToRestore(_)
            | Self::OtherEnhancedTimestamp(_)
            | Self::SnapshotNotReady(_)
            | Self::NoVersionGiven
            | Self::OtherSnapshotTimestamp(_)
            | Self::Invalid(_)
            | Self::NoSuchObject { .. } => ErrorCode::InvalidArgument,
            Self::Script(_) | Self::Zip(_) => ErrorCode::CodeValidation,
            Self::Unsupported(_) => ErrorCode::UnsupportedOperation,
            Self::TooManyApplications(_) => ErrorCode::LimitExceeded,
            Self::TooManyTags(_) => ErrorCode::TooManyTags,
            Self::OnlyForSql(_) => ErrorCode::UnsupportedOperation,
            Self::ObjectStore(_) | Self::Store(_) => ErrorCode::ServiceUnavailable,
            Self::Broken(_) | Self::Task(_) | Self::NoRandom | Self::SecretUnreadable(_) => {
                ErrorCode::InternalFailure
            }
        }
    }

    /// Ids of the operators whose state could not be restored; empty for every other error.
    pub fn operators(&self) -> &[String] {
        match self {
            Self::CannotRestore { problem: RestoreProblem::Misfit { operators, .. }, .. } => {
                operators
            }
            _ => &[],
        }
    }

    /// All that is wrong with a SQL script, in its order; empty for every other error.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Script(diagnostics) => diagnostics,
            _ => &[],
        }
    }
}
