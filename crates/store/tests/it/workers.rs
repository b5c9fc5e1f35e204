use std::time::Duration;

use crate::database;

#[tokio::test]
async fn a_notification_wakes_once_it_is_committed() {
    let (_database, store) = database::fresh().await;
    let mut wake = store.wake().await.unwrap();
    assert!(!wake.wait(Duration::ZERO).await.unwrap());
    let mut tx = store.begin().await.unwrap();
    tx.notify().await.unwrap();
    assert!(!wake.wait(Duration::from_millis(1)).await.unwrap());
    tx.commit().await.unwrap();
    assert!(wake.wait(Duration::from_secs(20)).await.unwrap());
    assert!(!wake.wait(Duration::ZERO).await.unwrap());
}

#[tokio::test]
async fn garbage_is_listed_until_it_is_removed() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.try_lock_cleanup().await.unwrap());
    let mut other = store.begin().await.unwrap();
    assert!(!other.try_lock_cleanup().await.unwrap());
    for folder in ["a", "b"] {
        tx.insert_garbage(folder).await.unwrap();
    }
    let one = tx.list_garbage(1).await.unwrap();
    assert_eq!(one[0].folder, "a");
    tx.delete_garbage(&[one[0].id]).await.unwrap();
    let left = tx.list_garbage(9).await.unwrap();
    assert_eq!((left.len(), left[0].folder.as_str()), (1, "b"));
}
