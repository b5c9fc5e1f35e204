//! Does what is planned.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::Error;
use super::application::Application;
use super::fault::Fault;
use super::operator;
use super::process::{Held, Job, Slot, is_still, jobs_of, signal};
use super::recovery::Recoveries;
use super::schedule::Planned;
use super::world::World;

/// What became of a planned fault.
pub(super) enum Outcome {
    /// Whom it hit, or how it went.
    Done(String),
    /// Why it did not happen.
    Skipped(&'static str),
}

/// Whoever does it.
#[derive(Clone)]
pub(super) struct Injector {
    pub(super) world: Arc<World>,
    pub(super) applications: Arc<Vec<Application>>,
    /// One for each application: an operator does one thing after the other.
    pub(super) desks: Arc<Vec<tokio::sync::Mutex<()>>>,
    pub(super) recoveries: Arc<Recoveries>,
}

impl Injector {
    /// Does it, and undoes it when its time is over.
    pub(super) async fn perform(&self, planned: Planned) -> Result<Outcome, Error> {
        let lasts = Duration::from_millis(planned.lasts_ms);
        let fault = planned.fault;
        match fault {
            Fault::KillJob => Ok(self.kill_job(planned)),
            Fault::PauseJob => Ok(self.pause_job(planned, lasts).await),
            Fault::KillWorker | Fault::KillMachine | Fault::StopWorker => {
                self.end_worker(planned, lasts).await
            }
            Fault::PauseWorker | Fault::PauseMachine => Ok(self.pause_worker(planned, lasts).await),
            Fault::RestartPostgres | Fault::KillPostgres => self.postgres(fault, lasts).await,
            Fault::KillApi => self.service(&self.world.api, true, lasts).await,
            Fault::RestartBroker | Fault::KillBroker | Fault::PauseBroker => {
                match &self.world.broker {
                    Some(broker) if fault == Fault::PauseBroker => Ok(pause(broker, lasts).await),
                    Some(broker) => self.service(broker, fault == Fault::KillBroker, lasts).await,
                    None => self.their_broker(fault, lasts).await,
                }
            }
            Fault::PauseS3 => Ok(pause(&self.world.s3, lasts).await),
            Fault::RestartS3 | Fault::KillS3 => {
                self.service(&self.world.s3, fault == Fault::KillS3, lasts).await
            }
            Fault::S3Errors
            | Fault::S3Slow
            | Fault::S3CutBefore
            | Fault::S3CutAfter
            | Fault::S3Half
            | Fault::S3Full => {
                self.world.network.begin(fault);
                tokio::time::sleep(lasts).await;
                self.world.network.end(fault);
                Ok(Outcome::Done(String::new()))
            }
            Fault::Snapshot | Fault::StopAndStart | Fault::Rescale | Fault::Update => {
                self.operate(planned, lasts).await
            }
        }
    }

    fn jobs(&self) -> Vec<Job> {
        self.world.workers.iter().filter_map(Slot::pid).flat_map(jobs_of).collect()
    }

    /// Waits for the next attempt from now on, unless it runs already: an old one may be left over.
    fn note_kill(&self, job: &Job, fault: Fault) {
        let newer = |it: &Job| it.application == job.application && it.attempt > job.attempt;
        if !self.jobs().iter().any(newer) {
            self.recoveries.killed(&job.application, job.attempt, fault);
        }
    }

    fn some_job(&self, pick: u64) -> Option<Job> {
        let mut jobs = self.jobs();
        let at = index(pick, jobs.len())?;
        Some(jobs.swap_remove(at))
    }

    fn kill_job(&self, planned: Planned) -> Outcome {
        let Some(job) = self.some_job(planned.pick) else {
            return Outcome::Skipped("there is no job");
        };
        self.note_kill(&job, planned.fault);
        signal(job.pid, Signal::SIGKILL);
        Outcome::Done(format!("{}, attempt {}", job.application, job.attempt))
    }

    async fn pause_job(&self, planned: Planned, lasts: Duration) -> Outcome {
        let Some(job) = self.some_job(planned.pick) else {
            return Outcome::Skipped("there is no job");
        };
        pause_jobs(std::slice::from_ref(&job), lasts).await;
        Outcome::Done(format!("{}, attempt {}", job.application, job.attempt))
    }

    /// A worker that nobody else does anything to.
    fn some_worker(&self, pick: u64) -> Option<(Held<'_>, &Slot)> {
        let workers = &self.world.workers;
        let first = index(pick, workers.len())?;
        let order = (0..workers.len()).map(|i| &workers[(first + i) % workers.len()]);
        order.filter(|it| it.pid().is_some()).find_map(|slot| Some((slot.take()?, slot)))
    }

