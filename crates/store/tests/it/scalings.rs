use std::time::Duration;

use model::lifecycle::Status;
use store::{Scaling, Thought};

use crate::{database, seed_run};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_scaler_looks_at_running_jobs_once_a_period() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (mut application, run) = seed_run(&mut tx, "alerts").await;
    seed_run(&mut tx, "waiting").await;
    tx.set_status(&mut application, Status::Running).await.unwrap();
    assert!(tx.applications_to_scale(MINUTE).await.unwrap().is_empty());
    tx.set_running(run.id).await.unwrap();
    assert_eq!(tx.applications_to_scale(MINUTE).await.unwrap(), [application.name.clone()]);
    let at_ms = tx.now().await.unwrap().timestamp_millis();
    let thought = Thought { at_ms, verdict: "HOLD".to_owned(), reason: "all is well".to_owned() };
    tx.set_thought(run.id, &thought).await.unwrap();
    assert!(tx.applications_to_scale(MINUTE).await.unwrap().is_empty());
    assert_eq!(tx.applications_to_scale(Duration::ZERO).await.unwrap().len(), 1);

    let scaling = Scaling { from: 1, to: 2, reason: "CPU".to_owned(), failure: None };
    tx.set_scaling(run.id, &scaling, Some(7)).await.unwrap();
    tx.set_scaling(run.id, &scaling, None).await.unwrap();
    let kept = tx.latest_run(application.id).await.unwrap().unwrap();
    assert_eq!(kept.scaling, Some(scaling));
    assert_eq!((kept.scaler, kept.base_checkpoint), (Some(thought), Some(7)));
}
