use serde_json::{Value, json};

use crate::world::World;

const TAGS: &str = "/v1/applications/alerts/tags";

#[tokio::test]
async fn tags_are_added_replaced_and_removed() {
    let world = World::with_alerts().await;
    let put = |tags: Value| world.api.put("/v1/applications/alerts/tags", json!({ "Tags": tags }));
    put(json!({ "team": "sensors", "stage": "test" })).await.body(200);
    let all = put(json!({ "stage": "live", "empty": "" })).await.body(200);
    assert_eq!(all, json!({ "Tags": { "team": "sensors", "stage": "live", "empty": "" } }));
    world.api.delete("/v1/applications/alerts/tags?TagKeys=team,empty,other").await.empty(204);
    let left = world.api.get("/v1/applications/alerts/tags").await.body(200);
    assert_eq!(left, json!({ "Tags": { "stage": "live" } }));
    world.api.delete(TAGS).await.refused(422, "InvalidArgumentException");
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 1);
}

#[tokio::test]
async fn illegal_and_too_many_tags_are_refused() {
    let world = World::with_alerts().await;
    for illegal in [json!({ "aws:mine": "" }), json!({ "": "" }), json!({ "k": "v".repeat(257) })] {
        let refused = world.api.put(TAGS, json!({ "Tags": illegal })).await;
        refused.refused(422, "InvalidArgumentException");
    }
    let some = |from: u32, to: u32| -> Value {
        (from..to).map(|n| (n.to_string(), json!(""))).collect::<serde_json::Map<_, _>>().into()
    };
    world.api.put(TAGS, json!({ "Tags": some(0, 50) })).await.body(200);
    let refused = world.api.put(TAGS, json!({ "Tags": some(49, 52) })).await;
    refused.refused(422, "TooManyTagsException");
}

#[tokio::test]
async fn illegal_keys_are_refused_when_tags_are_removed() {
    let world = World::with_alerts().await;
    for illegal in ["k".repeat(129), "a%00b".to_owned()] {
        let refused = world.api.delete(&format!("{TAGS}?TagKeys={illegal}")).await;
        assert!((400..500).contains(&refused.status), "{}", refused.text);
    }
}
