//! What may be secret is in no log, whatever level is asked for.

use std::sync::{Arc, Mutex};

use api::{Access, Options};
use control::{CreateKey, MasterKeys};
use model::access::{KeyKind, Role};
use reqwest::Method;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::world::{Api, World, application};

const MARKER: &str = "m4rker-of-a-secret";

/// Keeps everything that is logged, of all crates, at every level.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Visit for Everything {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
        self.0.lock().unwrap().push('\n');
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// The subscriber of the whole process: another thread that has none could switch an event off for this
// one, too. What other tests log meanwhile is looked through as well.
#[tokio::test]
async fn no_log_tells_properties_programs_or_keys() {
    let logged = Everything::default();
    tracing::subscriber::set_global_default(logged.clone()).unwrap();
    let world = World::new().await;
    let master = MasterKeys::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let access = Access::Keys(Some(master.clone()));
    let options = Options { access, ..Options::development() };
    let api = Api::serve_with(world.control.clone(), options).await;
    let mut secrets = vec![MARKER.to_owned()];
    for kind in [KeyKind::Access, KeyKind::Api] {
        let command =
            CreateKey { kind, name: "test".to_owned(), role: Role::Admin, expires_in: None };
        let made = world.control.create_key(command, Some(&master)).await.unwrap();
        assert!(!format!("{made:?}").contains(made.secret.reveal()));
        secrets.push(made.secret.reveal().to_owned());
    }
    let key = secrets[2].clone();
    let call = |method, path: &str, body| {
        let request = api.request(method, path).bearer_auth(&key).json(&body);
        api.send(request)
    };

    let mut body = application("secretive");
    let groups = json!([{ "PropertyGroupId": "db", "PropertyMap": { "password": MARKER } }]);
    body["ApplicationConfiguration"]["EnvironmentProperties"]["PropertyGroups"] = groups;
    let script = format!("INSERT INTO t SELECT '{MARKER}'");
    body["ApplicationConfiguration"]["ApplicationCodeConfiguration"]["CodeContent"] =
        json!({ "TextContent": script });
    call(Method::POST, "/v1/applications", body).await.body(201);
    let group = json!({ "PropertyMap": { "password": format!("{MARKER}-2") } });
    let path = "/v1/applications/secretive";
    call(Method::PUT, &format!("{path}/property-groups/db"), group).await.body(200);
    // What is refused says why without the value.
    let long = json!({ "PropertyMap": { "password": MARKER.repeat(200) } });
    let refused = call(Method::PUT, &format!("{path}/property-groups/db"), long).await;
    assert!(!refused.refused(422, "InvalidArgumentException").contains(MARKER));
    call(Method::POST, &format!("{path}/start"), json!({})).await.body(202);
    let claim = world.claim().await;
    world.running(&claim).await;
    let broken = api.request(Method::GET, path).bearer_auth(format!("weir_{MARKER}"));
    api.send(broken).await.refused(401, "UnrecognizedClientException");

    let logged = logged.0.lock().unwrap();
    assert!(logged.contains("application created"), "the log was not listened to");
    for secret in secrets {
        let at = logged.find(&secret);
        let around = at.map(|at| &logged[at.saturating_sub(300)..at]);
        assert_eq!(around, None, "a secret is logged");
    }
}
