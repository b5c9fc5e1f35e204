//! Enhanced snapshots, their tags and their operations.

use std::time::Duration;

use model::{
    enhanced::{EnhancedStatus, S3Prefix, SnapshotInitiator, SnapshotOperationKind},
    ids::{EnhancedId, EnhancedName, OperationId, WorkerId},
};
use store::{
    Application, EnhancedFilter, EnhancedSource, Error, NewCheckpoint, NewEnhanced,
    NewSnapshotOperation, OperationStatus, Taken, Tx,
};
use uuid::Uuid;

use crate::{database, seed_run};

const LEASE: Duration = Duration::from_secs(60);

fn name(text: &str) -> EnhancedName {
    text.parse().unwrap()
}

fn id(text: &str) -> OperationId {
    text.parse().unwrap()
}

async fn insert(
    tx: &mut Tx,
    text: &str,
    made_by: SnapshotOperationKind,
    of: Option<&Application>,
) -> store::Result<()> {
    let source = of.map(|application| EnhancedSource {
        id: application.id,
        name: application.name.clone(),
        created_at: application.created_at,
        version: application.version,
    });
    let place = S3Prefix::new("arn:aws:s3:::b".to_owned(), "p".to_owned()).unwrap();
    let runtime = "FLINK-1_20".parse().unwrap();
    tx.insert_enhanced(&NewEnhanced {
        name: &name(text),
        id: EnhancedId(Uuid::new_v4()),
        description: Some("words"),
        made_by,
        source: source.as_ref(),
        runtime: source.as_ref().map(|_| &runtime),
        imported_from: of.is_none().then_some(&place),
    })
    .await
}

async fn operate(
    tx: &mut Tx,
    text: &str,
    of: &str,
    kind: SnapshotOperationKind,
) -> store::Result<()> {
    let place = S3Prefix::new("arn:aws:s3:::b".to_owned(), "p".to_owned()).unwrap();
    tx.insert_snapshot_operation(&NewSnapshotOperation {
        id: &id(text),
        snapshot: &name(of),
        kind,
        location: Some(&place),
        application: None,
    })
    .await
}

#[tokio::test]
async fn a_snapshot_is_made_read_listed_and_forgotten() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    insert(&mut tx, "mine", SnapshotOperationKind::Create, Some(&application)).await.unwrap();
    insert(&mut tx, "theirs", SnapshotOperationKind::Import, None).await.unwrap();
    insert(&mut tx, "system", SnapshotOperationKind::SystemCreate, Some(&application))
        .await
        .unwrap();
    assert_eq!(tx.count_enhanced().await.unwrap(), 3);
    assert_eq!(tx.enhanced_being_made(application.id).await.unwrap().len(), 2);

    let made = tx.lock_enhanced(&name("mine")).await.unwrap().unwrap();
    assert_eq!((made.status, made.manifest.as_deref()), (EnhancedStatus::Creating, None));
    assert_eq!(made.source.as_ref().unwrap().id, application.id);
    let checkpoint = NewCheckpoint {
        number: 7,
        manifest: "7/manifest.json",
        state_bytes: 70,
        duration_ms: 1,
        operators: &Default::default(),
    };
    assert!(tx.insert_checkpoint(&run, &checkpoint).await.unwrap());
    let checkpoint = tx.checkpoint(application.id, 7).await.unwrap().unwrap();
    assert!(tx.set_enhanced_source(&name("mine"), &checkpoint).await.unwrap());
    assert!(!tx.set_enhanced_source(&name("mine"), &checkpoint).await.unwrap());
    let runtime = "FLINK-2_2".parse().unwrap();
    let mine = name("mine");
    assert!(tx.set_enhanced_ready(&mine, "own", 70, 7, Some(&runtime)).await.unwrap());
    assert!(!tx.set_enhanced_ready(&mine, "own", 70, 7, None).await.unwrap());
    let made = tx.enhanced(&mine).await.unwrap().unwrap();
    assert_eq!((made.status, made.state_bytes), (EnhancedStatus::Ready, Some(70)));
    assert_eq!((made.manifest.as_deref(), made.checkpoint), (Some("own"), Some(7)));
    // It was known before.
    assert_eq!(made.runtime.unwrap().to_string(), "FLINK-1_20");

    let listed = async |tx: &mut Tx, filter: EnhancedFilter| {
        let found = tx.list_enhanced(&filter, None, 10).await.unwrap();
        found.iter().map(|it| it.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = EnhancedFilter::default;
    assert_eq!(listed(&mut tx, all()).await, "system theirs mine");
    let of = EnhancedFilter { application: Some(application.name.clone()), ..all() };
    assert_eq!(listed(&mut tx, of).await, "system mine");
    let by_user = EnhancedFilter { initiator: Some(SnapshotInitiator::User), ..all() };
    assert_eq!(listed(&mut tx, by_user).await, "theirs mine");
    let imported = EnhancedFilter { made_by: Some(SnapshotOperationKind::Import), ..all() };
    assert_eq!(listed(&mut tx, imported).await, "theirs");
    let ready = EnhancedFilter { status: Some(EnhancedStatus::Ready), ..all() };
    assert_eq!(listed(&mut tx, ready).await, "mine");
    let before = tx.list_enhanced(&all(), Some(made.ordinal), 10).await.unwrap();
    assert!(before.is_empty());

    assert!(!tx.needs_enhanced(&mine).await.unwrap());
    tx.put_enhanced_tag(&mine, "a", "1").await.unwrap();
    tx.put_enhanced_tag(&mine, "a", "2").await.unwrap();
    tx.put_enhanced_tag(&mine, "b", "").await.unwrap();
    tx.delete_enhanced_tags(&mine, &["b".to_owned(), "c".to_owned()]).await.unwrap();
    let tags = tx.enhanced_tags(&mine).await.unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "2".to_owned())]);
    tx.set_enhanced_status(&mine, EnhancedStatus::Deleting).await.unwrap();
    tx.delete_enhanced(&mine).await.unwrap();
    assert_eq!(tx.enhanced(&mine).await.unwrap(), None);
}

