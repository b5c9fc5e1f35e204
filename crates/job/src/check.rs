//! Whether a script can be planned: the same path as a start, without starting anything.

use std::sync::Arc;

use connectors::{Environment, Registry};
use model::protocol::{PropertyGroups, S3Settings};
use sql::{Diagnostic, Session};

use crate::program::NO_SETTINGS;

/// Plans `script` with its properties filled in.
///
/// # Errors
/// The first thing that is wrong, with line and column. Nothing outside is asked, so a missing
/// topic or bucket is not found here.
pub fn check(
    script: &str,
    properties: &PropertyGroups,
    runtime: tokio::runtime::Handle,
) -> Result<(), Diagnostic> {
    let registry = Registry::new(Environment {
        s3: S3Settings::default(),
        log: Arc::new(|_| {}),
        print: None,
        runtime,
    });
    let mut session = Session::new(Arc::new(registry), NO_SETTINGS)?;
    session.execute_with_properties(script, properties)?;
    session.into_graph().map(drop)
}
