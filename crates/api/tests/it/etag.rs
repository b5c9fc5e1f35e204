use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn the_version_is_the_entity_tag_and_if_match_compares_it() {
    let world = World::with_alerts().await;
    let path = "/v1/applications/alerts";
    let described = world.api.get(path).await;
    assert_eq!(described.header("etag"), "\"1\"");
    let change = json!({ "ApplicationConfigurationUpdate": {
        "ApplicationSnapshotConfigurationUpdate": { "SnapshotsEnabledUpdate": false } } });
    let patch = |tag: &str| {
        let request = world.api.request(Method::PATCH, path).header(IF_MATCH, tag);
        world.api.send(request.json(&change))
    };
    patch("\"7\"").await.refused(412, "ConcurrentModificationException");
    patch("seven").await.refused(400, "InvalidRequestException");
    let changed = patch("\"1\"").await;
    assert_eq!(changed.header("etag"), "\"2\"");
    patch("\"1\"").await.refused(412, "ConcurrentModificationException");
    patch("*").await.body(200);
    // What the body says goes before the header.
    let mut body = change.clone();
    body["CurrentApplicationVersionId"] = 3.into();
    let both = world.api.request(Method::PATCH, path).header(IF_MATCH, "1").json(&body);
    world.api.send(both).await.body(200);
    world.api.patch(path, change.clone()).await.refused(422, "InvalidArgumentException");
    let group = world.api.request(Method::PUT, "/v1/applications/alerts/property-groups/topics");
    let group = group.header(IF_MATCH, "3").json(&json!({ "PropertyMap": { "in": "x" } }));
    world.api.send(group).await.refused(412, "ConcurrentModificationException");
}
