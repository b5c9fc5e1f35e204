use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use model::{configuration::RestoreDecision, ids::WorkerId};
use sqlx::Connection;
use store::{Store, Tx, UsageFilter};
use uuid::Uuid;

use crate::{database, seed_run};

const MINUTE: Duration = Duration::from_secs(60);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn begin(store: &Store) -> (Tx, DateTime<Utc>) {
    let mut tx = store.begin().await.unwrap();
    let now = tx.now().await.unwrap();
    (tx, now)
}

/// All there is of an application.
async fn sum(store: &Store, name: Option<&str>) -> f64 {
    let name = name.map(|name| name.parse().unwrap());
    let mut tx = store.begin().await.unwrap();
    let (from, to) = (day("2000-01-01"), day("2100-01-01"));
    let filter = UsageFilter { from, to, application: name.as_ref(), after: None };
    let rows = tx.list_usage(&filter, 50).await.unwrap();
    rows.iter().map(|row| row.kpu_seconds).sum()
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).as_seconds_f64()
}

#[track_caller]
fn same(found: f64, want: f64) {
    assert!((found - want).abs() < 1e-5, "{found} is not {want}");
}

/// Runs take 2 KPUs.
#[tokio::test]
async fn usage_is_exactly_the_time_that_workers_had_the_run() {
    let (_database, store) = database::fresh().await;
    let decision = RestoreDecision::Empty { reason: "new".to_owned() };
    let (one, other) = (WorkerId(Uuid::new_v4()), WorkerId(Uuid::new_v4()));
    let (mut tx, _) = begin(&store).await;
    let (application, run) = seed_run(&mut tx, "alerts").await;
    tx.commit().await.unwrap();
    // Nobody has it: nothing is counted.
    let (mut tx, _) = begin(&store).await;
    assert_eq!(tx.meter_all(Duration::ZERO).await.unwrap(), 0);
    drop(tx);

    let (mut tx, claimed) = begin(&store).await;
    tx.claim_run(&run, one, MINUTE, &decision, false).await.unwrap();
    tx.commit().await.unwrap();
    let (mut tx, counted) = begin(&store).await;
    assert_eq!(tx.meter_all(MINUTE).await.unwrap(), 0);
    assert_eq!(tx.meter_all(Duration::ZERO).await.unwrap(), 1);
    tx.commit().await.unwrap();
    same(sum(&store, None).await, 2.0 * seconds(claimed, counted));

    // What is not kept is not counted, and is counted later.
    let (mut tx, _) = begin(&store).await;
    tx.meter_all(Duration::ZERO).await.unwrap();
    drop(tx);
    // The job fails and is released.
    let (mut tx, released) = begin(&store).await;
    tx.release_run(run.id, Duration::ZERO, 1, Duration::ZERO).await.unwrap();
    tx.commit().await.unwrap();
    let first = 2.0 * seconds(claimed, released);
    same(sum(&store, Some("alerts")).await, first);

    // The next worker dies: its lease counts to the end, and not further.
    let lease = Duration::from_millis(20);
    let (mut tx, again) = begin(&store).await;
    tx.claim_run(&run, one, lease, &decision, true).await.unwrap();
    tx.commit().await.unwrap();
    let (lost, taken) = loop {
        let (mut tx, now) = begin(&store).await;
        let lost = tx.latest_run(application.id).await.unwrap().unwrap();
        if lost.lease_until.is_some_and(|until| until < now) {
            tx.claim_run(&lost, other, MINUTE, &decision, true).await.unwrap();
            tx.commit().await.unwrap();
            break (lost, now);
        }
    };
    let second = 2.0 * seconds(again, lost.lease_until.unwrap());
    same(sum(&store, None).await, first + second);

    // It ends and its application is deleted: what was used stays.
    let (mut tx, ended) = begin(&store).await;
    tx.end_run(run.id).await.unwrap();
    tx.end_run(run.id).await.unwrap();
    tx.delete_application(application.id).await.unwrap();
    tx.commit().await.unwrap();
    same(sum(&store, Some("alerts")).await, first + second + 2.0 * seconds(taken, ended));
    same(sum(&store, Some("other")).await, 0.0);
}

#[tokio::test]
async fn usage_falls_on_the_days_it_was_of() {
    let (database, store) = database::fresh().await;
    let decision = RestoreDecision::Empty { reason: "new".to_owned() };
    let worker = WorkerId(Uuid::new_v4());
    let (mut tx, _) = begin(&store).await;
    let (_, run) = seed_run(&mut tx, "alerts").await;
    tx.claim_run(&run, worker, MINUTE, &decision, false).await.unwrap();
    tx.commit().await.unwrap();
    // As if it had been claimed three days ago at 23:00.
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    sqlx::query(
        "UPDATE runs SET metered_until =
            ((now() AT TIME ZONE 'UTC')::date - interval '2 days' - interval '1 hour')
                AT TIME ZONE 'UTC'",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let (mut tx, now) = begin(&store).await;
    tx.release_runs_of(worker).await.unwrap();
    let (from, to) = (day("2000-01-01"), day("2100-01-01"));
    let all = UsageFilter { from, to, application: None, after: None };
    let rows = tx.list_usage(&all, 50).await.unwrap();
    let found: Vec<f64> = rows.iter().map(|row| row.kpu_seconds).collect();
    let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    assert_eq!(found[..3], [7200.0, 172_800.0, 172_800.0]);
    same(found[3], 2.0 * seconds(midnight, now));

    let after = Some((rows[1].day, rows[1].application));
    let rest = tx.list_usage(&UsageFilter { after, ..all.clone() }, 50).await.unwrap();
    assert_eq!(rest, rows[2..]);
    let only = UsageFilter { from: rows[1].day, to: rows[1].day, ..all };
    assert_eq!(tx.list_usage(&only, 50).await.unwrap(), rows[1..2]);
}
