//! The API's table of contents.

pub(crate) mod applications;
mod audit;
mod code;
pub(crate) mod enhanced_snapshots;
pub(crate) mod history;
mod keys;
pub(crate) mod lifecycle;
mod limits;
mod logs;
pub(crate) mod maintenance;
mod metrics;
pub(crate) mod observe;
pub(crate) mod presigned_url;
mod prometheus;
mod properties;
mod rollback;
mod service;
pub(crate) mod snapshot_operations;
mod snapshot_tags;
pub(crate) mod snapshots;
mod sub_resources;
mod tags;
mod usage;
pub(crate) mod waiting;

use std::collections::BTreeMap;

use axum::Extension;
use axum::http::Method;
use control::PageRequest;
use serde::Deserialize;
use utoipa::openapi::{OpenApi, RefOr, Response};
use utoipa::{IntoParams, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{describe_role, describe_schemes};
use crate::failure::{Failure, PROBLEM};
use crate::request::BodyLimit;
use crate::server::Server;

/// Largest body that carries code: 50 MiB of zip in base64, and what is around it.
pub(crate) const LARGEST_CODE_BODY: usize = 70 << 20;

#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Weir",
    description = "Self-hosted, managed stream processing. Bodies use the shapes and error names of \
                   the AWS API kinesisanalyticsv2; a member `Weir` holds what only Weir tells. Every \
                   answer has a header `x-amzn-RequestId`; every refusal has Code, Message and RequestId.",
    license(name = "Apache-2.0")
))]
struct Document;

/// Every endpoint, with its description.
pub(crate) fn all() -> OpenApiRouter<Server> {
    let code = OpenApiRouter::new()
        .routes(routes!(applications::create, applications::list))
        .routes(routes!(applications::describe, applications::update, applications::delete))
        .routes(routes!(code::put))
        .layer(Extension(BodyLimit(LARGEST_CODE_BODY)));
    let others = OpenApiRouter::new()
        .routes(routes!(properties::list))
        .routes(routes!(properties::get, properties::put, properties::delete))
        .routes(routes!(lifecycle::start))
        .routes(routes!(lifecycle::stop))
        .routes(routes!(rollback::rollback))
        .routes(routes!(snapshots::list, snapshots::create))
        .routes(routes!(snapshots::describe, snapshots::delete))
        .routes(routes!(enhanced_snapshots::list, enhanced_snapshots::create))
        .routes(routes!(enhanced_snapshots::describe, enhanced_snapshots::delete))
        .routes(routes!(enhanced_snapshots::export))
        .routes(routes!(enhanced_snapshots::import))
        .routes(routes!(snapshot_operations::list))
        .routes(routes!(snapshot_operations::describe))
        .routes(routes!(snapshot_tags::list, snapshot_tags::put, snapshot_tags::delete))
        .routes(routes!(sub_resources::add_logging_option))
        .routes(routes!(sub_resources::delete_logging_option))
        .routes(routes!(sub_resources::add_vpc_configuration))
        .routes(routes!(sub_resources::delete_vpc_configuration))
        .routes(routes!(maintenance::put))
        .routes(routes!(presigned_url::create))
        .routes(routes!(history::versions))
        .routes(routes!(history::version))
        .routes(routes!(history::operations))
        .routes(routes!(history::operation))
        .routes(routes!(history::events))
        .routes(routes!(logs::read))
        .routes(routes!(observe::metrics))
        .routes(routes!(metrics::history))
        .routes(routes!(prometheus::metrics))
        .routes(routes!(observe::graph))
        .routes(routes!(observe::checkpoints))
        .routes(routes!(waiting::waiting))
        .routes(routes!(observe::workers))
        .routes(routes!(usage::usage))
        .routes(routes!(audit::list))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(tags::list, tags::put, tags::delete))
        .routes(routes!(service::alive))
        .routes(routes!(service::ready))
        .routes(routes!(service::openapi));
    OpenApiRouter::with_openapi(Document::openapi()).merge(code).merge(others)
}

/// The description of the whole API.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = all().into_openapi();
    describe_schemes(&mut document);
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::PUT, &mut item.put),
            (Method::POST, &mut item.post),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            describe(&mut operation.responses.responses);
            limits::describe(operation);
            describe_role(operation, &method, path);
        }
    }
    document
}

/// OpenAPI wants words for every response, also where its body says all; every refusal is a problem.
fn describe(responses: &mut BTreeMap<String, RefOr<Response>>) {
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        let refused = status.starts_with(['4', '5']);
        if response.description.is_empty() {
            let words = if refused { "Refused: Code and Message say why" } else { "Done" };
            words.clone_into(&mut response.description);
        }
        if refused && let Some(body) = response.content.swap_remove("application/json") {
            response.content.insert(PROBLEM.to_owned(), body);
        }
    }
}

/// AWS `Limit` and `NextToken`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "PascalCase", default)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Most items of a page, 1 to 50.
    limit: Option<i64>,
    /// What the page before gave.
    next_token: Option<String>,
}

impl Paging {
    fn parse(self) -> Result<PageRequest, Failure> {
        Ok(PageRequest::new(self.limit, self.next_token)?)
    }
}
