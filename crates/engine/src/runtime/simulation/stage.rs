//! Whose turn it is: subtasks' threads go one at a time, as the driver says.

use std::cell::RefCell;
use std::fmt::{Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::clock::{Clock, ManualClock};
use crate::runtime::event::SubtaskId;
use crate::runtime::turnstile::{Ready, Turnstile};

/// Longest a thread may work between two turns, in real time.
const DEADLINE: Duration = Duration::from_secs(60);

thread_local! {
    /// Where this thread waits for its turn.
    static TURN: RefCell<Option<Receiver<()>>> = const { RefCell::new(None) };
}

/// Time that passes only when everybody waits for it.
#[derive(Debug)]
pub(super) struct VirtualClock(ManualClock);

impl VirtualClock {
    pub(super) fn at(now_ms: i64) -> Self {
        Self(ManualClock::at(now_ms))
    }

    pub(super) fn set(&self, now_ms: i64) {
        self.0.set(now_ms);
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now_ms()).unwrap_or(0))
    }
}

/// What a thread tells the driver; only the one whose turn it is has anything to tell.
enum Told {
    Entered(SubtaskId, Sender<()>),
    Waits { ready: Option<Ready>, until: Option<i64> },
    Left,
}

/// The threads' side.
pub(super) struct Doors {
    told: Sender<Told>,
    clock: Arc<VirtualClock>,
    released: AtomicBool,
}

impl Debug for Doors {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("released", &self.released).finish_non_exhaustive()
    }
}

impl Doors {
    /// Lets virtual time pass for this thread.
    pub(super) fn nap(&self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        self.wait(Box::new(|| false), Some(Duration::from_millis(ms)));
    }

    fn tell(&self, told: Told) {
        if self.released.load(Ordering::SeqCst) {
            return;
        }
        // A driver that is gone lets everybody go.
        let _ = self.told.send(told);
        TURN.with_borrow(|turn| {
            let _ = turn.as_ref().map(Receiver::recv);
        });
    }
}

impl Turnstile for Doors {
    fn enter(&self, subtask: &SubtaskId) {
        let (go, turn) = bounded(1);
        TURN.set(Some(turn));
        self.tell(Told::Entered(subtask.clone(), go));
    }

    fn pass(&self) {
        self.tell(Told::Waits { ready: None, until: None });
    }

    fn wait(&self, ready: Ready, wait: Option<Duration>) {
        let after = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let until = wait.map(|wait| self.clock.now_ms().saturating_add(after(wait)));
        self.tell(Told::Waits { ready: Some(ready), until });
    }

    fn leave(&self) {
        TURN.take();
        let _ = self.told.send(Told::Left);
    }
}

/// One thread, as the driver sees it.
struct Place {
    id: SubtaskId,
    go: Sender<()>,
    ready: Option<Ready>,
    until: Option<i64>,
    left: bool,
}

/// The driver's side.
pub(super) struct Stage {
    told: Receiver<Told>,
    doors: Arc<Doors>,
    clock: Arc<VirtualClock>,
    places: Vec<Place>,
}

impl Stage {
    pub(super) fn new(clock: &Arc<VirtualClock>) -> Self {
        let (tell, told) = unbounded();
        let released = AtomicBool::new(false);
        let doors = Arc::new(Doors { told: tell, clock: Arc::clone(clock), released });
        Self { told, doors, clock: Arc::clone(clock), places: Vec::new() }
    }

    pub(super) fn doors(&self) -> &Arc<Doors> {
        &self.doors
    }

    /// Waits until so many threads stand at the door.
    pub(super) fn assemble(&mut self, threads: usize) {
        for _ in 0..threads {
            match self.told.recv_timeout(DEADLINE).expect("every subtask begins its loop") {
                Told::Entered(id, go) => {
                    self.places.push(Place { id, go, ready: None, until: None, left: false });
                }
                Told::Waits { .. } | Told::Left => panic!("a subtask went without a turn"),
            }
        }
        self.places.sort_by(|a, b| a.id.cmp(&b.id));
    }

    /// Who could go on now.
    pub(super) fn able(&self) -> Vec<usize> {
        let now = self.clock.now_ms();
        let able = |place: &Place| {
            let due = place.until.is_some_and(|until| until <= now);
            !place.left && (due || place.ready.as_ref().is_none_or(|ready| ready()))
        };
        (0..self.places.len()).filter(|place| able(&self.places[*place])).collect()
    }

    /// When the next one could go on for time alone.
    pub(super) fn next_time(&self) -> Option<i64> {
        self.places.iter().filter(|place| !place.left).filter_map(|place| place.until).min()
    }

    pub(super) fn name(&self, place: usize) -> &SubtaskId {
        &self.places[place].id
    }

    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// Lets one thread go on until it wants to pass again.
    pub(super) fn step(&mut self, place: usize) {
        let at = &mut self.places[place];
        at.ready = None;
        at.until = None;
        let _ = at.go.send(());
        let told = self.told.recv_timeout(DEADLINE);
        match told.unwrap_or_else(|_| panic!("`{}` does not come back", at.id)) {
            Told::Waits { ready, until } => (at.ready, at.until) = (ready, until),
            Told::Left => at.left = true,
            Told::Entered(id, _) => panic!("`{id}` came too late"),
        }
    }

    /// Nobody waits for a turn any more. The execution should be cancelled before.
    pub(super) fn release(&mut self) {
        self.doors.released.store(true, Ordering::SeqCst);
        self.places.clear();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.release();
    }
}
