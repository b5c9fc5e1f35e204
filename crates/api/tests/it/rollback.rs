use model::fault::{Domain, Fault};
use model::protocol::Failure;
use serde_json::json;

use crate::world::World;

const ROLLBACK: &str = "/v1/applications/alerts/rollback";

#[tokio::test]
async fn an_application_goes_back_to_the_version_that_ran_before() {
    let world = World::with_alerts().await;
    let seen = |version: i64| json!({ "CurrentApplicationVersionId": version });
    let refused = world.api.post("/v1/applications/alerts/rollback", seen(1)).await;
    let message = refused.refused(409, "ResourceInUseException");
    assert!(message.contains("cannot be rolled back in `READY`"), "{message}");
    let first = world.run_alerts().await;
    let refused = world.api.post(ROLLBACK, seen(1)).await;
    let message = refused.refused(409, "InvalidRequestException");
    assert!(message.contains("no version of it ran before"), "{message}");

    let change = json!({ "CurrentApplicationVersionId": 1 });
    world.api.patch("/v1/applications/alerts", change).await.body(200);
    world.stop_with_snapshot(&first, 1).await;
    let second = world.claim().await;
    world.running(&second).await;
    world.api.post(ROLLBACK, json!({})).await.refused(422, "InvalidArgumentException");
    world.api.post(ROLLBACK, seen(1)).await.refused(412, "ConcurrentModificationException");
    let answer = world.api.post(ROLLBACK, seen(2)).await.body(202);
    let detail = &answer["ApplicationDetail"];
    assert_eq!(detail["ApplicationStatus"], "ROLLING_BACK");
    assert_eq!(detail["ApplicationVersionId"], 3);
    assert_eq!(detail["ApplicationVersionUpdatedFrom"], 2);
    assert_eq!(detail["ApplicationVersionRolledBackFrom"], 2);
    assert_eq!(detail["ApplicationVersionRolledBackTo"], 1);
    let _ = world.control.job_finished(&second.job, true).await.unwrap();
    let third = world.claim().await;
    world.running(&third).await;
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "RUNNING");
    let id = answer["OperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{id}");
    let operation = world.api.get(&path).await.body(200);
    let operation = &operation["ApplicationOperationInfoDetails"];
    assert_eq!(operation["Operation"], "RollbackApplication");
    assert_eq!(operation["OperationStatus"], "SUCCESSFUL");
    let versions = world.api.get("/v1/applications/alerts/versions").await.body(200);
    let told: Vec<&str> = versions["ApplicationVersionSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["ApplicationStatus"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["RUNNING", "ROLLED_BACK", "READY"]);
    let old = world.api.get("/v1/applications/alerts/versions/2").await.body(200);
    assert_eq!(old["ApplicationVersionDetail"]["ApplicationStatus"], "ROLLED_BACK");
}

#[tokio::test]
async fn the_operation_of_a_failed_update_names_the_rollback_that_followed() {
    let world = World::with_alerts().await;
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "ApplicationConfigurationUpdate": {
            "ApplicationSystemRollbackConfigurationUpdate": { "RollbackEnabledUpdate": true },
        },
    });
    world.api.patch("/v1/applications/alerts", update).await.body(200);
    let first = world.run_alerts().await;
    let update = json!({ "CurrentApplicationVersionId": 2 });
    let updated = world.api.patch("/v1/applications/alerts", update).await.body(200);
    world.stop_with_snapshot(&first, 1).await;
    let second = world.claim().await;
    let failure = Failure {
        fault: Fault { domain: Domain::User, retry: false },
        message: "table `t` is not known".to_owned(),
        traceback: None,
    };
    let _ = world.control.job_failed(&second.job, &failure).await.unwrap();
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "ROLLING_BACK");
    let id = updated["OperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{id}");
    let operation = world.api.get(&path).await.body(200);
    let operation = &operation["ApplicationOperationInfoDetails"];
    assert_eq!(operation["OperationStatus"], "FAILED");
    let details = &operation["OperationFailureDetails"];
    assert_eq!(details["ErrorInfo"]["ErrorString"], "table `t` is not known");
    let back = details["RollbackOperationId"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/operations/{back}");
    let operation = world.api.get(&path).await.body(200);
    let operation = &operation["ApplicationOperationInfoDetails"];
    assert_eq!(operation["Operation"], "RollbackApplication");
    assert_eq!(operation["OperationStatus"], "IN_PROGRESS");
}
