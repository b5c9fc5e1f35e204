//! What a change of an application may say, and whether it is up to date.

use model::{
    configuration::{
        ApplicationConfiguration, EncryptionConfiguration, FlinkChange, RuntimeEnvironment,
        SnapshotMode, SubResourceChange, change_sub_resources, check_arn, check_groups,
        check_snapshot_mode,
    },
    ids::VersionId,
    invalid::{Invalid, check_length},
    protocol::PropertyGroups,
};
use store::Version;

use crate::{
    Control,
    code::NewCode,
    error::{Error, Result},
};

/// Which state of the application the customer has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Whichever is present: the customer does not compare.
    Any,
    /// At least one of both must be given; all that are given must match.
    Match {
        /// `CurrentApplicationVersionId`.
        version: Option<VersionId>,
        /// `ConditionalToken`.
        token: Option<String>,
    },
}

impl Seen {
    /// What a request gives of AWS's two members.
    ///
    /// # Errors
    /// A number that is no version, a token outside `[a-zA-Z0-9-_+/=]{1,512}`.
    pub fn given(version: Option<i64>, token: Option<String>) -> Result<Self, Invalid> {
        if let Some(token) = &token {
            check_length("ConditionalToken", token, 1, 512)?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_+/=".contains(c);
            if !token.chars().all(allowed) {
                let problem = "may only contain letters, digits, `-`, `_`, `+`, `/` and `=`";
                return Err(Invalid::new("ConditionalToken", problem));
            }
        }
        Ok(Self::Match { version: version.map(VersionId::try_from).transpose()?, token })
    }

    /// Refuses what is not the present version.
    pub(super) fn check(&self, present: &Version) -> Result<(), Stale> {
        match self {
            Self::Any => Ok(()),
            Self::Match { version: None, token: None } => Err(Stale::NothingGiven),
            Self::Match { version, token } => {
                let same = version.is_none_or(|version| version == present.version)
                    && token.as_ref().is_none_or(|token| *token == present.conditional_token);
                if same { Ok(()) } else { Err(Stale::Other) }
            }
        }
    }
}

/// Why a [`Seen`] does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// Neither version nor token.
    NothingGiven,
    /// Another version is present.
    Other,
}

/// A change of the configuration; absent = unchanged, which is the default in a new application.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Another Flink version.
    pub runtime: Option<RuntimeEnvironment>,
    /// Another role.
    pub service_execution_role: Option<String>,
    /// Another program.
    pub code: Option<NewCode>,
    /// All property groups: those left out are removed.
    pub properties: Option<PropertyGroups>,
    /// Checkpoints, monitoring, parallelism.
    pub flink: FlinkChange,
    /// Whether stop and update take a snapshot.
    pub snapshots_enabled: Option<bool>,
    /// Whose snapshots are taken.
    pub snapshot_mode: Option<SnapshotMode>,
    /// Whether a failed update is rolled back.
    pub rollback_enabled: Option<bool>,
    /// Another key.
    pub encryption: Option<EncryptionConfiguration>,
    /// Logging options and VPC configurations that come, change or go.
    pub sub_resources: Vec<SubResourceChange>,
}

/// A configuration that may be kept, and the zip file it names, if that is new.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) configuration: ApplicationConfiguration,
    pub(super) artifact: Option<(String, Vec<u8>)>,
}

impl Control {
    /// Applies a change to a configuration, which becomes `version`; reads and checks what it
    /// names.
    pub(super) async fn change(
        &self,
        before: &ApplicationConfiguration,
        change: Change,
        version: VersionId,
    ) -> Result<Changed> {
        if let Some(role) = &change.service_execution_role {
            check_arn("ServiceExecutionRole", role)?;
        }
        let properties = match change.properties {
            Some(groups) => {
                check_groups(&groups)?;
                groups
            }
            None => before.properties.clone(),
        };
        let flink = change.flink.apply(&before.flink)?;
        self.check_kpus(&flink.parallelism)?;
        let mut configuration = ApplicationConfiguration {
            runtime: change.runtime.unwrap_or_else(|| before.runtime.clone()),
            service_execution_role: change
                .service_execution_role
                .or_else(|| before.service_execution_role.clone()),
            code: before.code.clone(),
            properties,
            flink,
            snapshots_enabled: change.snapshots_enabled.unwrap_or(before.snapshots_enabled),
            snapshot_mode: change.snapshot_mode.or(before.snapshot_mode),
            rollback_enabled: change.rollback_enabled.unwrap_or(before.rollback_enabled),
            encryption: change.encryption.unwrap_or_else(|| before.encryption.clone()),
            logging_options: before.logging_options.clone(),
            vpc_configurations: before.vpc_configurations.clone(),
        };
        check_snapshot_mode(before, &configuration)?;
        change_sub_resources(&mut configuration, change.sub_resources, version)?;
        let artifact = self.change_code(before, &mut configuration, change.code).await?;
        Ok(Changed { configuration, artifact })
    }

    /// Puts new code into a configuration, or checks the present one against its new properties;
    /// gives the zip file, if there is a new one.
    async fn change_code(
        &self,
        before: &ApplicationConfiguration,
        after: &mut ApplicationConfiguration,
        new: Option<NewCode>,
    ) -> Result<Option<(String, Vec<u8>)>> {
        match (new, &before.code) {
            (Some(new), present) => {
                let accepted = self.accept_code(new, present.as_ref(), &after.properties).await?;
                let artifact = accepted.zip.map(|bytes| (accepted.code.sha256.clone(), bytes));
                after.code = Some(accepted.code);
                Ok(artifact)
            }
            (None, Some(present)) if after.properties != before.properties => {
                self.recheck_code(present, &before.properties, &after.properties).await?;
                Ok(None)
            }
            (None, _) => Ok(None),
        }
    }
}

impl Stale {
    /// For the customer.
    pub(super) fn of(self, name: &model::ids::ApplicationName) -> Error {
        match self {
            Self::NothingGiven => Error::NoVersionGiven,
            Self::Other => Error::StaleVersion(name.clone()),
        }
    }
}
