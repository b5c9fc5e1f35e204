//! Every member of a create request at both sides of its limit, and the rules between members.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{World, application};

/// Puts a value at a path of an object, whose parts are separated by dots.
fn put(request: &mut Value, path: &str, value: Value) {
    let mut at = request;
    for part in path.split('.') {
        at = &mut at[part];
    }
    *at = value;
}

fn text(length: usize) -> Value {
    json!("x".repeat(length))
}

fn arn(length: usize) -> Value {
    json!(format!("arn:{}", "x".repeat(length - 4)))
}

fn groups(groups: usize, entries: usize) -> Value {
    let map: BTreeMap<String, &str> = (0..entries).map(|n| (format!("k{n}"), "v")).collect();
    let group = |n| json!({ "PropertyGroupId": format!("g{n}"), "PropertyMap": map });
    (0..groups).map(group).collect()
}

fn group(id: Value, key: &str, value: &str) -> Value {
    json!([{ "PropertyGroupId": id, "PropertyMap": { key: value } }])
}

fn vpc(subnets: usize, security_groups: usize) -> Value {
    let ids = |kind: &str, count: usize| -> Vec<String> {
        (0..count).map(|n| format!("{kind}-{n}")).collect()
    };
    json!([{ "SubnetIds": ids("subnet", subnets), "SecurityGroupIds": ids("sg", security_groups) }])
}

fn tags(count: usize) -> Value {
    (0..count).map(|n| json!({ "Key": format!("k{n}"), "Value": "v" })).collect()
}

fn tag(key: Value, value: Value) -> Value {
    json!([{ "Key": key, "Value": value }])
}

fn checkpoint(member: &str, value: i64) -> Value {
    json!({ "ConfigurationType": "CUSTOM", member: value })
}

const CODE: &str = "ApplicationConfiguration.ApplicationCodeConfiguration";
const FLINK: &str = "ApplicationConfiguration.FlinkApplicationConfiguration";
const GROUPS: &str = "ApplicationConfiguration.EnvironmentProperties.PropertyGroups";
const VPCS: &str = "ApplicationConfiguration.VpcConfigurations";
const KEY: &str = "ApplicationConfiguration.ApplicationEncryptionConfiguration";
const SNAPSHOTS: &str = "ApplicationConfiguration.ApplicationSnapshotConfiguration";
const IA: &str = "InvalidArgumentException";
const US: &str = "UnsupportedOperationException";

