use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, application};

#[tokio::test]
async fn a_created_application_is_ready_and_tells_all_of_itself() {
    let world = World::new().await;
    let mut request = application("alerts");
    request["ApplicationDescription"] = json!("tells when it gets hot");
    request["Tags"] = json!([{ "Key": "team", "Value": "sensors" }]);
    request["CloudWatchLoggingOptions"] = json!([]);
    request["ApplicationConfiguration"]["ApplicationSnapshotConfiguration"] =
        json!({ "SnapshotsEnabled": "false" });
    request["ApplicationConfiguration"]["FlinkApplicationConfiguration"] = json!({
        "CheckpointConfiguration": { "ConfigurationType": "CUSTOM", "CheckpointInterval": 5000 },
        "MonitoringConfiguration": { "ConfigurationType": "CUSTOM", "LogLevel": "DEBUG" },
        "ParallelismConfiguration": {
            "ConfigurationType": "CUSTOM", "Parallelism": 4, "ParallelismPerKPU": 2,
            "AutoScalingEnabled": false,
        },
    });
    let mut created = world.api.post("/v1/applications", request).await.body(201);
    assert_eq!(created.get("OperationId"), None);
    let detail = created["ApplicationDetail"].take();
    assert_eq!(detail, world.describe("alerts").await);

    let arn = "arn:aws:kinesisanalytics:us-east-1:000000000000:application/alerts";
    for (member, expected) in [
        ("ApplicationARN", json!(arn)),
        ("ApplicationDescription", json!("tells when it gets hot")),
        ("ApplicationName", json!("alerts")),
        ("RuntimeEnvironment", json!("FLINK-1_20")),
        ("ServiceExecutionRole", json!("arn:aws:iam::000000000000:role/weir")),
        ("ApplicationStatus", json!("READY")),
        ("ApplicationVersionId", json!(1)),
        ("ApplicationMode", json!("STREAMING")),
    ] {
        assert_eq!(detail[member], expected, "{member}");
    }
    assert!(detail["CreateTimestamp"].as_f64().unwrap() > 1.7e9);
    assert!(detail["ConditionalToken"].as_str().unwrap().len() > 8);
    assert_eq!(detail.get("Weir"), None, "it never ran");

    let configuration = &detail["ApplicationConfigurationDescription"];
    let code = &configuration["ApplicationCodeConfigurationDescription"];
    assert_eq!(code["CodeContentType"], "PLAINTEXT");
    assert_eq!(code["CodeContentDescription"]["TextContent"], "INSERT INTO t SELECT 1");
    assert_eq!(code["CodeContentDescription"]["CodeSize"], 22);
    assert_eq!(
        configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"],
        json!([{ "PropertyGroupId": "topics", "PropertyMap": { "in": "readings" } }])
    );
    assert_eq!(
        configuration["ApplicationSnapshotConfigurationDescription"],
        json!({ "SnapshotsEnabled": false })
    );
    let flink = &configuration["FlinkApplicationConfigurationDescription"];
    assert_eq!(
        flink["CheckpointConfigurationDescription"],
        json!({
            "ConfigurationType": "CUSTOM", "CheckpointingEnabled": true,
            "CheckpointInterval": 5000, "MinPauseBetweenCheckpoints": 5000,
        })
    );
    assert_eq!(flink["MonitoringConfigurationDescription"]["LogLevel"], "DEBUG");
    assert_eq!(
        flink["ParallelismConfigurationDescription"],
        json!({
            "ConfigurationType": "CUSTOM", "Parallelism": 4, "ParallelismPerKPU": 2,
            "CurrentParallelism": 4, "AutoScalingEnabled": false,
        })
    );
    let tags = world.api.get("/v1/applications/alerts/tags").await.body(200);
    assert_eq!(tags, json!({ "Tags": { "team": "sensors" } }));
}

