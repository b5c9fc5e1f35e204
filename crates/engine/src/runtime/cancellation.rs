//! How threads that wait are told to stop, and (in a simulation) when to go on.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow::error::ArrowError;
use crossbeam_channel::{Receiver, Sender, bounded};

use super::turnstile::Turnstile;
use crate::Error;

/// Why a subtask's thread stops before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// Somebody else decided so.
    Cancelled,
    /// Something went wrong here.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ArrowError> for Halt {
    fn from(error: ArrowError) -> Self {
        Self::Failed(error.into())
    }
}

/// A switch that all threads of an execution watch, also while they wait on channels.
#[derive(Debug)]
pub(super) struct Cancellation {
    cancelled: AtomicBool,
    /// Never sent on; dropping it wakes whoever selects on `receiver`.
    sender: Mutex<Option<Sender<Infallible>>>,
    receiver: Receiver<Infallible>,
    /// Only in a simulation.
    turnstile: Option<Arc<dyn Turnstile>>,
}

impl Cancellation {
    pub(super) fn new(turnstile: Option<Arc<dyn Turnstile>>) -> Self {
        let (sender, receiver) = bounded(0);
        let sender = Mutex::new(Some(sender));
        Self { cancelled: AtomicBool::new(false), sender, receiver, turnstile }
    }

    /// What decides when the thread at hand goes on; `None` = nobody but its channels.
    pub(super) fn turnstile(&self) -> Option<&dyn Turnstile> {
        self.turnstile.as_deref()
    }

    /// Before looking at, or changing, what other threads can see.
    pub(super) fn pass(&self) {
        if let Some(turnstile) = &self.turnstile {
            turnstile.pass();
        }
    }

    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), Halt> {
        if self.is_cancelled() { Err(Halt::Cancelled) } else { Ok(()) }
    }

    /// Becomes ready (disconnected) when cancelled.
    pub(super) fn signal(&self) -> &Receiver<Infallible> {
        &self.receiver
    }
}
