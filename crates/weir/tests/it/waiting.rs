//! Why a window has not fired yet, and what came too late: seen through the API and the client.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Application, Installation, Reading, eventually, json_line};

/// 2026-01-01T00:00:00Z
const START_MS: i64 = 1_767_225_600_000;

/// An amount that must not be found in any log.
const SECRET: i64 = 815_815_815;

fn reading(second: i64) -> String {
    let at_ms = START_MS + second * 1000;
    json_line(&Reading { sensor: "a".to_owned(), amount: SECRET, at_ms })
}

/// What the application's only window waits for, once `holds` says that it is that.
#[track_caller]
fn window(application: &Application<'_>, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || {
        let mut answer = application.get("/waiting");
        let operators = answer["Operators"].as_object_mut().unwrap();
        let found = operators.values_mut().next().map(Value::take).unwrap_or_default();
        if holds(&found) { Ok(found) } else { Err(answer) }
    })
}

fn fired(application: &Application<'_>, second: i64) -> bool {
    application.results().contains_key(&("a".to_owned(), START_MS + second * 1000))
}

#[test]
fn a_silent_partition_is_named_until_it_speaks() {
    let shared = Installation::shared();
    let weir = &shared.0;
    let application = weir.application("waits");
    weir.services().create_topic("waits", 2);
    let mut partitions = [weir.partition("waits", 0), weir.partition("waits", 1)];
    application.create_sums("waits", 10);
    application.start();
    application.await_status("RUNNING");
    partitions[0].write([3, 8, 21].map(reading));

    let waiting = window(&application, "the silent partition is named", |it| {
        it["NextFiring"].is_i64() && it["HeldBy"]["Splits"][0]["Split"] == "waits/1"
    });
    assert_eq!(waiting["NextFiring"], START_MS + 9_999);
    assert_eq!(waiting["Watermark"], Value::Null);
    assert_eq!(waiting["Tables"], json!(["readings"]));
    let held = &waiting["HeldBy"];
    assert_eq!((&held["Table"], &held["Reason"]), (&json!("readings"), &json!("SPLIT")));
    assert_eq!((&held["SplitCount"], &held["SplitsWithoutRecords"]), (&json!(2), &json!(1)));
    assert_eq!(held["Splits"][0]["LastEventTime"], Value::Null);
    assert_eq!(held["Splits"][1]["LastEventTime"], START_MS + 21_000);
    let sentence = waiting["Explanation"].as_str().unwrap();
    for part in ["held by split waits/1 of table readings", "'table.exec.source.idle-timeout'"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let told = Command::new(crate::weir())
        .args(["app", "waiting", "waits", "--api", &weir.url()])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    for part in ["readings: waits/1", "2026-01-01 00:00:09.999Z", "held by split waits/1"] {
        assert!(told.contains(part), "`{part}` is missing: {told}");
    }
    assert!(!fired(&application, 0));

    partitions[1].write([reading(15)]);
    eventually("the first window fires", || match fired(&application, 0) {
        true => Ok(()),
        false => Err(application.get("/waiting")),
    });
    let waiting = window(&application, "the next window waits", |it| {
        it["Watermark"] == START_MS + 13_000 && it["HeldBy"]["SplitsWithoutRecords"] == 0
    });
    assert_eq!(waiting["NextFiring"], START_MS + 19_999);
    assert_eq!(waiting["MissingMs"], 6_999);
    let split = &waiting["HeldBy"]["Splits"][0];
    assert_eq!((&split["Split"], &split["State"]), (&json!("waits/1"), &json!("ACTIVE")));
    assert_eq!(split["LastEventTime"], START_MS + 15_000);

    late_records_are_counted_and_told(&application, || partitions[0].write([reading(4)]));
    application.stop(false);
    application.await_status("READY");
    let stopped = application.get("/waiting");
    assert_eq!((&stopped["Running"], &stopped["Operators"]), (&json!(false), &json!({})));
}

fn late_records_are_counted_and_told(application: &Application<'_>, mut write: impl FnMut()) {
    write();
    let metrics = eventually("the late record is counted", || {
        let metrics = application.get("/metrics");
        if metrics["LateRecords"] == 1 { Ok(metrics) } else { Err(metrics) }
    });
    assert_eq!(metrics["LateRecordsByTable"], json!({ "readings": 1 }));
    let line = eventually("the late record is in the log", || {
        let log = application.get("/logs?limit=1000");
        let lines = log["LogLines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["Logger"] == "late-records").cloned();
        line.ok_or(log)
    });
    let message = line["Message"].as_str().unwrap();
    for part in [
        "1 late record at Window[TUMBLE 10 s",
        "from table `readings`",
        "one with event time 2026-01-01T00:00:04.000Z",
        "when the watermark was 2026-01-01T00:00:13.000Z, 3.002 s too late",
    ] {
        assert!(message.contains(part), "`{part}` is missing: {message}");
    }
    assert!(!message.contains(&SECRET.to_string()), "{message}");
}

#[test]
fn an_idle_timeout_lets_the_window_fire() {
    let shared = Installation::shared();
    let weir = &shared.0;
    let application = weir.application("waits-not");
    weir.services().create_topic("waits-not", 2);
    let mut speaking = weir.partition("waits-not", 0);
    let mut configuration = application.sums("waits-not", 10);
    let script = &mut configuration["ApplicationCodeConfiguration"]["CodeContent"]["TextContent"];
    *script = json!(format!(
        "SET 'table.exec.source.idle-timeout' = '1 s';\n{}",
        script.as_str().unwrap()
    ));
    application.create(&configuration);
    application.start();
    application.await_status("RUNNING");
    let mut second = 0;
    let mut speak = || {
        speaking.write([reading(second)]);
        second += 1;
    };
    eventually("the silent partition is left out", || {
        speak();
        let waiting = application.get("/waiting");
        let operators = waiting["Operators"].as_object().unwrap();
        let held = operators.values().next().map(|it| &it["HeldBy"]);
        match held.is_some_and(|it| it["IdleSplitCount"] == 1 && it["IdleTimeoutMs"] == 1000) {
            true => Ok(()),
            false => Err(waiting),
        }
    });
    eventually("the first window fires", || {
        speak();
        if fired(&application, 0) { Ok(()) } else { Err(application.get("/waiting")) }
    });
    application.stop(true);
    application.await_status("READY");
}
