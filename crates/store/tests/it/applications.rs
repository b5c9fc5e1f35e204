use std::collections::BTreeMap;

use model::{
    ids::{ApplicationId, VersionId},
    lifecycle::Status,
};
use store::{Error, NewVersion, Taken};
use uuid::Uuid;

use crate::{configuration, database, seed};

#[tokio::test]
async fn what_is_inserted_is_read() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let seeded = seed(&mut tx, "alerts").await;
    assert_eq!((seeded.status, seeded.version), (Status::Ready, VersionId::FIRST));
    assert_eq!(seeded.created_at, tx.now().await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let locked = tx.lock_application(&seeded.name).await.unwrap().unwrap();
    assert_eq!(locked, seeded);
    tx.delete_application(seeded.id).await.unwrap();
    assert_eq!(tx.application(&seeded.name).await.unwrap(), None);
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.application(&seeded.name).await.unwrap(), Some(seeded));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let seeded = seed(&mut tx, "alerts").await;
    let again = store::NewApplication {
        id: ApplicationId(Uuid::new_v4()),
        name: seeded.name,
        description: None,
        mode: seeded.mode,
        maintenance_window_start: String::new(),
    };
    let taken = tx.insert_application(&again).await.unwrap_err();
    assert!(matches!(taken, Error::Taken(Taken::ApplicationName)), "{taken:?}");
}

#[tokio::test]
async fn only_who_has_seen_the_row_may_change_it() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let mut present = seed(&mut tx, "alerts").await;
    let mut stale = present.clone();
    assert!(tx.set_status(&mut present, Status::Starting).await.unwrap());
    assert_eq!(tx.application(&present.name).await.unwrap().unwrap(), present);
    assert!(!tx.set_status(&mut stale, Status::Deleting).await.unwrap());
    assert!(!tx.set_current_version(&mut stale, VersionId::FIRST).await.unwrap());
    assert!(tx.set_current_version(&mut present, VersionId::FIRST).await.unwrap());
    assert_eq!(present.row_version, 3);
    assert!(!tx.set_maintenance_window(&mut stale, "07:30").await.unwrap());
    assert!(tx.set_maintenance_window(&mut present, "06:30").await.unwrap());
    assert_eq!((present.row_version, present.maintenance_window_start.as_str()), (4, "06:30"));
    assert_eq!(tx.application(&present.name).await.unwrap().unwrap(), present);
    assert_eq!(tx.count_applications().await.unwrap(), 1);
}

#[tokio::test]
async fn applications_are_listed_by_name_in_pages() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    for name in ["c", "a", "B"] {
        seed(&mut tx, name).await;
    }
    let page = async |tx: &mut store::Tx, after, limit| -> Vec<String> {
        let found = tx.list_applications(after, limit).await.unwrap();
        found.iter().map(|summary| summary.name.to_string()).collect()
    };
    assert_eq!(page(&mut tx, None, 2).await, ["B", "a"]);
    assert_eq!(page(&mut tx, Some("a"), 2).await, ["c"]);
    let one = tx.list_applications(None, 1).await.unwrap();
    assert_eq!(one[0].runtime, configuration().runtime);
}

#[tokio::test]
async fn versions_keep_their_configuration_and_artifact() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    let second = VersionId::FIRST.next().unwrap();
    let mut zip = configuration();
    if let Some(code) = &mut zip.code {
        code.program = model::configuration::Program::Zip;
    }
    let new = NewVersion {
        version: second,
        configuration: &zip,
        conditional_token: "other",
        updated_from: Some(VersionId::FIRST),
        rolled_back_to: None,
    };
    let sha256 = "a".repeat(64);
    tx.put_artifact(&sha256, b"bytes").await.unwrap();
    tx.put_artifact(&sha256, b"bytes").await.unwrap();
    tx.put_artifact("unused", b"more").await.unwrap();
    tx.insert_version(application.id, &new).await.unwrap();
    let read = tx.version(application.id, second).await.unwrap().unwrap();
    assert_eq!(read.configuration, zip);
    assert_eq!((read.conditional_token.as_str(), read.updated_from), ("other", new.updated_from));
    let listed = tx.list_versions(application.id, None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|v| v.version.get()).collect::<Vec<_>>(), [2, 1]);
    let older = tx.list_versions(application.id, Some(2), 9).await.unwrap();
    assert_eq!(older.len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(store.artifact(&sha256).await.unwrap().unwrap(), b"bytes");
    assert_eq!(store.artifact("none").await.unwrap(), None);
    // What was uploaded within the last hour may be about to be named.
    assert_eq!(store.delete_unused_artifacts().await.unwrap(), 0);
}

#[tokio::test]
async fn a_version_remembers_that_it_ran_and_what_a_rollback_made_of_it() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    let first = VersionId::FIRST;
    let (second, third) = (first.next().unwrap(), first.next().unwrap().next().unwrap());
    let mut new = NewVersion {
        version: second,
        configuration: &configuration(),
        conditional_token: "second",
        updated_from: Some(first),
        rolled_back_to: None,
    };
    tx.insert_version(application.id, &new).await.unwrap();
    new = NewVersion {
        version: third,
        conditional_token: "third",
        updated_from: Some(second),
        rolled_back_to: Some(first),
        ..new
    };
    tx.insert_version(application.id, &new).await.unwrap();
    tx.set_version_ran(application.id, first).await.unwrap();
    tx.set_version_rolled_back(application.id, second).await.unwrap();
    let told = async |tx: &mut store::Tx, version| {
        let it = tx.version(application.id, version).await.unwrap().unwrap();
        (it.ran, it.rolled_back, it.rolled_back_from, it.rolled_back_to)
    };
    assert_eq!(told(&mut tx, first).await, (true, false, None, None));
    assert_eq!(told(&mut tx, second).await, (false, true, None, None));
    assert_eq!(told(&mut tx, third).await, (false, false, Some(second), Some(first)));
    let listed = tx.list_versions(application.id, None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|it| it.rolled_back).collect::<Vec<_>>(), [false, true, false]);
}

#[tokio::test]
async fn tags_are_put_and_deleted() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    tx.put_tag(application.id, "a", "1").await.unwrap();
    tx.put_tag(application.id, "a", "2").await.unwrap();
    tx.put_tag(application.id, "b", "").await.unwrap();
    tx.delete_tags(application.id, &["b".to_owned(), "c".to_owned()]).await.unwrap();
    let left = BTreeMap::from([("a".to_owned(), "2".to_owned())]);
    assert_eq!(tx.tags(application.id).await.unwrap(), left);
}