#[tokio::test]
async fn names_are_unique_and_customers_have_one_taken_at_a_time() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, _) = seed_run(&mut tx, "alerts").await;
    insert(&mut tx, "mine", SnapshotOperationKind::Create, Some(&application)).await.unwrap();
    tx.commit().await.unwrap();
    for (text, want) in [("mine", Taken::EnhancedName), ("other", Taken::EnhancedInProgress)] {
        let mut tx = store.begin().await.unwrap();
        let kind = SnapshotOperationKind::Create;
        let refused = insert(&mut tx, text, kind, Some(&application)).await.unwrap_err();
        assert!(matches!(refused, Error::Taken(taken) if taken == want), "{refused:?}");
    }
    let mut tx = store.begin().await.unwrap();
    operate(&mut tx, "e1", "mine", SnapshotOperationKind::Export).await.unwrap();
    let refused = operate(&mut tx, "e2", "mine", SnapshotOperationKind::Export).await.unwrap_err();
    assert!(matches!(refused, Error::Taken(Taken::ExportInProgress)), "{refused:?}");
}

#[tokio::test]
async fn an_operation_is_taken_kept_ended_and_forgotten() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    insert(&mut tx, "mine", SnapshotOperationKind::Create, Some(&application)).await.unwrap();
    operate(&mut tx, "c1", "mine", SnapshotOperationKind::Create).await.unwrap();
    let [first, second] = [WorkerId(Uuid::new_v4()), WorkerId(Uuid::new_v4())];
    // Nothing is there to be copied, then nothing that may be.
    assert_eq!(tx.take_snapshot_operation(first, LEASE).await.unwrap(), None);
    let checkpoint = NewCheckpoint {
        number: 1,
        manifest: "app/1/manifest.json",
        state_bytes: 1,
        duration_ms: 1,
        operators: &Default::default(),
    };
    tx.insert_checkpoint(&run, &checkpoint).await.unwrap();
    let checkpoint = tx.checkpoint(application.id, 1).await.unwrap().unwrap();
    tx.set_enhanced_source(&name("mine"), &checkpoint).await.unwrap();
    assert_eq!(tx.take_snapshot_operation(first, LEASE).await.unwrap(), None);
    tx.set_committed(application.id, 1).await.unwrap();
    let taken = tx.take_snapshot_operation(first, LEASE).await.unwrap().unwrap();
    assert_eq!((taken.id.as_str(), taken.attempt), ("c1", 1));
    assert_eq!(tx.take_snapshot_operation(second, LEASE).await.unwrap(), None);

    // What is copied from does not go.
    tx.insert_garbage("app/1").await.unwrap();
    tx.insert_garbage("app/12").await.unwrap();
    let garbage = tx.list_garbage(10).await.unwrap();
    assert_eq!(garbage.iter().map(|it| it.folder.as_str()).collect::<Vec<_>>(), ["app/12"]);

    // Another worker takes it when the first is silent for too long; then the first is too late.
    assert!(tx.lease_snapshot_operation(&taken.id, 1, Duration::ZERO).await.unwrap());
    let again = tx.take_snapshot_operation(second, LEASE).await.unwrap().unwrap();
    assert_eq!((again.id.as_str(), again.attempt), ("c1", 2));
    assert!(!tx.lease_snapshot_operation(&taken.id, 1, LEASE).await.unwrap());
    assert!(tx.lease_snapshot_operation(&taken.id, 2, LEASE).await.unwrap());

    assert_eq!(tx.snapshot_operations_in_progress().await.unwrap().len(), 1);
    let failed = OperationStatus::Failed;
    let why = Some(("Damaged", "words"));
    assert!(tx.end_snapshot_operation(&taken.id, failed, why).await.unwrap());
    assert!(!tx.end_snapshot_operation(&taken.id, failed, why).await.unwrap());
    assert!(tx.snapshot_operations_in_progress().await.unwrap().is_empty());
    let found = tx.snapshot_operation(&name("mine"), &taken.id).await.unwrap().unwrap();
    assert_eq!((found.status, found.failure.as_deref()), (failed, Some("words")));
    operate(&mut tx, "e1", "mine", SnapshotOperationKind::Export).await.unwrap();
    let mine = name("mine");
    let kind = Some(SnapshotOperationKind::Export);
    let exports = tx.list_snapshot_operations(&mine, kind, None, None, 5).await.unwrap();
    assert_eq!(exports.len(), 1);
    let ended = tx.list_snapshot_operations(&mine, None, Some(failed), None, 5).await.unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(tx.trim_snapshot_operations(LEASE).await.unwrap(), 0);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.trim_snapshot_operations(Duration::ZERO).await.unwrap(), 1);
}
