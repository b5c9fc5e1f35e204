use std::{collections::BTreeMap, time::Duration};

use chrono::{TimeDelta, Utc};
use model::{
    configuration::{MetricsLevel, RestoreDecision},
    ids::WorkerId,
    metrics::{JobMetrics, MetricSet},
    protocol::OperatorCheckpoint,
};
use store::NewCheckpoint;
use uuid::Uuid;

use crate::{database, seed, seed_run};

const MINUTE: Duration = Duration::from_secs(60);

fn cpu(value: f64) -> MetricSet {
    MetricSet {
        application: BTreeMap::from([("cpuUtilization".to_owned(), value)]),
        ..MetricSet::default()
    }
}

#[tokio::test]
async fn started_applications_are_observed_with_report_level_and_newest_checkpoint() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    seed(&mut tx, "never-started").await;
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let found = tx.observed(None).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].run, &found[0].job, found[0].checkpoint), (&run, &None, None));
    assert_eq!(found[0].level, MetricsLevel::Application);

    let worker = WorkerId(Uuid::new_v4());
    let empty = RestoreDecision::Empty { reason: "new".to_owned() };
    let attempt = tx.claim_run(&run, worker, MINUTE, &empty, false).await.unwrap();
    let report = JobMetrics { at_ms: 5, cpu_permille: 700, ..JobMetrics::default() };
    assert!(tx.set_metrics(run.id, attempt, &report).await.unwrap());
    let run = tx.latest_run(application.id).await.unwrap().unwrap();
    let operators = BTreeMap::from([("a".to_owned(), OperatorCheckpoint::default())]);
    for number in 1..=2 {
        let new = NewCheckpoint {
            number,
            manifest: &format!("m{number}"),
            state_bytes: number * 100,
            duration_ms: number,
            operators: &operators,
        };
        assert!(tx.insert_checkpoint(&run, &new).await.unwrap());
    }
    seed_run(&mut tx, "others").await;
    let counts = tx.count_by_status().await.unwrap();
    assert_eq!(counts.by_status, [("READY".to_owned(), 3)]);
    assert_eq!((counts.attempts, counts.waiting_runs), (1, 1));
    let found = tx.observed(Some(application.id)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].job.as_ref(), found[0].checkpoint), (Some(&report), Some((2, 200))));
    assert_eq!(tx.observed(None).await.unwrap().len(), 2);

    // Another attempt counts anew.
    tx.claim_run(&run, worker, MINUTE, &empty, true).await.unwrap();
    assert_eq!(tx.observed(Some(application.id)).await.unwrap()[0].job, None);
    tx.end_run(run.id).await.unwrap();
    assert!(tx.observed(Some(application.id)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_period_is_kept_once_for_all_started_applications() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.lock_due_points(MINUTE).await.unwrap(), None, "nothing is started");
    let (application, _) = seed_run(&mut tx, "alerts").await;
    // It did not run at the end of the last hour.
    assert_eq!(tx.lock_due_points(MINUTE * 60).await.unwrap(), None);
    tx.commit().await.unwrap();

    let period = Duration::from_millis(1);
    let mut tx = store.begin().await.unwrap();
    let at = tx.lock_due_points(period).await.unwrap().unwrap();
    let now = tx.now().await.unwrap();
    assert!(at <= now && now - at <= TimeDelta::milliseconds(1), "{at} {now}");
    let mut other = store.begin().await.unwrap();
    assert_eq!(other.lock_due_points(period).await.unwrap(), None, "somebody does it");
    tx.insert_metric_points(at, &[(application.id, cpu(50.0))]).await.unwrap();
    tx.insert_metric_points(at, &[(application.id, cpu(99.0))]).await.unwrap();
    assert_eq!(tx.lock_due_points(period).await.unwrap(), None, "it is done");
    tx.commit().await.unwrap();
    let kept = other.metric_points(application.id, at - TimeDelta::seconds(1), at).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].at, &kept[0].metrics), (at, &cpu(50.0)));
}

#[tokio::test]
async fn points_are_read_by_time_and_do_not_stay_for_ever() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, _) = seed_run(&mut tx, "alerts").await;
    let now = Utc::now();
    let at = |minutes: i64| now - TimeDelta::minutes(minutes);
    for minutes in [3, 2, 1] {
        let value = cpu(f64::from(i32::try_from(minutes).unwrap()));
        tx.insert_metric_points(at(minutes), &[(application.id, value)]).await.unwrap();
    }
    let read = tx.metric_points(application.id, at(3), at(1)).await.unwrap();
    let values: Vec<f64> =
        read.iter().map(|point| point.metrics.application["cpuUtilization"]).collect();
    assert_eq!(values, [2.0, 1.0]);
    let window = Duration::from_secs(150);
    let recent = tx.recent_metric(application.id, "cpuUtilization", window).await.unwrap();
    let values: Vec<f64> = recent.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [2.0, 1.0]);
    assert!(recent[0].0 < recent[1].0);
    let unknown = tx.recent_metric(application.id, "records_lag_max", window).await.unwrap();
    assert_eq!(unknown, []);
    assert_eq!(tx.delete_old_points(Duration::from_secs(150)).await.unwrap(), 1);
    assert_eq!(tx.metric_points(application.id, at(9), at(0)).await.unwrap().len(), 2);
}
