//! Tags, by ARN.

use control::Control;
use serde::{Deserialize, Serialize};

use super::applications::Done;
use super::refusal::Refusal;
use crate::endpoints::applications::{Tag, tag_map};

/// Of which application.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Of {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
}

/// AWS `ListTagsForResourceResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    tags: Vec<Tag>,
}

pub(super) async fn list(control: Control, request: Of) -> Result<Tags, Refusal> {
    let name = control.name_of_arn(&request.resource_arn)?;
    let found = control.tags(&name).await?;
    Ok(Tags { tags: found.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}

/// AWS `TagResourceRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) async fn put(control: Control, request: Put) -> Result<Done, Refusal> {
    let name = control.name_of_arn(&request.resource_arn)?;
    control.tag(&name, tag_map(request.tags)?).await?;
    Ok(Done {})
}

/// AWS `UntagResourceRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) async fn delete(control: Control, request: Delete) -> Result<Done, Refusal> {
    let name = control.name_of_arn(&request.resource_arn)?;
    control.untag(&name, request.tag_keys).await?;
    Ok(Done {})
}
