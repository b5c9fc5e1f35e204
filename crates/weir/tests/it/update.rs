//! A running application is given other properties, or deleted.

use serde_json::json;

use crate::support::{Feeder, Installation, eventually, sums};

#[test]
fn a_changed_property_loses_and_doubles_nothing() {
    let shared = Installation::shared();
    let application = shared.0.application("changed");
    let feeder = Feeder::start(shared.0.topic("changed", 2));
    let mut configuration = application.sums("changed", 10);
    application.create(&configuration);
    application.start();
    application.await_status("RUNNING");
    let labelled = |label: &str| {
        eventually(&format!("results labelled {label}"), || {
            let results = application.results();
            let there = results.values().flatten().any(|row| row.label == label);
            if there { Ok(()) } else { Err(application.weir()) }
        });
    };
    labelled("first");

    let mut groups = configuration["EnvironmentProperties"]["PropertyGroups"].take();
    groups[1] = application.sink("second");
    let answer = application.call(
        "PATCH",
        "",
        &json!({
            "CurrentApplicationVersionId": 1,
            "ApplicationConfigurationUpdate": {
                "EnvironmentPropertyUpdates": { "PropertyGroups": groups },
            },
        }),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let operation = answer.body["OperationId"].as_str().unwrap();
    let ended = application.await_operation(operation, "SUCCESSFUL");
    let versions = &ended["ApplicationVersionChangeDetails"];
    assert_eq!(versions["ApplicationVersionUpdatedTo"], 2, "{ended:#}");

    let detail = application.await_status("RUNNING");
    assert_eq!(detail["ApplicationVersionId"], 2);
    let snapshots = application.get("/snapshots");
    let snapshot = &snapshots["SnapshotSummaries"][0];
    assert_eq!(snapshot["SnapshotStatus"], "READY", "{snapshots:#}");
    let weir = &detail["Weir"];
    assert_eq!(weir["RestoredCheckpointId"], snapshot["Weir"]["CheckpointId"], "{weir:#}");
    assert_eq!(weir["ApplicationVersionId"], 2, "{weir:#}");

    labelled("second");
    application.must_end_with(&sums(&feeder.finish(), 10));
    let results = application.results();
    let starts = |label: &str| {
        let rows = results.iter().filter(|(_, rows)| rows[0].label == label);
        rows.map(|((_, start_ms), _)| *start_ms).collect::<Vec<_>>()
    };
    assert!(starts("first").into_iter().max() < starts("second").into_iter().min());
}

#[test]
fn a_deleted_application_leaves_nothing_behind() {
    let weir = Installation::start("deleted");
    let worker = weir.start_worker("worker");
    let application = weir.application("deleted");
    weir.services().create_topic("deleted", 1);
    application.create_sums("deleted", 10);
    application.start();
    application.await_checkpoint(2);
    assert!(!weir.objects().is_empty());

    assert_eq!(application.call("DELETE", "", &json!(null)).status, 202);
    eventually("it is gone", || {
        let answer = application.call("GET", "", &json!(null));
        if answer.status == 404 { Ok(()) } else { Err(answer) }
    });
    eventually("its job and its objects are gone", || {
        let left = (worker.jobs(), weir.objects());
        if left.0.is_empty() && left.1.is_empty() { Ok(()) } else { Err(left) }
    });

    // The name is free, and what takes it begins anew.
    application.create_sums("deleted", 10);
    application.start();
    let detail = application.await_status("RUNNING");
    assert_eq!(detail["ApplicationVersionId"], 1);
    assert!(detail["Weir"]["RestoredCheckpointId"].is_null(), "{detail:#}");
    application.await_checkpoint(1);
}
