use api::{Access, Options};
use control::CreateKey;
use model::access::{KeyKind, Role};
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::answer::Answer;
use crate::world::{Api, World};

const OURS: &str = "https://ops.example.com";

/// An API that asks for keys and lets pages of these origins read, and a key for it.
async fn guarded(world: &World, origins: &[&str]) -> (Api, String) {
    let cors_origins = origins.iter().map(|it| it.parse().unwrap()).collect();
    let options = Options { access: Access::Keys(None), cors_origins, ..Options::development() };
    let command = CreateKey {
        kind: KeyKind::Api,
        name: "page".to_owned(),
        role: Role::Viewer,
        expires_in: None,
    };
    let key = world.control.create_key(command, None).await.unwrap().secret.reveal().to_owned();
    (Api::serve_with(world.control.clone(), options).await, key)
}

async fn get(api: &Api, key: &str, path: &str, origin: &str) -> Answer {
    api.send(api.request(Method::GET, path).bearer_auth(key).header("origin", origin)).await
}

/// What a browser asks before it lets a page send something unusual: without a key.
async fn asked_before(api: &Api, origin: &str) -> Answer {
    let request = api.request(Method::OPTIONS, "/v1/applications/alerts");
    let request = request.header("origin", origin).header("access-control-request-method", "PATCH");
    api.send(request.header("access-control-request-headers", "authorization,if-match")).await
}

fn allowed(headers: &HeaderMap) -> Option<&str> {
    headers.get("access-control-allow-origin").map(|it| it.to_str().unwrap())
}

#[tokio::test]
async fn pages_of_other_origins_read_nothing_by_default() {
    let world = World::with_alerts().await;
    let (api, key) = guarded(&world, &[]).await;
    let listed = get(&api, &key, "/v1/applications", OURS).await;
    assert_eq!((listed.status, allowed(&listed.headers)), (200, None));
    let before = asked_before(&api, OURS).await;
    assert_eq!((before.status, allowed(&before.headers)), (401, None));
    api.end().await;
}

#[tokio::test]
async fn pages_of_the_named_origins_read_answers_and_send_no_cookies() {
    let world = World::with_alerts().await;
    let (api, key) = guarded(&world, &[OURS, "http://localhost:3000"]).await;
    for origin in [OURS, "http://localhost:3000"] {
        let before = asked_before(&api, origin).await;
        assert_eq!((before.status, allowed(&before.headers)), (200, Some(origin)));
        assert!(before.header("access-control-allow-methods").contains("PATCH"));
        let headers = before.header("access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("if-match"), "{headers}");
        assert_eq!(before.headers.get("access-control-allow-credentials"), None);
        let (there, none) = ("/v1/applications/alerts", "/v1/applications/none");
        for (key, path, status) in
            [(&*key, there, 200), (&*key, none, 404), ("weir_nobody", there, 401)]
        {
            let answer = get(&api, key, path, origin).await;
            assert_eq!((answer.status, allowed(&answer.headers)), (status, Some(origin)));
            let shown = answer.header("access-control-expose-headers");
            assert!(shown.contains("etag") && shown.contains("x-amzn-requestid"), "{shown}");
        }
    }
    for origin in ["https://evil.example.com", "https://ops.example.com.evil.com", "null"] {
        let listed = get(&api, &key, "/v1/applications", origin).await;
        assert_eq!((listed.status, allowed(&listed.headers)), (200, None), "{origin}");
        assert_eq!(allowed(&asked_before(&api, origin).await.headers), None, "{origin}");
    }
    api.end().await;
}

#[test]
fn only_whole_origins_are_taken() {
    for right in [OURS, "http://localhost:3000", "http://[::1]:80"] {
        assert_eq!(right.parse::<api::Origin>().unwrap().to_string(), right);
    }
    for wrong in [
        "*",
        "null",
        "ops.example.com",
        "https://ops.example.com/",
        "https://ops.example.com/path",
        "https://*.example.com",
        "https://me@ops.example.com",
        "https://Ops.example.com",
        "ftp://ops.example.com",
        "",
    ] {
        let error = wrong.parse::<api::Origin>().unwrap_err();
        assert!(error.contains("is no origin like"), "{wrong}: {error}");
    }
}
