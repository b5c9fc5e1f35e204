//! What cannot be restored is refused before anything that runs is stopped.

use control::{Change, Error, Seen, UpdateApplication};
use model::{
    configuration::{RestoreWish, RunConfiguration},
    error_code::ErrorCode,
    lifecycle::Status,
};

use crate::world::{Bad, PATIENT, World, name, snapshot, sql};

async fn update(world: &World, wish: Option<RunConfiguration>) -> control::Result<()> {
    let command = UpdateApplication {
        name: name("alerts"),
        seen: Seen::Any,
        change: Change { code: Some(sql("INSERT INTO t SELECT 2")), ..Change::default() },
        run_configuration: wish,
    };
    world.control.update(command).await.map(drop)
}

#[tokio::test]
async fn an_update_that_could_not_go_on_leaves_the_old_version_running() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    let bad = |bad| world.restores.bad.lock().unwrap().insert("1-1/manifest.json".to_owned(), bad);

    bad(Bad::Misfit);
    let refused = update(&world, None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidApplicationConfiguration);
    assert_eq!(refused.operators(), ["window:7"]);
    assert!(refused.to_string().contains("the state of the running job"), "{refused}");
    assert!(refused.to_string().contains("`window:7` (Window)"), "{refused}");
    bad(Bad::Unavailable);
    assert_eq!(update(&world, None).await.unwrap_err().code(), ErrorCode::ServiceUnavailable);
    let described = world.describe("alerts").await;
    assert_eq!((described.status, described.version.get()), (Status::Running, 1));
    assert_eq!(world.orders().await, Vec::<String>::new());
    assert!(world.snapshots("alerts").await.is_empty());

    bad(Bad::Misfit);
    let dropping =
        RunConfiguration { allow_non_restored_state: true, ..RunConfiguration::default() };
    update(&world, Some(dropping)).await.unwrap();
    assert_eq!(world.status("alerts").await, Status::Updating);
    let asked = world.restores.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked.program.unwrap().text, "INSERT INTO t SELECT 2");
    assert_eq!(asked.running.unwrap().text, "INSERT INTO t SELECT 1");
}

#[tokio::test]
async fn an_update_before_the_first_checkpoint_is_compared_with_the_program_that_runs() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    world.run("alerts").await;
    update(&world, None).await.unwrap();
    let asked = world.restores.asked.lock().unwrap().pop().unwrap();
    assert_eq!((asked.manifest, asked.running.is_some()), (None, true));
}

#[tokio::test]
async fn an_update_without_restore_asks_nothing() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.checkpoint(&claim.job, 1, None).await;
    let skip = RunConfiguration { restore: RestoreWish::Skip, ..RunConfiguration::default() };
    world.restores.asked.lock().unwrap().clear();
    update(&world, Some(skip)).await.unwrap();
    assert!(world.restores.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_start_from_a_snapshot_that_is_no_use_is_refused() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    let taken = world.stop(&claim, 1).await;
    let named = || RunConfiguration {
        restore: RestoreWish::Snapshot { name: snapshot(&taken) },
        ..RunConfiguration::default()
    };
    let bad = |bad| world.restores.bad.lock().unwrap().insert("1-1/manifest.json".to_owned(), bad);
    for wish in [named(), RunConfiguration::default()] {
        bad(Bad::Unreadable);
        let refused = world.start_from("alerts", wish.clone()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        assert!(refused.to_string().contains(&taken), "{refused}");
        bad(Bad::Misfit);
        let refused = world.start_from("alerts", wish).await.unwrap_err();
        assert!(matches!(refused, Error::CannotRestore { .. }), "{refused:?}");
        assert_eq!(world.status("alerts").await, Status::Ready);
    }
    let dropping = RunConfiguration { allow_non_restored_state: true, ..named() };
    world.start_from("alerts", dropping).await.unwrap();
}
