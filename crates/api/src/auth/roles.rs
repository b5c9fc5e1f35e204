//! The least role of every REST endpoint. (Those of the AWS door stand in its table of operations.)

use axum::http::Method;
use model::access::Role;

/// What needs no key: the dashboard asks for a session of its own.
const OPEN: &[&str] = &[
    "/healthz",
    "/readyz",
    "/openapi.yaml",
    "/dashboard/{application}",
    "/dashboard/{application}/data",
];

/// What only an administrator may read.
const READ_BY_ADMIN: &[&str] = &["/v1/audit", "/v1/keys"];

/// What an operator may change: the end of the path, below an application.
const CHANGED_BY_OPERATOR: &[&str] = &[
    "start",
    "stop",
    "presigned-url",
    "rollback",
    "snapshots",
    "snapshots/{snapshot}",
    "tags",
    "property-groups/{group}",
];

/// What an operator may change of snapshots that belong to the account; exports and imports go to
/// and come from anywhere.
const SNAPSHOTS_BY_OPERATOR: &[&str] =
    &["/v1/snapshots", "/v1/snapshots/{snapshot}", "/v1/snapshots/{snapshot}/tags"];

/// The least role of a REST endpoint; `None` = no key is needed. What is not named is for
/// administrators, unless it only reads.
pub(crate) fn of_endpoint(method: &Method, path: &str) -> Option<Role> {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if reads && OPEN.contains(&path) {
        return None;
    }
    if reads && !READ_BY_ADMIN.contains(&path) {
        return Some(Role::Viewer);
    }
    let end = path.strip_prefix("/v1/applications/{name}/");
    let operator = end.is_some_and(|end| CHANGED_BY_OPERATOR.contains(&end))
        || SNAPSHOTS_BY_OPERATOR.contains(&path);
    Some(if operator { Role::Operator } else { Role::Admin })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    /// Every endpoint with its role, for a reviewer: a new one shows up here.
    #[test]
    fn the_roles_are_the_checked_in_ones() {
        let document = serde_json::to_value(crate::document()).unwrap();
        let mut text = String::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
                if item.get(method.as_str().to_lowercase()).is_some() {
                    let role = of_endpoint(&method, path);
                    let role = role.map_or("no key", Role::as_str);
                    writeln!(text, "{role:<9} {method} {path}").unwrap();
                }
            }
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roles.txt");
        #[expect(clippy::disallowed_methods, reason = "goldens are rewritten on demand")]
        if std::env::var("UPDATE").is_ok() {
            std::fs::write(&file, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(expected == text, "{} is stale: rerun with UPDATE=1", file.display());
    }

    #[test]
    fn what_is_unknown_is_for_administrators() {
        assert_eq!(of_endpoint(&Method::POST, "/v1/new"), Some(Role::Admin));
        assert_eq!(of_endpoint(&Method::DELETE, "/healthz"), Some(Role::Admin));
    }
}
