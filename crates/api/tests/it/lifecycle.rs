use model::fault::{Domain, Fault};
use model::protocol::Failure;
use serde_json::{Value, json};

use crate::world::World;

const START: &str = "/v1/applications/alerts/start";

fn restore(kind: &str, snapshot: Option<&str>) -> Value {
    let mut wish = json!({ "ApplicationRestoreType": kind });
    if let Some(name) = snapshot {
        wish["SnapshotName"] = json!(name);
    }
    json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": wish } })
}

#[tokio::test]
async fn an_application_starts_runs_and_stops_with_a_snapshot() {
    let world = World::with_alerts().await;
    let started = world.api.post("/v1/applications/alerts/start", json!({})).await.body(202);
    let detail = world.describe("alerts").await;
    assert_eq!(detail["ApplicationStatus"], "STARTING");
    assert_eq!(detail["Weir"]["JobPhase"], "WAITING_FOR_WORKER");
    assert_eq!(
        detail["ApplicationConfigurationDescription"]["RunConfigurationDescription"],
        json!({
            "ApplicationRestoreConfigurationDescription": {
                "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT",
            },
            "FlinkRunConfigurationDescription": { "AllowNonRestoredState": false },
        })
    );
    let claim = world.claim().await;
    assert_eq!(world.describe("alerts").await["Weir"]["JobPhase"], "STARTING");
    world.running(&claim).await;
    world.checkpoint(&claim, 1, None).await;
    let detail = world.describe("alerts").await;
    assert_eq!(detail["ApplicationStatus"], "RUNNING");
    let run = &detail["Weir"];
    assert_eq!((&run["JobPhase"], &run["Worker"]), (&json!("RUNNING"), &json!("the worker")));
    assert_eq!(
        (&run["Attempt"], &run["Restarts"], &run["Kpus"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert_eq!(run["LatestCheckpoint"]["CheckpointId"], 1);
    assert_eq!(run["LatestCheckpoint"]["StateBytes"], 100);
    let operation = started["OperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{operation}");
    let operation = world.api.get(&path).await.body(200);
    assert_eq!(operation["ApplicationOperationInfoDetails"]["OperationStatus"], "SUCCESSFUL");

    world.api.post("/v1/applications/alerts/stop", json!({})).await.body(202);
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "STOPPING");
    let snapshot = world.stop_with_snapshot(&claim, 2).await;
    let detail = world.describe("alerts").await;
    assert_eq!(detail["ApplicationStatus"], "READY");
    assert_eq!(detail["Weir"]["JobPhase"], "ENDED");
    let configuration = &detail["ApplicationConfigurationDescription"];
    assert_eq!(configuration.get("RunConfigurationDescription"), None);
    let kept = world.api.get("/v1/applications/alerts/snapshots").await.body(200);
    assert_eq!(kept["SnapshotSummaries"][0]["SnapshotName"], json!(snapshot));
}

#[tokio::test]
async fn an_empty_body_starts_and_stops_too() {
    let world = World::with_alerts().await;
    let post = |path: &str| world.api.request(reqwest::Method::POST, path);
    world.api.send(post(START)).await.body(202);
    let claim = world.claim().await;
    world.running(&claim).await;
    world.api.send(post("/v1/applications/alerts/stop")).await.body(202);
    world.stop_with_snapshot(&claim, 1).await;
}

#[tokio::test]
async fn the_three_restore_types_reach_the_worker() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.checkpoint(&claim, 1, None).await;
    world.api.post("/v1/applications/alerts/stop", json!({})).await.body(202);
    let snapshot = world.stop_with_snapshot(&claim, 2).await;

    for (wish, from) in [
        (restore("RESTORE_FROM_CUSTOM_SNAPSHOT", Some(&snapshot)), Some(2)),
        (restore("RESTORE_FROM_LATEST_SNAPSHOT", None), Some(2)),
        (restore("SKIP_RESTORE_FROM_SNAPSHOT", None), None),
    ] {
        world.api.post(START, wish).await.body(202);
        let claim = world.claim().await;
        assert_eq!(claim.restore.checkpoint(), from);
        let detail = world.describe("alerts").await;
        assert_eq!(detail["Weir"]["RestoredCheckpointId"].as_u64(), from);
        assert!(detail["Weir"]["RestoredFrom"].is_string());
        let stop = json!({ "Force": "true" });
        world.api.post("/v1/applications/alerts/stop", stop).await.body(202);
        assert_eq!(world.describe("alerts").await["ApplicationStatus"], "FORCE_STOPPING");
        let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    }
    let mut allowed = restore("SKIP_RESTORE_FROM_SNAPSHOT", None);
    allowed["RunConfiguration"]["FlinkRunConfiguration"] = json!({ "AllowNonRestoredState": true });
    world.api.post(START, allowed).await.body(202);
    assert!(world.claim().await.allow_non_restored_state);
}

#[tokio::test]
async fn wishes_that_cannot_be_fulfilled_are_refused() {
    let world = World::with_alerts().await;
    for (wish, expected) in [
        (restore("RESTORE_FROM_CUSTOM_SNAPSHOT", Some("nothing")), "the snapshot name `nothing`"),
        (restore("RESTORE_FROM_CUSTOM_SNAPSHOT", None), "`SnapshotName` must be given"),
        (restore("RESTORE_FROM_CUSTOM_SNAPSHOT", Some("a b")), "`SnapshotName` may only"),
        (restore("SKIP_RESTORE_FROM_SNAPSHOT", Some("a")), "`SnapshotName` goes only with"),
        (restore("RESTORE_FROM_TAPE", None), "`ApplicationRestoreType` must be"),
    ] {
        let message = world.api.post(START, wish).await.refused(422, "InvalidArgumentException");
        assert!(message.starts_with(expected), "{message}");
    }
    let maybe = json!({ "RunConfiguration": { "FlinkRunConfiguration": {
        "AllowNonRestoredState": "maybe",
    } } });
    let message = world.api.post(START, maybe).await.refused(400, "InvalidRequestException");
    assert!(message.contains("`maybe` is neither true nor false"), "{message}");
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "READY");
}

