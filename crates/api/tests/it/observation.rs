use model::protocol::{JobMetrics, OperatorMetrics};
use model::waiting::{Activity, HeldFor, Holder, Obstacle, SplitCounts, SplitState, Waiting};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn metrics_are_those_of_the_present_run() {
    let world = World::with_alerts().await;
    let never = world.api.get("/v1/applications/alerts/metrics").await;
    let message = never.refused(404, "ResourceNotFoundException");
    assert_eq!(message, "application `alerts` has not run yet");
    let claim = world.run_alerts().await;
    let silent = world.api.get("/v1/applications/alerts/metrics").await.body(200);
    assert_eq!((&silent["Running"], &silent["Operators"]), (&json!(true), &json!({})));

    let operator = OperatorMetrics {
        name: "Source: readings".to_owned(),
        records_in: 10,
        records_out: 8,
        bytes: 1000,
        late_records: 2,
        malformed_records: 1,
        late_by_table: [("readings".to_owned(), 1)].into(),
        tables: vec!["readings".to_owned()],
        watermark: Some(1_700_000_000_000),
        lag_records: 5,
        busy_permille: 250,
        backpressured_permille: 10,
        ..OperatorMetrics::default()
    };
    let metrics = JobMetrics {
        at_ms: 1_700_000_000_000,
        cpu_ms: 42,
        resident_bytes: 1 << 20,
        operators: [("1".to_owned(), operator.clone()), ("2".to_owned(), operator)].into(),
        ..JobMetrics::default()
    };
    let _ = world.control.metrics_reported(&claim.job, &metrics).await.unwrap();
    world.checkpoint(&claim, 3, None).await;
    let told = world.api.get("/v1/applications/alerts/metrics").await.body(200);
    assert_eq!((&told["Attempt"], &told["Restarts"]), (&json!(1), &json!(0)));
    assert_eq!((&told["FullRestarts"], &told["DowntimeMs"]), (&json!(0), &json!(0)));
    assert_eq!(told.get("LastRecoveryMs"), None);
    assert_eq!(
        (&told["LastCheckpointDurationMs"], &told["LastCheckpointSizeBytes"]),
        (&json!(5), &json!(300))
    );
    assert!(told["LastCheckpointAgeMs"].as_i64().unwrap() >= 0);
    assert_eq!(told["NumberOfFailedCheckpoints"], 0);
    assert_eq!(told["CheckpointOverdue"], false);
    assert_eq!((&told["CpuMs"], &told["ResidentBytes"]), (&json!(42), &json!(1 << 20)));
    assert_eq!((&told["LateRecords"], &told["MalformedRecords"]), (&json!(4), &json!(2)));
    assert_eq!(told["LateRecordsByTable"], json!({ "readings": 2 }));
    assert_eq!(told["LatestCheckpoint"]["CheckpointId"], 3);
    assert_eq!(
        told["Operators"]["1"],
        json!({
            "Name": "Source: readings", "RecordsIn": 10, "RecordsOut": 8, "Bytes": 1000,
            "LateRecords": 2, "LateRecordsByTable": { "readings": 1 }, "Tables": ["readings"],
            "MalformedRecords": 1, "Watermark": 1_700_000_000_000_i64,
            "LagRecords": 5, "BusyPermille": 250, "BackpressuredPermille": 10,
        })
    );
}

/// 2026-01-01T12:00:00Z
const NOON: i64 = 1_767_268_800_000;

/// A window of 30 seconds that a silent split holds back.
fn held_window() -> Waiting {
    let split = SplitState {
        split: "readings/2".to_owned(),
        watermark: Some(NOON + 21_000),
        last_event_time: Some(NOON + 23_000),
        last_record_at: Some(NOON + 26_000),
        found_at: NOON,
        activity: Activity::Active,
    };
    let holder = Holder {
        table: "readings".to_owned(),
        operator_id: "source:readings".to_owned(),
        subtask: 1,
        watermark: Some(NOON + 21_000),
        reason: HeldFor::Split,
        splits: vec![split],
        counts: SplitCounts { all: 3, without_records: 0, idle: 1, ended: 1 },
        idle_timeout_ms: Some(60_000),
        lag_records: 0,
    };
    let source = || "Source[readings]".to_owned();
    Waiting {
        name: "Window[TUMBLE 30 s]".to_owned(),
        processing_time: false,
        watermark: Some(NOON + 21_000),
        next_firing: Some(NOON + 29_999),
        tables: vec!["readings".to_owned()],
        sources_watermark: Some(NOON + 21_000),
        held_by: Some(holder),
        obstacles: vec![
            Obstacle::Barrier { operator: source(), checkpoint: 7, for_ms: 2000 },
            Obstacle::BackPressure { operator: source(), for_ms: 0, permille: 700 },
        ],
    }
}

