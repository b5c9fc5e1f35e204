//! Snapshots that belong to the account, over HTTP.

use control::{Copied, CopyProblem};
use serde_json::{Value, json};

use crate::aws;
use crate::world::World;

const ROLE: &str = "arn:aws:iam::000000000000:role/r";

/// A world whose application `alerts` is set up for enhanced snapshots.
async fn world() -> World {
    let world = World::with_alerts().await;
    let change = json!({
        "CurrentApplicationVersionId": 1,
        "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate": {
            "SnapshotsEnabledUpdate": true, "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS",
        } },
    });
    world.api.patch("/v1/applications/alerts", change).await.body(200);
    world
}

/// Lets a worker say how the next copy went.
async fn copy(world: &World, result: Result<Copied, CopyProblem>) {
    let task = world.control.take_copy(world.worker).await.unwrap().expect("something to copy");
    world.control.copy_done(&task, &result).await.unwrap();
}

fn copied() -> Result<Copied, CopyProblem> {
    let manifest = "kept/manifest.json".to_owned();
    Ok(Copied { manifest, checkpoint: 7, state_bytes: 700, runtime: Some("FLINK-1_20".to_owned()) })
}

fn place() -> Value {
    json!({ "BucketARN": "arn:aws:s3:::backups", "KeyPrefix": "weir" })
}

fn export() -> Value {
    json!({ "ExportDestinationConfiguration": {
        "DestinationType": "S3", "ExportRoleArn": ROLE, "DestinationS3PrefixLocation": place(),
    } })
}

fn import() -> Value {
    json!({ "ImportSourceConfiguration": {
        "SourceType": "S3", "ImportRoleArn": ROLE, "SourceS3PrefixLocation": place(),
    } })
}

