//! What `deploy/` tells people to run exists, and what it holds can be read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn deploy() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| (path.clone(), std::fs::read_to_string(path).unwrap());
    files(&crate::root().join("deploy")).into_iter().map(read).collect()
}

fn help(command: &str) -> String {
    let output = Command::new(crate::weir()).args([command, "--help"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Words of these characters that begin so.
fn words(text: &str, begin: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let all = text.split(|c| !part(c)).filter(|word| word.starts_with(begin));
    all.map(|word| word.trim_end_matches(['-', '_']).to_owned()).collect()
}

#[test]
fn every_variable_is_one_of_the_binarys() {
    let known = help("api") + &help("worker");
    let mut seen = 0;
    for (path, text) in deploy() {
        for word in words(&text, "WEIR_").into_iter().chain(words(&text, "AWS_")) {
            seen += 1;
            let there = words(&known, &word).contains(&word);
            assert!(there, "{}: nobody reads `{word}`", path.display());
        }
    }
    assert!(seen > 20, "the search found only {seen}");
}

#[test]
fn every_option_of_a_started_process_exists() {
    let mut seen = 0;
    for (path, text) in deploy() {
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let started = |role: &str| {
                line.contains(&format!("bin/weir {role} --"))
                    || line.contains(&format!("command: [{role}, "))
                    || line.contains(&format!("args: [{role}, "))
            };
            for role in ["api", "worker"].into_iter().filter(|role| started(role)) {
                let known = words(&help(role), "--");
                for option in words(line, "--") {
                    seen += 1;
                    assert!(known.contains(&option), "{}: no `{role} {option}`", path.display());
                }
            }
        }
    }
    assert!(seen >= 4, "the search found only {seen}");
}

#[test]
fn every_path_that_a_probe_asks_is_an_endpoint() {
    let document = std::fs::read_to_string(crate::root().join("openapi.yaml")).unwrap();
    for (path, text) in deploy() {
        for probe in ["/healthz", "/readyz"].iter().filter(|probe| text.contains(**probe)) {
            assert!(document.contains(&format!("  {probe}:")), "{}: {probe}", path.display());
        }
    }
}

#[test]
fn every_yaml_file_can_be_read_and_holds_what_it_should() {
    use serde::Deserialize;

    let mut kinds = BTreeSet::new();
    let mut services = BTreeSet::new();
    for (path, text) in
        deploy().into_iter().filter(|(path, _)| path.extension() == Some("yaml".as_ref()))
    {
        for document in yaml_serde::Deserializer::from_str(&text) {
            let document = yaml_serde::Value::deserialize(document)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if let Some(kind) = document.get("kind").and_then(|kind| kind.as_str()) {
                kinds.insert(kind.to_owned());
                assert!(document.get("apiVersion").is_some(), "{}", path.display());
            }
            let listed = document.get("services").and_then(|it| it.as_mapping());
            for (name, service) in listed.into_iter().flatten() {
                assert!(service.is_mapping(), "{name:?}");
                services.insert(name.as_str().unwrap().to_owned());
            }
        }
    }
    let wanted =
        ["ConfigMap", "Deployment", "Kustomization", "PodDisruptionBudget", "Secret", "Service"];
    assert!(wanted.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    let wanted = ["api", "kafka", "postgres", "s3", "worker-1", "worker-2"];
    assert!(wanted.iter().all(|name| services.contains(*name)), "{services:?}");
}

/// A worker is given time for its jobs' last checkpoints, and only it is told to stop.
#[test]
fn workers_are_not_killed_before_their_jobs_can_take_a_checkpoint() {
    let text =
        |name: &str| std::fs::read_to_string(crate::root().join("deploy").join(name)).unwrap();
    let seconds = |name: &str, key: &str| -> u64 {
        let text = text(name);
        let value = text.split(key).nth(1).unwrap_or_else(|| panic!("{name}: no {key}"));
        let digits: String = value
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap()
    };
    let drain = 20 + 10;
    assert!(help("worker").contains("[default: 20]"), "the time to drain has changed");
    assert!(seconds("compose.yaml", "stop_grace_period") > drain);
    assert!(seconds("kubernetes/worker.yaml", "terminationGracePeriodSeconds") > drain);
    assert!(seconds("systemd/weir-worker@.service", "TimeoutStopSec") > drain);
    assert!(text("systemd/weir-worker@.service").contains("\nKillMode=mixed\n"));
}
