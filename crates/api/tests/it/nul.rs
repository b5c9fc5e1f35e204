//! NUL, which text of Postgres cannot hold, wherever a request can carry it.

use reqwest::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::world::World;

/// Methods of [`api::document`] and what they are called by there.
const METHODS: [(&str, Method); 5] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
];

/// Every operation's method, path with `{parameters}`, and parameters.
fn operations() -> Vec<(Method, String, Vec<Value>)> {
    let document = serde_json::to_value(api::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (name, method) in METHODS {
            if let Some(operation) = item.get(name) {
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                found.push((method, path.clone(), parameters));
            }
        }
    }
    found
}

#[track_caller]
fn is_refused(answer: &Answer, request: &str) {
    assert!((400..500).contains(&answer.status), "{request}: {} {}", answer.status, answer.text);
}

#[tokio::test]
async fn no_parameter_takes_it() {
    let world = World::with_alerts().await;
    let mut seen = 0;
    for (method, path, parameters) in operations() {
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap();
            let place = format!("{{{name}}}");
            let path = if parameter["in"] == "query" {
                format!("{path}?{name}=a%00b")
            } else {
                path.replace(&place, "a%00b")
            };
            let path = path.replace("{name}", "alerts").replace(['{', '}'], "");
            let answer = world.api.send(world.api.request(method.clone(), &path)).await;
            is_refused(&answer, &format!("{method} {path}"));
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