#[tokio::test]
async fn a_snapshot_is_created_exported_and_deleted() {
    let world = world().await;
    let mine = json!({
        "ApplicationName": "alerts",
        "SnapshotName": "mine",
        "SnapshotDescription": "words",
        "Tags": [{ "Key": "team", "Value": "sensors" }],
    });
    world.api.post("/v1/snapshots", mine.clone()).await.refused(409, "ResourceInUseException");
    let claim = world.run_alerts().await;
    let begun = world.api.post("/v1/snapshots", mine.clone()).await.body(202);
    let arn = "arn:aws:kinesisanalytics:us-east-1:000000000000:snapshot/mine";
    assert_eq!(
        (&begun["SnapshotArn"], &begun["SnapshotStatus"]),
        (&arn.into(), &"CREATING".into())
    );
    assert_eq!(begun["SnapshotOperationStatus"], "IN_PROGRESS");
    world.api.post("/v1/snapshots", mine).await.refused(409, "ResourceInUseException");
    let told = world.api.get("/v1/snapshots/mine").await.body(200);
    assert_eq!(told["SnapshotInfoDetails"]["SnapshotSizeInBytes"], 0);
    world
        .api
        .post("/v1/snapshots/mine/export", export())
        .await
        .refused(409, "ResourceInUseException");

    world.checkpoint(&claim, 7, Some("/mine")).await;
    copy(&world, copied()).await;
    let told = world.api.get("/v1/snapshots/mine").await.body(200);
    let told = &told["SnapshotInfoDetails"];
    let want = json!({
        "SnapshotName": "mine",
        "SnapshotArn": arn,
        "SnapshotDescription": "words",
        "SnapshotStatus": "READY",
        "SnapshotCreationTimestamp": told["SnapshotCreationTimestamp"],
        "RuntimeEnvironment": "FLINK-1_20",
        "SnapshotSizeInBytes": 700,
        "SnapshotEncryptionConfigurationDescription": { "KeyType": "AWS_OWNED_KEY" },
        "SnapshotInitiator": "USER",
        "SnapshotInitiatorOperation": "CreateSnapshot",
        "SnapshotSourceDescription": { "SourceApplicationDescription": {
            "ApplicationName": "alerts",
            "ApplicationCreationTimestamp":
                told["SnapshotSourceDescription"]["SourceApplicationDescription"]["ApplicationCreationTimestamp"],
            "ApplicationVersionId": 2,
        } },
        "SnapshotFormat": "CANONICAL",
    });
    assert_eq!(told, &want);

    let begun = world.api.post("/v1/snapshots/mine/export", export()).await.body(202);
    let again = world.api.post("/v1/snapshots/mine/export", export()).await;
    again.refused(429, "LimitExceededException");
    copy(&world, copied()).await;
    let id = begun["SnapshotOperationId"].as_str().unwrap();
    let operation = world.api.get(&format!("/v1/snapshots/mine/operations/{id}")).await.body(200);
    let operation = &operation["SnapshotOperationInfoDetails"];
    assert_eq!(operation["SnapshotOperation"], "ExportSnapshot");
    assert_eq!(operation["SnapshotOperationStatus"], "SUCCESSFUL");
    assert_eq!(operation["SnapshotArn"], arn);
    assert_eq!(
        operation["SnapshotDestinationLocationDescription"],
        json!({ "LocationType": "S3", "S3PrefixLocation": {
            "BucketARN": "arn:aws:s3:::backups",
            "KeyPrefix": "weir",
            "ExportedPrefix": format!("weir/{id}"),
        } })
    );
    let all = world.api.get("/v1/snapshots/mine/operations").await.body(200);
    let kinds: Vec<_> = all["SnapshotOperationInfoList"].as_array().unwrap().iter().collect();
    assert_eq!((kinds.len(), &kinds[1]["SnapshotOperation"]), (2, &"CreateSnapshot".into()));
    let both = "/v1/snapshots/mine/operations?SnapshotOperation=ExportSnapshot&SnapshotOperationStatus=FAILED";
    world.api.get(both).await.refused(422, "InvalidArgumentException");
    let none = "/v1/snapshots/mine/operations/nowhere";
    world.api.get(none).await.refused(404, "ResourceNotFoundException");
    world.api.get("/v1/snapshots/nope/operations").await.refused(404, "ResourceNotFoundException");

    world.api.delete("/v1/snapshots/mine").await.refused(422, "InvalidArgumentException");
    let other = "/v1/snapshots/mine?SnapshotCreationTimestamp=1700000000";
    world.api.delete(other).await.refused(422, "InvalidArgumentException");
    let at = told["SnapshotCreationTimestamp"].as_f64().unwrap();
    let mine = format!("/v1/snapshots/mine?SnapshotCreationTimestamp={at}");
    let gone = world.api.delete(&mine).await.body(202);
    assert_eq!(gone["SnapshotStatus"], "DELETING");
    world.control.reconcile().await.unwrap();
    world.api.get("/v1/snapshots/mine").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_import_that_fails_says_why() {
    let world = world().await;
    let bad = world.api.post("/v1/snapshots/back/import", import()).await.body(202);
    let damaged = CopyProblem { code: "Damaged", message: "words".to_owned(), passes: false };
    copy(&world, Err(damaged)).await;
    let id = bad["SnapshotOperationId"].as_str().unwrap();
    let operation = world.api.get(&format!("/v1/snapshots/back/operations/{id}")).await.body(200);
    let operation = &operation["SnapshotOperationInfoDetails"];
    let failure = json!({ "ErrorInfo": { "ErrorCode": "Damaged", "ErrorString": "words" } });
    assert_eq!(operation["SnapshotOperationFailureDetails"], failure);
    assert_eq!(operation["SnapshotSourceLocationDescription"]["S3PrefixLocation"], place());
    let failed = world.api.get("/v1/snapshots?SnapshotStatus=FAILED").await.body(200);
    assert_eq!(failed["SnapshotInfoList"][0]["SnapshotName"], "back");
    let two = "/v1/snapshots?SnapshotStatus=FAILED&SnapshotInitiator=USER";
    world.api.get(two).await.refused(422, "InvalidArgumentException");
    world
        .api
        .get("/v1/snapshots?SnapshotStatus=GONE")
        .await
        .refused(422, "InvalidArgumentException");
    let page = world.api.get("/v1/snapshots?Limit=1").await.body(200);
    assert_eq!(page["SnapshotInfoList"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_no_transfer_can_mean_is_refused() {
    let world = world().await;
    let path = "/v1/snapshots/back/import";
    let wrong = |pointer: &str, value: Value| {
        let mut body = import();
        *body.pointer_mut(&format!("/ImportSourceConfiguration{pointer}")).unwrap() = value;
        body
    };
    let flink = |format: &str| {
        let mut body = import();
        body["SnapshotFormat"] = format.into();
        body
    };
    let encrypted = {
        let mut body = import();
        body["DestinationEncryptionConfiguration"] =
            json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "k" });
        body
    };
    for body in [
        json!({}),
        wrong("/SourceType", "FTP".into()),
        wrong("/ImportRoleArn", "".into()),
        wrong("/SourceS3PrefixLocation/BucketARN", "backups".into()),
        wrong("/SourceS3PrefixLocation/KeyPrefix", "".into()),
        flink("NATIVE"),
        encrypted,
    ] {
        world.api.post(path, body).await.refused(422, "InvalidArgumentException");
    }
    let reserved = world.api.post("/v1/snapshots/SystemSnapshot1/import", import()).await;
    reserved.refused(422, "InvalidArgumentException");
    world.api.post(path, flink("CANONICAL")).await.body(202);
    let export = world.api.post("/v1/snapshots/nope/export", export()).await;
    export.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn tags_of_a_snapshot_come_and_go() {
    let world = world().await;
    world.api.post("/v1/snapshots/back/import", import()).await.body(202);
    let path = "/v1/snapshots/back/tags";
    let tags = json!({ "Tags": { "a": "1", "b": "" } });
    assert_eq!(world.api.put("/v1/snapshots/back/tags", tags.clone()).await.body(200), tags);
    world.api.delete("/v1/snapshots/back/tags?TagKeys=a,c").await.empty(204);
    assert_eq!(world.api.get(path).await.body(200), json!({ "Tags": { "b": "" } }));
    world.api.get("/v1/snapshots/nope/tags").await.refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_application_starts_from_the_arn_of_a_snapshot() {
    let world = world().await;
    let begun = world.api.post("/v1/snapshots/back/import", import()).await.body(202);
    let start = |arn: &Value| {
        json!({ "RunConfiguration": { "ApplicationRestoreConfiguration": {
            "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": arn,
        } } })
    };
    let path = "/v1/applications/alerts/start";
    let early = world.api.post(path, start(&begun["SnapshotArn"])).await;
    early.refused(422, "InvalidArgumentException");
    copy(&world, copied()).await;
    for arn in ["arn:aws:kinesisanalytics:eu-west-1:000000000000:snapshot/back", "back", ""] {
        let refused = world.api.post(path, start(&arn.into())).await;
        refused.refused(422, "InvalidArgumentException");
    }
    world.api.post(path, start(&begun["SnapshotArn"])).await.body(202);
    let claim = world.claim().await;
    assert_eq!(claim.restore.manifest(), Some("kept/manifest.json"));
    let detail = world.api.get("/v1/applications/alerts").await.body(200);
    let run = &detail["ApplicationDetail"]["ApplicationConfigurationDescription"]["RunConfigurationDescription"];
    assert_eq!(
        run["ApplicationRestoreConfigurationDescription"],
        json!({
            "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
            "SnapshotArn": begun["SnapshotArn"],
        })
    );
}

/// The body of a call of the AWS door that succeeds.
async fn door(world: &World, operation: &str, body: Value) -> Value {
    let answer = aws::call(world, operation, body.to_string()).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn the_aws_door_has_all_eight_operations_and_the_tags() {
    let world = world().await;
    let claim = world.run_alerts().await;
    let mine = json!({ "SnapshotName": "mine" });
    let create = json!({ "ApplicationName": "alerts", "SnapshotName": "mine" });
    let begun = door(&world, "CreateSnapshot", create.clone()).await;
    assert_eq!(begun["SnapshotStatus"], "CREATING");
    let twice = aws::call(&world, "CreateSnapshot", create.to_string()).await;
    aws::refused(&twice, 400, "ResourceInUseException");
    world.checkpoint(&claim, 7, Some("/mine")).await;
    copy(&world, copied()).await;
    let told = door(&world, "DescribeSnapshot", mine.clone()).await;
    assert_eq!(told["SnapshotInfoDetails"]["SnapshotStatus"], "READY");
    let filter = json!({ "SourceApplicationName": "alerts", "Limit": 1 });
    let listed = door(&world, "ListSnapshots", filter).await;
    assert_eq!(listed["SnapshotInfoList"][0]["SnapshotArn"], begun["SnapshotArn"]);

    let mut export = export();
    export["SnapshotName"] = "mine".into();
    let exported = door(&world, "ExportSnapshot", export).await;
    copy(&world, copied()).await;
    let id = &exported["SnapshotOperationId"];
    let which = json!({ "SnapshotName": "mine", "SnapshotOperationId": id });
    let operation = door(&world, "DescribeSnapshotOperation", which).await;
    let operation = &operation["SnapshotOperationInfoDetails"];
    assert_eq!(operation["SnapshotOperationStatus"], "SUCCESSFUL");
    let exports = json!({ "SnapshotName": "mine", "SnapshotOperation": "ExportSnapshot" });
    let exports = door(&world, "ListSnapshotOperations", exports).await;
    assert_eq!(exports["SnapshotOperationInfoList"].as_array().unwrap().len(), 1);

    let mut import = import();
    import["SnapshotName"] = "back".into();
    import["SnapshotFormat"] = "CANONICAL".into();
    import["Tags"] = json!([{ "Key": "team", "Value": "sensors" }]);
    let imported = door(&world, "ImportSnapshot", import).await;
    let arn = json!({ "ResourceARN": imported["SnapshotArn"] });
    let tags = door(&world, "ListTagsForResource", arn.clone()).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "team", "Value": "sensors" }]));
    let mut more = arn.clone();
    more["Tags"] = json!([{ "Key": "stage", "Value": "test" }]);
    door(&world, "TagResource", more).await;
    let mut fewer = arn.clone();
    fewer["TagKeys"] = json!(["team"]);
    door(&world, "UntagResource", fewer).await;
    let tags = door(&world, "ListTagsForResource", arn).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "stage", "Value": "test" }]));

    let at = &told["SnapshotInfoDetails"]["SnapshotCreationTimestamp"];
    let delete = json!({ "SnapshotName": "mine", "SnapshotCreationTimestamp": at });
    let gone = door(&world, "DeleteSnapshot", delete).await;
    assert_eq!(gone["SnapshotStatus"], "DELETING");
    world.control.reconcile().await.unwrap();
    let unknown = aws::call(&world, "DescribeSnapshot", mine.to_string()).await;
    aws::refused(&unknown, 400, "ResourceNotFoundException");
}
