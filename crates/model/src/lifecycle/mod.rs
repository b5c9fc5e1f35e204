//! The life of an application: its statuses and who may change them.
//!
//! ```text
//! Create            -> READY
//! READY    -Start->  STARTING -> RUNNING       | start failure -> READY
//! RUNNING  -Stop->   STOPPING -> READY         | bounded input exhausted -> READY
//!                                              | failed too often in a row -> READY
//! STARTING|UPDATING|STOPPING|AUTOSCALING|ROLLING_BACK|MAINTENANCE|RUNNING
//!          -Stop(Force)-> FORCE_STOPPING -> READY
//! READY    -Update-> UPDATING -> READY
//! RUNNING  -Update-> UPDATING -> RUNNING       | failure -> ROLLING_BACK if the application wants
//!                                              | that, else READY, at the new version
//! RUNNING  -(scaler)-> AUTOSCALING -> RUNNING  | failure: as above
//! RUNNING|UPDATING|AUTOSCALING -Rollback-> ROLLING_BACK -> RUNNING | failure -> READY
//! RUNNING  -(window)-> MAINTENANCE -> RUNNING
//! READY|RUNNING -Delete-> DELETING -> (gone)
//! ```
//!
//! [`admit`] answers what customers may do; [`settle`] what our own observations do. The status
//! of an application is never written except through one of the two. Both are printed as matrices
//! in `tests/golden/lifecycle.txt`; the table of AWS is in `tests/aws/command_by_status.txt`, and a
//! test names where we differ.

use crate::{error_code::ErrorCode, text_enum::text_enum};

text_enum!(
    /// What an application is doing (AWS `ApplicationStatus`).
    Status, "ApplicationStatus" {
        /// Not running: created, stopped, finished, or failed to start. Stays until a command.
        Ready = "READY",
        /// A run is wanted; stays until its job runs, fails for good or misses the deadline.
        Starting = "STARTING",
        /// The job was started. Not a statement of health: a job that is being restarted after
        /// a failure stays here. Stays until a command, until bounded input is exhausted or until
        /// the job has failed too often in a row.
        Running = "RUNNING",
        /// A snapshot is taken and the job ends; stays until the job is gone.
        Stopping = "STOPPING",
        /// The job ends without a snapshot; stays until it is gone.
        ForceStopping = "FORCE_STOPPING",
        /// A new version takes the place of the running one; stays until its job runs or fails.
        Updating = "UPDATING",
        /// The service changes the parallelism; stays until the job runs with it.
        Autoscaling = "AUTOSCALING",
        /// An earlier version takes the place of the running one; stays until its job runs.
        RollingBack = "ROLLING_BACK",
        /// The job moves for maintenance; stays until it runs again.
        Maintenance = "MAINTENANCE",
        /// The job ends and everything is removed; stays until the application is gone.
        Deleting = "DELETING",
    }
);

text_enum!(
    /// What a customer asks of an application.
    Command, "Command" {
        /// StartApplication.
        Start = "StartApplication",
        /// StopApplication without `Force`.
        Stop = "StopApplication",
        /// StopApplication with `Force`.
        ForceStop = "StopApplication Force",
        /// UpdateApplication and every other call that makes a new version: code, property groups,
        /// VPC configuration and logging options.
        Update = "UpdateApplication",
        /// RollbackApplication.
        Rollback = "RollbackApplication",
        /// CreateApplicationSnapshot.
        CreateSnapshot = "CreateApplicationSnapshot",
        /// CreateSnapshot, of the enhanced snapshots.
        CreateEnhancedSnapshot = "CreateSnapshot",
        /// DeleteApplicationSnapshot.
        DeleteSnapshot = "DeleteApplicationSnapshot",
        /// DeleteApplication.
        Delete = "DeleteApplication",
        /// UpdateApplicationMaintenanceConfiguration.
        ConfigureMaintenance = "UpdateApplicationMaintenanceConfiguration",
        /// CreateApplicationPresignedUrl.
        PresignUrl = "CreateApplicationPresignedUrl",
        /// TagResource and UntagResource.
        Tag = "Tag/UntagResource",
        /// Every Describe and List.
        Describe = "Describe/List",
    }
);

text_enum!(
    /// What we observe of an application's job.
    Event, "Event" {
        /// State is restored and all subtasks run.
        JobRunning = "JobRunning",
        /// The job ended because it was told to, or nothing was left to end.
        JobGone = "JobGone",
        /// The job ended because its bounded input is exhausted.
        JobFinished = "JobFinished",
        /// The job could not be brought to run and will not be tried again.
        StartFailed = "StartFailed",
        /// The job ran before, has failed too often in a row and will not be tried again.
        JobGivenUp = "JobGivenUp",
        /// The change of an application without a job is complete.
        ChangeApplied = "ChangeApplied",
        /// The service begins to change the parallelism.
        ScalingBegan = "ScalingBegan",
        /// The job that was to take the running one's place could not be brought to run, and the
        /// former one takes its place again.
        ReplacementFailed = "ReplacementFailed",
        /// Maintenance took too long to wait further: what is down is restarted as ever.
        MaintenanceOver = "MaintenanceOver",
    }
);

/// What one version of an application is doing (AWS `ApplicationStatus` of a version).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionStatus {
    /// It is the present version: what the application is doing. A former one is READY.
    Of(Status),
    /// It was rolled back: another version took its place because it failed or was not wanted.
    RolledBack,
}

