//! What goes wrong once a program runs: the cause is readable, and nothing looks healthy that is not.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{
    Installation, Producer, Reading, configuration, eventually, json_line, sums, zip_file,
};

/// A minute of readings of two sensors.
fn readings() -> Vec<Reading> {
    let at = |second: i64| 1_767_225_600_000 + second * 1000;
    let reading = |i: i64| Reading { sensor: (i % 2).to_string(), amount: i, at_ms: at(i) };
    (0..60).map(reading).collect()
}

#[test]
fn a_program_that_asks_for_an_unknown_group_does_not_start() {
    let shared = Installation::shared();
    let application = shared.0.application("no-group");
    let main = "import json\n\
        def group(name):\n    \
            with open('/etc/flink/application_properties.json') as file:\n        \
                groups = {g['PropertyGroupId']: g['PropertyMap'] for g in json.load(file)}\n    \
            return groups[name]\n\
        group('consumer.config.0')\n";
    let code = zip_file(&[("main.py", main)]);
    application.create(&configuration(&code, "ZIPFILE", &[]));
    let operation = application.start();

    let failed = application.await_operation(&operation, "FAILED");
    let cause = &failed["OperationFailureDetails"]["ErrorInfo"]["ErrorString"];
    let detail = application.await_status("READY");
    let failure = &detail["Weir"]["Failure"];
    assert_eq!(failure["Domain"], "USER", "{failure:#}");
    assert!(failure["Message"].as_str().unwrap().contains("consumer.config.0"), "{failure:#}");
    for text in [cause, &failure["Traceback"]] {
        let text = text.as_str().unwrap();
        for line in ["Traceback (most recent call last)", "main.py", "line 6", "in group"] {
            assert!(text.contains(line), "`{line}` is missing: {text}");
        }
    }
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    let shared = Installation::shared();
    let application = shared.0.application("no-bucket");
    shared.0.services().create_topic("no-bucket", 1);
    let mut configuration = application.sums("no-bucket", 10);
    configuration["EnvironmentProperties"]["PropertyGroups"][1]["PropertyMap"]["path"] =
        json!("s3://nobody-made-this/sums/");
    application.create(&configuration);
    let operation = application.start();

    let failed = application.await_operation(&operation, "FAILED");
    let cause = failed["OperationFailureDetails"]["ErrorInfo"]["ErrorString"].as_str().unwrap();
    assert!(cause.contains("`nobody-made-this` does not exist"), "{cause}");
    let detail = application.await_status("READY");
    assert_eq!(detail["Weir"]["Failure"]["Message"], cause);
}

