//! An enhanced snapshot outlives its application, travels through a bucket and comes back, whatever
//! dies on the way.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Application, Feeder, Installation, eventually, sums};

/// What becomes of an object on its way, by key; `None` = it is left out.
type Change = dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>>;

/// Creates an application that sums up a topic and takes enhanced snapshots.
fn create<'a>(weir: &'a Installation, name: &str, topic: &str) -> Application<'a> {
    let application = weir.application(name);
    let mut configuration = application.sums(topic, 10);
    configuration["ApplicationSnapshotConfiguration"] =
        json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" });
    application.create(&configuration);
    application
}

fn post(weir: &Installation, path: &str, body: &Value) -> Value {
    let answer = weir.call("POST", path, serde_json::to_vec(body).unwrap());
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

fn await_snapshot(weir: &Installation, name: &str, status: &str) -> Value {
    eventually(&format!("snapshot `{name}` is {status}"), || {
        let told = weir.get(&format!("/v1/snapshots/{name}"))["SnapshotInfoDetails"].take();
        if told["SnapshotStatus"] == status { Ok(told) } else { Err(told) }
    })
}

fn await_operation(weir: &Installation, name: &str, begun: &Value, status: &str) -> Value {
    let id = begun["SnapshotOperationId"].as_str().unwrap();
    eventually(&format!("operation {id} on `{name}` is {status}"), || {
        let path = format!("/v1/snapshots/{name}/operations/{id}");
        let told = weir.get(&path)["SnapshotOperationInfoDetails"].take();
        if told["SnapshotOperationStatus"] == status { Ok(told) } else { Err(told) }
    })
}

fn place(prefix: &str) -> Value {
    json!({ "BucketARN": "arn:aws:s3:::sensor-output", "KeyPrefix": prefix })
}

fn import(weir: &Installation, name: &str, prefix: &str) -> Value {
    let body = json!({ "ImportSourceConfiguration": {
        "SourceType": "S3",
        "ImportRoleArn": "arn:aws:iam::000000000000:role/r",
        "SourceS3PrefixLocation": place(prefix),
    } });
    post(weir, &format!("/v1/snapshots/{name}/import"), &body)
}

fn export(weir: &Installation, name: &str, prefix: &str) -> Value {
    let body = json!({ "ExportDestinationConfiguration": {
        "DestinationType": "S3",
        "ExportRoleArn": "arn:aws:iam::000000000000:role/r",
        "DestinationS3PrefixLocation": place(prefix),
    } });
    post(weir, &format!("/v1/snapshots/{name}/export"), &body)
}

/// What `weir app enhanced …` prints, which must succeed.
fn app(weir: &Installation, arguments: &[&str]) -> String {
    let mut command = Command::new(crate::weir());
    command.args(["app", "--api", &weir.url(), "enhanced"]).args(arguments);
    let told = command.output().unwrap();
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// The reason an import of this folder fails for.
fn refused_import(weir: &Installation, name: &str, prefix: &str) -> (String, String) {
    let begun = import(weir, name, prefix);
    let failed = await_operation(weir, name, &begun, "FAILED");
    await_snapshot(weir, name, "FAILED");
    let info = &failed["SnapshotOperationFailureDetails"]["ErrorInfo"];
    let text = |member: &str| info[member].as_str().unwrap().to_owned();
    (text("ErrorCode"), text("ErrorString"))
}

#[test]
fn a_snapshot_goes_out_and_comes_back_after_its_application_is_gone() {
    let weir = Installation::start("enhanced");
    let worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("enhanced", 2));
    let first = create(&weir, "first", "enhanced");
    first.start();
    first.await_status("RUNNING");
    first.await_checkpoint(2);
    // So that it shows that the other application does not begin from the start of the topic.
    eventually("a window is visible", || {
        let seen = first.results();
        if seen.is_empty() { Err(seen) } else { Ok(()) }
    });

    let begun = post(
        &weir,
        "/v1/snapshots",
        &json!({
            "ApplicationName": "first",
            "SnapshotName": "kept",
            "SnapshotDescription": "before the move",
            "Tags": [{ "Key": "team", "Value": "sensors" }],
        }),
    );
    let told = await_snapshot(&weir, "kept", "READY");
    await_operation(&weir, "kept", &begun, "SUCCESSFUL");
    assert!(told["SnapshotSizeInBytes"].as_u64().unwrap() > 0, "{told:#}");
    assert_eq!(
        told["SnapshotSourceDescription"]["SourceApplicationDescription"]["ApplicationName"],
        "first"
    );
    let told = app(&weir, &["list", "--application", "first"]);
    assert!(told.contains("kept") && told.contains("READY"), "{told}");
    let told = app(&weir, &["describe", "kept"]);
    assert!(told.contains("before the move") && told.contains(":snapshot/kept"), "{told}");
    let place = ["kept", "--bucket", "sensor-output", "--prefix", "by-hand", "--wait"];
    let told = app(&weir, &[&["export"], &place[..]].concat());
    assert!(told.starts_with("snapshot kept: ExportSnapshot done (operation "), "{told}");
    let operation = told.trim_end().trim_end_matches(')').rsplit(' ').next().unwrap();
    let folder = format!("by-hand/{operation}");
    let place = ["by-hand", "--bucket", "sensor-output", "--prefix", &folder, "--wait"];
    app(&weir, &[&["import"], &place[..]].concat());
    assert!(app(&weir, &["operations", "by-hand"]).contains("ImportSnapshot"));
    app(&weir, &["delete", "by-hand"]);
    let tags = weir.get("/v1/snapshots/kept/tags");
    assert_eq!(tags["Tags"], json!({ "team": "sensors" }));

    // What had become visible by the end of the first application.
    first.stop(false);
    first.await_status("READY");
    let before = first.results();
    let detail = first.describe();
    let at = detail["CreateTimestamp"].as_f64().unwrap();
    let deleted = first.call("DELETE", &format!("?CreateTimestamp={at}"), &Value::Null);
    assert!(deleted.status < 300, "{deleted:?}");
    eventually("its folder goes", || {
        let left: Vec<String> =
            weir.objects().into_iter().filter(|key| key.contains("/applications/first/")).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });

    // The worker dies just when it is told to export; the next one does it.
    let begun = export(&weir, "kept", "exports/of-mine");
    worker.kill();
    let worker = weir.start_worker("second");
    let exported = await_operation(&weir, "kept", &begun, "SUCCESSFUL");
    let place = &exported["SnapshotDestinationLocationDescription"]["S3PrefixLocation"];
    let prefix = place["ExportedPrefix"].as_str().unwrap().to_owned();
    let id = begun["SnapshotOperationId"].as_str().unwrap();
    assert_eq!(prefix, format!("exports/of-mine/{id}"));
    let found = await_snapshot(&weir, "kept", "READY");
    let at = found["SnapshotCreationTimestamp"].as_f64().unwrap();
    let gone = format!("/v1/snapshots/kept?SnapshotCreationTimestamp={at}");
    assert_eq!(weir.call("DELETE", &gone, Vec::new()).status, 202);
    eventually("the snapshot is gone", || {
        let answer = weir.call("GET", "/v1/snapshots/kept", Vec::new());
        if answer.status == 404 { Ok(()) } else { Err(answer.body) }
    });

    let begun = import(&weir, "back", &prefix);
    let arn = begun["SnapshotArn"].as_str().unwrap().to_owned();
    worker.kill();
    let _worker = weir.start_worker("third");
    let told = await_snapshot(&weir, "back", "READY");
    assert_eq!(told["RuntimeEnvironment"], "FLINK-1_20");

    // Another application goes on from there: the windows that were open then are whole.
    let second = create(&weir, "second", "enhanced");
    let body = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": {
        "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
        "SnapshotArn": arn,
    } } });
    assert_eq!(second.call("POST", "/start", &body).status, 202);
    second.await_status("RUNNING");
    let now = second.weir();
    assert!(now["RestoredFrom"].as_str().unwrap().contains("enhanced snapshot `back`"), "{now:#}");
    second.await_checkpoint(1);
    let expected = sums(&feeder.finish(), 10);
    eventually("all windows, in the one or the other", || {
        let after = second.results();
        let lost: Vec<_> = expected
            .keys()
            .filter(|key| !before.contains_key(*key) && !after.contains_key(*key))
            .collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?}")) }
    });
    let after = second.results();
    for (key, values) in before.iter().chain(&after) {
        assert_eq!(values.len(), 1, "{key:?}: {values:?}");
        assert_eq!(values[0].sum, expected[key], "{key:?}");
    }
    // It did not begin from the start of the topic.
    assert!(after.len() < expected.len(), "{} {}", after.len(), expected.len());
}

