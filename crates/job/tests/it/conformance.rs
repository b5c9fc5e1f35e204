//! The conformance cases that only insert, killed and restored in the middle: Flink's rows again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interrupted::{Kill, Script};

/// The cases that pass when they run straight: `crates/weir/tests/it/conformance.rs` runs those.
fn cases() -> Vec<String> {
    let suite = suite();
    let list = fs::read_to_string(suite.join("not-yet-passing.txt")).unwrap();
    let listed: BTreeSet<&str> = list.lines().map(str::trim).collect();
    let append = |name: &String| {
        let toml = fs::read_to_string(suite.join("cases").join(name).join("case.toml")).unwrap();
        toml.lines().any(|line| line == "kind = \"append\"") && !listed.contains(name.as_str())
    };
    let folders = fs::read_dir(suite.join("cases")).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(append).collect();
    names.sort();
    names
}

fn suite() -> PathBuf {
    crate::root().join("tests/conformance")
}

fn script(case: &Path, out: &Path) -> String {
    let text = fs::read_to_string(case.join("query.sql")).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    text.replace("${IN}", &path(&case.join("in"))).replace("${OUT}", &path(out))
}

/// What `compare.py` finds wrong.
fn compare(case: &Path, out: &Path, options: &[&str]) -> Option<String> {
    let mut judge = Command::new("python3");
    judge.arg(suite().join("compare.py")).args(options).arg(case).arg(out);
    let judged = judge.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (!judged.status.success()).then(|| said(&judged.stdout) + &said(&judged.stderr))
}

/// Kills at a quarter, half, and three quarters of the polls a straight run takes.
fn kills(polls: u64) -> [Kill; 3] {
    let part = polls / 4;
    [false, true, false].map(|commits| Kill { polls: (part, 3.min(part)), commits })
}

/// Ways to run a case besides straight: name, parallelisms of the attempts, options of the judge.
/// Rows of several subtasks have no order among each other.
const WAYS: [(&str, &[usize], &[&str]); 2] =
    [("restored", &[1], &[]), ("rescaled", &[1, 3, 2], &["--any-order"])];

/// What is wrong with a case's rows.
fn check(name: &str) -> Vec<String> {
    let case = suite().join("cases").join(name);
    let folder = tempfile::tempdir().unwrap();
    let prepared = |way: &str| {
        let (out, checkpoints) =
            (folder.path().join(way), folder.path().join("checkpoints").join(way));
        fs::create_dir_all(&out).unwrap();
        fs::create_dir_all(&checkpoints).unwrap();
        (Script::new(script(&case, &out), &checkpoints), out)
    };
    let polls = prepared("straight").0.straight();
    let mut wrong = Vec::new();
    for (way, parallelism, options) in WAYS {
        let (script, out) = prepared(way);
        script.interrupted(&kills(polls), parallelism);
        wrong.extend(compare(&case, &out, options).map(|diff| format!("{way}: {diff}")));
    }
    wrong
}

#[test]
fn killed_and_restored_cases_give_the_same_rows() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::repeat_with(|| cases.get(next.fetch_add(1, Ordering::Relaxed)));
        taken.map_while(|case| case).flat_map(|case| check(case)).collect::<Vec<_>>()
    };
    let wrong = std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.map(|worker| worker.join().unwrap()).concat()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