impl VersionStatus {
    /// The status of a version of an application.
    pub fn of(application: Status, present: bool, rolled_back: bool) -> Self {
        match (rolled_back, present) {
            (true, _) => Self::RolledBack,
            (false, true) => Self::Of(application),
            (false, false) => Self::Of(Status::Ready),
        }
    }

    /// The AWS word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Of(status) => status.as_str(),
            Self::RolledBack => "ROLLED_BACK",
        }
    }
}

/// A command that the present status does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The status the application has.
    pub status: Status,
    /// What was asked.
    pub command: Command,
}

/// May the customer do this now, and what does the application become?
///
/// # Errors
/// The default is refusal.
pub fn admit(status: Status, command: Command) -> Result<Status, Refused> {
    use Command::{
        ConfigureMaintenance, CreateEnhancedSnapshot, CreateSnapshot, Delete, DeleteSnapshot,
        Describe, ForceStop, PresignUrl, Rollback, Start, Stop, Tag, Update,
    };
    use Status::{
        Autoscaling, Deleting, ForceStopping, Maintenance, Ready, RollingBack, Running, Starting,
        Stopping, Updating,
    };
    match (command, status) {
        (Start, Ready) => Ok(Starting),
        (Stop, Running) => Ok(Stopping),
        (
            ForceStop,
            Running | Starting | Stopping | Updating | Autoscaling | RollingBack | Maintenance,
        ) => Ok(ForceStopping),
        (Update, Ready | Running) => Ok(Updating),
        (Rollback, Running | Updating | Autoscaling) => Ok(RollingBack),
        (Delete, Ready | Running) => Ok(Deleting),
        (CreateSnapshot | CreateEnhancedSnapshot | PresignUrl, Running) => Ok(Running),
        (ConfigureMaintenance, Ready | Running) => Ok(status),
        (DeleteSnapshot | Tag, status) if status != Deleting => Ok(status),
        (Describe, status) => Ok(status),
        (command, status) => Err(Refused { status, command }),
    }
}

/// What does the application become when we observe this?
///
/// An event that says nothing new leaves the status as it is: a job lost while RUNNING is
/// restarted, a job that starts to run while STOPPING is stopped.
pub fn settle(status: Status, event: Event) -> Status {
    use Event::{
        ChangeApplied, JobFinished, JobGivenUp, JobGone, JobRunning, MaintenanceOver,
        ReplacementFailed, ScalingBegan, StartFailed,
    };
    use Status::{
        Autoscaling, Deleting, ForceStopping, Maintenance, Ready, RollingBack, Running, Starting,
        Stopping, Updating,
    };
    match (event, status) {
        (JobRunning, Starting | Updating | Autoscaling | RollingBack | Maintenance) => Running,
        (JobGone, Stopping | ForceStopping) => Ready,
        (
            JobFinished | StartFailed | JobGivenUp,
            Starting | Running | Stopping | ForceStopping | Updating | Autoscaling | RollingBack
            | Maintenance,
        ) => Ready,
        (ChangeApplied, Updating) => Ready,
        (ScalingBegan, Running) => Autoscaling,
        (ReplacementFailed, Updating | Autoscaling) => RollingBack,
        (MaintenanceOver, Maintenance) => Running,
        (
            JobRunning | JobGone | JobFinished | StartFailed | JobGivenUp | ChangeApplied
            | ScalingBegan | ReplacementFailed | MaintenanceOver,
            Ready | Starting | Running | Stopping | ForceStopping | Updating | Autoscaling
            | RollingBack | Maintenance | Deleting,
        ) => status,
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let done = match self.command {
            Command::Start => "started",
            Command::Stop => "stopped",
            Command::ForceStop => "force stopped",
            Command::Update => "updated",
            Command::Rollback => "rolled back",
            Command::CreateSnapshot | Command::CreateEnhancedSnapshot => "snapshotted",
            Command::DeleteSnapshot => "relieved of a snapshot",
            Command::Delete => "deleted",
            Command::ConfigureMaintenance => "given a maintenance window",
            Command::PresignUrl => "given a presigned URL",
            Command::Tag => "tagged",
            Command::Describe => "described",
        };
        let allowed: Vec<&str> = Status::ALL
            .iter()
            .filter(|&&status| admit(status, self.command).is_ok())
            .map(|status| status.as_str())
            .collect();
        write!(
            f,
            "application cannot be {done} in `{}` state, only in {}",
            self.status,
            allowed.join(", ")
        )
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// The AWS exception for it.
    pub fn code(self) -> ErrorCode {
        match self.command {
            Command::CreateSnapshot => ErrorCode::InvalidRequest,
            Command::Start
            | Command::Stop
            | Command::ForceStop
            | Command::Update
            | Command::Rollback
            | Command::CreateEnhancedSnapshot
            | Command::DeleteSnapshot
            | Command::Delete
            | Command::ConfigureMaintenance
            | Command::PresignUrl
            | Command::Tag
            | Command::Describe => ErrorCode::ResourceInUse,
        }
    }
}

impl Status {
    /// Whether the application waits for a command rather than for us.
    pub fn is_steady(self) -> bool {
        match self {
            Self::Ready | Self::Running => true,
            Self::Starting
            | Self::Stopping
            | Self::ForceStopping
            | Self::Updating
            | Self::Autoscaling
            | Self::RollingBack
            | Self::Maintenance
            | Self::Deleting => false,
        }
    }
}

#[cfg(test)]
mod tests;
