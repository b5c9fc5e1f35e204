//! The line to the worker: orders in, events out.

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, OnceLock};

use crossbeam_channel::{Receiver, bounded};
use model::configuration::LogLevel;
use model::protocol::{Event, LogLine, Order};

/// Writes events, one JSON object a line; shared by all threads of the process.
#[derive(Clone)]
pub(crate) struct Reporter {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    clock: Arc<dyn engine::clock::Clock>,
    /// Which lines go to the application's log; everything until that is known.
    level: Arc<OnceLock<LogLevel>>,
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
        Self { out: Arc::new(Mutex::new(Box::new(out))), clock, level: Arc::default() }
    }

    /// From now on only lines of this level and those above go to the application's log.
    pub(crate) fn set_level(&self, level: LogLevel) {
        // A process has one assignment.
        let _ = self.level.set(level);
    }

    /// Says what happened. A worker that is gone does not listen: the end of the orders tells.
    pub(crate) fn report(&self, event: &Event) {
        if let (Event::Log(line), Some(level)) = (event, self.level.get())
            && !level.lets_through(&line.level)
        {
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::io;

    use engine::clock::SystemClock;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_lines_of_the_level_are_told() {
        let kept = Kept::default();
        let reporter = Reporter::new(kept.clone(), Arc::new(SystemClock));
        reporter.log("DEBUG", "a", "before");
        reporter.set_level(LogLevel::Warn);
        for level in ["DEBUG", "INFO", "WARN", "ERROR"] {
            reporter.log(level, "a", level);
        }
        reporter.report(&Event::Finished { stopped: true });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let told: Vec<Event> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let message = |event: &Event| match event {
            Event::Log(line) => line.message.clone(),
            _ => "other".to_owned(),
        };
        let told: Vec<String> = told.iter().map(message).collect();
        assert_eq!(told, ["before", "WARN", "ERROR", "other"]);
    }
}
