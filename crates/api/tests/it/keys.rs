//! Keys over REST: made, used, listed, revoked, and their secrets encrypted anew.

use api::{Access, Options};
use control::{CreateKey, MasterKeys, Reencrypted};
use model::access::{KeyKind, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Api, World};

const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

async fn key(world: &World, role: Role) -> String {
    let command = CreateKey { kind: KeyKind::Api, name: "me".to_owned(), role, expires_in: None };
    world.control.create_key(command, None).await.unwrap().secret.reveal().to_owned()
}

#[tokio::test]
async fn administrators_make_list_and_revoke_keys() {
    let world = World::with_alerts().await;
    let access = Access::Keys(Some(MasterKeys::parse(OLD).unwrap()));
    let options = Options { access, ..Options::development() };
    let guarded = Api::serve_with(world.control.clone(), options).await;
    let call = |key: &str, method: Method, path: &str, body: Value| {
        guarded.send(guarded.request(method, path).bearer_auth(key).json(&body))
    };
    let (admin, operator) = (key(&world, Role::Admin).await, key(&world, Role::Operator).await);
    let wish = json!({ "Name": "ci", "Role": "viewer", "ExpiresInSeconds": 3600 });
    for (method, path) in
        [(Method::GET, "/v1/keys"), (Method::POST, "/v1/keys"), (Method::DELETE, "/v1/keys/x")]
    {
        let denied = call(&operator, method, path, wish.clone()).await;
        denied.refused(403, "AccessDeniedException");
    }
    let answer = call(&admin, Method::POST, "/v1/keys", wish).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.body(201);
    let (id, secret) = (made["Key"]["KeyId"].as_str().unwrap(), made["Secret"].as_str().unwrap());
    assert_eq!((&made["Key"]["Kind"], &made["Key"]["Role"]), (&json!("api"), &json!("viewer")));
    assert_eq!(
        made["Key"]["ExpiresAt"].as_f64().unwrap() - made["Key"]["CreatedAt"].as_f64().unwrap(),
        3600.0
    );
    call(secret, Method::GET, "/v1/applications", json!({})).await.body(200);
    let access = json!({ "Name": "aws", "Role": "admin", "Kind": "access" });
    let access = call(&admin, Method::POST, "/v1/keys", access).await.body(201);
    assert!(access["Key"]["KeyId"].as_str().unwrap().starts_with("AKIA"));

    let listed = call(&admin, Method::GET, "/v1/keys", json!({})).await;
    assert!(!listed.text.contains(secret) && !listed.text.contains("Secret"), "{}", listed.text);
    assert_eq!(listed.body(200)["Keys"].as_array().unwrap().len(), 4);
    let path = format!("/v1/keys/{id}");
    call(&admin, Method::DELETE, &path, json!({})).await.empty(204);
    let listed = call(&admin, Method::GET, "/v1/keys", json!({})).await.body(200);
    let revoked = listed["Keys"].as_array().unwrap().iter().find(|it| it["KeyId"] == id).unwrap();
    assert!(revoked["RevokedAt"].is_number());
    // The other server asks the database at once.
    let fresh = Access::Keys(None);
    let options = Options { access: fresh, ..Options::development() };
    let fresh = Api::serve_with(world.control.clone(), options).await;
    let refused = fresh.send(fresh.request(Method::GET, "/v1/keys").bearer_auth(secret)).await;
    refused.refused(401, "UnrecognizedClientException");

    let audit = world.api.get("/v1/audit?Limit=50").await.body(200);
    let by = audit["AuditEntries"].as_array().unwrap().iter();
    let done: Vec<&Value> =
        by.filter(|it| it["Outcome"] == "DONE" && it["Door"] == "rest").collect();
    let actions: Vec<&str> = done.iter().map(|it| it["Action"].as_str().unwrap()).collect();
    assert_eq!(actions[..3], ["RevokeKey", "CreateKey", "CreateKey"]);
    assert!(!audit.to_string().contains(secret));
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let world = World::new().await;
    for wrong in [
        json!({}),
        json!({ "Name": "ci", "Role": "king" }),
        json!({ "Name": "", "Role": "viewer" }),
        json!({ "Name": "ci", "Role": "viewer", "Kind": "skeleton" }),
        json!({ "Name": "ci", "Role": "viewer", "ExpiresInSeconds": 0 }),
        json!({ "Name": "ci", "Role": "viewer", "ExpiresInSeconds": i64::MAX }),
    ] {
        let refused = world.api.post("/v1/keys", wrong).await;
        refused.refused(422, "InvalidArgumentException");
    }
    let access = json!({ "Name": "ci", "Role": "viewer", "Kind": "access" });
    world.api.post("/v1/keys", access).await.refused(409, "InvalidRequestException");
    world.api.delete("/v1/keys/WEIRNOBODY").await.refused(404, "ResourceNotFoundException");
    assert_eq!(world.api.get("/v1/keys").await.body(200), json!({ "Keys": [] }));
}

#[tokio::test]
async fn after_secrets_are_encrypted_anew_the_old_master_key_is_not_needed() {
    let world = World::new().await;
    let [old, new] = [OLD, NEW].map(|text| MasterKeys::parse(text).unwrap());
    let both = MasterKeys::parse(&format!("{NEW},{OLD}")).unwrap();
    let make = async |master: &MasterKeys| {
        let (kind, role) = (KeyKind::Access, Role::Viewer);
        let command = CreateKey { kind, name: "aws".to_owned(), role, expires_in: None };
        world.control.create_key(command, Some(master)).await.unwrap()
    };
    let (first, second) = (make(&old).await, make(&both).await);
    key(&world, Role::Viewer).await;
    assert!(world.control.reencrypt_keys(&new).await.is_err(), "one needs the old master key");
    let done = world.control.reencrypt_keys(&both).await.unwrap();
    assert_eq!(done, Reencrypted { rewritten: 1, unchanged: 1, unreadable: 0 });
    for made in [&first, &second] {
        let found = world.control.find_access_key(&made.key.id, Some(&new)).await.unwrap();
        assert_eq!(found.unwrap().1, made.secret);
    }
    assert!(world.control.find_access_key(&first.key.id, Some(&old)).await.is_err());
    let again = world.control.reencrypt_keys(&new).await.unwrap();
    assert_eq!(again, Reencrypted { rewritten: 0, unchanged: 2, unreadable: 0 });
    let lost = make(&old).await;
    world.control.revoke_key(&lost.key.id).await.unwrap();
    assert_eq!(world.control.reencrypt_keys(&new).await.unwrap().unreadable, 1);
    let audit = world.api.get("/v1/audit").await.body(200);
    let actions = audit["AuditEntries"].as_array().unwrap().iter();
    assert_eq!(actions.filter(|it| it["Action"] == "ReencryptKeys").count(), 1);
}
