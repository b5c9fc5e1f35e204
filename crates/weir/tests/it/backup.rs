//! The backup that `deploy/OPERATIONS.md` describes can be restored, elsewhere, while the original
//! goes on.

use std::process::{Child, Command, Stdio};

use crate::support::{Feeder, Installation, eventually, sums};

/// A session that suspends cleaning, as the operator's does.
struct Suspended(Child);

impl Suspended {
    fn begin(weir: &Installation) -> Self {
        let script = "SELECT pg_advisory_lock(7311); SELECT 'held' FROM pg_sleep(600)";
        let psql = weir.services().postgres_program("psql");
        let holder = Command::new(psql)
            .args([weir.database(), "-q", "-c", script])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        eventually("cleaning is suspended", || {
            let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7311";
            let count = weir.query(held);
            if count.trim() == "1" { Ok(()) } else { Err(count) }
        });
        Self(holder)
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn a_backup_of_postgres_then_bucket_goes_on_elsewhere() {
    let weir = Installation::start("backup");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("backup", 2));
    let application = weir.application("backup");
    application.create_sums("backup", 10);
    application.start();
    application.await_status("RUNNING");
    let reached = application.await_checkpoint(3);

    let suspended = Suspended::begin(&weir);
    let dump = weir.folder().join("weir.dump");
    weir.services().postgres_run(
        "pg_dump",
        &["--format=custom", &format!("--file={}", dump.display()), weir.database()],
    );
    // Longer than anything the dump names would stay if it were cleaned up.
    let copied_after = application.await_checkpoint(reached + 8);
    let copied = weir.copy_objects_to("restored");
    assert!(copied > 0);
    drop(suspended);
    assert!(copied_after > reached + 4);

    // The original ends before the copy begins: they would write to the same place.
    worker.kill();
    weir.kill_api();
    let restored = Installation::restored("restored", &dump);
    let _worker = restored.start_worker("worker");
    let application = restored.application("backup");
    let now = application.await_attempt(2);
    let from = now["RestoredCheckpointId"].as_u64().unwrap();
    assert!(from >= reached && from <= copied_after, "{from}: {now:#}");
    application.await_checkpoint(from + 2);
    // All windows are there again, each with the right sum; those that the original had made visible
    // since are there twice, as the manual says.
    let expected = sums(&feeder.finish(), 10);
    eventually("all windows", || {
        let found = application.results();
        let missing: Vec<_> = expected.keys().filter(|key| !found.contains_key(*key)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    });
    for (key, values) in application.results() {
        assert!(values.len() <= 2, "{key:?}: {values:?}");
        assert!(values.iter().all(|value| value.sum == expected[&key]), "{key:?}: {values:?}");
    }
}
