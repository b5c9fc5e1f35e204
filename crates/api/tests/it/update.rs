use reqwest::Method;
use serde_json::json;

use crate::world::World;

const ALERTS: &str = "/v1/applications/alerts";

#[tokio::test]
async fn a_ready_application_has_the_new_version_at_once() {
    let world = World::with_alerts().await;
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "RuntimeEnvironmentUpdate": "FLINK-1_19",
        "ServiceExecutionRoleUpdate": "arn:aws:iam::000000000000:role/other",
        "ApplicationConfigurationUpdate": {
            "ApplicationCodeConfigurationUpdate": {
                "CodeContentUpdate": { "TextContentUpdate": "INSERT INTO t SELECT 2" },
            },
            "EnvironmentPropertyUpdates": { "PropertyGroups": [
                { "PropertyGroupId": "limits", "PropertyMap": { "most": "3" } },
            ] },
            "FlinkApplicationConfigurationUpdate": {
                "ParallelismConfigurationUpdate": {
                    "ConfigurationTypeUpdate": "CUSTOM", "ParallelismUpdate": 2,
                    "ParallelismPerKPUUpdate": 2, "AutoScalingEnabledUpdate": "false",
                },
                "CheckpointConfigurationUpdate": {
                    "ConfigurationTypeUpdate": "CUSTOM", "CheckpointIntervalUpdate": 1000,
                    "CheckpointingEnabledUpdate": true, "MinPauseBetweenCheckpointsUpdate": 10,
                },
                "MonitoringConfigurationUpdate": {
                    "ConfigurationTypeUpdate": "CUSTOM", "LogLevelUpdate": "WARN",
                    "MetricsLevelUpdate": "OPERATOR",
                },
            },
            "ApplicationSnapshotConfigurationUpdate": { "SnapshotsEnabledUpdate": false },
        },
    });
    let updated = world.api.patch("/v1/applications/alerts", update).await.body(200);
    let operation = updated["OperationId"].as_str().unwrap();
    let journaled = world.api.get(&format!("{ALERTS}/operations/{operation}")).await.body(200);
    let journaled = &journaled["ApplicationOperationInfoDetails"];
    assert_eq!(journaled["OperationStatus"], "SUCCESSFUL");
    assert_eq!(
        journaled["ApplicationVersionChangeDetails"],
        json!({ "ApplicationVersionUpdatedFrom": 1, "ApplicationVersionUpdatedTo": 2 })
    );

    let detail = &updated["ApplicationDetail"];
    assert_eq!(detail["ApplicationStatus"], "READY");
    assert_eq!(detail["ApplicationVersionId"], 2);
    assert_eq!(detail["ApplicationVersionUpdatedFrom"], 1);
    assert_eq!(detail["RuntimeEnvironment"], "FLINK-1_19");
    assert_eq!(detail["ServiceExecutionRole"], "arn:aws:iam::000000000000:role/other");
    let configuration = &detail["ApplicationConfigurationDescription"];
    assert_eq!(
        configuration["ApplicationCodeConfigurationDescription"]["CodeContentDescription"]["TextContent"],
        "INSERT INTO t SELECT 2"
    );
    assert_eq!(
        configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"],
        json!([{ "PropertyGroupId": "limits", "PropertyMap": { "most": "3" } }])
    );
    assert_eq!(
        configuration["ApplicationSnapshotConfigurationDescription"]["SnapshotsEnabled"],
        false
    );
    assert_eq!(
        configuration["FlinkApplicationConfigurationDescription"],
        json!({
            "CheckpointConfigurationDescription": {
                "ConfigurationType": "CUSTOM", "CheckpointingEnabled": true,
                "CheckpointInterval": 1000, "MinPauseBetweenCheckpoints": 10,
            },
            "MonitoringConfigurationDescription": {
                "ConfigurationType": "CUSTOM", "MetricsLevel": "OPERATOR", "LogLevel": "WARN",
            },
            "ParallelismConfigurationDescription": {
                "ConfigurationType": "CUSTOM", "Parallelism": 2, "ParallelismPerKPU": 2,
                "CurrentParallelism": 2, "AutoScalingEnabled": false,
            },
        })
    );
}

