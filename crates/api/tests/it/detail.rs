//! ApplicationDetail, member by member, against what AWS answers. The files were written from AWS's
//! documentation and captured answers, not from ours.

use serde_json::{Value, json};

use crate::world::World;

/// Times and what is random, replaced.
fn steady(mut detail: Value) -> Value {
    let members = detail.as_object_mut().unwrap();
    members.remove("Weir");
    for (name, value) in members.iter_mut() {
        if name.ends_with("Timestamp") {
            assert_eq!(value.as_f64().unwrap().fract(), 0.0, "{name} is in whole seconds");
            *value = json!("a time");
        }
    }
    let token = members["ConditionalToken"].as_str().unwrap();
    assert!((1..=512).contains(&token.len()));
    members["ConditionalToken"] = json!("a token");
    let vpc = "/ApplicationConfigurationDescription/VpcConfigurationDescriptions/0/VpcId";
    if let Some(vpc) = detail.pointer_mut(vpc) {
        assert!(vpc.as_str().unwrap().starts_with("vpc-"));
        *vpc = json!("a vpc");
    }
    detail
}

#[track_caller]
fn same(actual: Value, golden: &str) {
    let expected: Value = serde_json::from_str(golden).unwrap();
    assert!(actual == expected, "{actual:#}\n\nis not\n\n{expected:#}");
}

#[tokio::test]
async fn a_bare_application_shows_every_default_and_nothing_else() {
    let world = World::new().await;
    let role = "arn:aws:iam::000000000000:role/weir";
    let request = json!({
        "ApplicationName": "bare", "RuntimeEnvironment": "FLINK-1_20",
        "ServiceExecutionRole": role, "ApplicationDescription": "",
    });
    world.api.post("/v1/applications", request).await.body(201);
    same(steady(world.describe("bare").await), include_str!("../golden/detail-bare.json"));
    let mut version = world.api.get("/v1/applications/bare/versions/1").await.body(200);
    let version = version["ApplicationVersionDetail"].take();
    same(steady(version), include_str!("../golden/detail-bare.json"));
}

#[tokio::test]
async fn a_full_running_application_shows_everything_that_was_set() {
    let world = World::new().await;
    let code = b"INSERT INTO t SELECT 1".to_vec();
    world.objects.0.lock().unwrap().insert("app.sql".to_owned(), code);
    let log_stream = "arn:aws:logs:us-east-1:000000000000:log-group:weir:log-stream:alerts";
    let request = json!({
        "ApplicationName": "alerts",
        "ApplicationDescription": "tells when it gets hot",
        "RuntimeEnvironment": "FLINK-1_20",
        "ApplicationMode": "STREAMING",
        "ServiceExecutionRole": "arn:aws:iam::000000000000:role/weir",
        "ApplicationConfiguration": {
            "ApplicationCodeConfiguration": {
                "CodeContentType": "PLAINTEXT",
                "CodeContent": { "S3ContentLocation": {
                    "BucketARN": "arn:aws:s3:::code", "FileKey": "app.sql", "ObjectVersion": "7",
                } },
            },
            "EnvironmentProperties": { "PropertyGroups": [
                { "PropertyGroupId": "g", "PropertyMap": { "k": "v" } },
            ] },
            "FlinkApplicationConfiguration": {
                "CheckpointConfiguration":
                    { "ConfigurationType": "CUSTOM", "CheckpointInterval": 1000 },
                "MonitoringConfiguration":
                    { "ConfigurationType": "CUSTOM", "MetricsLevel": "OPERATOR" },
                "ParallelismConfiguration":
                    { "ConfigurationType": "CUSTOM", "Parallelism": 4, "ParallelismPerKPU": 2 },
            },
            "ApplicationSnapshotConfiguration":
                { "SnapshotsEnabled": "false", "SnapshotMode": "ENHANCED_SNAPSHOTS" },
            "ApplicationSystemRollbackConfiguration": { "RollbackEnabled": "true" },
            "ApplicationEncryptionConfiguration": {
                "KeyType": "CUSTOMER_MANAGED_KEY",
                "KeyId":
                    "arn:aws:kms:us-east-1:000000000000:key/0d8a5f0e-1a2b-4c3d-8e9f-001122334455",
            },
            "VpcConfigurations": [{
                "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"],
            }],
            "SomethingNewer": { "Ignored": true },
        },
    });
    world.api.post("/v1/applications", request).await.body(201);
    let option = json!({ "CloudWatchLoggingOption": { "LogStreamARN": log_stream } });
    world.api.post("/v1/applications/alerts/logging-options", option).await.body(201);
    let window = json!({ "ApplicationMaintenanceConfigurationUpdate": {
        "ApplicationMaintenanceWindowStartTimeUpdate": "22:00",
    } });
    world.api.put("/v1/applications/alerts/maintenance-window", window).await.body(200);
    let claim = world.run_alerts().await;
    let graph = json!({ "nodes": [], "edges": [] });
    let verdict = world.control.graph_planned(&claim.job, &graph, None).await.unwrap();
    assert_eq!(verdict, control::Verdict::Current);
    let path = "/v1/applications/alerts?IncludeAdditionalDetails=true";
    let mut answer = world.api.get(path).await.body(200);
    same(steady(answer["ApplicationDetail"].take()), include_str!("../golden/detail-full.json"));
    let without = world.describe("alerts").await;
    let flink =
        &without["ApplicationConfigurationDescription"]["FlinkApplicationConfigurationDescription"];
    assert_eq!(flink.get("JobPlanDescription"), None);
}
