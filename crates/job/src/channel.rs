//! The line to the worker: orders in, events out.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, bounded};
use model::protocol::{Event, LogLine, Order};

/// Writes events, one JSON object a line; shared by all threads of the process.
#[derive(Clone)]
pub(crate) struct Reporter {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    clock: Arc<dyn engine::clock::Clock>,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}

impl Reporter {
    /// Events go to `out`.
    pub(crate) fn new(
        out: impl Write + Send + 'static,
        clock: Arc<dyn engine::clock::Clock>,
    ) -> Self {
        Self { out: Arc::new(Mutex::new(Box::new(out))), clock }
    }

    /// Says what happened. A worker that is gone does not listen: the end of the orders tells.
    pub(crate) fn report(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("events serialise");
        line.push(b'\n');
        if let Ok(mut out) = self.out.lock() {
            let _ = out.write_all(&line).and_then(|()| out.flush());
        }
    }

    /// A line for the application's log.
    pub(crate) fn log(&self, level: &str, logger: &str, message: impl Into<String>) {
        self.report(&Event::Log(LogLine {
            at_ms: self.clock.now_ms(),
            level: level.to_owned(),
            logger: logger.to_owned(),
            message: message.into(),
        }));
    }
}

/// Reads orders on a thread of its own; the channel closes when the worker is gone.
pub(crate) fn orders(input: impl BufRead + Send + 'static) -> Receiver<Order> {
    let (sender, receiver) = bounded(16);
    std::thread::Builder::new()
        .name("orders".to_owned())
        .spawn(move || {
            for line in input.lines() {
                let Ok(line) = line else { return };
                let Ok(order) = serde_json::from_str(&line) else { return };
                if sender.send(order).is_err() {
                    return;
                }
            }
        })
        .expect("the system starts a thread");
    receiver
}