#[tokio::test]
async fn a_stale_version_or_token_is_refused() {
    let world = World::with_alerts().await;
    let change = |seen: serde_json::Value| {
        let mut update = seen;
        update["ApplicationConfigurationUpdate"] = json!({
            "ApplicationSnapshotConfigurationUpdate": { "SnapshotsEnabledUpdate": false },
        });
        update
    };
    let token = world.describe("alerts").await["ConditionalToken"].clone();
    let blind = world.api.patch(ALERTS, change(json!({}))).await;
    blind.refused(422, "InvalidArgumentException");
    let by_token = change(json!({ "ConditionalToken": token }));
    world.api.patch(ALERTS, by_token.clone()).await.body(200);
    let message = world.api.patch(ALERTS, by_token).await;
    let message = message.refused(412, "ConcurrentModificationException");
    assert!(message.contains("describe it and repeat the request"), "{message}");
    let by_version = change(json!({ "CurrentApplicationVersionId": 1 }));
    let refused = world.api.patch(ALERTS, by_version).await;
    refused.refused(412, "ConcurrentModificationException");
    let none = change(json!({ "CurrentApplicationVersionId": 0 }));
    world.api.patch(ALERTS, none).await.refused(422, "InvalidArgumentException");

    let group = format!("{ALERTS}/property-groups/topics");
    let stale = json!({ "PropertyMap": { "in": "b" }, "CurrentApplicationVersionId": 1 });
    let refused = world.api.put(&group, stale).await;
    refused.refused(412, "ConcurrentModificationException");
    for (method, path) in [(Method::DELETE, group), (Method::PUT, format!("{ALERTS}/code"))] {
        let request = || {
            let request = world.api.request(method.clone(), &path);
            request.header("content-type", "text/plain").body("SELECT 1")
        };
        let stale = world.api.send(request().header("if-match", "\"1\"")).await;
        stale.refused(412, "ConcurrentModificationException");
        let garbage = world.api.send(request().header("if-match", "one")).await;
        garbage.refused(400, "InvalidRequestException");
    }
    assert_eq!(world.describe("alerts").await["ApplicationVersionId"], 2);
}

#[tokio::test]
async fn a_running_application_is_restarted_from_a_snapshot_with_the_new_version() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "RunConfigurationUpdate": {
            "FlinkRunConfiguration": { "AllowNonRestoredState": true },
            "ApplicationRestoreConfiguration": {
                "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT",
            },
        },
        "ApplicationConfigurationUpdate": { "EnvironmentPropertyUpdates": {
            "PropertyGroups": [],
        } },
    });
    let updated = world.api.patch(ALERTS, update).await.body(200);
    assert_eq!(updated["ApplicationDetail"]["ApplicationStatus"], "UPDATING");
    let operation = format!("{ALERTS}/operations/{}", updated["OperationId"].as_str().unwrap());
    let status = async || {
        let body = world.api.get(&operation).await.body(200);
        body["ApplicationOperationInfoDetails"]["OperationStatus"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "IN_PROGRESS");
    let again = json!({ "CurrentApplicationVersionId": 2 });
    world.api.patch(ALERTS, again).await.refused(409, "ResourceInUseException");

    world.stop_with_snapshot(&claim, 1).await;
    let next = world.claim().await;
    assert_eq!((next.version.get(), next.allow_non_restored_state), (2, true));
    world.running(&next).await;
    assert_eq!(status().await, "SUCCESSFUL");
    let detail = world.describe("alerts").await;
    assert_eq!(detail["ApplicationStatus"], "RUNNING");
    assert_eq!(detail["Weir"]["ApplicationVersionId"], 2);
    assert_eq!(detail["Weir"]["RestoredCheckpointId"], 1);
}

