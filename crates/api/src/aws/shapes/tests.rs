use serde_json::{Value, json};

use super::{SHAPES, Shape, Wrong};

#[test]
fn every_name_has_a_shape() {
    for shape in SHAPES.0.values() {
        match shape {
            Shape::Structure(members) => members.iter().for_each(|member| {
                SHAPES.named(member.shape);
            }),
            Shape::List { of, .. } => {
                SHAPES.named(of);
            }
            Shape::Map { key, value, .. } => {
                SHAPES.named(key);
                SHAPES.named(value);
            }
            Shape::Text { .. }
            | Shape::Choice(_)
            | Shape::Integer(_)
            | Shape::Truth
            | Shape::Time
            | Shape::Blob(_) => {}
        }
    }
    assert!(SHAPES.0.len() > 300);
}

#[track_caller]
fn reads(shape: &str, request: Value, want: Value) {
    assert_eq!(SHAPES.admit(shape, request), Ok(want));
}

#[track_caller]
fn breaks(shape: &str, request: Value, want: &str) {
    assert_eq!(SHAPES.admit(shape, request), Err(Wrong::Value(want.to_owned())));
}

#[track_caller]
fn mistyped(shape: &str, request: Value, want: &str) {
    assert_eq!(SHAPES.admit(shape, request), Err(Wrong::Type(want.to_owned())));
}

#[test]
fn requests_are_read_leniently() {
    reads(
        "StopApplicationRequest",
        json!({ "ApplicationName": "a", "Force": "True", "Unknown": [1], "Weir": {} }),
        json!({ "ApplicationName": "a", "Force": true }),
    );
    reads(
        "StartApplicationRequest",
        json!({ "ApplicationName": "a", "RunConfiguration": null }),
        json!({ "ApplicationName": "a" }),
    );
}

#[test]
fn members_that_break_a_rule_are_named_with_their_place() {
    breaks("StopApplicationRequest", json!({}), "`ApplicationName` is missing");
    breaks(
        "ApplicationName",
        json!("a b"),
        "the body may only contain letters, digits, `_`, `.` and `-`",
    );
    breaks(
        "EnvironmentProperties",
        json!({ "PropertyGroups": [{ "PropertyGroupId": "g", "PropertyMap": {} }] }),
        "`PropertyGroups.1.PropertyMap` must be 1 to 50 entries long, not 0",
    );
    breaks("Tags", json!([{ "Key": "" }]), "`1.Key` must be 1 to 128 characters long, not 0");
    breaks("CheckpointInterval", json!(0), "the body must be at least 1, not 0");
    breaks(
        "ApplicationMaintenanceWindowStartTime",
        json!("24:00"),
        "the body must be a time of day from `00:00` to `23:59`",
    );
    breaks(
        "UrlType",
        json!("X"),
        "the body must be one of `FLINK_DASHBOARD_URL`, `ZEPPELIN_UI_URL`, not `X`",
    );
}

#[test]
fn wrong_types_go_before_wrong_values() {
    mistyped(
        "StopApplicationRequest",
        json!({ "ApplicationName": "a b", "Force": "maybe" }),
        "`Force` must be true or false, not a string",
    );
    mistyped("ApplicationVersionId", json!(1.5), "the body must be an integer, not 1.5");
    mistyped("ZipFileContent", json!("AA="), "the body must be base64");
    mistyped("ListApplicationsRequest", json!([]), "the body must be a JSON object, not an array");
}

#[test]
fn answers_keep_only_what_aws_has() {
    let mut answer = json!({
        "SnapshotDetails": { "SnapshotName": "s", "Weir": { "StateBytes": 1 } },
        "Weir": {},
    });
    SHAPES.cut("DescribeApplicationSnapshotResponse", &mut answer);
    assert_eq!(answer, json!({ "SnapshotDetails": { "SnapshotName": "s" } }));
}
