use reqwest::Method;
use serde_json::json;

use crate::world::World;

const LOG_STREAM: &str = "arn:aws:logs:us-east-1:000000000000:log-group:weir:log-stream:alerts";

#[tokio::test]
async fn a_logging_option_comes_changes_and_goes_each_with_a_version() {
    let world = World::with_alerts().await;
    let option = json!({
        "CurrentApplicationVersionId": 1,
        "CloudWatchLoggingOption": { "LogStreamARN": LOG_STREAM },
    });
    let added = world.api.post("/v1/applications/alerts/logging-options", option).await.body(201);
    let expected = json!({
        "ApplicationARN": "arn:aws:kinesisanalytics:us-east-1:000000000000:application/alerts",
        "ApplicationVersionId": 2,
        "CloudWatchLoggingOptionDescriptions":
            [{ "CloudWatchLoggingOptionId": "2.1", "LogStreamARN": LOG_STREAM }],
    });
    assert_eq!(added, expected, "no operation: nothing is restarted");
    let second = json!({ "CloudWatchLoggingOption": { "LogStreamARN": LOG_STREAM } });
    let refused = world.api.post("/v1/applications/alerts/logging-options", second).await;
    let message = refused.refused(422, "InvalidArgumentException");
    assert!(message.contains("currently supports only 1 logging option"), "{message}");
    let other = json!({
        "CurrentApplicationVersionId": 2,
        "CloudWatchLoggingOptionUpdates":
            [{ "CloudWatchLoggingOptionId": "2.1", "LogStreamARNUpdate": "arn:aws:logs:other" }],
    });
    world.api.patch("/v1/applications/alerts", other).await.body(200);
    let detail = world.describe("alerts").await;
    assert_eq!(
        detail["CloudWatchLoggingOptionDescriptions"],
        json!([{ "CloudWatchLoggingOptionId": "2.1", "LogStreamARN": "arn:aws:logs:other" }])
    );
    let unknown = world.api.delete("/v1/applications/alerts/logging-options/1.1").await;
    unknown.refused(404, "ResourceNotFoundException");
    let stale = world.api.request(Method::DELETE, "/v1/applications/alerts/logging-options/2.1");
    let stale = world.api.send(stale.header("if-match", "2")).await;
    stale.refused(412, "ConcurrentModificationException");
    let gone = world.api.delete("/v1/applications/alerts/logging-options/2.1").await.body(200);
    assert_eq!(gone["ApplicationVersionId"], 4);
    assert_eq!(gone.get("CloudWatchLoggingOptionDescriptions"), None, "AWS leaves it out");
    let first = world.api.get("/v1/applications/alerts/versions/3").await.body(200);
    let first = &first["ApplicationVersionDetail"]["CloudWatchLoggingOptionDescriptions"];
    assert_eq!(first[0]["LogStreamARN"], "arn:aws:logs:other", "older versions keep theirs");
}

#[tokio::test]
async fn a_vpc_configuration_of_a_running_application_restarts_it() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let vpc = json!({ "VpcConfiguration": {
        "SubnetIds": ["subnet-2", "subnet-1"], "SecurityGroupIds": ["sg-1"],
    } });
    let added = world.api.post("/v1/applications/alerts/vpc-configurations", vpc).await.body(201);
    assert_eq!(added["ApplicationVersionId"], 2);
    let described = &added["VpcConfigurationDescription"];
    assert_eq!(described["VpcConfigurationId"], "2.1");
    assert_eq!(described["SubnetIds"], json!(["subnet-2", "subnet-1"]));
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "UPDATING");
    world.stop_with_snapshot(&claim, 1).await;
    let claim = world.claim().await;
    world.running(&claim).await;
    let operation = added["OperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{operation}");
    let operation = world.api.get(&path).await.body(200);
    let operation = &operation["ApplicationOperationInfoDetails"];
    assert_eq!(operation["OperationStatus"], "SUCCESSFUL");
    assert_eq!(operation["Operation"], "UpdateApplication");
    world.api.post("/v1/applications/alerts/stop", json!({ "Force": true })).await.body(202);
    assert_eq!(
        world.control.job_finished(&claim.job, true).await.unwrap(),
        control::Verdict::Current
    );
    let gone = world.api.delete("/v1/applications/alerts/vpc-configurations/2.1").await.body(200);
    assert_eq!(gone["ApplicationVersionId"], 3);
    assert_eq!(gone.get("VpcConfigurationDescription"), None);
    assert_eq!(gone.get("OperationId"), None);
}

#[tokio::test]
async fn the_maintenance_window_changes_without_a_version() {
    let world = World::with_alerts().await;
    let request = |start: &str| {
        json!({ "ApplicationMaintenanceConfigurationUpdate": {
            "ApplicationMaintenanceWindowStartTimeUpdate": start,
        } })
    };
    let path = "/v1/applications/alerts/maintenance-window";
    let set = world.api.put("/v1/applications/alerts/maintenance-window", request("22:30")).await;
    assert_eq!(
        set.body(200)["ApplicationMaintenanceConfigurationDescription"],
        json!({
            "ApplicationMaintenanceWindowStartTime": "22:30",
            "ApplicationMaintenanceWindowEndTime": "06:30",
        })
    );
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 1);
    let wrong = world.api.put(path, request("24:00")).await;
    wrong.refused(422, "InvalidArgumentException");
    world.api.post("/v1/applications/alerts/start", json!({})).await.body(202);
    let busy = world.api.put(path, request("01:00")).await;
    busy.refused(409, "ResourceInUseException");
}
