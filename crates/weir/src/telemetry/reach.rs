//! Says once that a collector does not take something, and once that it does again.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(super) struct Reach {
    what: &'static str,
    fails: AtomicBool,
}

impl Reach {
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, fails: AtomicBool::new(false) }
    }

    pub(super) fn heard<T>(&self, result: Result<T, impl Display>) {
        let what = self.what;
        match result {
            Ok(_) => {
                if self.fails.swap(false, Ordering::Relaxed) {
                    tracing::info!("the OpenTelemetry collector takes {what} again");
                }
            }
            Err(error) => {
                if !self.fails.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        %error,
                        "the OpenTelemetry collector does not take {what}; they are lost until it does"
                    );
                }
            }
        }
    }
}
