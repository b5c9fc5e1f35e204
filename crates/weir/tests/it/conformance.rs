//! Flink SQL cases whose expected rows were written by Apache Flink itself.

use std::collections::BTreeSet;
use std::process::Command;

/// Runs every case through the binary. `not-yet-passing.txt` lists those that differ; it can only
/// shrink: a listed case that passes must be struck out, an unlisted one must not fail.
#[test]
fn cases_agree_with_flink_except_those_listed() {
    let suite = crate::root().join("tests/conformance");
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results.json");
    let run = Command::new("python3")
        .arg(suite.join("run_suite.py"))
        .args(["--engine", &format!("{} run {{sql}}", crate::weir()), "--out"])
        .arg(out.path().join("cases"))
        .arg("--json")
        .arg(&results)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let results: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(&results).unwrap()).unwrap();
    assert!(results.len() >= 109, "only {} cases ran: {said}", results.len());

    let list = std::fs::read_to_string(suite.join("not-yet-passing.txt")).unwrap();
    let listed: BTreeSet<&str> =
        list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let name = |result: &serde_json::Value| result["case"].as_str().unwrap().to_owned();
    let failed: BTreeSet<String> = results.iter().filter(|r| r["ok"] != true).map(&name).collect();
    let news: Vec<&serde_json::Value> =
        results.iter().filter(|r| r["ok"] != true && !listed.contains(name(r).as_str())).collect();
    assert!(news.is_empty(), "these cases no longer agree with Flink: {news:#?}");
    let mended: Vec<&&str> = listed.iter().filter(|case| !failed.contains(**case)).collect();
    assert!(mended.is_empty(), "strike these out of not-yet-passing.txt: {mended:?}");
}

/// What this stage promises: windows of every kind over append-only input.
#[test]
fn nothing_promised_is_listed_as_not_yet_passing() {
    const PROMISED: [&str; 5] = ["tumble", "hop", "session", "cumulate", "seed"];
    const ASIDE: [&str; 4] = ["join", "top-n", "grouping-sets", "match-recognize"];
    let suite = crate::root().join("tests/conformance");
    let list = std::fs::read_to_string(suite.join("not-yet-passing.txt")).unwrap();
    for case in list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let toml =
            std::fs::read_to_string(suite.join("cases").join(case).join("case.toml")).unwrap();
        let features = toml.lines().find(|line| line.starts_with("features")).unwrap();
        let has = |tag: &str| features.contains(&format!("\"{tag}\""));
        let promised = toml.contains("kind = \"append\"") && PROMISED.iter().any(|tag| has(tag));
        let aside = ASIDE.iter().any(|tag| features.contains(tag));
        assert!(!promised || aside, "`{case}` must pass: {features}");
    }
}
