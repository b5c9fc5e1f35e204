//! What an attempt starts from.

use model::configuration::{RestoreDecision, RestoreWish};
use store::{Checkpoint, Enhanced, Snapshot};

/// What there is to choose from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    /// What the run's last attempt started from.
    pub(crate) before: Option<RestoreDecision>,
    /// The newest checkpoint of the run.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// The newest READY snapshot of the application.
    pub(crate) latest: Option<Snapshot>,
    /// The snapshot that the wish names.
    pub(crate) named: Option<Snapshot>,
    /// The enhanced snapshot that the wish names.
    pub(crate) enhanced: Option<Enhanced>,
}

/// Decides what the next attempt of a run starts from: the run's newest checkpoint; without one,
/// what its last attempt started from; at first, what the customer wished.
///
/// # Errors
/// The wish names a snapshot that cannot be restored.
pub(crate) fn choose(wish: &RestoreWish, have: Candidates) -> Result<RestoreDecision, String> {
    if let Some(checkpoint) = have.checkpoint {
        return Ok(RestoreDecision::Checkpoint {
            checkpoint: checkpoint.number,
            manifest: checkpoint.manifest,
            version: checkpoint.version,
        });
    }
    if let Some(before) = have.before {
        return Ok(before);
    }
    let empty = |reason: &str| RestoreDecision::Empty { reason: reason.to_owned() };
    match wish {
        RestoreWish::Skip => Ok(empty("the request asked to skip the restore")),
        RestoreWish::LatestSnapshot => {
            Ok(have.latest.and_then(from).unwrap_or_else(|| empty("there is no snapshot")))
        }
        RestoreWish::Snapshot { name } => have.named.and_then(from).ok_or_else(|| name.to_string()),
        RestoreWish::Enhanced { name, .. } => {
            have.enhanced.and_then(from_enhanced).ok_or_else(|| name.to_string())
        }
    }
}

/// The decision for a snapshot; `None` if it is not READY.
fn from(snapshot: Snapshot) -> Option<RestoreDecision> {
    Some(RestoreDecision::Snapshot {
        name: snapshot.name,
        checkpoint: snapshot.checkpoint?,
        manifest: snapshot.manifest?,
        version: snapshot.version,
    })
}

/// The decision for an enhanced snapshot; `None` if it is not READY.
fn from_enhanced(snapshot: Enhanced) -> Option<RestoreDecision> {
    Some(RestoreDecision::Enhanced {
        name: snapshot.name,
        checkpoint: snapshot.checkpoint?,
        manifest: snapshot.manifest?,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use model::ids::{RunId, VersionId};
    use store::SnapshotStatus;
    use uuid::Uuid;

    use super::*;

    fn snapshot(name: &str, checkpoint: Option<u64>) -> Snapshot {
        Snapshot {
            name: name.parse().unwrap(),
            ordinal: 1,
            status: SnapshotStatus::Ready,
            version: VersionId::FIRST,
            runtime: "FLINK-1_20".parse().unwrap(),
            checkpoint,
            manifest: checkpoint.map(|number| format!("{number}/manifest.json")),
            state_bytes: None,
            failure: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn checkpoint(number: u64) -> Checkpoint {
        Checkpoint {
            number,
            run: RunId(Uuid::nil()),
            attempt: 1,
            version: VersionId::FIRST,
            manifest: format!("{number}/manifest.json"),
            state_bytes: 0,
            duration_ms: 0,
            operators: std::collections::BTreeMap::new(),
            recorded_at: DateTime::UNIX_EPOCH,
            committed_at: None,
        }
    }

    #[track_caller]
    fn check(wish: &RestoreWish, have: Candidates, want: &str) {
        let found = match choose(wish, have) {
            Ok(decision) => decision.to_string(),
            Err(name) => format!("no snapshot {name}"),
        };
        assert_eq!(found, want);
    }

    #[test]
    fn the_first_attempt_follows_the_wish() {
        let named = RestoreWish::Snapshot { name: "b".parse().unwrap() };
        let both = || Candidates {
            latest: Some(snapshot("a", Some(9))),
            named: Some(snapshot("b", Some(5))),
            ..Candidates::default()
        };
        check(&RestoreWish::Skip, both(), "empty state: the request asked to skip the restore");
        check(&RestoreWish::LatestSnapshot, both(), "snapshot `a` (checkpoint 9 of version 1)");
        check(&named, both(), "snapshot `b` (checkpoint 5 of version 1)");
    }

    #[test]
    fn without_a_snapshot_latest_is_empty_and_a_name_is_refused() {
        let named = RestoreWish::Snapshot { name: "b".parse().unwrap() };
        check(
            &RestoreWish::LatestSnapshot,
            Candidates::default(),
            "empty state: there is no snapshot",
        );
        check(&named, Candidates::default(), "no snapshot b");
        let unready = Candidates { named: Some(snapshot("b", None)), ..Candidates::default() };
        check(&named, unready, "no snapshot b");
    }

    #[test]
    fn later_attempts_take_the_newest_checkpoint_else_the_first_decision() {
        let before = RestoreDecision::Empty { reason: "first".to_owned() };
        let have = Candidates {
            before: Some(before.clone()),
            checkpoint: Some(checkpoint(3)),
            latest: Some(snapshot("a", Some(9))),
            ..Candidates::default()
        };
        check(&RestoreWish::LatestSnapshot, have, "checkpoint 3 of version 1");
        let have = Candidates {
            before: Some(before),
            latest: Some(snapshot("a", Some(9))),
            ..Candidates::default()
        };
        check(&RestoreWish::LatestSnapshot, have, "empty state: first");
    }
}
