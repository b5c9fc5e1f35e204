//! What every operation does, told once in `tests/scenarios` and tried through both doors.
//!
//! A file has steps: a `call` `with` an input, which `gives` at least some members or is `refused` with a
//! code (`says` are words of AWS's, so the AWS door alone is held to them); what a `worker` does; which
//! application is `given`. In what is given `<any>`, `<timestamp>` and `<absent>` stand for themselves and
//! `$name` is kept at first sight, then compared, and may stand in a later input. `doors` names those that
//! a file or a step is for, where not all have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use control::{Claim, Copied, CopyProblem, Verdict};
use futures::StreamExt;
use model::fault::{Domain, Fault};
use model::protocol::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::doors::{Door, call, in_rest};
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    doors: Option<Vec<String>>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    given: Option<String>,
    worker: Option<String>,
    call: Option<String>,
    with: Option<Value>,
    gives: Option<Value>,
    refused: Option<String>,
    says: Option<String>,
    doors: Option<Vec<String>>,
}

/// Where a scenario has come to.
struct Run {
    world: World,
    door: Door,
    claim: Option<Claim>,
    checkpoint: u64,
    kept: BTreeMap<String, Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn is_for(doors: Option<&Vec<String>>, door: Door) -> bool {
    doors.is_none_or(|doors| doors.iter().any(|name| name == door.name()))
}

/// Each file by the operation it is named after.
fn files() -> BTreeMap<String, Scenario> {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let scenario = serde_json::from_str(&text);
        let scenario = scenario.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, scenario)
    };
    std::fs::read_dir(folder()).unwrap().map(read).collect()
}

#[test]
fn scenarios_there_is_one_for_every_operation() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws/shapes/shapes.txt");
    let shapes = std::fs::read_to_string(shapes).unwrap();
    let operations: BTreeSet<&str> =
        shapes.lines().filter_map(|line| Some(line.split_once("Request {")?.0)).collect();
    assert_eq!(operations.len(), 41);
    let files = files();
    assert_eq!(operations, files.keys().map(String::as_str).collect());
    for (name, scenario) in &files {
        let both = is_for(scenario.doors.as_ref(), Door::Rest);
        assert_eq!(both, in_rest(name), "{name}: a file is for all the doors that have it");
        let calls = scenario.steps.iter().any(|step| step.call.as_ref() == Some(name));
        assert!(calls, "{name} is not called in its own scenario");
    }
}