    async fn end_worker(&self, planned: Planned, lasts: Duration) -> Result<Outcome, Error> {
        let Some((mut held, slot)) = self.some_worker(planned.pick) else {
            return Ok(Outcome::Skipped("all workers are busy"));
        };
        let jobs = slot.pid().map(jobs_of).unwrap_or_default();
        let mut said = format!("{} with {} jobs", slot.name, jobs.len());
        if planned.fault == Fault::StopWorker {
            if let Some(how) = held.stop().await? {
                said.push_str(&format!("; it ended: {how}"));
            }
        } else {
            jobs.iter().for_each(|job| self.note_kill(job, planned.fault));
            if planned.fault == Fault::KillMachine {
                jobs.iter().for_each(|job| signal(job.pid, Signal::SIGKILL));
            }
            held.kill().await?;
        }
        tokio::time::sleep(lasts).await;
        held.start()?;
        Ok(Outcome::Done(said))
    }

    async fn pause_worker(&self, planned: Planned, lasts: Duration) -> Outcome {
        let Some((_held, slot)) = self.some_worker(planned.pick) else {
            return Outcome::Skipped("all workers are busy");
        };
        let Some(pid) = slot.pid() else { return Outcome::Skipped("it is down") };
        let jobs = if planned.fault == Fault::PauseMachine { jobs_of(pid) } else { Vec::new() };
        signal(pid, Signal::SIGSTOP);
        pause_jobs(&jobs, lasts).await;
        // Last, so that the jobs have their chance to do harm.
        signal(pid, Signal::SIGCONT);
        Outcome::Done(slot.name.clone())
    }

    async fn postgres(&self, fault: Fault, lasts: Duration) -> Result<Outcome, Error> {
        let Ok(mut postgres) = self.world.postgres.try_lock() else {
            return Ok(Outcome::Skipped("Postgres is busy"));
        };
        if fault == Fault::KillPostgres
            && let Some(pid) = postgres.pid()
        {
            signal(pid, Signal::SIGKILL);
            tokio::time::sleep(lasts).await;
        }
        postgres.restart().await?;
        Ok(Outcome::Done(String::new()))
    }

    async fn service(&self, slot: &Slot, kill: bool, lasts: Duration) -> Result<Outcome, Error> {
        let Some(mut held) = slot.take() else { return Ok(Outcome::Skipped("it is busy")) };
        let mut said = String::new();
        if kill {
            held.kill().await?;
        } else if let Some(how) = held.stop().await? {
            said = format!("it ended: {how}");
        }
        tokio::time::sleep(lasts).await;
        held.start()?;
        self.world.answers(slot).await?;
        Ok(Outcome::Done(said))
    }

    /// Does it to a Kafka that somebody else starts again.
    async fn their_broker(&self, fault: Fault, lasts: Duration) -> Result<Outcome, Error> {
        let Ok(_held) = self.world.their_broker.try_lock() else {
            return Ok(Outcome::Skipped("it is busy"));
        };
        let Some(pid) = self.world.their_kafka() else {
            return Ok(Outcome::Skipped("the broker is down or not known"));
        };
        match fault {
            Fault::PauseBroker => {
                signal(pid, Signal::SIGSTOP);
                tokio::time::sleep(lasts).await;
                signal(pid, Signal::SIGCONT);
            }
            Fault::KillBroker => signal(pid, Signal::SIGKILL),
            _ => signal(pid, Signal::SIGTERM),
        }
        while fault != Fault::PauseBroker && self.world.their_kafka() == Some(pid) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.world.kafka_answers().await?;
        Ok(Outcome::Done(String::new()))
    }

    async fn operate(&self, planned: Planned, lasts: Duration) -> Result<Outcome, Error> {
        let Some(at) = index(planned.pick, self.applications.len()) else {
            return Ok(Outcome::Skipped("there is no application"));
        };
        let Ok(_desk) = self.desks[at].try_lock() else {
            return Ok(Outcome::Skipped("an operator is at it"));
        };
        let application = &self.applications[at];
        let done = operator::act(application, planned.fault, lasts, planned.pick).await?;
        Ok(Outcome::Done(format!("{}: {done}", application.name)))
    }
}

fn index(pick: u64, length: usize) -> Option<usize> {
    usize::try_from(pick.checked_rem(length as u64)?).ok()
}

async fn pause_jobs(jobs: &[Job], lasts: Duration) {
    jobs.iter().for_each(|job| signal(job.pid, Signal::SIGSTOP));
    tokio::time::sleep(lasts).await;
    jobs.iter().filter(|job| is_still(job)).for_each(|job| signal(job.pid, Signal::SIGCONT));
}

async fn pause(slot: &Slot, lasts: Duration) -> Outcome {
    let Some(_held) = slot.take() else { return Outcome::Skipped("it is busy") };
    let Some(pid) = slot.pid() else { return Outcome::Skipped("it is down") };
    signal(pid, Signal::SIGSTOP);
    tokio::time::sleep(lasts).await;
    signal(pid, Signal::SIGCONT);
    Outcome::Done(String::new())
}