#[tokio::test]
async fn what_the_status_does_not_admit_is_refused() {
    let world = World::with_alerts().await;
    let stop = "/v1/applications/alerts/stop";
    let refused = world.api.post(stop, json!({})).await;
    let message = refused.refused(409, "ResourceInUseException");
    assert!(message.contains("READY"), "{message}");
    let refused = world.api.post(stop, json!({ "Force": true })).await;
    refused.refused(409, "ResourceInUseException");
    world.run_alerts().await;
    let message = world.api.post(START, json!({})).await.refused(409, "ResourceInUseException");
    assert!(message.contains("RUNNING"), "{message}");
}

#[tokio::test]
async fn the_cause_of_a_failure_is_told_with_its_traceback_and_the_last_lines() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.log(&claim, &["about to fail".to_owned()]).await;
    let failure = Failure {
        fault: Fault { domain: Domain::User, retry: true },
        message: "division by zero".to_owned(),
        traceback: Some("Traceback (most recent call last): ...".to_owned()),
    };
    let _ = world.control.job_failed(&claim.job, &failure).await.unwrap();
    let detail = world.describe("alerts").await;
    assert_eq!(detail["ApplicationStatus"], "RUNNING", "it is started again");
    assert_eq!(detail["Weir"]["JobPhase"], "WAITING_TO_RESTART");
    assert!(detail["Weir"]["NextAttemptAt"].as_f64().unwrap() > 1.7e9);
    let told = &detail["Weir"]["Failure"];
    assert_eq!(told["Domain"], "USER");
    assert_eq!(told["Message"], "division by zero");
    assert_eq!(told["Traceback"], "Traceback (most recent call last): ...");
    assert_eq!(told["LastLogLines"][0]["Message"], "about to fail");
}

#[tokio::test]
async fn a_start_that_fails_is_told_by_its_operation() {
    let world = World::with_alerts().await;
    let started = world.api.post(START, json!({})).await.body(202);
    let claim = world.claim().await;
    let failure = Failure {
        fault: Fault { domain: Domain::User, retry: false },
        message: "table `t` is not known".to_owned(),
        traceback: None,
    };
    let _ = world.control.job_failed(&claim.job, &failure).await.unwrap();
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "READY");
    let id = started["OperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{id}");
    let operation = world.api.get(&path).await.body(200);
    let operation = &operation["ApplicationOperationInfoDetails"];
    assert_eq!(operation["OperationStatus"], "FAILED");
    assert!(operation["EndTime"].as_f64() >= operation["StartTime"].as_f64());
    let cause = operation["OperationFailureDetails"]["ErrorInfo"]["ErrorString"].as_str().unwrap();
    assert!(cause.contains("table `t` is not known"), "{cause}");
}
