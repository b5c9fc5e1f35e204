//! What happened, in order: a fingerprint always, the words when they will be read.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Lines kept for a failure.
const LAST: usize = 40;

#[derive(Debug)]
pub(super) struct Trace {
    hasher: DefaultHasher,
    last: VecDeque<String>,
    /// Print each line.
    aloud: bool,
    pub(super) lines: u64,
}

impl Trace {
    pub(super) fn new(aloud: bool) -> Self {
        Self { hasher: DefaultHasher::new(), last: VecDeque::new(), aloud, lines: 0 }
    }

    pub(super) fn add(&mut self, now_ms: i64, line: &str) {
        let line = format!("{now_ms} {line}");
        line.hash(&mut self.hasher);
        self.lines += 1;
        if self.aloud {
            println!("{line}");
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Equal for equal traces.
    pub(super) fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// The end of it.
    pub(super) fn last(&self) -> String {
        self.last.iter().map(|line| format!("  {line}\n")).collect()
    }
}