#[tokio::test]
async fn a_running_application_is_not_stopped_for_what_could_not_go_on() {
    let world = World::with_alerts().await;
    world.run_alerts().await;
    let update = json!({
        "CurrentApplicationVersionId": 1,
        "ApplicationConfigurationUpdate": { "ApplicationCodeConfigurationUpdate": {
            "CodeContentUpdate": { "TextContentUpdate": "INSERT INTO t SELECT misfit" },
        } },
    });
    let refused = world.api.patch("/v1/applications/alerts", update).await;
    let body = refused.body(422);
    assert_eq!(body["Code"], "InvalidApplicationConfigurationException");
    assert_eq!(body["Operators"], json!(["window:7"]));
    let found = world.api.get(ALERTS).await.body(200);
    assert_eq!(found["ApplicationDetail"]["ApplicationStatus"], "RUNNING");
    assert_eq!(found["ApplicationDetail"]["ApplicationVersionId"], 1);
}

/// Each rule between a present configuration and a change, and what becomes of the change.
#[tokio::test]
async fn a_change_must_fit_what_is_there() {
    let world = World::with_alerts().await;
    let change = async |configuration: serde_json::Value, runtime: Option<&str>| {
        let version = world.describe("alerts").await["ApplicationVersionId"].clone();
        let mut request = json!({
            "CurrentApplicationVersionId": version,
            "ApplicationConfigurationUpdate": configuration,
        });
        if let Some(runtime) = runtime {
            request["RuntimeEnvironmentUpdate"] = json!(runtime);
        }
        world.api.patch(ALERTS, request).await
    };
    let mode = |mode: &str| {
        json!({ "ApplicationSnapshotConfigurationUpdate":
            { "SnapshotsEnabledUpdate": "true", "SnapshotModeUpdate": mode } })
    };
    const IA: &str = "InvalidArgumentException";
    change(mode("ENHANCED_SNAPSHOTS"), Some("FLINK-1_19")).await.refused(422, IA);
    change(mode("ENHANCED_SNAPSHOTS"), None).await.body(200);
    let back = change(mode("APPLICATION_SNAPSHOTS_LEGACY"), None).await;
    assert!(back.refused(422, IA).contains("cannot go back"));
    change(json!({}), Some("FLINK-1_19")).await.refused(422, IA);
    change(json!({}), Some("SQL-1_0")).await.refused(422, "UnsupportedOperationException");
    change(json!({}), Some("FLINK-2_2")).await.body(200);

    let key = |kind: &str, id: Option<&str>| {
        json!({ "ApplicationEncryptionConfigurationUpdate":
            { "KeyTypeUpdate": kind, "KeyIdUpdate": id } })
    };
    change(key("CUSTOMER_MANAGED_KEY", None), None).await.refused(422, IA);
    change(key("CUSTOMER_MANAGED_KEY", Some("alias/weir")), None).await.body(200);
    change(key("AWS_OWNED_KEY", None), None).await.body(200);
    let rollback = json!({ "ApplicationSystemRollbackConfigurationUpdate":
        { "RollbackEnabledUpdate": "true" } });
    change(rollback, None).await.body(200);
    let groups = json!({ "EnvironmentPropertyUpdates": { "PropertyGroups": [] } });
    change(groups, None).await.body(200);
    let vpc = json!({ "VpcConfigurationUpdates":
        [{ "VpcConfigurationId": "1.1", "SubnetIdUpdates": ["subnet-1"] }] });
    change(vpc, None).await.refused(404, "ResourceNotFoundException");

    let detail = world.describe("alerts").await;
    let configuration = &detail["ApplicationConfigurationDescription"];
    assert_eq!(
        configuration["ApplicationEncryptionConfigurationDescription"],
        json!({ "KeyType": "AWS_OWNED_KEY" })
    );
    assert_eq!(
        configuration["ApplicationSystemRollbackConfigurationDescription"],
        json!({ "RollbackEnabled": true })
    );
    assert_eq!(
        configuration["ApplicationSnapshotConfigurationDescription"],
        json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" })
    );
    assert_eq!(configuration.get("EnvironmentPropertyDescriptions"), None, "`[]` clears all");
    assert_eq!(detail["RuntimeEnvironment"], "FLINK-2_2");
    let with_token =
        async |token: &str| world.api.patch(ALERTS, json!({ "ConditionalToken": token })).await;
    with_token("no token!").await.refused(422, IA);
    with_token("").await.refused(422, IA);
    with_token(&"t".repeat(513)).await.refused(422, IA);
    with_token(&"t".repeat(512)).await.refused(412, "ConcurrentModificationException");
}
