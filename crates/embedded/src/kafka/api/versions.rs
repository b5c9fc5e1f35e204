//! `ApiVersions`: what this broker can do.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsResponse, ResponseKind};

use super::SUPPORTED;

pub(super) fn answer() -> ApiVersionsResponse {
    let version = |&(api, min, max)| {
        ApiVersion::default().with_api_key(api as i16).with_min_version(min).with_max_version(max)
    };
    ApiVersionsResponse::default().with_api_keys(SUPPORTED.iter().map(version).collect())
}

/// For a client that asks in a version newer than ours; to be sent as version 0.
pub(in crate::kafka) fn refuse() -> ResponseKind {
    let code = ResponseError::UnsupportedVersion.code();
    ResponseKind::ApiVersions(answer().with_error_code(code))
}
