//! Rules of the house: who may use whom, and how long a file may be.

use std::path::Path;
use std::process::Command;

/// Room → rooms it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("store", &["model"]),
    ("control", &["model", "store"]),
    ("api", &["model", "control"]),
    ("worker", &["model", "control"]),
    ("engine", &["model"]),
    ("sql", &["model", "engine"]),
    ("connectors", &["model", "engine"]),
    ("python", &["model", "engine"]),
    ("job", &["model", "sql", "engine", "connectors", "python"]),
    ("embedded", &["model"]),
    (
        "weir",
        &[
            "model",
            "store",
            "control",
            "api",
            "worker",
            "job",
            "sql",
            "engine",
            "connectors",
            "python",
            "embedded",
        ],
    ),
];

/// Outside crate → rooms it is shut in.
const SHUT_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("axum", &["api"]),
    ("utoipa", &["api"]),
    ("rdkafka", &["connectors"]),
    ("aws-sdk-s3", &["connectors"]),
    ("sqlparser", &["sql"]),
    ("arrow", &["engine", "sql", "connectors", "weir"]),
    ("kafka-protocol", &["embedded"]),
    ("s3s", &["embedded"]),
    ("ring", &["control", "api"]),
    ("reqwest", &["weir"]),
    ("opentelemetry", &["weir"]),
    ("opentelemetry_sdk", &["weir"]),
    ("opentelemetry-otlp", &["weir"]),
    ("opentelemetry-proto", &["weir"]),
    ("tracing-opentelemetry", &["weir"]),
    ("prost", &["weir"]),
    ("clap", &["weir"]),
];

#[test]
fn arrows_point_inward() {
    for (room, uses) in dependencies() {
        let allowed = ARROWS.iter().find(|(name, _)| *name == room).expect("new room: add a row").1;
        for used in uses {
            if ARROWS.iter().any(|(name, _)| *name == used) {
                assert!(allowed.contains(&used.as_str()), "`{room}` must not use `{used}`");
            }
            if let Some((_, rooms)) = SHUT_IN.iter().find(|(name, _)| *name == used) {
                assert!(rooms.contains(&room.as_str()), "`{room}` must not use `{used}`");
            }
        }
    }
}

/// Longest file, in lines; generated code would go to a folder `generated`.
const LONGEST: usize = 500;

#[test]
fn files_stay_readable() {
    let mut long = Vec::new();
    walk(&crate::root().join("crates"), &mut |path| {
        let code = path.extension().is_some_and(|e| e == "rs" || e == "py" || e == "sql");
        if code {
            let lines = std::fs::read_to_string(path).unwrap().lines().count();
            if lines > LONGEST {
                long.push(format!("{}: {lines}", path.display()));
            }
        }
    });
    assert!(long.is_empty(), "longer than {LONGEST} lines: {long:#?}");
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else {
            visit(&path);
        }
    }
}

/// Normal dependencies of each room, from `cargo metadata`.
fn dependencies() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(crate::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter();
            let normal = normal.filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect();
            (text(&package["name"]), normal)
        })
        .collect()
}
