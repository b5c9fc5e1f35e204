use std::time::Duration;

use chrono::Days;
use control::{PageRequest, RoomSettings, Settings, UsageQuery};
use model::error_code::ErrorCode;

use crate::world::{PATIENT, World, name};

async fn used(world: &World) -> Vec<(String, f64)> {
    let page = world.control.usage(&UsageQuery::default(), &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|it| (it.name.to_string(), it.kpu_seconds)).collect()
}

#[tokio::test]
async fn usage_is_counted_over_crashes_and_outlives_the_application() {
    let room = RoomSettings { meter_every: Duration::ZERO, ..RoomSettings::STANDARD };
    let world =
        World::with_settings(Settings { timing: PATIENT, room, ..Settings::standard() }).await;
    world.create("alerts").await;
    assert!(used(&world).await.is_empty());
    let first = world.run("alerts").await;
    world.control.reconcile().await.unwrap();
    let before = used(&world).await[0].1;
    let _ = world.control.job_gone(&first.job, "killed").await.unwrap();
    let released = used(&world).await[0].1;
    assert!(before > 0.0 && released > before);
    // Nobody has it: nothing is counted.
    world.control.reconcile().await.unwrap();
    assert_eq!(used(&world).await[0].1, released);
    let second = world.claim().await;
    world.running(&second).await;
    world.stop(&second, 1).await;
    let stopped = used(&world).await[0].1;
    assert!(stopped > released);
    world.delete("alerts").await.unwrap();
    world.control.reconcile().await.unwrap();
    assert_eq!(used(&world).await, [("alerts".to_owned(), stopped)]);
}

#[tokio::test]
async fn the_days_and_tokens_of_a_question_are_checked() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.stop(&claim, 1).await;
    let page = PageRequest::default();
    let usage = async |query: UsageQuery| world.control.usage(&query, &page).await;
    let found = usage(UsageQuery::default()).await.unwrap().items;
    let today = found[0].day;
    let of = |application| UsageQuery { application, ..UsageQuery::default() };
    assert_eq!(usage(of(Some(name("alerts")))).await.unwrap().items.len(), 1);
    assert!(usage(of(Some(name("other")))).await.unwrap().items.is_empty());
    let yesterday = today.checked_sub_days(Days::new(1));
    let past = UsageQuery { to: yesterday, ..UsageQuery::default() };
    assert!(usage(past).await.unwrap().items.is_empty());
    let backwards = UsageQuery { from: Some(today), to: yesterday, application: None };
    assert_eq!(usage(backwards).await.unwrap_err().code(), ErrorCode::InvalidArgument);
    let wrong = PageRequest::new(None, Some("wrong".to_owned())).unwrap();
    let refused = world.control.usage(&UsageQuery::default(), &wrong).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
}
