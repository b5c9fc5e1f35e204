//! The wire rules of the AWS door, as SDKs rely on them; what operations do is in the scenarios.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{World, application};

const JSON: &str = "application/x-amz-json-1.1";

async fn send(world: &World, target: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.api.request(Method::POST, "/");
    let request = request.header("x-amz-target", target).header("content-type", kind);
    world.api.send(request.body(body)).await
}

async fn call(world: &World, operation: &str, body: impl Into<reqwest::Body>) -> Answer {
    send(world, &format!("KinesisAnalytics_20180523.{operation}"), JSON, body).await
}

/// A refusal as every SDK reads it; gives the message.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.header("x-amzn-errortype"), code);
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    let message = body["message"].as_str().unwrap().to_owned();
    assert_eq!(body, json!({ "__type": code, "message": message, "Message": message }));
    message
}

#[tokio::test]
async fn answers_are_as_sdks_read_them() {
    let world = World::with_alerts().await;
    let answer = call(&world, "DescribeApplication", r#"{"ApplicationName": "alerts"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    assert!(answer.text.contains(r#""ApplicationVersionId":1,"#), "{}", answer.text);
    assert!(answer.text.contains(".0,\"LastUpdateTimestamp\":"), "{}", answer.text);

    let target = "KinesisAnalytics_20180523.ListApplications";
    let parameterised = send(&world, target, "application/x-amz-json-1.1; charset=utf-8", "").await;
    assert_eq!(parameterised.status, 200);
    let arn = "arn:aws:kinesisanalytics:us-east-1:000000000000:application/alerts";
    let tag = json!({ "ResourceARN": arn, "Tags": [{ "Key": "team" }] });
    let empty = call(&world, "TagResource", tag.to_string()).await;
    assert_eq!((empty.status, empty.text.as_str()), (200, "{}"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let world = World::with_alerts().await;
    for body in [
        "{",
        "[]",
        "null",
        "1",
        "{\"ApplicationName\": 1}",
        "{} {}",
        "{\"ApplicationName\": [\"a\"]}",
    ] {
        let answer = call(&world, "DescribeApplication", body).await;
        refused(&answer, 400, "SerializationException");
    }
    let invalid = call(&world, "DescribeApplication", b"{\"ApplicationName\": \"\xff\"}".to_vec());
    refused(&invalid.await, 400, "SerializationException");
    let deep = format!("{{\"ApplicationName\": {}", "[".repeat(100_000));
    refused(&call(&world, "DescribeApplication", deep).await, 400, "SerializationException");
    refused(&call(&world, "DescribeApplication", "").await, 400, "InvalidArgumentException");
    let large = call(&world, "CreateApplication", vec![b' '; 80 << 20]).await;
    refused(&large, 413, "RequestEntityTooLarge");
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let world = World::new().await;
    for target in ["KinesisAnalytics_20180523.Explode", "Kinesis_20131202.ListStreams", ""] {
        let answer = send(&world, target, JSON, "{}").await;
        refused(&answer, 400, "UnknownOperationException");
    }
    let untargeted = world.api.request(Method::POST, "/").header("content-type", JSON);
    refused(&world.api.send(untargeted.body("{}")).await, 400, "UnknownOperationException");
    let target = "KinesisAnalytics_20180523.ListApplications";
    for kind in ["application/json", "text/plain", "application/x-amz-json-1.0"] {
        refused(&send(&world, target, kind, "{}").await, 400, "UnknownOperationException");
    }
    let first = "KinesisAnalytics_20150814.DeleteApplication";
    let message = send(&world, first, JSON, r#"{"ApplicationName": "alerts"}"#).await;
    let message = refused(&message, 400, "UnsupportedOperationException");
    assert!(
        message.starts_with("alerts was created/updated by kinesisanalyticsv2 SDK."),
        "{message}"
    );
    world.api.get("/").await.refused(405, "MethodNotAllowed");
}

#[tokio::test]
async fn failures_of_ours_are_500() {
    let world = World::new().await;
    for (bucket, code) in [("down", "ServiceUnavailableException"), ("broken", "InternalFailure")] {
        let mut body = application("alerts");
        body["ApplicationConfiguration"]["ApplicationCodeConfiguration"] = json!({
            "CodeContentType": "ZIPFILE",
            "CodeContent": { "S3ContentLocation": {
                "BucketARN": format!("arn:aws:s3:::{bucket}"), "FileKey": "k",
            } },
        });
        let answer = call(&world, "CreateApplication", body.to_string()).await;
        refused(&answer, 500, code);
    }
}