/// Path of the member, values that are taken, values that are refused and with what.
fn rows() -> Vec<(String, Vec<Value>, Vec<Value>, &'static str)> {
    let sql = |text: String| json!({ "CodeContentType": "PLAINTEXT", "CodeContent": { "TextContent": text } });
    let s3 = |bucket: Value, key: Value, version: Value| {
        json!({ "CodeContentType": "PLAINTEXT", "CodeContent": { "S3ContentLocation":
            { "BucketARN": bucket, "FileKey": key, "ObjectVersion": version } } })
    };
    let bucket = json!("arn:aws:s3:::code");
    let key = json!("k".repeat(1024));
    let row = |path: &str, good: Vec<Value>, bad: Vec<Value>| (path.to_owned(), good, bad, IA);
    let flink = |block: &str| format!("{FLINK}.{block}");
    vec![
        row(
            "ApplicationName",
            vec![text(1), text(128), json!("a_b.c-D9")],
            vec![text(0), text(129), json!("a b"), json!("a/b"), json!("ä")],
        ),
        row(
            "ApplicationDescription",
            vec![text(0), text(1024), json!("ä\n!")],
            vec![text(1025), json!("a\u{0}b")],
        ),
        row(
            "ServiceExecutionRole",
            vec![json!("arn:"), arn(2048)],
            vec![text(0), arn(2049), json!("role/weir")],
        ),
        row(
            "RuntimeEnvironment",
            ["1_6", "1_8", "1_11", "1_13", "1_15", "1_18", "1_19", "1_20", "2_2", "2_3"]
                .map(|release| json!(format!("FLINK-{release}")))
                .to_vec(),
            vec![text(0), json!("FLINK-1_5"), json!("FLINK-9"), json!("flink-1_20")],
        ),
        (
            "RuntimeEnvironment".to_owned(),
            Vec::new(),
            ["SQL-1_0", "ZEPPELIN-FLINK-1_0", "ZEPPELIN-FLINK-2_0", "ZEPPELIN-FLINK-3_0"]
                .map(|name| json!(name))
                .to_vec(),
            US,
        ),
        row("ApplicationMode", vec![json!("STREAMING")], vec![json!("BATCH"), text(0)]),
        ("ApplicationMode".to_owned(), Vec::new(), vec![json!("INTERACTIVE")], US),
        row(
            CODE,
            vec![
                sql(" ".repeat(102_400)),
                s3(bucket.clone(), key.clone(), text(1024)),
                s3(bucket.clone(), key.clone(), text(0)),
            ],
            vec![
                sql(" ".repeat(102_401)),
                s3(bucket.clone(), key.clone(), text(1025)),
                s3(bucket.clone(), text(1025), text(0)),
                s3(bucket, text(0), text(0)),
                s3(json!("code"), key.clone(), text(0)),
                s3(text(0), key.clone(), text(0)),
                s3(json!(format!("arn:aws:s3:::{}", "b".repeat(2048))), key, text(0)),
                json!({ "CodeContentType": "JAR", "CodeContent": { "TextContent": " " } }),
                json!({ "CodeContent": { "ZipFileContent": "!" }, "CodeContentType": "ZIPFILE" }),
                json!({ "CodeContent": { "TextContent": " " }, "CodeContentType": "ZIPFILE" }),
                json!({ "CodeContent": {}, "CodeContentType": "PLAINTEXT" }),
                json!({ "CodeContent": { "TextContent": " ", "ZipFileContent": "" },
                        "CodeContentType": "PLAINTEXT" }),
            ],
        ),
        row(
            GROUPS,
            vec![
                json!([]),
                groups(50, 1),
                groups(1, 50),
                group(text(50), "k", "v"),
                group(json!("a_b.c-D9"), &"k".repeat(2048), &"v".repeat(2048)),
            ],
            vec![
                groups(51, 1),
                groups(1, 51),
                groups(1, 0),
                group(text(0), "k", "v"),
                group(text(51), "k", "v"),
                group(json!("a b"), "k", "v"),
                group(json!("g"), "", "v"),
                group(json!("g"), "k", ""),
                group(json!("g"), &"k".repeat(2049), "v"),
                group(json!("g"), "k", &"v".repeat(2049)),
                json!([{ "PropertyGroupId": "g", "PropertyMap": { "k": "v" } },
                       { "PropertyGroupId": "g", "PropertyMap": { "k": "v" } }]),
            ],
        ),
        row(
            &flink("CheckpointConfiguration"),
            vec![
                checkpoint("CheckpointInterval", 1),
                checkpoint("CheckpointInterval", i64::MAX),
                checkpoint("MinPauseBetweenCheckpoints", 0),
                checkpoint("MinPauseBetweenCheckpoints", i64::MAX),
                json!({ "ConfigurationType": "DEFAULT" }),
            ],
            vec![
                checkpoint("CheckpointInterval", 0),
                checkpoint("MinPauseBetweenCheckpoints", -1),
                json!({ "ConfigurationType": "OTHER" }),
                json!({ "ConfigurationType": "DEFAULT", "CheckpointInterval": 0 }),
            ],
        ),
        row(
            &flink("MonitoringConfiguration"),
            ["INFO", "WARN", "ERROR", "DEBUG"]
                .map(|level| json!({ "ConfigurationType": "CUSTOM", "LogLevel": level }))
                .into_iter()
                .chain(
                    ["APPLICATION", "TASK", "OPERATOR", "PARALLELISM"]
                        .map(|it| json!({ "ConfigurationType": "CUSTOM", "MetricsLevel": it })),
                )
                .collect(),
            vec![
                json!({ "ConfigurationType": "CUSTOM", "LogLevel": "TRACE" }),
                json!({ "ConfigurationType": "CUSTOM", "MetricsLevel": "ALL" }),
                json!({ "ConfigurationType": "" }),
            ],
        ),
        row(
            &flink("ParallelismConfiguration"),
            vec![
                json!({ "ConfigurationType": "CUSTOM", "Parallelism": 1, "ParallelismPerKPU": 1 }),
                json!({ "ConfigurationType": "CUSTOM", "Parallelism": 256, "ParallelismPerKPU": 8 }),
                json!({ "ConfigurationType": "CUSTOM", "AutoScalingEnabled": "false" }),
            ],
            vec![
                json!({ "ConfigurationType": "CUSTOM", "Parallelism": 0 }),
                json!({ "ConfigurationType": "CUSTOM", "Parallelism": 257, "ParallelismPerKPU": 8 }),
                json!({ "ConfigurationType": "CUSTOM", "ParallelismPerKPU": 0 }),
                json!({ "ConfigurationType": "CUSTOM", "ParallelismPerKPU": 9 }),
                json!({ "ConfigurationType": "CUSTOM", "Parallelism": i64::MAX }),
            ],
        ),
        row(
            KEY,
            vec![
                json!({ "KeyType": "AWS_OWNED_KEY" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "alias/k" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY",
                        "KeyId": "0d8a5f0e-1a2b-4c3d-8e9f-001122334455" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY",
                        "KeyId": format!("arn:aws:kms:r:a:key/{}", "k".repeat(2028)) }),
            ],
            vec![
                json!({}),
                json!({ "KeyType": "OTHER" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY" }),
                json!({ "KeyType": "AWS_OWNED_KEY", "KeyId": "alias/k" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "key" }),
                json!({ "KeyType": "CUSTOMER_MANAGED_KEY",
                        "KeyId": format!("arn:aws:kms:r:a:key/{}", "k".repeat(2029)) }),
            ],
        ),
        row(
            SNAPSHOTS,
            vec![
                json!({ "SnapshotsEnabled": true }),
                json!({ "SnapshotsEnabled": "False" }),
                json!({ "SnapshotMode": "APPLICATION_SNAPSHOTS_LEGACY" }),
                json!({ "SnapshotMode": "ENHANCED_SNAPSHOTS" }),
            ],
            vec![json!({ "SnapshotMode": "OTHER" })],
        ),
        row(
            VPCS,
            vec![json!([]), vpc(1, 1), vpc(16, 5)],
            vec![
                vpc(0, 1),
                vpc(17, 1),
                vpc(1, 0),
                vpc(1, 6),
                json!([{ "SubnetIds": [""], "SecurityGroupIds": ["sg"] }]),
                json!([vpc(1, 1)[0], vpc(1, 1)[0]]),
            ],
        ),
        row(
            "CloudWatchLoggingOptions",
            vec![
                json!([]),
                json!([{ "LogStreamARN": "arn:" }]),
                json!([{ "LogStreamARN": arn(2048) }]),
            ],
            vec![
                json!([{ "LogStreamARN": arn(2049) }]),
                json!([{ "LogStreamARN": "log-stream" }]),
                json!([{}]),
                json!([{ "LogStreamARN": "arn:a" }, { "LogStreamARN": "arn:b" }]),
            ],
        ),
        row(
            "Tags",
            vec![
                json!([]),
                tags(50),
                tag(text(128), text(256)),
                tag(text(1), text(0)),
                json!([{ "Key": "k" }]),
            ],
            vec![
                tag(text(0), text(0)),
                tag(text(129), text(0)),
                tag(text(1), text(257)),
                tag(json!("aws:k"), text(1)),
                json!([{ "Key": "k", "Value": "a" }, { "Key": "k", "Value": "b" }]),
            ],
        ),
        ("Tags".to_owned(), Vec::new(), vec![tags(51)], "TooManyTagsException"),
    ]
}

#[tokio::test]
async fn every_member_is_checked_at_both_sides_of_its_limit() {
    let world = World::new().await;
    world.objects.0.lock().unwrap().insert("k".repeat(1024), b" ".to_vec());
    for (path, good, bad, code) in rows() {
        for (value, taken) in
            good.into_iter().map(|it| (it, true)).chain(bad.into_iter().map(|it| (it, false)))
        {
            let mut request = application("limits");
            let shown: String = value.to_string().chars().take(150).collect();
            put(&mut request, &path, value);
            let name = request["ApplicationName"].as_str().unwrap_or_default().to_owned();
            let answer = world.api.post("/v1/applications", request).await;
            if taken {
                assert_eq!(answer.status, 201, "{path} = {shown}: {:?}", answer.text);
                let path = format!("/v1/applications/{name}");
                world.api.delete(&path).await.empty(202);
            } else {
                assert_eq!(answer.status, 422, "{path} = {shown}: {:?}", answer.text);
                answer.refused(422, code);
            }
        }
    }
}
