//! What is kept can be restored, what is not needed goes, and what cannot be restored is said before
//! anything stops.

use serde_json::{Value, json};

use crate::support::{Application, Feeder, Installation, eventually, sums};

/// Numbers of the checkpoints that have objects.
fn folders(weir: &Installation) -> Vec<String> {
    let objects = weir.objects();
    let mut found: Vec<String> = objects
        .iter()
        .filter_map(|key| Some(key.split_once("/checkpoints/")?.1.split_once('/')?.0.to_owned()))
        .collect();
    found.dedup();
    found
}

fn take_snapshot(application: &Application<'_>, name: &str) -> u64 {
    let answer = application.call("POST", "/snapshots", &json!({ "SnapshotName": name }));
    assert_eq!(answer.status, 202, "{answer:?}");
    let path = format!("/snapshots/{name}");
    eventually(&format!("snapshot `{name}` is READY"), || {
        let told = application.get(&path)["SnapshotDetails"].take();
        let ready = told["SnapshotStatus"] == "READY";
        told["Weir"]["CheckpointId"].as_u64().filter(|_| ready).ok_or(told)
    })
}

#[test]
fn what_nothing_needs_goes_and_what_is_kept_can_be_restored() {
    let weir = Installation::start("retention");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("retention", 2));
    let application = weir.application("retention");
    application.create_sums("retention", 10);
    application.start();
    application.await_status("RUNNING");
    let dropped = take_snapshot(&application, "dropped");
    let kept = take_snapshot(&application, "kept");
    let kept = format!("{kept}-1");
    // As if the first attempt had died between upload and record.
    let place = weir.objects()[0].split_once("/checkpoints/").unwrap().0.to_owned();
    let place = place.strip_prefix("retention/").unwrap().to_owned();
    weir.put_object(&format!("{place}/checkpoints/1-0/0.state"));
    application.await_checkpoint(10);
    crate::failover::signal(worker.jobs()[0], "KILL");
    let now = application.await_attempt(2);
    application.await_checkpoint(now["RestoredCheckpointId"].as_u64().unwrap() + 2);
    let deleted = application.call("DELETE", "/snapshots/dropped", &Value::Null);
    assert_eq!(deleted.status, 204, "{deleted:?}");

    // Cleaning comes every half minute; new checkpoints do all the time.
    let goes = |folder: String| {
        eventually(&format!("{folder} goes"), || {
            let left = folders(&weir);
            if left.contains(&folder) { Err(left) } else { Ok(()) }
        });
    };
    goes(format!("{dropped}-1"));
    goes("1-0".to_owned());
    assert!(folders(&weir).contains(&kept), "{:?}", folders(&weir));

    // From the newest checkpoint, and from the snapshot that was kept.
    crate::failover::signal(worker.jobs()[0], "KILL");
    application.await_attempt(3);
    application.must_end_with(&sums(&feeder.finish(), 10));
    let wish = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": {
        "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": "kept",
    } } });
    let started = application.call("POST", "/start", &wish);
    assert_eq!(started.status, 202, "{started:?}");
    let detail = application.await_status("RUNNING");
    assert!(detail["Weir"]["RestoredFrom"].as_str().unwrap().contains("`kept`"), "{detail:#}");
}

#[test]
fn an_update_that_could_not_be_restored_leaves_everything_running() {
    let shared = Installation::shared();
    let application = shared.0.application("misfit");
    let feeder = Feeder::start(shared.0.topic("misfit", 2));
    let mut configuration = application.sums("misfit", 10);
    application.create(&configuration);
    application.start();
    let reached = application.await_checkpoint(2);

    let mut groups = configuration["EnvironmentProperties"]["PropertyGroups"].take();
    groups[2]["PropertyMap"]["seconds"] = json!("15");
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "ApplicationConfigurationUpdate": {
            "EnvironmentPropertyUpdates": { "PropertyGroups": groups },
        },
    });
    let refused = application.call("PATCH", "", &update);
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.body["Code"], "InvalidApplicationConfigurationException");
    let operators = refused.body["Operators"].as_array().unwrap();
    assert!(!operators.is_empty(), "{refused:?}");
    for operator in operators {
        let named = format!("`{}`", operator.as_str().unwrap());
        assert!(refused.message().contains(&named), "{refused:?}");
    }
    application.await_checkpoint(reached + 2);
    let detail = application.describe();
    assert_eq!(detail["ApplicationVersionId"], 1);
    assert_eq!(detail["Weir"]["Attempt"], 1, "{detail:#}");
    assert_eq!(application.get("/snapshots")["SnapshotSummaries"], json!([]));
    application.must_end_with(&sums(&feeder.finish(), 10));

    // The same at a start: the READY application's new version does not fit its snapshot.
    assert_eq!(application.call("PATCH", "", &update).status, 200);
    let refused = application.call("POST", "/start", &json!({}));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(!refused.body["Operators"].as_array().unwrap().is_empty(), "{refused:?}");
    assert_eq!(application.describe()["ApplicationStatus"], "READY");
}
