use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Compares with a checked-in file; `UPDATE=1 cargo test` rewrites it.
#[track_caller]
fn golden(path: &Path, actual: &str) {
    #[expect(clippy::disallowed_methods, reason = "goldens are rewritten on demand")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is stale: rerun with UPDATE=1 and read the diff",
        path.display()
    );
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_description_is_up_to_date() {
    golden(&here("../../openapi.yaml"), &api::document().to_yaml().unwrap());
}

/// Method in capitals, path, and the operation.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(api::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                found.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

#[test]
fn every_operation_has_an_id_of_its_own_and_words() {
    let mut seen = BTreeSet::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(seen.insert(id), "{method} {path}: id is taken");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{method} {path} {status}");
        }
    }
    assert!(seen.len() > 30, "{}", seen.len());
}

/// The scenarios' own text: which of them calls what cannot be forgotten.
#[test]
fn every_operation_has_a_scenario() {
    let mut calls = Vec::new();
    for file in std::fs::read_dir(here("tests/it")).unwrap() {
        calls.extend(calls_in(&std::fs::read_to_string(file.unwrap().path()).unwrap()));
    }
    let mut uncovered = String::new();
    for (method, path, _) in operations() {
        if !calls.iter().any(|(called, at)| *called == method && fits(&path, at)) {
            uncovered.push_str(&format!("{method} {path}\n"));
        }
    }
    golden(&here("tests/uncovered_endpoints.txt"), &uncovered);
}

/// Method and path of each call of the test client that has the path in it.
fn calls_in(source: &str) -> Vec<(&'static str, String)> {
    const CALLS: [(&str, &str); 6] = [
        ("api.get(", "GET"),
        ("api.post(", "POST"),
        ("api.put(", "PUT"),
        ("api.put_bytes(", "PUT"),
        ("api.patch(", "PATCH"),
        ("api.delete(", "DELETE"),
    ];
    let mut found = Vec::new();
    for (call, method) in CALLS {
        for (at, _) in source.match_indices(call) {
            let argument = source[at + call.len()..].trim_start();
            let argument = argument.strip_prefix("&format!(").unwrap_or(argument);
            if let Some((path, _)) = argument.strip_prefix('"').and_then(|it| it.split_once('"')) {
                let path = path.split('?').next().unwrap_or_default();
                found.push((method, path.to_owned()));
            }
        }
    }
    found
}

/// Whether a call's path is one of a template's; a segment in braces is any.
fn fits(template: &str, path: &str) -> bool {
    let segments = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (segments(template), segments(path));
    template.len() == path.len()
        && template.iter().zip(&path).all(|(want, have)| want.starts_with('{') || want == have)
}