#[test]
fn malformed_records_are_counted_and_skipped_where_that_is_wanted() {
    let shared = Installation::shared();
    let application = shared.0.application("skips-malformed");
    let mut producer = shared.0.topic("skips-malformed", 2);
    let mut configuration = application.sums("skips-malformed", 10);
    configuration["EnvironmentProperties"]["PropertyGroups"][0]["PropertyMap"]["ignore"] =
        json!("true");
    application.create(&configuration);
    application.start();

    let readings = readings();
    let malformed = [r#"{"sensor_id":"#, "no JSON at all", r#"["neither"]"#];
    for reading in &readings {
        producer.write([json_line(reading)]);
    }
    producer.write(malformed.map(str::to_owned));
    producer.close_windows(&readings);
    application.await_status("RUNNING");
    eventually("malformed records are counted", || {
        let metrics = application.get("/metrics");
        let counted = metrics["MalformedRecords"] == malformed.len();
        if counted { Ok(()) } else { Err(metrics) }
    });
    eventually("one of them is in the log, without its contents", || {
        let log = application.get("/logs?limit=1000");
        let mut lines = log["LogLines"].as_array().unwrap().iter();
        let line = lines.find(|line| line["Logger"] == "readings");
        let message = line.map(|line| line["Message"].as_str().unwrap().to_owned());
        let Some(message) = message else { return Err(log) };
        for part in ["malformed record", "skipped; one of them: topic `skips-malformed`, partition"]
        {
            assert!(message.contains(part), "{message}");
        }
        for contents in malformed {
            assert!(!message.contains(contents), "{message}");
        }
        Ok(())
    });
    application.must_end_with(&sums(&readings, 10));
}

#[test]
fn a_malformed_record_stops_who_does_not_skip_it() {
    let shared = Installation::shared();
    let application = shared.0.application("fails-at-malformed");
    let mut producer = shared.0.topic("fails-at-malformed", 1);
    application.create_sums("fails-at-malformed", 10);
    producer.write([json_line(&readings()[0]), r#"{"sensor_id": oops}"#.to_owned()]);
    application.start();

    let weir = eventually("it is not healthy", || {
        let weir = application.weir();
        let fails = weir["JobPhase"] == "WAITING_TO_RESTART" && weir["Restarts"] != 0;
        if fails { Ok(weir) } else { Err(weir) }
    });
    let cause = weir["Failure"]["Message"].as_str().unwrap();
    for word in ["`fails-at-malformed`", "partition 0", "offset 1", "oops"] {
        assert!(cause.contains(word), "`{word}` is missing: {cause}");
    }
    assert!(weir["NextAttemptAt"].is_number(), "{weir:#}");

    // Even out of a crash loop, and without a snapshot.
    let operation = application.stop(true);
    application.await_operation(&operation, "SUCCESSFUL");
    application.await_status("READY");
    let snapshots = application.get("/snapshots");
    assert_eq!(snapshots["SnapshotSummaries"], json!([]));
    assert!(application.results().is_empty());
}

#[test]
fn a_running_application_is_stopped_by_force() {
    let shared = Installation::shared();
    let application = shared.0.application("forced");
    shared.0.services().create_topic("forced", 1);
    application.create_sums("forced", 10);
    application.start();
    application.await_status("RUNNING");
    let operation = application.stop(true);
    application.await_operation(&operation, "SUCCESSFUL");
    let detail = application.await_status("READY");
    assert_eq!(detail["Weir"]["JobPhase"], "ENDED", "{detail:#}");
    assert_eq!(application.get("/snapshots")["SnapshotSummaries"], json!([]));
}

#[test]
fn a_broker_that_comes_late_or_goes_for_a_while_is_waited_for() {
    let shared = Installation::shared();
    let services = shared.0.services();
    let application = shared.0.application("late-broker");
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let mut configuration = application.sums("late-broker", 10);
    configuration["EnvironmentProperties"]["PropertyGroups"][0]["PropertyMap"]["servers"] =
        json!(address.to_string());
    application.create(&configuration);
    application.start();
    eventually("the log tells what is missing", || {
        let logs = application.get("/logs");
        let lines = logs["LogLines"].as_array().unwrap().iter();
        let tells = |line: &str| line.contains(&address.to_string());
        let mut messages = lines.filter_map(|line| line["Message"].as_str());
        if messages.any(tells) { Ok(()) } else { Err(logs.clone()) }
    });

    let broker = services.start_broker(address.port());
    let readings = readings();
    let (before, after) = readings.split_at(30);
    services.block_on(broker.create_topic("late-broker", 2)).unwrap();
    let mut producer = Producer::open(&services.connectors(), &address.to_string(), "late-broker");
    producer.write(before.iter().map(json_line));
    application.await_status("RUNNING");
    let read = |count: usize| {
        eventually(&format!("{count} records are read"), || {
            let metrics = application.get("/metrics");
            let there = metrics["Operators"]["source:readings"]["RecordsOut"] == count;
            if there { Ok(()) } else { Err(metrics) }
        });
    };
    read(before.len());
    services.block_on(broker.stop());
    let broker = services.start_broker(address.port());
    producer.write(after.iter().map(json_line));
    read(readings.len());
    assert_eq!(application.weir()["Attempt"], 1);
    producer.close_windows(&readings);
    application.must_end_with(&sums(&readings, 10));
    services.block_on(broker.stop());
}
