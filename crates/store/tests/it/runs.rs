use std::time::Duration;

use model::{
    configuration::{RestoreWish, RunConfiguration},
    fault::{Domain, Fault},
    ids::{RunId, VersionId},
    protocol::{Failure, JobMetrics, RestartStrategy},
};
use serde_json::json;
use store::{Desired, Error, NewRun, Successor, Taken};
use uuid::Uuid;

use crate::{database, seed_run};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn an_application_has_one_open_run() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    assert_eq!((run.desired, run.attempt, run.parallelism, run.kpus), (Desired::Run, 0, 4, 2));
    assert!(!run.is_held());
    assert_eq!(tx.lock_open_run(application.id).await.unwrap(), Some(run.clone()));
    tx.end_run(run.id).await.unwrap();
    assert_eq!(tx.lock_open_run(application.id).await.unwrap(), None);
    let wish = RunConfiguration {
        restore: RestoreWish::Snapshot { name: "mine".parse().unwrap() },
        allow_non_restored_state: true,
    };
    let next = NewRun {
        id: RunId(Uuid::new_v4()),
        version: VersionId::FIRST,
        parallelism: 1,
        kpus: 1,
        configuration: &wish,
        traceparent: Some(TRACEPARENT.parse().unwrap()),
    };
    tx.insert_run(application.id, &next).await.unwrap();
    let latest = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((latest.id, &latest.configuration), (next.id, &wish));
    assert_eq!((run.traceparent, latest.traceparent), (None, next.traceparent));
    let before = tx.run_before(&latest).await.unwrap().unwrap();
    assert_eq!(before.id, run.id);
    assert_eq!(tx.run_before(&before).await.unwrap(), None);
    let another = NewRun { id: RunId(Uuid::new_v4()), ..next };
    let taken = tx.insert_run(application.id, &another).await;
    assert!(matches!(taken, Err(Error::Taken(Taken::OpenRun))), "{taken:?}");
}

#[tokio::test]
async fn wishes_are_kept() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let name = "STOP-alerts-1".parse().unwrap();
    let commit = Desired::CommitAndStop;
    tx.set_desired_keeping_time(run.id, commit, Some(&name)).await.unwrap();
    let kept = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((kept.desired, kept.desired_since), (commit, run.desired_since));
    assert_eq!(kept.stop_snapshot, Some(name));
    tx.set_desired(run.id, Desired::Cancel, None).await.unwrap();
    let successor = Successor {
        version: VersionId::FIRST,
        parallelism: 3,
        kpus: 3,
        configuration: RunConfiguration::default(),
        traceparent: Some(TRACEPARENT.parse().unwrap()),
    };
    tx.set_successor(run.id, Some(&successor)).await.unwrap();
    let kept = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((kept.desired, kept.stop_snapshot), (Desired::Cancel, None));
    assert!(kept.desired_since > run.desired_since);
    assert_eq!(kept.successor, Some(successor));
    tx.set_successor(run.id, None).await.unwrap();
    assert_eq!(tx.latest_run(application.id).await.unwrap().unwrap().successor, None);
}

#[tokio::test]
async fn reports_are_kept_for_the_present_attempt_only() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let failure = Failure {
        fault: Fault { domain: Domain::User, retry: false },
        message: "no".to_owned(),
        traceback: Some("lines".to_owned()),
    };
    tx.set_failure(run.id, &failure).await.unwrap();
    tx.set_running(run.id).await.unwrap();
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(read.failure, Some(failure));
    assert!(read.failed_at.is_some() && read.reached_running && read.running_since.is_some());
    let graph = json!({"nodes": [1], "edges": []});
    let restart = RestartStrategy::FixedDelay { attempts: 3, delay_ms: 10 };
    assert!(tx.set_graph(run.id, 0, &graph, Some(&restart)).await.unwrap());
    assert!(!tx.set_graph(run.id, 1, &json!(null), None).await.unwrap());
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(read.restart_strategy, Some(restart));
    assert_eq!(tx.graph(run.id).await.unwrap(), Some(graph));
    let metrics = JobMetrics { at_ms: 5, ..JobMetrics::default() };
    assert_eq!(tx.metrics(run.id).await.unwrap(), None);
    assert!(tx.set_metrics(run.id, 0, &metrics).await.unwrap());
    assert!(!tx.set_metrics(run.id, 1, &JobMetrics::default()).await.unwrap());
    assert_eq!(tx.metrics(run.id).await.unwrap(), Some(metrics));
    tx.release_run(run.id, Duration::from_secs(7), 3, Duration::ZERO).await.unwrap();
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((read.running_since, read.failures_in_row), (None, 3));
    assert_eq!((read.next_attempt_at - read.now).num_seconds(), 7);
    assert!(read.reached_running);
}

#[tokio::test]
async fn time_without_a_job_is_added_up_until_one_runs_or_the_run_ends() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    tx.release_run(run.id, Duration::ZERO, 1, Duration::ZERO).await.unwrap();
    let read = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(read.down_since, None, "it never ran");
    tx.set_running(run.id).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    tx.release_run(run.id, Duration::ZERO, 1, Duration::ZERO).await.unwrap();
    let down = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(down.down_since, Some(down.now));
    tx.commit().await.unwrap();

    let mut tx = store.begin().await.unwrap();
    tx.set_running(run.id).await.unwrap();
    tx.set_running(run.id).await.unwrap();
    let up = tx.latest_run(application.id).await.unwrap().unwrap();
    let outage = u64::try_from((up.now - down.now).num_milliseconds()).unwrap();
    assert!(up.downtime_ms.abs_diff(outage) <= 1, "{} {outage}", up.downtime_ms);
    assert_eq!((up.full_restarts, up.last_recovery_ms), (1, Some(up.downtime_ms)));
    assert_eq!(up.down_since, None);
    // A silence that is longer than it ran counts from when it began to run.
    tx.release_run(run.id, Duration::ZERO, 1, Duration::from_secs(60)).await.unwrap();
    let down = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(down.down_since, up.running_since);
    tx.end_run(run.id).await.unwrap();
    let ended = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!((ended.down_since, ended.full_restarts), (None, 1));
}
