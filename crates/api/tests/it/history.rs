use serde_json::{Value, json};

use crate::world::World;

/// Changes `alerts` twice: versions 2 and 3.
async fn changed(world: &World) {
    for most in ["1", "2"] {
        let group = json!({ "PropertyMap": { "most": most } });
        let path = "/v1/applications/alerts/property-groups/limits";
        world.api.put(path, group).await.body(200);
    }
}

fn all(page: &Value, list: &str, member: &str) -> Vec<Value> {
    page[list].as_array().unwrap().iter().map(|it| it[member].clone()).collect()
}

#[tokio::test]
async fn versions_are_kept_with_their_configuration() {
    let world = World::with_alerts().await;
    changed(&world).await;
    let page = world.api.get("/v1/applications/alerts/versions?Limit=2").await.body(200);
    let list = "ApplicationVersionSummaries";
    assert_eq!(all(&page, list, "ApplicationVersionId"), [3, 2]);
    assert_eq!(all(&page, list, "ApplicationVersionUpdatedFrom"), [2, 1]);
    let token = page["NextToken"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/versions?Limit=2&NextToken={token}");
    let page = world.api.get(&path).await.body(200);
    assert_eq!(all(&page, list, "ApplicationVersionId"), [1]);
    assert_eq!(page.get("NextToken"), None);

    let second = world.api.get("/v1/applications/alerts/versions/2").await.body(200);
    let second = &second["ApplicationVersionDetail"];
    assert_eq!(second["ApplicationVersionId"], 2);
    let groups = &second["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"]
        ["PropertyGroupDescriptions"];
    assert_eq!(groups[0]["PropertyMap"]["most"], "1");
    let none = world.api.get("/v1/applications/alerts/versions/9").await;
    let message = none.refused(404, "ResourceNotFoundException");
    assert_eq!(message, "version 9 of application `alerts` does not exist");
    let zero = world.api.get("/v1/applications/alerts/versions/0").await;
    zero.refused(422, "InvalidArgumentException");
    let word = world.api.get("/v1/applications/alerts/versions/first").await;
    word.refused(400, "InvalidRequestException");
}

#[tokio::test]
async fn operations_are_journaled_and_filtered() {
    let world = World::with_alerts().await;
    changed(&world).await;
    world.api.post("/v1/applications/alerts/start", json!({})).await.body(202);
    world.api.post("/v1/applications/alerts/stop", json!({ "Force": true })).await.body(202);
    let list = "ApplicationOperationInfoList";
    let path = "/v1/applications/alerts/operations";
    let page = world.api.get("/v1/applications/alerts/operations").await.body(200);
    assert_eq!(
        all(&page, list, "Operation"),
        ["StopApplication", "StartApplication", "UpdateApplication", "UpdateApplication"]
    );
    assert_eq!(page[list][1]["OperationStatus"], "CANCELLED");
    let updates = world.api.get(&format!("{path}?Operation=UpdateApplication&Limit=1")).await;
    let updates = updates.body(200);
    assert_eq!(all(&updates, list, "Operation"), ["UpdateApplication"]);
    let token = updates["NextToken"].as_str().unwrap();
    let more = format!("{path}?Operation=UpdateApplication&NextToken={token}");
    assert_eq!(all(&world.api.get(&more).await.body(200), list, "Operation").len(), 1);
    let cancelled = world.api.get(&format!("{path}?OperationStatus=CANCELLED")).await.body(200);
    assert_eq!(all(&cancelled, list, "Operation"), ["StartApplication"]);
    let wrong = world.api.get(&format!("{path}?OperationStatus=DONE")).await;
    wrong.refused(422, "InvalidArgumentException");

    let id = page[list][0]["OperationId"].as_str().unwrap();
    let found = world.api.get(&format!("/v1/applications/alerts/operations/{id}")).await.body(200);
    assert_eq!(found["ApplicationOperationInfoDetails"], page[list][0]);
    let none = world.api.get(&format!("{path}/AAAAAAAAAAAA")).await;
    none.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn events_tell_the_story_newest_first() {
    let world = World::with_alerts().await;
    world.run_alerts().await;
    let page = world.api.get("/v1/applications/alerts/events").await.body(200);
    assert_eq!(
        all(&page, "Events", "Kind"),
        ["JobRunning", "AttemptStarted", "StartRequested", "ApplicationCreated"]
    );
    assert_eq!(all(&page, "Events", "Attempt")[..2], [1, 1]);
    assert_eq!(page["Events"][0]["Message"], "the job runs, from empty state");
    let first = world.api.get("/v1/applications/alerts/events?Limit=3").await.body(200);
    let token = first["NextToken"].as_str().unwrap();
    let path = format!("/v1/applications/alerts/events?NextToken={token}");
    let rest = world.api.get(&path).await.body(200);
    assert_eq!(all(&rest, "Events", "Kind"), ["ApplicationCreated"]);
}
