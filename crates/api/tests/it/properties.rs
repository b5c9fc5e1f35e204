use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn property_groups_are_read_put_and_deleted_one_by_one() {
    let world = World::with_alerts().await;
    let list = world.api.get("/v1/applications/alerts/property-groups").await.body(200);
    assert_eq!(
        list["PropertyGroups"],
        json!([{ "PropertyGroupId": "topics", "PropertyMap": { "in": "readings" } }])
    );
    assert_eq!(list["ApplicationVersionId"], 1);
    let token = &world.describe("alerts").await["ConditionalToken"];
    assert_eq!(list["ConditionalToken"], *token);

    let limits = json!({ "PropertyMap": { "most": "3" }, "CurrentApplicationVersionId": 1 });
    let put = world.api.put("/v1/applications/alerts/property-groups/limits", limits).await;
    assert_eq!(put.body(200)["ApplicationDetail"]["ApplicationVersionId"], 2);
    let topics = json!({ "PropertyMap": { "out": "alerts" } });
    world.api.put("/v1/applications/alerts/property-groups/topics", topics).await.body(200);
    let found = world.api.get("/v1/applications/alerts/property-groups/topics").await.body(200);
    assert_eq!(
        found,
        json!({ "PropertyGroupId": "topics", "PropertyMap": { "out": "alerts" } }),
        "all entries are replaced"
    );

    let deleted = world.api.delete("/v1/applications/alerts/property-groups/limits").await;
    assert_eq!(deleted.body(200)["ApplicationDetail"]["ApplicationVersionId"], 4);
    let list = world.api.get("/v1/applications/alerts/property-groups").await.body(200);
    assert_eq!(list["PropertyGroups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_unknown_group_is_told_together_with_those_there_are() {
    let world = World::with_alerts().await;
    let expected = "application `alerts` has no property group `topic`; it has `topics`";
    let get = world.api.get("/v1/applications/alerts/property-groups/topic").await;
    assert_eq!(get.refused(404, "ResourceNotFoundException"), expected);
    let delete = world.api.delete("/v1/applications/alerts/property-groups/topic").await;
    assert_eq!(delete.refused(404, "ResourceNotFoundException"), expected);
    world.api.delete("/v1/applications/alerts/property-groups/topics").await.body(200);
    let none = world.api.get("/v1/applications/alerts/property-groups/topics").await;
    let message = none.refused(404, "ResourceNotFoundException");
    assert!(message.ends_with("; it has none"), "{message}");
}

#[tokio::test]
async fn illegal_groups_are_refused() {
    let world = World::with_alerts().await;
    let entry = json!({ "PropertyMap": { "k": "v" } });
    let long = format!("/v1/applications/alerts/property-groups/{}", "g".repeat(51));
    for path in ["/v1/applications/alerts/property-groups/a%20b", &long] {
        let refused = world.api.put(path, entry.clone()).await;
        refused.refused(422, "InvalidArgumentException");
        world.api.get(path).await.refused(422, "InvalidArgumentException");
        world.api.delete(path).await.refused(422, "InvalidArgumentException");
    }
    let group = "/v1/applications/alerts/property-groups/topics";
    let empty = world.api.put(group, json!({ "PropertyMap": {} })).await;
    empty.refused(422, "InvalidArgumentException");
    let number = world.api.put(group, json!({ "PropertyMap": { "k": 1 } })).await;
    let message = number.refused(400, "InvalidRequestException");
    assert!(message.contains("expected a string at line 1"), "{message}");
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 1);
}

#[tokio::test]
async fn a_running_application_is_restarted_with_the_changed_group() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let topics = json!({ "PropertyMap": { "in": "others" } });
    let group = "/v1/applications/alerts/property-groups/topics";
    let put = world.api.put(group, topics).await.body(200);
    assert_eq!(put["ApplicationDetail"]["ApplicationStatus"], "UPDATING");
    world.stop_with_snapshot(&claim, 1).await;
    let next = world.claim().await;
    assert_eq!(next.properties["topics"]["in"], "others");
}