#[tokio::test]
async fn an_application_needs_no_more_than_a_name() {
    let world = World::new().await;
    world.api.post("/v1/applications", json!({ "ApplicationName": "bare" })).await.body(201);
    let detail = world.describe("bare").await;
    assert_eq!(detail["RuntimeEnvironment"], "FLINK-1_20");
    let configuration = &detail["ApplicationConfigurationDescription"];
    assert_eq!(configuration.get("ApplicationCodeConfigurationDescription"), None);
    let start = world.api.post("/v1/applications/bare/start", json!({})).await;
    let message = start.refused(422, "InvalidApplicationConfigurationException");
    assert!(message.contains("has no code"), "{message}");
}

#[tokio::test]
async fn names_are_checked_and_taken_once() {
    let world = World::with_alerts().await;
    let again = world.api.post("/v1/applications", application("alerts")).await;
    let message = again.refused(409, "ResourceInUseException");
    assert_eq!(message, "application `alerts` already exists");
    for illegal in ["a/b", "a b", "", "ümlaut", &"n".repeat(129)] {
        let refused = world.api.post("/v1/applications", application(illegal)).await;
        let message = refused.refused(422, "InvalidArgumentException");
        assert!(message.starts_with("`ApplicationName` "), "{message}");
    }
    let message = world.api.get("/v1/applications/a%2Fb").await;
    assert_eq!(
        message.refused(422, "InvalidArgumentException"),
        "`ApplicationName` may only contain letters, digits, `_`, `.` and `-`, but contains `/`"
    );
    world.api.get("/v1/applications/%ff").await.refused(400, "InvalidRequestException");
}

#[tokio::test]
async fn values_outside_their_limits_are_refused_by_their_names() {
    let world = World::new().await;
    let refused = async |member: &str, value: Value| {
        let mut request = application("alerts");
        *request.pointer_mut(member).unwrap() = value;
        world.api.post("/v1/applications", request).await.refused(422, "InvalidArgumentException")
    };
    let message = refused("/RuntimeEnvironment", json!("FLINK-1_5")).await;
    assert!(message.starts_with("`RuntimeEnvironment` "), "{message}");
    let message = refused("/ServiceExecutionRole", json!("me")).await;
    assert!(message.starts_with("`ServiceExecutionRole` "), "{message}");
    let flink = json!({ "FlinkApplicationConfiguration": { "ParallelismConfiguration": {
        "ConfigurationType": "CUSTOM", "Parallelism": 0,
    } } });
    let message = refused("/ApplicationConfiguration", flink).await;
    assert!(message.starts_with("`Parallelism` "), "{message}");
    let code = "/ApplicationConfiguration/ApplicationCodeConfiguration";
    let two = json!({ "CodeContent": { "TextContent": "SELECT 1", "ZipFileContent": "" } });
    assert_eq!(refused(code, two).await, "`CodeContent` must have exactly one of its members");
    let garbled = json!({ "CodeContentType": "ZIPFILE", "CodeContent": { "ZipFileContent": "?" } });
    assert_eq!(refused(code, garbled).await, "`ZipFileContent` must be base64");
    let twice = json!({ "PropertyGroups": [
        { "PropertyGroupId": "a", "PropertyMap": { "k": "v" } },
        { "PropertyGroupId": "a", "PropertyMap": { "k": "v" } },
    ] });
    let message = refused("/ApplicationConfiguration/EnvironmentProperties", twice).await;
    assert!(message.contains("group `a` twice"), "{message}");
    let mut request = application("alerts");
    request["Tags"] = json!([{ "Key": "a", "Value": "1" }, { "Key": "a", "Value": "2" }]);
    let message = world.api.post("/v1/applications", request).await;
    message.refused(422, "InvalidArgumentException");
    let mut request = application("alerts");
    request["Tags"] = (0..51).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect();
    world.api.post("/v1/applications", request).await.refused(422, "TooManyTagsException");
    world.api.get("/v1/applications/alerts").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for name in ["c", "a", "e", "b", "d"] {
        world.create(name).await;
    }
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = world.api.get(&format!("/v1/applications?Limit=2{token}")).await.body(200);
        let summaries = page["ApplicationSummaries"].as_array().unwrap();
        assert!(summaries.len() <= 2);
        found.extend(summaries.iter().map(|it| it["ApplicationName"].as_str().unwrap().to_owned()));
        let Some(next) = page["NextToken"].as_str() else { break };
        token = format!("&NextToken={next}");
    }
    assert_eq!(found, ["a", "b", "c", "d", "e"]);
    let all = world.api.get("/v1/applications").await.body(200);
    assert_eq!(all.get("NextToken"), None);
    assert_eq!(
        all["ApplicationSummaries"][0],
        json!({
            "ApplicationName": "a",
            "ApplicationARN": "arn:aws:kinesisanalytics:us-east-1:000000000000:application/a",
            "ApplicationStatus": "READY", "ApplicationVersionId": 1,
            "RuntimeEnvironment": "FLINK-1_20", "ApplicationMode": "STREAMING",
        })
    );
    for (wrong, status, code) in [
        ("Limit=0", 422, "InvalidArgumentException"),
        ("Limit=51", 422, "InvalidArgumentException"),
        ("Limit=many", 400, "InvalidRequestException"),
        ("NextToken=not+one", 422, "InvalidArgumentException"),
    ] {
        world.api.get(&format!("/v1/applications?{wrong}")).await.refused(status, code);
    }
}

