//! Whether what is to be started could go on from what it would be restored from: asked before
//! anything that runs is stopped.

use model::{
    configuration::{ApplicationConfiguration, Program, RestoreWish, RunConfiguration},
    enhanced::EnhancedStatus,
    ids::{ApplicationName, SnapshotName},
    lifecycle::Status,
};
use store::{Application, SnapshotStatus, Tx};

use crate::{
    Control,
    error::{Error, Result},
    ports::{RestoreProblem, RestoreQuestion, Script},
};

impl Control {
    /// Refuses a start from a snapshot that cannot be restored. What else speaks against the start
    /// is found later.
    pub(super) async fn check_start(
        &self,
        name: &ApplicationName,
        wish: &RunConfiguration,
    ) -> Result<()> {
        self.check_arn(wish)?;
        let mut tx = self.store.begin().await?;
        let application = Self::existing(&mut tx, name).await?;
        let version = Self::current(&mut tx, &application).await?;
        let Some(snapshot) = wished(&mut tx, &application, wish).await? else { return Ok(()) };
        drop(tx);
        if application.status != Status::Ready {
            return Ok(());
        }
        let question = RestoreQuestion {
            program: script(&version.configuration),
            running: None,
            manifest: snapshot.manifest,
            allow_non_restored_state: wish.allow_non_restored_state,
        };
        self.ask(snapshot.what, question).await
    }

    /// Refuses an update of a running application whose new version could not go on from what the
    /// update would leave it.
    pub(super) async fn check_update(
        &self,
        application: &Application,
        before: &ApplicationConfiguration,
        after: &ApplicationConfiguration,
        wish: &RunConfiguration,
    ) -> Result<()> {
        self.check_arn(wish)?;
        let mut tx = self.store.begin().await?;
        let run = tx.latest_run(application.id).await?.filter(|run| run.ended_at.is_none());
        let Some(run) = run else { return Ok(()) };
        let takes_snapshot = before.snapshots_enabled && after.snapshots_enabled;
        let (from, running, manifest) = match &wish.restore {
            RestoreWish::LatestSnapshot if takes_snapshot => {
                let latest = tx.latest_checkpoint(application.id, run.id).await?;
                let runs = tx.version(application.id, run.version).await?;
                let running = runs.and_then(|version| script(&version.configuration));
                let manifest = latest.map(|checkpoint| checkpoint.manifest);
                ("the state of the running job".to_owned(), running, manifest)
            }
            RestoreWish::Skip
            | RestoreWish::LatestSnapshot
            | RestoreWish::Snapshot { .. }
            | RestoreWish::Enhanced { .. } => {
                let snapshot = wished(&mut tx, application, wish).await?;
                let Some(snapshot) = snapshot else { return Ok(()) };
                (snapshot.what, None, snapshot.manifest)
            }
        };
        drop(tx);
        let question = RestoreQuestion {
            program: script(after),
            running,
            manifest,
            allow_non_restored_state: wish.allow_non_restored_state,
        };
        self.ask(from, question).await
    }

    /// Refuses the ARN of a snapshot of somebody else's.
    fn check_arn(&self, wish: &RunConfiguration) -> Result<()> {
        match &wish.restore {
            RestoreWish::Enhanced { arn, .. } => self.snapshot_of_arn(arn).map(|_| ()),
            RestoreWish::Skip | RestoreWish::LatestSnapshot | RestoreWish::Snapshot { .. } => {
                Ok(())
            }
        }
    }

    /// Refuses a rollback to a configuration that could not go on from its snapshot.
    pub(super) async fn check_rollback(
        &self,
        snapshot: &SnapshotName,
        manifest: &str,
        to: &ApplicationConfiguration,
    ) -> Result<()> {
        let question = RestoreQuestion {
            program: script(to),
            running: None,
            manifest: Some(manifest.to_owned()),
            allow_non_restored_state: false,
        };
        self.ask(format!("snapshot `{snapshot}`"), question).await
    }

    async fn ask(&self, from: String, question: RestoreQuestion) -> Result<()> {
        let checker = std::sync::Arc::clone(&self.restores);
        tokio::task::spawn_blocking(move || checker.check(&question))
            .await
            .map_err(Error::Task)?
            .map_err(|problem: RestoreProblem| Error::CannotRestore { from, problem })
    }
}

/// What a wish means, if it is READY.
struct Wished {
    /// For people.
    what: String,
    manifest: Option<String>,
}

async fn wished(
    tx: &mut Tx,
    application: &Application,
    wish: &RunConfiguration,
) -> Result<Option<Wished>> {
    let found = match &wish.restore {
        RestoreWish::Skip => None,
        RestoreWish::LatestSnapshot => tx.latest_snapshot(application.id).await?,
        RestoreWish::Snapshot { name } => tx.snapshot(application.id, name).await?,
        RestoreWish::Enhanced { name, .. } => {
            let found = tx.enhanced(name).await?;
            return Ok(found.filter(|it| it.status == EnhancedStatus::Ready).map(|it| Wished {
                what: format!("snapshot `{}`", it.name),
                manifest: it.manifest,
            }));
        }
    };
    let found = found.filter(|snapshot| snapshot.status == SnapshotStatus::Ready);
    Ok(found.map(|it| Wished { what: format!("snapshot `{}`", it.name), manifest: it.manifest }))
}

/// The program, if it is a script.
fn script(configuration: &ApplicationConfiguration) -> Option<Script> {
    match &configuration.code.as_ref()?.program {
        Program::Sql { text } => {
            Some(Script { text: text.clone(), properties: configuration.properties.clone() })
        }
        Program::Zip => None,
    }
}
