//! What a user gets wrong is refused at the door, with words that help.

use serde_json::{Value, json};

use crate::support::{Answer, Installation, configuration, zip_file};

fn sql(text: &str) -> Value {
    configuration(&json!({ "TextContent": text }), "PLAINTEXT", &[])
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, words: &[&str]) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body["Code"], code, "{answer:?}");
    for word in words {
        assert!(answer.message().contains(word), "`{word}` is missing: {answer:?}");
    }
}

#[test]
fn broken_code_makes_no_application() {
    let shared = Installation::shared();
    let application = shared.0.application("broken-code");
    let create = |configuration: &Value| application.try_create(configuration);

    // "not a zip" in base64.
    let broken = json!({ "ZipFileContent": "bm90IGEgemlw" });
    let answer = create(&configuration(&broken, "ZIPFILE", &[]));
    refused(&answer, 422, "CodeValidationException", &["the zip file is not valid"]);

    let no_main = zip_file(&[("other.py", "print('never')")]);
    let answer = create(&configuration(&no_main, "ZIPFILE", &[]));
    refused(&answer, 422, "CodeValidationException", &["`main.py`"]);

    let typo = sql("CREATE TABLE a (x BIGINT) WITH ('connector' = 'blackhole');\n\
         CREATE TABLE b (x BIGINT) WITH ('connector' = 'datagen');\n\
         INSERT INTO a SELEC x FROM b;");
    let answer = create(&typo);
    refused(&answer, 422, "CodeValidationException", &["SQL"]);
    let place = &answer.body["Diagnostics"][0];
    assert_eq!((&place["Line"], &place["Column"]), (&3.into(), &15.into()), "{answer:?}");

    let unknown = sql("CREATE TABLE a (x BIGINT) WITH ('connector' = '${sink:kind}');\n\
         INSERT INTO a SELECT 1;");
    let answer = create(&unknown);
    refused(&answer, 422, "CodeValidationException", &["sink"]);
    assert_eq!(answer.body["Diagnostics"][0]["Line"], 1, "{answer:?}");

    let answer = application.call("GET", "", &Value::Null);
    refused(&answer, 404, "ResourceNotFoundException", &["`broken-code`"]);
}

#[test]
fn a_bad_name_and_a_huge_body_are_refused() {
    let shared = Installation::shared();
    let good = sql("CREATE TABLE a (x BIGINT) WITH ('connector' = 'blackhole');\n\
         INSERT INTO a SELECT 1;");
    let answer = shared.0.application("no good").try_create(&good);
    refused(&answer, 422, "InvalidArgumentException", &["ApplicationName", "` `"]);

    // The client must see the answer although it is still sending.
    let huge = vec![b' '; 100 << 20];
    let answer = shared.0.call("POST", "/v1/applications", huge);
    refused(&answer, 413, "RequestEntityTooLarge", &["S3ContentLocation"]);
}

#[test]
fn a_start_and_an_update_that_do_not_fit_are_refused() {
    let shared = Installation::shared();
    let application = shared.0.application("does-not-fit");
    application.create_sums("does-not-fit", 10);

    let body = json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": {
        "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
        "SnapshotName": "never-taken",
    } } });
    let answer = application.call("POST", "/start", &body);
    refused(&answer, 422, "InvalidArgumentException", &["`never-taken`"]);

    let body = json!({
        "CurrentApplicationVersionId": 7,
        "ApplicationConfigurationUpdate": {},
    });
    let answer = application.call("PATCH", "", &body);
    refused(&answer, 412, "ConcurrentModificationException", &["`does-not-fit`"]);

    let detail = application.describe();
    assert_eq!(detail["ApplicationStatus"], "READY");
    assert_eq!(detail["ApplicationVersionId"], 1);
}
