//! The loop of a subtask that is fed by channels.

use std::time::Duration;

use super::cancellation::Halt;
use super::gate::{Arrival, Gate};
use super::subtask::{Control, Subtask};

/// A subtask without a source.
pub(super) struct OperatorTask {
    pub(super) subtask: Subtask,
    pub(super) gate: Gate,
}

impl OperatorTask {
    /// Runs until the input ends, then stays for what sinks must hear of commits.
    pub(super) fn run(mut self) -> Result<(), Halt> {
        let mut stopped = false;
        loop {
            let wait = self.subtask.until_timer();
            match self.gate.next(&self.subtask.control, wait)? {
                Arrival::Batch { input, batch } => self.subtask.chain.batch(input, batch)?,
                Arrival::Watermark(watermark) => self.subtask.chain.watermark(watermark)?,
                Arrival::Idle(idle) => self.subtask.chain.idle(idle)?,
                Arrival::Barrier(barrier) => {
                    self.subtask.barrier(barrier, None)?;
                    stopped |= barrier.stop;
                }
                Arrival::End => break,
                Arrival::Nothing => self.subtask.hear()?,
            }
            self.subtask.fire_timers()?;
        }
        self.subtask.end(stopped, None)?;
        self.subtask.linger(|_, _| Ok(()))
    }
}

/// Longest wait while a timer is pending: the clock need not run like the machine's.
const LONGEST_TIMER_WAIT: Duration = Duration::from_millis(50);

impl Subtask {
    /// How long to wait at most for the next timer; `None` = there is none.
    pub(super) fn until_timer(&self) -> Option<Duration> {
        let due = self.chain.next_timer()?;
        let left = due.saturating_sub(self.shared.clock.now_ms());
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(LONGEST_TIMER_WAIT))
    }

    pub(super) fn fire_timers(&mut self) -> Result<(), Halt> {
        if self.chain.next_timer().is_none() {
            return Ok(());
        }
        self.chain.fire_timers(self.shared.clock.now_ms())
    }

    /// Takes what the owner has to say, without waiting.
    fn hear(&mut self) -> Result<(), Halt> {
        match self.control.try_recv() {
            Ok(Control::Committed { checkpoint, .. }) => self.chain.committed(checkpoint),
            // Barriers come through the channels.
            Ok(Control::Barrier(_)) => Ok(()),
            Err(crossbeam_channel::TryRecvError::Empty) => Ok(()),
            Err(crossbeam_channel::TryRecvError::Disconnected) => {
                self.control = crossbeam_channel::never();
                Ok(())
            }
        }
    }
}
