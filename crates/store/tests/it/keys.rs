use model::access::{KeyKind, Role};
use store::{NewKey, Proof};

use crate::database;

#[tokio::test]
async fn keys_are_found_by_id_and_hash_and_end_once() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let hash = Proof::Hash(vec![7; 32]);
    let sealed = Proof::Sealed { bytes: vec![1, 2, 3], with: "m1".to_owned() };
    for (id, proof) in [("WEIR1", &hash), ("AKIA1", &sealed)] {
        let new = NewKey { id, name: "ci", role: Role::Operator, proof, expires_at: None };
        tx.insert_key(&new).await.unwrap();
    }
    let api = tx.key_by_hash(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((api.id.as_str(), api.kind, api.role), ("WEIR1", KeyKind::Api, Role::Operator));
    assert_eq!(tx.key_by_hash(&[8; 32]).await.unwrap(), None);
    let access = tx.key("AKIA1").await.unwrap().unwrap();
    assert_eq!((access.kind, &access.proof), (KeyKind::Access, &sealed));
    assert_eq!(access.last_used_at, None);
    assert_eq!(format!("{:?} {:?}", api.proof, access.proof), "Hash Sealed");

    let anew = (&[4, 5][..], "m2");
    assert!(!tx.reseal_key("AKIA1", &[9], anew).await.unwrap());
    assert!(!tx.reseal_key("WEIR1", &[1, 2, 3], anew).await.unwrap());
    assert!(tx.reseal_key("AKIA1", &[1, 2, 3], anew).await.unwrap());
    let proof = tx.key("AKIA1").await.unwrap().unwrap().proof;
    assert_eq!(proof, Proof::Sealed { bytes: vec![4, 5], with: "m2".to_owned() });

    tx.touch_key("AKIA1").await.unwrap();
    assert!(tx.key("AKIA1").await.unwrap().unwrap().last_used_at.is_some());
    assert!(tx.revoke_key("AKIA1").await.unwrap());
    assert!(!tx.revoke_key("AKIA1").await.unwrap());
    assert!(!tx.revoke_key("nobody").await.unwrap());
    let all = tx.list_keys().await.unwrap();
    assert_eq!(all.iter().filter(|key| key.revoked_at.is_some()).count(), 1);
    assert_eq!(all.len(), 2);
}