#[test]
fn what_is_no_export_is_refused_in_words() {
    let weir = Installation::start("enhanced-foreign");
    let _worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("enhanced-foreign", 1));
    let application = create(&weir, "foreign", "enhanced-foreign");
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    post(&weir, "/v1/snapshots", &json!({ "ApplicationName": "foreign", "SnapshotName": "mine" }));
    await_snapshot(&weir, "mine", "READY");
    let begun = export(&weir, "mine", "foreign");
    await_operation(&weir, "mine", &begun, "SUCCESSFUL");
    feeder.finish();

    let s3 = weir.services().s3();
    let bucket = "sensor-output";
    let exported = format!("foreign/{}", begun["SnapshotOperationId"].as_str().unwrap());
    let copy = |to: &str, change: &Change| {
        for object in s3.list(bucket, &format!("{exported}/")).unwrap() {
            let name = object.key.rsplit('/').next().unwrap();
            let bytes = s3.get(bucket, &object.key).unwrap().to_vec();
            if let Some(bytes) = change(name, bytes) {
                s3.put(bucket, &format!("{to}/{name}"), bytes).unwrap();
            }
        }
    };
    let check = |folder: &str, code: &str, words: &str| {
        let (found, said) = refused_import(&weir, &format!("of-{folder}"), folder);
        assert_eq!(found, code, "{said}");
        assert!(said.contains(words), "{said}");
    };
    check("nothing-there", "NotASnapshot", "no export has been completed there");
    s3.put(bucket, "savepoint-1/_metadata", b"\x4e\x96\x7b\x4e".to_vec()).unwrap();
    check("savepoint-1", "NotASnapshot", "savepoint of Apache Flink");
    copy("flipped", &|name, mut bytes| {
        if name == "0.state" {
            bytes[0] ^= 1;
        }
        Some(bytes)
    });
    check("flipped", "Damaged", "SHA-256 differs");
    copy("cut", &|name, mut bytes| {
        if name == "0.state" {
            bytes.pop();
        }
        Some(bytes)
    });
    check("cut", "Damaged", "bytes instead of");
    copy("missing", &|name, bytes| (name != "0.state").then_some(bytes));
    check("missing", "Damaged", "is missing");
    copy("unlisted", &|name, bytes| match name {
        "snapshot.json" => {
            let mut card: Value = serde_json::from_slice(&bytes).unwrap();
            card["objects"].as_array_mut().unwrap().pop();
            Some(serde_json::to_vec(&card).unwrap())
        }
        _ => Some(bytes),
    });
    check("unlisted", "Damaged", "does not list");
    copy("newer", &|name, bytes| match name {
        "snapshot.json" => {
            let mut card: Value = serde_json::from_slice(&bytes).unwrap();
            card["version"] = json!(2);
            Some(serde_json::to_vec(&card).unwrap())
        }
        _ => Some(bytes),
    });
    check("newer", "NotASnapshot", "it has version 2");
    for (folder, card) in
        [("words", &b"not json"[..]), ("list", b"[]"), ("other", b"{\"format\":\"x\"}")]
    {
        s3.put(bucket, &format!("{folder}/snapshot.json"), card.to_vec()).unwrap();
        check(folder, "NotASnapshot", "is no card of an export");
    }
    // A refused import leaves nothing behind, and its name is free again once it is deleted.
    eventually("what was copied goes", || {
        let left: Vec<String> =
            weir.objects().into_iter().filter(|key| key.contains("/snapshots/of-")).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

#[test]
fn the_snapshot_of_a_stop_is_kept_beyond_the_application() {
    let weir = Installation::start("enhanced-system");
    let _worker = weir.start_worker("worker");
    let feeder = Feeder::start(weir.topic("enhanced-system", 1));
    let application = create(&weir, "system", "enhanced-system");
    application.start();
    application.await_status("RUNNING");
    application.await_checkpoint(1);
    let stopped = application.stop(false);
    application.await_status("READY");
    let kept = eventually("a system snapshot is READY", || {
        let mut all = weir.get("/v1/snapshots?SnapshotInitiator=SYSTEM");
        let only = all["SnapshotInfoList"][0].take();
        if only["SnapshotStatus"] == "READY" { Ok(only) } else { Err(only) }
    });
    let name = kept["SnapshotName"].as_str().unwrap();
    assert!(name.starts_with("SYSTEMSNAPSHOT-system-"), "{name}");
    assert_eq!(kept["SnapshotInitiatorOperation"], "SystemCreateSnapshot");
    let operations = weir.get(&format!("/v1/snapshots/{name}/operations"));
    let id = operations["SnapshotOperationInfoList"][0]["SnapshotOperationId"].as_str().unwrap();
    let operation = weir.get(&format!("/v1/snapshots/{name}/operations/{id}"));
    let of = &operation["SnapshotOperationInfoDetails"]["ApplicationOperationDescription"];
    assert_eq!(of["ApplicationOperationId"], stopped.as_str(), "{operation:#}");
    feeder.finish();
}
