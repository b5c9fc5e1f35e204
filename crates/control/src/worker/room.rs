//! Room: quotas, and what is told of a run that waits for room.

use model::configuration::ParallelismConfiguration;
use model::invalid::Invalid;
use store::{Application, Run, Tx};

use crate::{
    Control,
    error::{Error, Result},
    rules::shortage,
    worker::ending::note,
};

impl Control {
    /// Refuses a configuration that takes more KPUs than an application may.
    pub(crate) fn check_kpus(&self, configuration: &ParallelismConfiguration) -> Result<()> {
        let (takes, most) = (configuration.kpus(), self.settings.room.kpus_per_application);
        if takes <= most {
            return Ok(());
        }
        let problem = format!(
            "takes {takes} KPUs with this ParallelismPerKPU, an application may have {most}"
        );
        Err(Invalid::new("Parallelism", problem).into())
    }

    /// Refuses a run of `kpus` that takes more than an application, or all together, may; the
    /// application gives `returned` back.
    pub(crate) async fn check_quota(&self, tx: &mut Tx, kpus: u32, returned: u32) -> Result<()> {
        let most = self.settings.room.kpus_per_application;
        if kpus > most {
            return Err(Error::KpuQuota { kpus, most, whose: "an application" });
        }
        let Some(most) = self.settings.room.kpus else { return Ok(()) };
        let others = tx.lock_reserved_kpus().await?.saturating_sub(u64::from(returned));
        if kpus > returned && others + u64::from(kpus) > u64::from(most) {
            return Err(Error::KpuQuota { kpus, most, whose: "all applications together" });
        }
        Ok(())
    }

    /// Most KPUs an application may take that has `present` ones.
    pub(super) async fn most_kpus(&self, tx: &mut Tx, present: u32) -> Result<u32> {
        let own = self.settings.room.kpus_per_application;
        let Some(all) = self.settings.room.kpus else { return Ok(own) };
        let others = tx.lock_reserved_kpus().await?.saturating_sub(u64::from(present));
        let rest = u64::from(all).saturating_sub(others);
        Ok(own.min(u32::try_from(rest).unwrap_or(u32::MAX)).max(present))
    }

    /// Why no worker can take a run now; `None` if one can or one has it.
    pub(crate) async fn shortage(&self, tx: &mut Tx, run: &Run) -> Result<Option<String>> {
        let waits = run.ended_at.is_none() && !run.is_held() && run.next_attempt_at <= run.now;
        if !waits {
            return Ok(None);
        }
        Ok(shortage(run.kpus, &tx.rooms(self.settings.timing.lease).await?))
    }

    /// Tells once that a run waits for room.
    pub(super) async fn note_shortage(
        &self,
        tx: &mut Tx,
        application: &Application,
        run: &Run,
    ) -> Result<()> {
        if run.shortage_noted {
            return Ok(());
        }
        let Some(why) = self.shortage(tx, run).await? else { return Ok(()) };
        tx.set_shortage_noted(run.id).await?;
        let message = format!("the application waits for room: it {why}");
        note(tx, application, run, "WaitingForRoom", &message).await
    }

    /// Counts what running applications take, once a minute.
    pub(super) async fn meter(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        if tx.meter_all(self.settings.room.meter_every).await? > 0 {
            tx.commit().await?;
        }
        Ok(())
    }
}
