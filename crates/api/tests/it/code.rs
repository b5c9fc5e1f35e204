use std::io::{Cursor, Write};

use reqwest::Method;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use crate::world::World;

const CODE: &str = "/v1/applications/alerts/code";

fn archive(entry: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(entry, SimpleFileOptions::default()).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

fn described(updated: &Value) -> Value {
    updated["ApplicationDetail"]["ApplicationConfigurationDescription"]
        ["ApplicationCodeConfigurationDescription"]
        .clone()
}

#[tokio::test]
async fn code_is_a_zip_a_script_or_a_place_in_s3() {
    let world = World::with_alerts().await;
    let bytes = archive("main.py", b"print()");
    let size = bytes.len();
    let zip = world.api.put_bytes("/v1/applications/alerts/code", "application/zip", bytes).await;
    let zip = described(&zip.body(200));
    assert_eq!(zip["CodeContentType"], "ZIPFILE");
    assert_eq!(zip["CodeContentDescription"]["CodeSize"], size);
    assert_eq!(zip["CodeContentDescription"].get("TextContent"), None);

    for kind in ["text/plain; charset=utf-8", "application/sql"] {
        let script = world.api.put_bytes(CODE, kind, b"SELECT 'h\xc3\xa9'".to_vec()).await;
        let script = described(&script.body(200));
        assert_eq!(script["CodeContentType"], "PLAINTEXT");
        assert_eq!(script["CodeContentDescription"]["TextContent"], "SELECT 'hé'");
    }

    world.objects.0.lock().unwrap().insert("a.sql".to_owned(), b"SELECT 4".to_vec());
    let place = json!({ "BucketARN": "arn:aws:s3:::code", "FileKey": "a.sql" });
    let from_s3 = world.api.put(CODE, s3("arn:aws:s3:::code", "a.sql")).await;
    let from_s3 = described(&from_s3.body(200));
    let content = &from_s3["CodeContentDescription"];
    assert_eq!(content["S3ApplicationCodeLocationDescription"], place);
    assert_eq!(content["CodeSize"], 8);
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 5);
}

fn s3(bucket: &str, key: &str) -> Value {
    json!({
        "CodeContentType": "PLAINTEXT",
        "CodeContent": { "S3ContentLocation": { "BucketARN": bucket, "FileKey": key } },
    })
}

#[tokio::test]
async fn a_typo_is_told_with_its_line_and_column_before_anything_starts() {
    let world = World::with_alerts().await;
    let typos = b"CREATE TABLE t (a INT);\nINSERT INTO t SELEC 1;\nSELEC 2".to_vec();
    let refused = world.api.put_bytes(CODE, "application/sql", typos).await;
    let message = refused.refused(422, "CodeValidationException");
    assert_eq!(
        message,
        "the SQL script is not valid: line 2, column 15: did you mean `SELECT`? (and 1 more)"
    );
    assert_eq!(
        refused.body(422)["Diagnostics"],
        json!([
            { "Line": 2, "Column": 15, "Message": "did you mean `SELECT`?" },
            { "Line": 3, "Column": 1, "Message": "did you mean `SELECT`?" },
        ])
    );
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 1);
}

#[tokio::test]
async fn zips_that_cannot_be_run_are_refused() {
    let world = World::with_alerts().await;
    let mut cut = archive("main.py", &[b'a'; 5000]);
    cut.truncate(cut.len() / 2);
    for broken in [b"no zip".to_vec(), Vec::new(), cut] {
        let refused = world.api.put_bytes(CODE, "application/zip", broken).await;
        let message = refused.refused(422, "CodeValidationException");
        assert!(message.starts_with("the zip file is not valid: it cannot be read"), "{message}");
        assert_eq!(refused.body(422).get("Diagnostics"), None);
    }
    let refused = world.api.put_bytes(CODE, "application/zip", archive("job.py", b"")).await;
    let message = refused.refused(422, "CodeValidationException");
    assert!(message.contains("it has no file `main.py`; add it, or name"), "{message}");
    let escaping = archive("../main.py", b"");
    let refused = world.api.put_bytes(CODE, "application/zip", escaping).await;
    refused.refused(422, "CodeValidationException");
    let run = json!({ "PropertyMap": { "python": "job.py" } });
    let group = "/v1/applications/alerts/property-groups/kinesis.analytics.flink.run.options";
    world.api.put(group, run).await.body(200);
    let named = world.api.put_bytes(CODE, "application/zip", archive("job.py", b"")).await;
    named.body(200);
}

#[tokio::test]
async fn other_bodies_are_refused() {
    let world = World::with_alerts().await;
    let refused = world.api.put_bytes(CODE, "image/png", b"x".to_vec()).await;
    let message = refused.refused(415, "UnsupportedMediaType");
    assert!(message.contains("application/zip"), "{message}");
    let bare = world.api.request(Method::PUT, CODE).body("SELECT 1");
    world.api.send(bare).await.refused(415, "UnsupportedMediaType");
    let latin = world.api.put_bytes(CODE, "text/plain", b"SELECT '\xe9'".to_vec()).await;
    latin.refused(400, "InvalidRequestException");
    let empty = world.api.put_bytes(CODE, "text/plain", Vec::new()).await;
    empty.refused(422, "InvalidArgumentException");
    let nothing = world.api.put(CODE, json!({})).await;
    assert_eq!(nothing.refused(422, "InvalidArgumentException"), "`CodeContent` must be given");
    let cut = world.api.put_bytes(CODE, "application/json", b"{\"Code".to_vec()).await;
    cut.refused(400, "InvalidRequestException");
}

#[tokio::test]
async fn code_in_s3_must_be_there_and_s3_must_answer() {
    let world = World::with_alerts().await;
    let missing = world.api.put(CODE, s3("arn:aws:s3:::code", "no.sql")).await;
    let message = missing.refused(422, "InvalidArgumentException");
    assert!(message.contains("fileKey: no.sql in the specified bucket: code"), "{message}");
    let down = world.api.put(CODE, s3("arn:aws:s3:::down", "a.sql")).await;
    let message = down.refused(503, "ServiceUnavailableException");
    assert_eq!(message, "S3 did not answer; try again later");
    let no_arn = world.api.put(CODE, s3("code", "a.sql")).await;
    no_arn.refused(422, "InvalidArgumentException");
}

#[tokio::test]
async fn a_defect_of_ours_is_an_answer_too() {
    let world = World::with_alerts().await;
    let broken = world.api.put(CODE, s3("arn:aws:s3:::broken", "a.sql")).await;
    let message = broken.refused(500, "InternalFailure");
    assert!(!message.contains("a defect"), "what panicked stays inside: {message}");
    world.describe("alerts").await;
}
