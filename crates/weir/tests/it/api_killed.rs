//! API servers are killed in the middle of random calls: what was acknowledged stays, what was not has
//! happened once or not at all, and nothing is left half done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Application, Installation, configuration, eventually};

const SCRIPT: &str =
    "CREATE TABLE n (i INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE o (i INT) WITH ('connector' = 'blackhole');
INSERT INTO o SELECT i FROM n";

const CALLS: u64 = 160;

/// What the customer knows of an application.
#[derive(Default)]
struct Known {
    /// Acknowledged versions, and what was put into them.
    versions: BTreeMap<u64, String>,
    /// Acknowledged operations.
    operations: BTreeSet<String>,
    /// Calls without an answer that may have made a version, and an operation.
    perhaps_versions: u64,
    perhaps_operations: u64,
}

impl Known {
    fn version(&self) -> u64 {
        self.versions.len() as u64 + 1
    }

    /// Takes note of an answer, or of none.
    fn hear(&mut self, call: &Call, answer: Option<Answer>) {
        let Some(answer) = answer else {
            self.perhaps_operations += 1;
            self.perhaps_versions += u64::from(call.marker.is_some());
            return;
        };
        // Postgres was there all the time: a server that answers knows what to say.
        assert!(answer.status < 500, "{answer:?}");
        if answer.status >= 300 {
            return;
        }
        if let Some(operation) = answer.body["OperationId"].as_str() {
            assert!(self.operations.insert(operation.to_owned()), "{operation} twice");
        }
        if let Some(marker) = &call.marker {
            let version = answer.body["ApplicationDetail"]["ApplicationVersionId"].as_u64();
            let twice = self.versions.insert(version.unwrap(), marker.clone());
            assert_eq!(twice, None, "{answer:?}");
        }
    }
}

/// A request that changes something.
struct Call {
    method: &'static str,
    path: &'static str,
    body: Value,
    /// What it puts into the property group of a new version.
    marker: Option<String>,
}

impl Call {
    fn random(random: &mut fastrand::Rng, nth: u64, version: u64) -> Self {
        let order = |path, body| Self { method: "POST", path, body, marker: None };
        match random.u8(0..10) {
            0..3 => order("/start", json!({})),
            3 => order("/stop", json!({})),
            4..6 => order("/stop", json!({ "Force": true })),
            _ => {
                let marker = format!("call {nth}");
                let groups = [json!({ "PropertyGroupId": "g", "PropertyMap": { "m": marker } })];
                let update = json!({
                    "CurrentApplicationVersionId": version,
                    "ApplicationConfigurationUpdate":
                        { "EnvironmentPropertyUpdates": { "PropertyGroups": groups } },
                });
                Self { method: "PATCH", path: "", body: update, marker: Some(marker) }
            }
        }
    }
}

/// The ids of all operations, and the statuses they have come to.
fn operations(application: &Application<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut page = String::from("/operations?Limit=50");
    loop {
        let answer = application.get(&page);
        for one in answer["ApplicationOperationInfoList"].as_array().unwrap() {
            let text = |member: &str| one[member].as_str().unwrap().to_owned();
            let twice = found.insert(text("OperationId"), text("OperationStatus"));
            assert_eq!(twice, None, "{one}");
        }
        match answer["NextToken"].as_str() {
            Some(token) => page = format!("/operations?Limit=50&NextToken={token}"),
            None => return found,
        }
    }
}

/// What is there must be what is known, but for calls of which nobody knows.
fn compare(application: &Application<'_>, known: &Known) {
    let detail = application.describe();
    let version = detail["ApplicationVersionId"].as_u64().unwrap();
    let least = known.version();
    assert!((least..=least + known.perhaps_versions).contains(&version), "{least} {detail:#}");
    for (version, marker) in &known.versions {
        let mut kept = application.get(&format!("/versions/{version}"));
        let configuration =
            kept["ApplicationVersionDetail"]["ApplicationConfigurationDescription"].take();
        let groups = &configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"];
        assert_eq!(groups[0]["PropertyMap"]["m"], **marker, "version {version}");
    }
    let listed = operations(application);
    let missing: Vec<_> = known.operations.iter().filter(|id| !listed.contains_key(*id)).collect();
    assert!(missing.is_empty(), "{missing:?} of {listed:#?}");
    let unknown = (listed.len() - known.operations.len()) as u64;
    assert!(unknown <= known.perhaps_operations, "{unknown} operations that nobody asked for");
}

/// Comes to rest, without an operation under way.
fn settle(application: &Application<'_>) -> Value {
    eventually("it comes to rest", || {
        let detail = application.describe();
        let rests = ["READY", "RUNNING"].iter().any(|it| detail["ApplicationStatus"] == **it);
        let listed = operations(application);
        let done = listed.values().all(|status| status != "IN_PROGRESS");
        if rests && done { Ok(detail) } else { Err((detail["ApplicationStatus"].clone(), listed)) }
    })
}

#[test]
fn random_calls_of_which_the_server_dies_happen_once_or_not_at_all() {
    let weir = Installation::start("api-killed");
    let _worker = weir.start_worker("worker");
    let mut random = fastrand::Rng::with_seed(4);
    let applications = ["first", "second"].map(|name| weir.application(name));
    for application in &applications {
        application.create(&configuration(&json!({ "TextContent": SCRIPT }), "PLAINTEXT", &[]));
    }
    let mut known = [Known::default(), Known::default()];
    let mut killed = 0;
    for nth in 0..CALLS {
        let one = random.usize(0..2);
        let (application, known) = (&applications[one], &mut known[one]);
        let version = application.describe()["ApplicationVersionId"].as_u64().unwrap();
        let call = Call::random(&mut random, nth, version);
        let answer = if random.u8(0..6) == 0 {
            killed += 1;
            let after = Duration::from_micros(random.u64(0..12_000));
            let answer = std::thread::scope(|scope| {
                scope.spawn(|| {
                    // Somewhere in the call, or just behind it.
                    std::thread::sleep(after);
                    weir.kill_api();
                });
                application.try_call(call.method, call.path, &call.body)
            });
            drop(weir.replace_api(&format!("api-{nth}")));
            answer
        } else {
            Some(application.call(call.method, call.path, &call.body))
        };
        known.hear(&call, answer);
        compare(application, known);
    }
    let unanswered: u64 = known.iter().map(|it| it.perhaps_operations).sum();
    let acknowledged: usize = known.iter().map(|it| it.operations.len()).sum();
    eprintln!("{killed} servers killed, {unanswered} calls unanswered, {acknowledged} operations");
    assert!(killed > 10 && unanswered > 3 && acknowledged > 20, "{unanswered} {acknowledged}");

    for (application, known) in applications.iter().zip(&mut known) {
        let detail = settle(application);
        compare(application, known);
        // Nothing is in the way of what comes next.
        if detail["ApplicationStatus"] == "READY" {
            known.operations.insert(application.start());
            application.await_status("RUNNING");
        }
        known.operations.insert(application.stop(false));
        application.await_status("READY");
        settle(application);
        compare(application, known);
    }
}