#[tokio::test]
async fn what_a_window_waits_for_is_explained() {
    let world = World::with_alerts().await;
    let never = world.api.get("/v1/applications/alerts/waiting").await;
    never.refused(404, "ResourceNotFoundException");
    let claim = world.run_alerts().await;
    let silent = world.api.get("/v1/applications/alerts/waiting").await.body(200);
    assert_eq!(silent, json!({ "Attempt": 1, "Running": true, "Operators": {} }));

    let metrics = JobMetrics {
        at_ms: NOON + 40_000,
        waiting: [("alerts/window".to_owned(), held_window())].into(),
        ..JobMetrics::default()
    };
    let _ = world.control.metrics_reported(&claim.job, &metrics).await.unwrap();
    let told = world.api.get("/v1/applications/alerts/waiting").await.body(200);
    assert_eq!(told["AsOf"], (NOON + 40_000) as f64 / 1000.0);
    let mut window = told["Operators"]["alerts/window"].clone();
    let explanation = window["Explanation"].take();
    assert_eq!(
        window,
        json!({
            "Name": "Window[TUMBLE 30 s]", "Time": "EVENT_TIME", "Explanation": null,
            "Watermark": NOON + 21_000, "NextFiring": NOON + 29_999, "MissingMs": 8999,
            "Tables": ["readings"], "SourcesWatermark": NOON + 21_000,
            "HeldBy": {
                "Table": "readings", "OperatorId": "source:readings", "Subtask": 1,
                "Watermark": NOON + 21_000, "Reason": "SPLIT",
                "Splits": [{
                    "Split": "readings/2", "State": "ACTIVE", "Watermark": NOON + 21_000,
                    "LastEventTime": NOON + 23_000, "LastRecordAt": (NOON + 26_000) as f64 / 1000.0,
                }],
                "SplitCount": 3, "SplitsWithoutRecords": 0, "IdleSplitCount": 1,
                "EndedSplitCount": 1, "IdleTimeoutMs": 60_000, "LagRecords": 0,
            },
            "Obstacles": [
                { "Kind": "BARRIER", "Operator": "Source[readings]", "ForMs": 2000, "CheckpointId": 7 },
                { "Kind": "BACK_PRESSURE", "Operator": "Source[readings]", "ForMs": 0, "Permille": 700 },
            ],
        })
    );
    let explanation = explanation.as_str().unwrap();
    for part in [
        "fires next when the watermark reaches 2026-01-01T12:00:29.999Z",
        "held by split readings/2 of table readings, which has had no records for 14.0 s",
        "it is left out as idle in 46.0 s",
        "the barrier of checkpoint 7",
        "waits for room downstream 70 % of the time",
    ] {
        assert!(explanation.contains(part), "`{part}` is missing: {explanation}");
    }
}

#[tokio::test]
async fn the_graph_is_null_until_it_is_planned() {
    let world = World::with_alerts().await;
    let never = world.api.get("/v1/applications/alerts/graph").await;
    never.refused(404, "ResourceNotFoundException");
    let claim = world.run_alerts().await;
    let graph = world.api.get("/v1/applications/alerts/graph").await.body(200);
    assert_eq!(graph, json!({ "Graph": null }));
    let planned = json!({ "nodes": [{ "id": 1 }], "edges": [] });
    let _ = world.control.graph_planned(&claim.job, &planned, None).await.unwrap();
    let graph = world.api.get("/v1/applications/alerts/graph").await.body(200);
    assert_eq!(graph, json!({ "Graph": planned }));
}

#[tokio::test]
async fn checkpoints_are_listed_newest_first() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    for number in 1..=3 {
        world.checkpoint(&claim, number, None).await;
    }
    let found = world.api.get("/v1/applications/alerts/checkpoints").await.body(200);
    let checkpoints = found["Checkpoints"].as_array().unwrap();
    let ids: Vec<&Value> = checkpoints.iter().map(|it| &it["CheckpointId"]).collect();
    assert_eq!(ids, [3, 2, 1]);
    assert_eq!(checkpoints[0]["StateBytes"], 300);
    assert_eq!(checkpoints[0]["DurationMs"], 5);
    assert_eq!(checkpoints[0]["ApplicationVersionId"], 1);
    assert!(checkpoints[0]["CommittedAt"].is_number());
    assert_eq!(
        checkpoints[0]["Operators"]["window:1"],
        json!({ "Name": "Window", "StateBytes": 300, "AcknowledgedMs": 3, "UploadMs": 1 })
    );
    let first = world.api.get("/v1/applications/alerts/checkpoints?Limit=2").await.body(200);
    assert_eq!(first["Checkpoints"].as_array().unwrap().len(), 2);
    let token = first["NextToken"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/checkpoints?Limit=2&NextToken={token}");
    let rest = world.api.get(&path).await.body(200);
    assert_eq!(rest["Checkpoints"][0]["CheckpointId"], 1);
    assert_eq!(rest.get("NextToken"), None);
}

#[tokio::test]
async fn a_crash_loop_is_told_with_its_cause_and_its_next_attempt() {
    let world = World::with_alerts().await;
    let health = async || {
        let mut found = world.api.get("/v1/applications/alerts").await.body(200);
        found["ApplicationDetail"]["Weir"]["Health"].take()
    };
    let mut claim = world.run_alerts().await;
    assert_eq!(
        health().await,
        json!({ "Condition": "HEALTHY", "FailuresInRow": 0, "CheckpointOverdue": false })
    );
    for _ in 0..3 {
        let _ = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
        claim = world.claim().await;
    }
    let _ = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
    let told = health().await;
    assert_eq!((&told["Condition"], &told["FailuresInRow"]), (&json!("CRASH_LOOP"), &json!(4)));
    assert!(told["Cause"].as_str().unwrap().contains("signal 9"), "{told}");
    assert!(told["NextAttemptAt"].is_number(), "{told}");
}

#[tokio::test]
async fn workers_tell_how_much_of_them_is_used() {
    let world = World::with_alerts().await;
    let worker = async || {
        let mut found = world.api.get("/v1/workers").await.body(200);
        assert_eq!(found["Workers"].as_array().unwrap().len(), 1);
        found["Workers"][0].take()
    };
    let idle = worker().await;
    assert_eq!((&idle["Name"], &idle["CapacityKpus"]), (&json!("the worker"), &json!(8)));
    assert_eq!(idle["UsedKpus"], 0);
    assert!(idle["HeartbeatAt"].as_f64() >= idle["StartedAt"].as_f64());
    world.run_alerts().await;
    world.heartbeat().await;
    assert_eq!(worker().await["UsedKpus"], 1);
}
