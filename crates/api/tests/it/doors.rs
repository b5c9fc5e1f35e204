//! One call through either door: the operation and its input are AWS's; how REST says the same is told
//! here, once for each operation.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::aws;
use crate::world::World;

/// Where a call goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Aws,
    Rest,
}

impl Door {
    pub(crate) const ALL: [Self; 2] = [Self::Aws, Self::Rest];

    /// As scenarios name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Rest => "rest",
        }
    }
}

/// An operation in REST: its AWS name, method, path, members that go into the query, and the status of
/// success. Members in the path are in braces; the others are the body.
type Route = (&'static str, &'static str, &'static str, &'static [&'static str], u16);

const PAGE: &[&str] = &["Limit", "NextToken"];

/// `{Resource}` is what a ResourceARN names.
#[rustfmt::skip]
const ROUTES: &[Route] = &[
    ("AddApplicationCloudWatchLoggingOption", "POST", "/v1/applications/{ApplicationName}/logging-options", &[], 201),
    ("AddApplicationVpcConfiguration", "POST", "/v1/applications/{ApplicationName}/vpc-configurations", &[], 201),
    ("CreateApplication", "POST", "/v1/applications", &[], 201),
    ("CreateApplicationPresignedUrl", "POST", "/v1/applications/{ApplicationName}/presigned-url", &[], 200),
    ("CreateApplicationSnapshot", "POST", "/v1/applications/{ApplicationName}/snapshots", &[], 202),
    ("CreateSnapshot", "POST", "/v1/snapshots", &[], 202),
    ("DeleteApplication", "DELETE", "/v1/applications/{ApplicationName}", &["CreateTimestamp"], 202),
    ("DeleteApplicationCloudWatchLoggingOption", "DELETE", "/v1/applications/{ApplicationName}/logging-options/{CloudWatchLoggingOptionId}", &[], 200),
    ("DeleteApplicationSnapshot", "DELETE", "/v1/applications/{ApplicationName}/snapshots/{SnapshotName}", &["SnapshotCreationTimestamp"], 204),
    ("DeleteApplicationVpcConfiguration", "DELETE", "/v1/applications/{ApplicationName}/vpc-configurations/{VpcConfigurationId}", &[], 200),
    ("DeleteSnapshot", "DELETE", "/v1/snapshots/{SnapshotName}", &["SnapshotCreationTimestamp"], 202),
    ("DescribeApplication", "GET", "/v1/applications/{ApplicationName}", &["IncludeAdditionalDetails"], 200),
    ("DescribeApplicationOperation", "GET", "/v1/applications/{ApplicationName}/operations/{OperationId}", &[], 200),
    ("DescribeApplicationSnapshot", "GET", "/v1/applications/{ApplicationName}/snapshots/{SnapshotName}", &[], 200),
    ("DescribeApplicationVersion", "GET", "/v1/applications/{ApplicationName}/versions/{ApplicationVersionId}", &[], 200),
    ("DescribeSnapshot", "GET", "/v1/snapshots/{SnapshotName}", &[], 200),
    ("DescribeSnapshotOperation", "GET", "/v1/snapshots/{SnapshotName}/operations/{SnapshotOperationId}", &[], 200),
    ("ExportSnapshot", "POST", "/v1/snapshots/{SnapshotName}/export", &[], 202),
    ("ImportSnapshot", "POST", "/v1/snapshots/{SnapshotName}/import", &[], 202),
    ("ListApplicationOperations", "GET", "/v1/applications/{ApplicationName}/operations", &["Limit", "NextToken", "Operation", "OperationStatus"], 200),
    ("ListApplicationSnapshots", "GET", "/v1/applications/{ApplicationName}/snapshots", PAGE, 200),
    ("ListApplicationVersions", "GET", "/v1/applications/{ApplicationName}/versions", PAGE, 200),
    ("ListApplications", "GET", "/v1/applications", PAGE, 200),
    ("ListSnapshotOperations", "GET", "/v1/snapshots/{SnapshotName}/operations", &["Limit", "NextToken", "SnapshotOperation", "SnapshotOperationStatus"], 200),
    ("ListSnapshots", "GET", "/v1/snapshots", &["Limit", "NextToken", "SourceApplicationName", "SnapshotInitiator", "SnapshotInitiatorOperation", "SnapshotStatus"], 200),
    ("ListTagsForResource", "GET", "/v1/{Resource}/tags", &[], 200),
    ("RollbackApplication", "POST", "/v1/applications/{ApplicationName}/rollback", &[], 202),
    ("StartApplication", "POST", "/v1/applications/{ApplicationName}/start", &[], 202),
    ("StopApplication", "POST", "/v1/applications/{ApplicationName}/stop", &[], 202),
    ("TagResource", "PUT", "/v1/{Resource}/tags", &[], 200),
    ("UntagResource", "DELETE", "/v1/{Resource}/tags", &["TagKeys"], 204),
    ("UpdateApplication", "PATCH", "/v1/applications/{ApplicationName}", &[], 200),
    ("UpdateApplicationMaintenanceConfiguration", "PUT", "/v1/applications/{ApplicationName}/maintenance-window", &[], 200),
];

/// Whether REST has an operation.
pub(crate) fn in_rest(operation: &str) -> bool {
    ROUTES.iter().any(|route| route.0 == operation)
}

/// The status in REST of an error code.
fn rest_status(code: &str) -> u16 {
    match code {
        "ResourceNotFoundException" => 404,
        "ResourceInUseException" | "InvalidRequestException" => 409,
        "ConcurrentModificationException" => 412,
        "LimitExceededException" => 429,
        "ServiceUnavailableException" => 503,
        _ => 422,
    }
}

/// Calls an operation; gives its body, or code and message of the refusal.
pub(crate) async fn call(
    world: &World,
    door: Door,
    operation: &str,
    input: &Value,
) -> Result<Value, (String, String)> {
    match door {
        Door::Aws => through_aws(world, operation, input).await,
        Door::Rest => through_rest(world, operation, input).await,
    }
}

async fn through_aws(
    world: &World,
    operation: &str,
    input: &Value,
) -> Result<Value, (String, String)> {
    let answer = aws::call(world, operation, input.to_string()).await;
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    if answer.status == 200 {
        assert!(!answer.text.contains("\"Weir\""), "AWS clients know no `Weir`: {body}");
        return Ok(body);
    }
    let code = body["__type"].as_str().unwrap();
    let status = if code == "ServiceUnavailableException" { 500 } else { 400 };
    Err((code.to_owned(), aws::refused(&answer, status, code)))
}

async fn through_rest(
    world: &World,
    operation: &str,
    input: &Value,
) -> Result<Value, (String, String)> {
    let route = ROUTES.iter().find(|route| route.0 == operation);
    let (_, method, path, in_query, success) = route.expect("REST has the operation");
    let mut members = input.as_object().unwrap().clone();
    if let Some(arn) = members.remove("ResourceARN") {
        members.insert("Resource".to_owned(), resource(arn.as_str().unwrap()).into());
    }
    let mut path = fill(path, &mut members);
    for (nth, (name, value)) in take(in_query, &mut members).into_iter().enumerate() {
        path.push_str(&format!("{}{name}={}", if nth == 0 { '?' } else { '&' }, escaped(&value)));
    }
    let method: Method = method.parse().unwrap();
    let bodiless = method == Method::GET || method == Method::DELETE;
    let mut request = world.api.request(method, &path);
    if bodiless {
        // REST says in a header what was seen of what is to be deleted.
        if let Some(version) = members.remove("CurrentApplicationVersionId") {
            request = request.header("if-match", version.to_string());
        }
        assert!(members.is_empty(), "REST has no place for {members:?} of {operation}");
    } else {
        if operation == "TagResource" {
            members["Tags"] = tag_map(&members["Tags"]);
        }
        request = request.json(&members);
    }
    told(operation, &world.api.send(request).await, *success)
}

fn told(operation: &str, answer: &Answer, success: u16) -> Result<Value, (String, String)> {
    if answer.status >= 400 {
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        let code = body["Code"].as_str().unwrap().to_owned();
        let message = answer.refused(rest_status(&code), &code);
        return Err((code, message));
    }
    assert_eq!(answer.status, success, "{operation}: {}", answer.text);
    if answer.text.is_empty() {
        return Ok(json!({}));
    }
    let mut body = answer.body(success);
    if operation == "ListTagsForResource" {
        body["Tags"] = tag_list(&body["Tags"]);
    }
    Ok(body)
}

/// `applications/alerts` of an ARN that ends with `application/alerts`.
fn resource(arn: &str) -> String {
    let (kind, name) = arn.rsplit(':').next().unwrap().split_once('/').unwrap();
    format!("{kind}s/{name}")
}

fn fill(template: &str, members: &mut Map<String, Value>) -> String {
    let mut path = String::new();
    for part in template.split_inclusive('}') {
        let Some((before, name)) = part.split_once('{') else {
            path.push_str(part);
            continue;
        };
        let value =
            text(&members.remove(name.trim_end_matches('}')).expect("a member in the path"));
        path.push_str(before);
        path.push_str(&if name == "Resource}" { value } else { escaped(&value) });
    }
    path
}

fn take(names: &[&str], members: &mut Map<String, Value>) -> Vec<(String, String)> {
    let found = names.iter().filter_map(|name| Some(((*name).to_owned(), members.remove(*name)?)));
    found.map(|(name, value)| (name, text(&value))).collect()
}

/// As it stands in a path or a query.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Tags are a list in AWS and a map in REST.
fn tag_map(list: &Value) -> Value {
    let tags = list.as_array().unwrap().iter();
    let pair = |tag: &Value| {
        (tag["Key"].as_str().unwrap().to_owned(), tag.get("Value").cloned().unwrap_or("".into()))
    };
    tags.map(pair).collect::<Map<_, _>>().into()
}

fn tag_list(map: &Value) -> Value {
    let tags = map.as_object().unwrap().iter();
    tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}
