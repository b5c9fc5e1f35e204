//! Authentication, as `openapi.yaml` tells it.

use axum::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi};

use super::roles;

/// Adds how keys are shown.
pub(crate) fn describe_schemes(document: &mut OpenApi) {
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key `weir_…` that `weir key create` made"))
        .build();
    let signature = ApiKey::Header(ApiKeyValue::with_description(
        "Authorization",
        "AWS Signature Version 4 with an access key that `weir key create --kind access` made; \
         service kinesisanalytics",
    ));
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("Key", SecurityScheme::Http(bearer));
    components.add_security_scheme("SigV4", SecurityScheme::ApiKey(signature));
    let none: [&str; 0] = [];
    document.security =
        Some(vec![SecurityRequirement::new("Key", none), SecurityRequirement::new("SigV4", none)]);
}

/// Adds what an operation takes of its caller.
pub(crate) fn describe_role(operation: &mut Operation, method: &Method, path: &str) {
    match roles::of_endpoint(method, path) {
        None => operation.security = Some(vec![SecurityRequirement::default()]),
        Some(role) => {
            let words = format!("Takes the role {role}.");
            operation.description = Some(match operation.description.take() {
                Some(text) if !text.is_empty() => format!("{text}\n\n{words}"),
                Some(_) | None => words,
            });
        }
    }
}
