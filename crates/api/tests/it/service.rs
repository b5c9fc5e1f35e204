use std::collections::BTreeSet;
use std::sync::Arc;

use embedded::postgres::Postgres;
use reqwest::Method;
use serde_json::json;
use store::Store;

use crate::world::{self, Api, Objects, World};

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_refused_like_everything_else() {
    let world = World::with_alerts().await;
    for path in ["/v1", "/v2/applications", "/v1/applications/alerts/nothing", "//"] {
        let message = world.api.get(path).await.refused(404, "UnknownPath");
        assert!(message.contains(&format!("`{path}`")), "{message}");
    }
    let put = world.api.request(Method::PUT, "/v1/applications");
    let refused = world.api.send(put).await;
    assert_eq!(refused.refused(405, "MethodNotAllowed"), "`/v1/applications` does not take PUT");
    let allowed: BTreeSet<&str> = refused.header("allow").split(',').collect();
    assert_eq!(allowed, ["GET", "HEAD", "POST"].into());
    let own = world.api.request(Method::from_bytes(b"BREW").unwrap(), "/v1/workers");
    world.api.send(own).await.refused(405, "MethodNotAllowed");
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let world = World::with_alerts().await;
    let mut ids = BTreeSet::new();
    for path in ["/healthz", "/v1/applications", "/v1/applications/alerts", "/nothing"] {
        let answer = world.api.get(path).await;
        ids.insert(answer.header("x-amzn-requestid").to_owned());
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn the_description_is_served() {
    let world = World::new().await;
    let answer = world.api.get("/openapi.yaml").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/yaml"));
    assert_eq!(answer.text, api::document().to_yaml().unwrap());
    world.api.end().await;
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(folder.path()).await.unwrap();
    let store = Store::connect(postgres.url(), 2).await.unwrap();
    store.migrate().await.unwrap();
    let api = Api::serve(world::control(store, &Arc::new(Objects::default()))).await;
    assert_eq!(api.get("/readyz").await.text, "ok");
    assert_eq!(api.get("/v1/applications").await.status, 200);

    postgres.stop().await.unwrap();
    assert_eq!(api.get("/healthz").await.text, "ok");
    let unready = api.get("/readyz").await;
    let message = unready.refused(503, "ServiceUnavailableException");
    assert_eq!(message, "the database did not answer; try again later");
    api.get("/v1/applications").await.refused(503, "ServiceUnavailableException");

    let _postgres = Postgres::start(folder.path()).await.unwrap();
    assert_eq!(api.get("/readyz").await.status, 200);
    assert_eq!(api.get("/v1/applications").await.status, 200);
}

/// Where it stands is kept with the run, also where nobody exports traces.
#[tokio::test]
async fn a_caller_with_a_trace_is_followed_and_one_with_a_bad_one_is_served() {
    const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = World::with_alerts().await;
    let start = |given: &'static [&'static str]| {
        let request = world.api.request(Method::POST, "/v1/applications/alerts/start");
        given.iter().fold(request.body("{}"), |request, it| request.header("traceparent", *it))
    };
    let cases: [(&[&str], Option<&str>); 3] =
        [(&[PLACE], Some(PLACE)), (&["00-nothing-01"], None), (&[PLACE, PLACE], None)];
    for (given, kept) in cases {
        world.api.send(start(given)).await.body(202);
        let claim = world.claim().await;
        assert_eq!(claim.traceparent.map(|it| it.to_string()).as_deref(), kept, "{given:?}");
        world.api.post("/v1/applications/alerts/stop", json!({ "Force": true })).await.body(202);
        let _ = world.control.job_finished(&claim.job, true).await.unwrap();
    }
}
