use std::time::Duration;

use control::{
    Change, CreateApplication, JobPhase, OperationStatus, RoomSettings, Settings, Timing,
};
use model::{
    configuration::{ConfigurationType, FlinkChange, ParallelismChange},
    error_code::ErrorCode,
    lifecycle::Status,
};

use crate::world::{PATIENT, World, name, register_with, request};

fn parallelism(number: i64) -> FlinkChange {
    let change = ParallelismChange {
        configuration_type: Some(ConfigurationType::Custom),
        parallelism: Some(number),
        ..ParallelismChange::default()
    };
    FlinkChange { parallelism: Some(change), ..FlinkChange::default() }
}

fn sized(application: &str, kpus: i64) -> CreateApplication {
    let new = request(application);
    let change = Change { flink: parallelism(kpus), ..new.change };
    CreateApplication { change, ..request(application) }
}

#[tokio::test]
async fn a_start_without_room_waits_with_the_reason_and_fails_with_it() {
    let world = World::new(PATIENT).await;
    for (application, kpus) in [("first", 6), ("large", 4)] {
        world.control.create(sized(application, kpus)).await.unwrap();
    }
    world.run("first").await;
    let operation = world.start("large").await;
    let free = 2;
    assert!(world.control.claim(world.worker, free).await.unwrap().is_none());
    world.control.reconcile().await.unwrap();
    world.control.reconcile().await.unwrap();
    let reason = "needs 4 KPUs, workers offer 2 free of 8 on 1 worker";
    let detail = world.describe("large").await;
    let run = detail.run.unwrap();
    assert_eq!((detail.status, run.phase), (Status::Starting, JobPhase::WaitingForWorker));
    assert_eq!(run.waits_for.as_deref(), Some(reason));
    assert_eq!(world.events("large").await[0], "WaitingForRoom");
    assert_eq!(world.events("large").await[1], "StartRequested");

    let hasty = Timing { start_deadline: Duration::ZERO, ..PATIENT };
    world.with_timing(hasty).await.reconcile().await.unwrap();
    assert_eq!(world.status("large").await, Status::Ready);
    let (status, failure) = world.outcome("large", &operation).await;
    assert_eq!(status, OperationStatus::Failed);
    assert!(failure.as_ref().is_some_and(|it| it.ends_with(reason)), "{failure:?}");

    // Where there is room, nothing is told.
    register_with(&world.control, "second", 4).await;
    world.start("large").await;
    world.control.reconcile().await.unwrap();
    assert_eq!(world.describe("large").await.run.unwrap().waits_for, None);
}

#[tokio::test]
async fn a_large_application_gets_its_turn_before_later_small_ones() {
    let room = RoomSettings { patience: Duration::ZERO, ..RoomSettings::STANDARD };
    let world =
        World::with_settings(Settings { timing: PATIENT, room, ..Settings::standard() }).await;
    for (application, kpus) in [("one", 4), ("two", 4), ("large", 8), ("late", 1)] {
        world.control.create(sized(application, kpus)).await.unwrap();
    }
    let one = world.run("one").await;
    let two = world.run("two").await;
    world.start("large").await;
    world.start("late").await;
    world.stop(&one, 1).await;
    // Half of the worker is free, and is kept.
    assert!(world.control.claim(world.worker, 4).await.unwrap().is_none());
    // A job that ran before keeps its room.
    let _ = world.control.job_gone(&two.job, "killed").await.unwrap();
    let again = world.control.claim(world.worker, 8).await.unwrap().unwrap();
    assert_eq!(again.job.application, name("two"));
    assert!(world.control.claim(world.worker, 4).await.unwrap().is_none());
    world.running(&again).await;
    world.control.force_stop(&name("two")).await.unwrap();
    let _ = world.control.job_finished(&again.job, true).await.unwrap();
    let large = world.control.claim(world.worker, 8).await.unwrap().unwrap();
    assert_eq!(large.job.application, name("large"));
}

#[tokio::test]
async fn quotas_are_kept() {
    let room = RoomSettings { kpus_per_application: 6, kpus: Some(8), ..RoomSettings::STANDARD };
    let world =
        World::with_settings(Settings { timing: PATIENT, room, ..Settings::standard() }).await;
    let refused = world.control.create(sized("huge", 7)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{refused}");
    for (application, kpus) in [("first", 6), ("second", 3)] {
        world.control.create(sized(application, kpus)).await.unwrap();
    }
    world.start("first").await;
    let refused = world.start_from("second", Default::default()).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LimitExceeded);
    assert_eq!(refused.to_string(), "it takes 3 KPUs, but all applications together may have 8");
    assert_eq!(world.status("second").await, Status::Ready);
    let smaller = Change { flink: parallelism(2), ..Change::default() };
    world.update("second", smaller).await;
    world.start("second").await;
}
