//! An application goes back to what ran before: by itself when an update fails, and when it is told to.

use serde_json::{Value, json};

use crate::support::{Application, Feeder, Installation, eventually, sums};

/// Updates it; gives the id of the operation.
fn update(application: &Application<'_>, change: &Value) -> String {
    let version = application.describe()["ApplicationVersionId"].clone();
    let body = json!({
        "CurrentApplicationVersionId": version,
        "ApplicationConfigurationUpdate": change,
    });
    let answer = application.call("PATCH", "", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["OperationId"].as_str().unwrap().to_owned()
}

/// Waits until something is written with that label.
fn await_label(application: &Application<'_>, label: &str, more_than: usize) -> usize {
    eventually(&format!("results labelled {label}"), || {
        let results = application.results();
        let found = results.values().flatten().filter(|row| row.label == label).count();
        if found > more_than { Ok(found) } else { Err(application.weir()) }
    })
}

/// The rollback that began last, once it has succeeded.
fn await_rollback(application: &Application<'_>) -> Value {
    let found = eventually("a rollback ends", || {
        let mut all = application.get("/operations")["ApplicationOperationInfoList"].take();
        let newest = all.as_array_mut().unwrap().first_mut().unwrap().take();
        let ended = newest["Operation"] == "RollbackApplication"
            && newest["OperationStatus"] == "SUCCESSFUL";
        if ended { Ok(newest) } else { Err(newest) }
    });
    let id = found["OperationId"].as_str().unwrap();
    application.await_operation(id, "SUCCESSFUL")
}

#[test]
fn a_failed_update_and_a_command_go_back_to_what_ran_before() {
    let weir = Installation::start("rollback");
    let _worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("rollback", 2));
    let application = weir.application("rollback");
    let mut configuration = application.sums("rollback", 5);
    configuration["ApplicationSystemRollbackConfiguration"] = json!({ "RollbackEnabled": true });
    let content = &configuration["ApplicationCodeConfiguration"]["CodeContent"]["TextContent"];
    let script = content.as_str().unwrap().to_owned();
    application.create(&configuration);
    application.start();
    application.await_status("RUNNING");
    await_label(&application, "first", 0);

    // It can be planned and restored, but not started.
    let broken = script.replace("${sink:path}", "s3://there-is-no-such-bucket/x/");
    assert_ne!(broken, script);
    let failing = update(
        &application,
        &json!({ "ApplicationCodeConfigurationUpdate": {
            "CodeContentUpdate": { "TextContentUpdate": broken },
        } }),
    );
    let failed = application.await_operation(&failing, "FAILED");
    assert!(failed.to_string().contains("there-is-no-such-bucket"), "{failed:#}");
    let rolled_back = await_rollback(&application);
    let versions = &rolled_back["ApplicationVersionChangeDetails"];
    assert_eq!(versions["ApplicationVersionUpdatedFrom"], 2, "{rolled_back:#}");
    assert_eq!(versions["ApplicationVersionUpdatedTo"], 3, "{rolled_back:#}");
    let detail = application.await_status("RUNNING");
    assert_eq!(detail["ApplicationVersionId"], 3, "{detail:#}");
    let content = &detail["ApplicationConfigurationDescription"];
    assert!(content.to_string().contains("${sink:path}"), "{content:#}");
    let weir_tells = &detail["Weir"];
    assert!(weir_tells["RestoredCheckpointId"].is_u64(), "{weir_tells:#}");
    let before = application.results().len();
    await_label(&application, "first", before);

    // Version 4 runs, and is not wanted.
    let mut groups = configuration["EnvironmentProperties"]["PropertyGroups"].take();
    groups[1] = application.sink("second");
    let updated = update(
        &application,
        &json!({ "EnvironmentPropertyUpdates": { "PropertyGroups": groups } }),
    );
    application.await_operation(&updated, "SUCCESSFUL");
    await_label(&application, "second", 0);
    let command = json!({ "CurrentApplicationVersionId": 4 });
    assert_eq!(application.call("POST", "/rollback", &command).status, 202);
    await_rollback(&application);
    let detail = application.await_status("RUNNING");
    assert_eq!(detail["ApplicationVersionId"], 5, "{detail:#}");

    // From the state that version 3 ended with: what version 4 wrote, version 5 writes again. All of
    // them without it, each window once.
    let expected = sums(&feeder.finish(), 5);
    let first = || {
        let rows = application.results().into_iter().flat_map(|(key, rows)| {
            rows.into_iter()
                .filter(|row| row.label == "first")
                .map(move |row| (key.clone(), row.sum))
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        rows
    };
    eventually("all windows", || {
        let found = first().len();
        if found >= expected.len() { Ok(()) } else { Err((found, expected.len())) }
    });
    application.stop(false);
    application.await_status("READY");
    assert_eq!(first(), expected.clone().into_iter().collect::<Vec<_>>());
    for (key, rows) in application.results() {
        assert!(rows.iter().all(|row| row.sum == expected[&key]), "{key:?}: {rows:?}");
    }
}
