//! Logging options and VPC configurations of an application.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use control::Seen;
use model::configuration::SubResourceChange;

use super::code::seen;
use crate::failure::{Failure, FailureBody};
use crate::request::{Body, Path};
use crate::server::Shared;
use crate::wire::configuration::sub_resources::{logging_option_id, vpc_configuration_id};
use crate::wire::sub_resources::{
    AddLoggingOptionRequest, AddVpcConfigurationRequest, LoggingOptionsAnswer,
    VpcConfigurationAnswer, logging_answer, update, vpc_answer,
};

/// What the body gives, else the header If-Match, else whichever version is present.
fn any(given: Seen, headers: &HeaderMap) -> Result<Seen, Failure> {
    match given {
        Seen::Match { version: None, token: None } => seen(headers),
        given => Ok(given),
    }
}

/// Adds a logging option, which is kept and shown; a running application is restarted from a snapshot.
#[utoipa::path(post, path = "/v1/applications/{name}/logging-options", tag = "applications",
    operation_id = "AddApplicationCloudWatchLoggingOption",
    params(("name" = String, Path, description = "Application name")), request_body = AddLoggingOptionRequest,
    responses((status = 201, body = LoggingOptionsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn add_logging_option(
    shared: Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(request): Body<AddLoggingOptionRequest>,
) -> Result<(StatusCode, Json<LoggingOptionsAnswer>), Failure> {
    let (change, given) = request.parse()?;
    let command = update(name.parse()?, change, any(given, &headers)?);
    let done = shared.control.update(command).await?;
    Ok((StatusCode::CREATED, Json(logging_answer(done))))
}

/// Deletes a logging option; a running application is restarted from a snapshot.
#[utoipa::path(delete, path = "/v1/applications/{name}/logging-options/{id}", tag = "applications",
    operation_id = "DeleteApplicationCloudWatchLoggingOption",
    params(("name" = String, Path, description = "Application name"),
        ("id" = String, Path, description = "CloudWatchLoggingOptionId")),
    responses((status = 200, body = LoggingOptionsAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete_logging_option(
    shared: Shared,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<LoggingOptionsAnswer>, Failure> {
    let change = SubResourceChange::DeleteLoggingOption { id: logging_option_id(&id)? };
    let command = update(name.parse()?, change, seen(&headers)?);
    Ok(Json(logging_answer(shared.control.update(command).await?)))
}

/// Adds a VPC configuration, which is kept and shown; a running application is restarted from a snapshot.
#[utoipa::path(post, path = "/v1/applications/{name}/vpc-configurations", tag = "applications",
    operation_id = "AddApplicationVpcConfiguration",
    params(("name" = String, Path, description = "Application name")), request_body = AddVpcConfigurationRequest,
    responses((status = 201, body = VpcConfigurationAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn add_vpc_configuration(
    shared: Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(request): Body<AddVpcConfigurationRequest>,
) -> Result<(StatusCode, Json<VpcConfigurationAnswer>), Failure> {
    let (change, given) = request.parse()?;
    let command = update(name.parse()?, change, any(given, &headers)?);
    let done = shared.control.update(command).await?;
    Ok((StatusCode::CREATED, Json(vpc_answer(done))))
}

/// Deletes a VPC configuration; a running application is restarted from a snapshot.
#[utoipa::path(delete, path = "/v1/applications/{name}/vpc-configurations/{id}", tag = "applications",
    operation_id = "DeleteApplicationVpcConfiguration",
    params(("name" = String, Path, description = "Application name"),
        ("id" = String, Path, description = "VpcConfigurationId")),
    responses((status = 200, body = VpcConfigurationAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn delete_vpc_configuration(
    shared: Shared,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<VpcConfigurationAnswer>, Failure> {
    let change = SubResourceChange::DeleteVpc { id: vpc_configuration_id(&id)? };
    let command = update(name.parse()?, change, seen(&headers)?);
    Ok(Json(vpc_answer(shared.control.update(command).await?)))
}
