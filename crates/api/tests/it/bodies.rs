use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, EXPECT};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::world::World;

async fn create(world: &World, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.api.request(Method::POST, "/v1/applications");
    world.api.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let world = World::new().await;
    for malformed in [
        "{",
        "{\"ApplicationName\": \"alerts\"} and more",
        "{'ApplicationName': 'alerts'}",
        "[\"alerts\"]",
        "\"alerts\"",
        "null",
        "\u{0}",
        "{\"ApplicationName\": 1}",
        "{\"ApplicationName\": \"alerts\", \"Tags\": {}}",
        "{\"ApplicationName\": \"alerts\", \"ApplicationName\": \"alerts\"}",
    ] {
        let refused = create(&world, malformed).await;
        let message = refused.refused(400, "InvalidRequestException");
        assert!(message.starts_with("the body "), "{message}");
    }
    let deep = "[".repeat(100_000);
    create(&world, format!("{{\"Unknown\": {deep}")).await.refused(400, "InvalidRequestException");
    create(&world, b"{\"ApplicationName\": \"\xff\"}".to_vec())
        .await
        .refused(400, "InvalidRequestException");
    let message = create(&world, "").await.refused(422, "InvalidArgumentException");
    assert!(message.starts_with("`ApplicationName` must be 1 to 128"), "{message}");
    let nul = create(&world, r#"{"ApplicationName": "a", "ApplicationDescription": "\u0000"}"#);
    nul.await.refused(422, "InvalidArgumentException");
    let unknown = r#" {"ApplicationName": "alerts", "Unknown": {"Members": [1, 2]}} "#;
    create(&world, unknown).await.body(201);
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_and_the_client_can_read_that() {
    let world = World::with_alerts().await;
    let code = "/v1/applications/alerts/code";
    let large = || vec![b'x'; 100 << 20];
    let refused = world.api.put_bytes(code, "application/zip", large()).await;
    let message = refused.refused(413, "RequestEntityTooLarge");
    assert!(message.contains("put a larger zip file into S3"), "{message}");
    create(&world, large()).await.refused(413, "RequestEntityTooLarge");

    let more_than_a_group = vec![b' '; (2 << 20) + 1];
    let group = "/v1/applications/alerts/property-groups/a";
    let refused = world.api.put_bytes(group, "application/json", more_than_a_group).await;
    refused.refused(413, "RequestEntityTooLarge");
    let polite = world.api.request(Method::PUT, group).header(EXPECT, "100-continue");
    let refused = world.api.send(polite.body(vec![b' '; (2 << 20) + 1])).await;
    refused.refused(413, "RequestEntityTooLarge");
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 1);
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let world = World::with_alerts().await;
    let mut stream = TcpStream::connect(world.api.base.strip_prefix("http://").unwrap()).await;
    let stream = stream.as_mut().unwrap();
    let head = "PUT /v1/applications/alerts/code HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\
                Content-Type: application/zip\r\nContent-Length: 104857600\r\n\
                Expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn zips_larger_than_aws_takes_are_refused_by_their_member() {
    let world = World::with_alerts().await;
    let code = "/v1/applications/alerts/code";
    let zip = world.api.put_bytes(code, "application/zip", vec![b'x'; 60 << 20]).await;
    let message = zip.refused(422, "InvalidArgumentException");
    assert!(message.starts_with("`ZipFileContent` must not be larger than 52428800"), "{message}");
    let long = world.api.put_bytes(code, "text/plain", vec![b'x'; 102_401]).await;
    long.refused(422, "InvalidArgumentException");
    let body = json!({ "CurrentApplicationVersionId": "one" });
    let typed = world.api.patch("/v1/applications/alerts", body).await;
    typed.refused(400, "InvalidRequestException");
}
