//! What all use cases share.

use std::sync::Arc;

use model::{
    ids::{ApplicationName, OperationId, RunId},
    invalid::Invalid,
};
use store::{Application, Store, Tx, Version};
use uuid::Uuid;

use crate::{
    caller::Caller,
    error::{Error, Result},
    ports::{ObjectReader, ProgramChecker, RestoreChecker},
    settings::Settings,
};

/// The use cases of one installation; cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(crate) store: Store,
    pub(crate) settings: Arc<Settings>,
    pub(crate) checker: Arc<dyn ProgramChecker>,
    pub(crate) restores: Arc<dyn RestoreChecker>,
    pub(crate) objects: Arc<dyn ObjectReader>,
    pub(crate) caller: Arc<Caller>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Control {
    /// The use cases over one database.
    pub fn new(
        store: Store,
        settings: Settings,
        checker: Arc<dyn ProgramChecker>,
        restores: Arc<dyn RestoreChecker>,
        objects: Arc<dyn ObjectReader>,
    ) -> Self {
        let caller = Arc::new(Caller::service());
        Self { store, settings: Arc::new(settings), checker, restores, objects, caller }
    }

    /// The same use cases, asked for by somebody: the audit log names them.
    #[must_use]
    pub fn by(&self, caller: Caller) -> Self {
        Self { caller: Arc::new(caller), ..self.clone() }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.store.ping().await?)
    }

    /// The installation's region.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// What the ARNs of the account's users begin with.
    pub fn users(&self) -> String {
        format!("arn:aws:iam::{}", self.settings.account)
    }

    /// ARN of an application.
    pub fn arn(&self, name: &ApplicationName) -> String {
        let Settings { region, account, .. } = &*self.settings;
        format!("arn:aws:kinesisanalytics:{region}:{account}:application/{name}")
    }

    /// The application an ARN is of.
    ///
    /// # Errors
    /// It is no ARN of an application of this installation.
    pub fn name_of_arn(&self, arn: &str) -> Result<ApplicationName> {
        let Settings { region, account, .. } = &*self.settings;
        let start = format!("arn:aws:kinesisanalytics:{region}:{account}:application/");
        let name = arn.strip_prefix(&start).ok_or_else(|| {
            Invalid::new("ResourceARN", format!("must look like `{start}my-application`"))
        })?;
        Ok(name.parse()?)
    }

    /// Reads an application that must exist.
    pub(crate) async fn existing(tx: &mut Tx, name: &ApplicationName) -> Result<Application> {
        tx.application(name).await?.ok_or_else(|| Error::NoSuchApplication(name.clone()))
    }

    /// Reads and locks an application that must exist.
    pub(crate) async fn locked(tx: &mut Tx, name: &ApplicationName) -> Result<Application> {
        tx.lock_application(name).await?.ok_or_else(|| Error::NoSuchApplication(name.clone()))
    }

    /// The newest version of an application.
    pub(crate) async fn current(tx: &mut Tx, application: &Application) -> Result<Version> {
        tx.version(application.id, application.version).await?.ok_or_else(|| Error::NoSuchVersion {
            application: application.name.clone(),
            version: application.version,
        })
    }
}

/// A new operation id.
pub(crate) fn new_operation_id() -> OperationId {
    OperationId::from_bits(Uuid::new_v4().as_u128())
}

/// A new run id.
pub(crate) fn new_run_id() -> RunId {
    RunId(Uuid::now_v7())
}

/// A new conditional token.
pub(crate) fn new_token() -> String {
    Uuid::new_v4().simple().to_string()
}
