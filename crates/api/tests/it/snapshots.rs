use serde_json::json;

use crate::world::World;

const SNAPSHOTS: &str = "/v1/applications/alerts/snapshots";

#[tokio::test]
async fn a_snapshot_is_creating_then_ready_then_gone() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let mine = json!({ "SnapshotName": "mine" });
    let made = world.api.post("/v1/applications/alerts/snapshots", mine.clone()).await.body(202);
    assert_eq!(made["SnapshotDetails"]["SnapshotStatus"], "CREATING");
    let twice = world.api.post(SNAPSHOTS, mine).await;
    twice.refused(409, "ResourceInUseException");
    let early = world.api.delete("/v1/applications/alerts/snapshots/mine").await;
    early.refused(409, "ResourceInUseException");

    world.checkpoint(&claim, 7, Some("mine")).await;
    let found = world.api.get("/v1/applications/alerts/snapshots/mine").await.body(200);
    let found = &found["SnapshotDetails"];
    assert_eq!(found["SnapshotStatus"], "READY");
    assert_eq!(found["ApplicationVersionId"], 1);
    assert_eq!(found["RuntimeEnvironment"], "FLINK-1_20");
    assert_eq!(found["Weir"], json!({ "CheckpointId": 7, "StateBytes": 700 }));

    let mine = "/v1/applications/alerts/snapshots/mine";
    let other = format!("{mine}?SnapshotCreationTimestamp=1700000000.0");
    world.api.delete(&other).await.refused(422, "InvalidArgumentException");
    let at = found["SnapshotCreationTimestamp"].as_f64().unwrap();
    world.api.delete(&format!("{mine}?SnapshotCreationTimestamp={at}")).await.empty(204);
    let gone = world.api.get(mine).await.refused(404, "ResourceNotFoundException");
    assert_eq!(gone, "snapshot `mine` of application `alerts` does not exist");
    world.api.delete(mine).await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn snapshots_are_taken_only_of_what_runs() {
    let world = World::with_alerts().await;
    let mine = json!({ "SnapshotName": "mine" });
    let ready = world.api.post(SNAPSHOTS, mine.clone()).await;
    let message = ready.refused(409, "InvalidRequestException");
    assert!(message.contains("READY"), "{message}");
    let claim = world.run_alerts().await;
    let _ = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
    let down = world.api.post(SNAPSHOTS, mine).await;
    down.refused(422, "InvalidApplicationConfigurationException");
    for illegal in [json!({}), json!({ "SnapshotName": "a/b" })] {
        let refused = world.api.post(SNAPSHOTS, illegal).await;
        refused.refused(422, "InvalidArgumentException");
    }
    let refused = world.api.get("/v1/applications/alerts/snapshots/a%20b").await;
    refused.refused(422, "InvalidArgumentException");
}

#[tokio::test]
async fn a_snapshot_that_could_not_be_taken_says_why() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.api.post(SNAPSHOTS, json!({ "SnapshotName": "mine" })).await.body(202);
    let why = "S3 did not answer";
    let _ = world.control.checkpoint_failed(&claim.job, 1, Some("mine"), why).await.unwrap();
    let found = world.api.get("/v1/applications/alerts/snapshots/mine").await.body(200);
    assert_eq!(found["SnapshotDetails"]["SnapshotStatus"], "FAILED");
    assert_eq!(found["SnapshotDetails"]["Weir"], json!({ "Failure": why }));
}

#[tokio::test]
async fn snapshots_are_listed_in_pages() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        world.api.post(SNAPSHOTS, json!({ "SnapshotName": name })).await.body(202);
        world.checkpoint(&claim, number, Some(name)).await;
    }
    let first = world.api.get("/v1/applications/alerts/snapshots?Limit=2").await.body(200);
    let names = |page: &serde_json::Value| -> Vec<String> {
        let summaries = page["SnapshotSummaries"].as_array().unwrap().iter();
        summaries.map(|it| it["SnapshotName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    let token = first["NextToken"].as_str().unwrap();
    let rest = world.api.get(&format!("{SNAPSHOTS}?Limit=2&NextToken={token}")).await.body(200);
    assert_eq!(names(&rest), ["c"]);
    assert_eq!(rest.get("NextToken"), None);
    let garbage = world.api.get(&format!("{SNAPSHOTS}?NextToken=x")).await;
    garbage.refused(422, "InvalidArgumentException");
}
