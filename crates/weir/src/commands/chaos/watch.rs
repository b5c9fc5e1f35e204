//! What looks on while things go wrong: memory, files, recoveries, and processes that end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use connectors::s3::S3;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::application::Application;
use super::memory::Memory;
use super::process::{Slot, jobs_of, resident_bytes};
use super::recovery::Recoveries;
use super::sinks::Files;
use super::world::World;
use crate::terminal::say;

/// Time between two samples of memory.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Time between two looks at all files.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Time between two looks for applications that run again.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A process that ended is left so for a moment, as a service manager does.
const RESTART_EVERY: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) memory: Mutex<Memory>,
    pub(super) files: Mutex<Files>,
    /// Processes that ended by themselves.
    pub(super) ended: Mutex<Vec<String>>,
}

/// Those who look on.
pub(super) struct Watch {
    pub(super) watched: Arc<Watched>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Watch {
    pub(super) fn start(
        world: &Arc<World>,
        applications: &Arc<Vec<Application>>,
        recoveries: &Arc<Recoveries>,
    ) -> Self {
        let watch = Self {
            watched: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (seen, it) = (Arc::clone(&watch.watched), Arc::clone(world));
        let began = Instant::now();
        watch.repeat(SAMPLE_EVERY, move || {
            sample(&it, &seen, began);
            std::future::ready(())
        });
        let (seen, s3) = (Arc::clone(&watch.watched), world.s3_client());
        watch.repeat(LOOK_EVERY, move || look(Arc::clone(&seen), s3.clone()));
        let (recoveries, applications) = (Arc::clone(recoveries), Arc::clone(applications));
        watch.repeat(ASK_EVERY, move || {
            let (recoveries, applications) = (Arc::clone(&recoveries), Arc::clone(&applications));
            async move { recoveries.look(&applications).await }
        });
        let (seen, it) = (Arc::clone(&watch.watched), Arc::clone(world));
        watch.repeat(RESTART_EVERY, move || {
            restart(&it, &seen);
            std::future::ready(())
        });
        watch
    }

    fn repeat<F: Future<Output = ()> + Send>(
        &self,
        every: Duration,
        mut what: impl FnMut() -> F + Send + 'static,
    ) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(every) => {}
                }
                what().await;
            }
        });
    }

    pub(super) async fn stop(self) -> Arc<Watched> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.watched
    }
}

fn sample(world: &World, watched: &Watched, began: Instant) {
    let at_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut memory = watched.memory.lock().unwrap_or_else(PoisonError::into_inner);
    let mut add = |kind, pid| {
        if let Some(bytes) = resident_bytes(pid) {
            memory.add(kind, pid, at_ms, bytes);
        }
    };
    for worker in world.workers.iter().filter_map(Slot::pid) {
        add("worker", worker);
        jobs_of(worker).iter().for_each(|job| add("job", job.pid));
    }
    for (kind, slot) in [("api", Some(&world.api)), ("broker", world.broker.as_ref())] {
        if let Some(pid) = slot.and_then(Slot::pid) {
            add(kind, pid);
        }
    }
}

async fn look(watched: Arc<Watched>, s3: S3) {
    let looked = tokio::task::spawn_blocking(move || {
        let mut files = watched.files.lock().unwrap_or_else(PoisonError::into_inner);
        // The server may be away just now.
        if let Err(error) = files.look(&s3) {
            tracing::debug!(%error, "files could not be looked at");
        }
    });
    if looked.await.is_err() {
        say("  looking at the files broke");
    }
}

/// Starts what ended by itself; what is being killed or paused just now is left alone.
fn restart(world: &World, watched: &Watched) {
    for slot in world.slots() {
        let Some(mut held) = slot.take() else { continue };
        let Ok(Some(how)) = held.ended() else { continue };
        say(format!("  {} ended by itself: {how}; started again", slot.name));
        let mut ended = watched.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push(format!("{}: {how}", slot.name));
        if let Err(error) = held.start() {
            say(format!("  {error}"));
        }
    }
}