#[tokio::test]
async fn a_deleted_application_is_gone_and_its_name_is_free() {
    let world = World::with_alerts().await;
    let other = "/v1/applications/alerts?CreateTimestamp=1700000000";
    let refused = world.api.delete(other).await;
    refused.refused(412, "ConcurrentModificationException");
    let created = world.describe("alerts").await["CreateTimestamp"].as_f64().unwrap();
    world
        .api
        .delete(&format!("/v1/applications/alerts?CreateTimestamp={created}"))
        .await
        .empty(202);
    world.api.delete("/v1/applications/alerts").await.refused(404, "ResourceNotFoundException");
    world.create("alerts").await;
    world.api.delete("/v1/applications/alerts").await.empty(202);
    world.api.delete("/v1/applications/alerts").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_running_application_is_deleting_until_its_job_has_ended() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.api.delete("/v1/applications/alerts").await.empty(202);
    assert_eq!(world.describe("alerts").await["ApplicationStatus"], "DELETING");
    let refused = world.api.post("/v1/applications/alerts/stop", json!({})).await;
    refused.refused(409, "ResourceInUseException");
    let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    world.api.get("/v1/applications/alerts").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn every_question_about_an_unknown_application_is_answered_with_404() {
    let world = World::new().await;
    for path in [
        "",
        "/property-groups",
        "/property-groups/a",
        "/snapshots",
        "/snapshots/a",
        "/versions",
        "/versions/1",
        "/operations",
        "/operations/a",
        "/events",
        "/logs",
        "/logs?follow=true",
        "/metrics",
        "/graph",
        "/checkpoints",
        "/tags",
    ] {
        let answer = world.api.get(&format!("/v1/applications/nobody{path}")).await;
        let message = answer.refused(404, "ResourceNotFoundException");
        assert_eq!(message, "application `nobody` does not exist", "{path}");
    }
    let group = json!({ "PropertyMap": { "k": "v" } });
    for (method, path, body) in [
        (Method::PATCH, "", json!({ "CurrentApplicationVersionId": 1 })),
        (Method::DELETE, "", json!({})),
        (Method::PUT, "/property-groups/a", group),
        (Method::DELETE, "/property-groups/a", json!({})),
        (Method::POST, "/start", json!({})),
        (Method::POST, "/stop", json!({})),
        (Method::POST, "/snapshots", json!({ "SnapshotName": "a" })),
        (Method::DELETE, "/snapshots/a", json!({})),
        (Method::PUT, "/tags", json!({ "Tags": { "a": "b" } })),
        (Method::DELETE, "/tags?TagKeys=a", json!({})),
    ] {
        let request = world.api.request(method, &format!("/v1/applications/nobody{path}"));
        let answer = world.api.send(request.json(&body)).await;
        answer.refused(404, "ResourceNotFoundException");
    }
    let code = world.api.put_bytes("/v1/applications/nobody/code", "text/plain", b"S".to_vec());
    code.await.refused(404, "ResourceNotFoundException");
}
