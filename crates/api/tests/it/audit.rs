use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_who_and_what() {
    let world = World::with_alerts().await;
    let tags = json!({ "Tags": { "team": "a" } });
    let answer = world.api.put("/v1/applications/alerts/tags", tags).await;
    let request = answer.header("x-amzn-requestid").to_owned();
    let group = json!({ "PropertyMap": { "in": "changed-secret" } });
    world.api.put("/v1/applications/alerts/property-groups/topics", group).await.body(200);
    world.api.post("/v1/applications/alerts/start", json!({})).await.body(202);
    world.api.post("/v1/applications/alerts/stop", json!({ "Force": true })).await.body(202);
    // What was refused changed nothing and is not there.
    let twice = world.api.post("/v1/applications", crate::world::application("alerts")).await;
    twice.refused(409, "ResourceInUseException");

    let page = world.api.get("/v1/audit?ApplicationName=alerts").await.body(200);
    let entries = page["AuditEntries"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|it| it["Action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "StopApplication",
            "StartApplication",
            "UpdateApplication",
            "TagResource",
            "CreateApplication"
        ]
    );
    for entry in entries {
        assert_eq!(entry["Principal"], "development");
        assert_eq!(entry["Role"], "admin");
        assert_eq!(entry["Door"], "rest");
        assert_eq!(entry["Address"], "127.0.0.1");
        assert_eq!(entry["Outcome"], "DONE");
        assert_eq!(entry["ApplicationName"], "alerts");
    }
    let [stop, start, update, tag, create] = entries.as_slice() else { panic!("{page}") };
    assert_eq!(tag["RequestId"], request);
    assert_eq!((&tag["Before"], &tag["After"]), (&json!({}), &json!({ "tags": { "team": "a" } })));
    assert_eq!(stop["Before"], json!({ "status": "STARTING" }));
    assert_eq!(stop["After"]["force"], true);
    assert_eq!(start["Before"], json!({ "status": "READY" }));
    assert_eq!(start["After"]["status"], "STARTING");
    assert_eq!(update["Before"]["version"], 1);
    assert_eq!(update["After"]["version"], 2);
    let hidden = json!({ "properties": { "topics": { "in": "***" } } });
    assert_eq!(update["After"]["configuration"], hidden);
    assert_eq!(create["After"]["configuration"]["runtime"], "FLINK-1_20");
    assert!(!page.to_string().contains("changed-secret"), "{page}");

    let first = world.api.get("/v1/audit?Limit=2").await.body(200);
    assert_eq!(first["AuditEntries"].as_array().unwrap().len(), 2);
    let token = first["NextToken"].as_str().unwrap();
    let rest = world.api.get(&format!("/v1/audit?NextToken={token}")).await.body(200);
    assert_eq!(rest["AuditEntries"].as_array().unwrap().len(), 3);
    world.api.get("/v1/audit?NextToken=x").await.refused(422, "InvalidArgumentException");
    let none = world.api.get("/v1/audit?ApplicationName=other").await.body(200);
    assert_eq!(none["AuditEntries"], json!([]));
}

#[tokio::test]
async fn the_audit_log_outlives_the_application() {
    let world = World::with_alerts().await;
    world.api.delete("/v1/applications/alerts").await.empty(202);
    world.api.get("/v1/applications/alerts").await.refused(404, "ResourceNotFoundException");
    let page = world.api.get("/v1/audit?ApplicationName=alerts").await.body(200);
    let newest = &page["AuditEntries"][0];
    assert_eq!(
        (&newest["Action"], &newest["Before"]["status"]),
        (&json!("DeleteApplication"), &json!("READY"))
    );
    assert_eq!(newest["After"]["status"], "DELETING");
}