#[tokio::test]
async fn scenarios_hold_at_every_door() {
    let files = files();
    let runs = files.iter().flat_map(|(name, scenario)| {
        let doors = Door::ALL.into_iter();
        doors
            .filter(|door| is_for(scenario.doors.as_ref(), *door))
            .map(move |door| run(name, scenario, door))
    });
    let outcomes: Vec<_> = futures::stream::iter(runs).buffer_unordered(4).collect().await;
    let wrong: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn run(name: &str, scenario: &Scenario, door: Door) -> Result<(), String> {
    let world = World::new().await;
    let mut run = Run { world, door, claim: None, checkpoint: 0, kept: BTreeMap::new() };
    for (nth, step) in (1..).zip(&scenario.steps) {
        if is_for(step.doors.as_ref(), door) {
            let done = run.step(step).await;
            done.map_err(|wrong| format!("{name} ({}), step {nth}: {wrong}", door.name()))?;
        }
    }
    run.world.api.end().await;
    Ok(())
}

impl Run {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step { given: Some(given), .. } => self.given(given).await,
            Step { worker: Some(deed), .. } => self.work(deed).await,
            Step { call: Some(operation), .. } => return self.call(operation, step).await,
            _ => panic!("a step calls, gives or works: {step:?}"),
        }
        Ok(())
    }

    async fn call(&mut self, operation: &str, step: &Step) -> Result<(), String> {
        let input = self.filled(step.with.as_ref().unwrap_or(&json!({})));
        let answer = call(&self.world, self.door, operation, &input).await;
        match (answer, &step.gives, &step.refused) {
            (Ok(body), expected, None) => {
                self.compare(operation, expected.as_ref().unwrap_or(&json!({})), Some(&body))
            }
            (Err((code, message)), None, Some(expected)) => {
                let words = step.says.as_ref().filter(|_| self.door == Door::Aws);
                let said = words.is_none_or(|words| message.contains(words));
                if code == *expected && said {
                    return Ok(());
                }
                Err(format!("{operation} was refused with {code}: {message}"))
            }
            (answer, ..) => Err(format!("{operation} of {input} gave {answer:?}")),
        }
    }

    /// An input with what was kept in its places.
    fn filled(&self, input: &Value) -> Value {
        match input {
            Value::String(text) if text.starts_with('$') => {
                self.kept.get(text).unwrap_or_else(|| panic!("{text} is not known")).clone()
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(members) => {
                let filled = members.iter().map(|(name, it)| (name.clone(), self.filled(it)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// Whether an answer has what is expected at least.
    fn compare(&mut self, at: &str, expected: &Value, found: Option<&Value>) -> Result<(), String> {
        let fits = match (expected, found) {
            (Value::String(text), found) if text == "<absent>" => found.is_none(),
            (_, None) => false,
            (Value::String(text), Some(found)) if text.starts_with('<') => match text.as_str() {
                "<any>" => true,
                "<timestamp>" => found.as_f64().is_some_and(|at| at > 1.7e9 && at.fract() == 0.0),
                other => panic!("{other} stands for nothing"),
            },
            (Value::String(text), Some(found)) if text.starts_with('$') => {
                self.kept.entry(text.clone()).or_insert_with(|| found.clone()) == found
            }
            (Value::Object(members), Some(found)) => {
                for (name, expected) in members {
                    self.compare(&format!("{at}.{name}"), expected, found.get(name))?;
                }
                found.is_object()
            }
            (Value::Array(items), Some(Value::Array(found))) if items.len() == found.len() => {
                for (nth, (expected, found)) in items.iter().zip(found).enumerate() {
                    self.compare(&format!("{at}[{nth}]"), expected, Some(found))?;
                }
                true
            }
            (expected, Some(found)) => expected == found,
        };
        let problem = || format!("{at} should be {expected}, is {found:?}");
        if fits { Ok(()) } else { Err(problem()) }
    }

    /// Brings application `alerts` about, or more beside it.
    async fn given(&mut self, what: &str) {
        match what {
            "99 other applications are there" => {
                for nth in 1..=99 {
                    self.world.create(&format!("other-{nth}")).await;
                }
                return;
            }
            "alerts has 999 snapshots more" => return self.add_snapshots(999).await,
            _ => self.world.create("alerts").await,
        };
        match what {
            "alerts is READY" => {}
            "alerts is RUNNING" => self.claim = Some(self.world.run_alerts().await),
            "alerts is RUNNING with enhanced snapshots" => {
                let mode = json!({
                    "CurrentApplicationVersionId": 1,
                    "ApplicationConfigurationUpdate": { "ApplicationSnapshotConfigurationUpdate": {
                        "SnapshotsEnabledUpdate": true,
                        "SnapshotModeUpdate": "ENHANCED_SNAPSHOTS",
                    } },
                });
                self.world.api.patch("/v1/applications/alerts", mode).await.body(200);
                self.claim = Some(self.world.run_alerts().await);
            }
            other => panic!("nobody knows how `{other}` comes about"),
        }
    }

    /// Adds snapshots to `alerts` that are being taken.
    async fn add_snapshots(&self, count: u32) {
        let mut tx = self.world.store.begin().await.unwrap();
        let alerts = tx.application(&"alerts".parse().unwrap()).await.unwrap().unwrap();
        let runtime = "FLINK-1_20".parse().unwrap();
        for nth in 1..=count {
            let name = format!("s{nth}").parse().unwrap();
            tx.insert_snapshot(alerts.id, &name, alerts.version, &runtime).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Does a worker's part.
    async fn work(&mut self, deed: &str) {
        let world = &self.world;
        self.checkpoint += 1;
        let number = self.checkpoint;
        match (deed.strip_prefix("writes snapshot "), deed, &self.claim) {
            (Some(snapshot), _, Some(claim)) => {
                world.checkpoint(claim, number, Some(snapshot)).await;
            }
            (_, "claims and runs", _) => {
                let claim = world.claim().await;
                world.running(&claim).await;
                self.claim = Some(claim);
            }
            (_, "stops with a snapshot", Some(claim)) => {
                world.stop_with_snapshot(claim, number).await;
            }
            (_, "stops", Some(claim)) => {
                let verdict = world.control.job_finished(&claim.job, true).await.unwrap();
                assert_eq!(verdict, Verdict::Current);
            }
            (_, "loses the job", Some(claim)) => {
                let _ = world.control.job_gone(&claim.job, "signal 9").await.unwrap();
            }
            (_, "fails for good", Some(claim)) => {
                let fault = Fault { domain: Domain::User, retry: false };
                let message = "table `t` is not known".to_owned();
                let failure = Failure { fault, message, traceback: None };
                let _ = world.control.job_failed(&claim.job, &failure).await.unwrap();
            }
            (_, "copies", _) => self.copy(Ok(copied())).await,
            (_, "cannot copy", _) => {
                let message = "words".to_owned();
                self.copy(Err(CopyProblem { code: "Damaged", message, passes: false })).await;
            }
            (_, "reconciles", _) => {
                world.control.reconcile().await.unwrap();
            }
            (_, other, claim) => panic!("no worker can `{other}` with {claim:?}"),
        }
    }

    async fn copy(&self, result: Result<Copied, CopyProblem>) {
        let task = self.world.control.take_copy(self.world.worker).await.unwrap();
        self.world.control.copy_done(&task.expect("something to copy"), &result).await.unwrap();
    }
}

fn copied() -> Copied {
    let (manifest, runtime) = ("kept/manifest.json".to_owned(), Some("FLINK-1_20".to_owned()));
    Copied { manifest, checkpoint: 7, state_bytes: 700, runtime }
}
