//! What a change of an application may say, and whether it is up to date.

use model::{
    configuration::{
        ApplicationCode, ApplicationConfiguration, FlinkChange, RuntimeEnvironment, check_arn,
        check_groups,
    },
    ids::VersionId,
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

/// A change of the configuration; absent = unchanged.
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
}

/// A configuration that may be kept, and the zip file it names, if that is new.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) configuration: ApplicationConfiguration,
    pub(super) artifact: Option<(String, Vec<u8>)>,
}

impl Control {
    /// Applies a change to a configuration, reading and checking what it names.
    pub(super) async fn change(
        &self,
        before: &ApplicationConfiguration,
        change: Change,
    ) -> Result<Changed> {
        if let Some(role) = &change.service_execution_role {
            check_arn("ServiceExecutionRoleUpdate", role)?;
        }
        let properties = match change.properties {
            Some(groups) => {
                check_groups(&groups)?;
                groups
            }
            None => before.properties.clone(),
        };
        let flink = change.flink.apply(&before.flink)?;
        let mut artifact = None;
        let code: Option<ApplicationCode> = match (change.code, &before.code) {
            (Some(new), present) => {
                let accepted = self.accept_code(new, present.as_ref(), &properties).await?;
                artifact = accepted.zip.map(|bytes| (accepted.code.sha256.clone(), bytes));
                Some(accepted.code)
            }
            (None, Some(present)) if properties != before.properties => {
                self.recheck_code(present, &before.properties, &properties).await?;
                Some(present.clone())
            }
            (None, present) => present.clone(),
        };
        let configuration = ApplicationConfiguration {
            runtime: change.runtime.unwrap_or_else(|| before.runtime.clone()),
            service_execution_role: change
                .service_execution_role
                .or_else(|| before.service_execution_role.clone()),
            code,
            properties,
            flink,
            snapshots_enabled: change.snapshots_enabled.unwrap_or(before.snapshots_enabled),
        };
        Ok(Changed { configuration, artifact })
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
