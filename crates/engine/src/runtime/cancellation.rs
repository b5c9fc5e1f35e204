//! How threads that wait are told to stop.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::error::ArrowError;
use crossbeam_channel::{Receiver, Sender, bounded};

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
}

impl Cancellation {
    pub(super) fn new() -> Self {
        let (sender, receiver) = bounded(0);
        Self { cancelled: AtomicBool::new(false), sender: Mutex::new(Some(sender)), receiver }
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
