//! Who may do what, on both doors, over a real server and database.

use std::time::{Duration, Instant};

use api::{Access, Options};
use control::{CreateKey, CreatedKey, MasterKeys};
use model::access::{KeyKind, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::signer::Signer;
use crate::world::{Api, World, application};

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A world whose second API asks for keys.
struct Guarded {
    world: World,
    api: Api,
    master: MasterKeys,
}

impl Guarded {
    async fn new(rate: u32) -> Self {
        let world = World::with_alerts().await;
        let master = MasterKeys::parse(MASTER).unwrap();
        let options =
            Options { access: Access::Keys(Some(master.clone())), rate, ..Options::development() };
        let api = Api::serve_with(world.control.clone(), options).await;
        Self { world, api, master }
    }

    async fn key(&self, kind: KeyKind, role: Role, expires_in: Option<Duration>) -> CreatedKey {
        let command = CreateKey { kind, name: "test".to_owned(), role, expires_in };
        self.world.control.create_key(command, Some(&self.master)).await.unwrap()
    }

    async fn bearer(&self, key: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = self.api.request(method, path).bearer_auth(key).json(&body);
        self.api.send(request).await
    }

    /// A call of the AWS door.
    async fn aws(&self, signer: &Signer, operation: &str, body: &Value) -> Answer {
        self.aws_with(signer, operation, &body.to_string(), |request| request).await
    }

    async fn aws_with(
        &self,
        signer: &Signer,
        operation: &str,
        signed_body: &str,
        alter: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let host = self.api.base.trim_start_matches("http://");
        let target = format!("KinesisAnalytics_20180523.{operation}");
        let others =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let mut request = self.api.request(Method::POST, "/").body(signed_body.to_owned());
        for (name, value) in others {
            request = request.header(name, value);
        }
        for (name, value) in signer.sign(&Method::POST, host, "/", &others, signed_body) {
            request = request.header(name, value);
        }
        self.api.send(alter(request)).await
    }
}

/// A refusal of the AWS door, in AWS's shape; gives the message.
#[track_caller]
fn refused_aws(answer: &Answer, status: u16, kind: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(answer.header("x-amzn-errortype"), kind);
    assert!(!answer.header("x-amzn-requestid").is_empty());
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(body["__type"], kind);
    assert_eq!(body["message"], body["Message"]);
    body["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_good_key_nothing_is_told() {
    let guarded = Guarded::new(0).await;
    let api = &guarded.api;
    for path in ["/v1/applications", "/v1/applications/alerts", "/v1/nothing", "/v1/audit"] {
        let answer = api.get(path).await;
        answer.refused(401, "MissingAuthenticationTokenException");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for path in ["/healthz", "/readyz", "/openapi.yaml"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    let refused = |answer: Answer| answer.refused(401, "UnrecognizedClientException");
    let wrong = guarded.bearer("weir_wrong", Method::GET, "/v1/applications", json!({})).await;
    assert_eq!(refused(wrong), "the key is unknown, expired or revoked");
    let past = guarded.key(KeyKind::Api, Role::Admin, Some(Duration::ZERO)).await;
    let shown = past.secret.reveal();
    refused(guarded.bearer(shown, Method::GET, "/v1/applications", json!({})).await);
    // The id of a key is no key, and a part of one is none.
    refused(guarded.bearer(&past.key.id, Method::GET, "/v1/applications", json!({})).await);
    let good = guarded.key(KeyKind::Api, Role::Viewer, None).await;
    let part = &good.secret.reveal()[..40];
    refused(guarded.bearer(part, Method::GET, "/v1/applications", json!({})).await);
    let shown = good.secret.reveal();
    guarded.bearer(shown, Method::GET, "/v1/applications", json!({})).await.body(200);
    let access = guarded.key(KeyKind::Access, Role::Admin, None).await;
    let secret = access.secret.reveal();
    refused(guarded.bearer(secret, Method::GET, "/v1/applications", json!({})).await);
}

#[tokio::test]
async fn each_role_may_do_what_it_says_and_what_is_denied_is_noted() {
    let guarded = Guarded::new(0).await;
    let viewer = guarded.key(KeyKind::Api, Role::Viewer, None).await;
    let operator = guarded.key(KeyKind::Api, Role::Operator, None).await;
    let admin = guarded.key(KeyKind::Api, Role::Admin, None).await;
    let [v, o, a] = [&viewer, &operator, &admin].map(|it| it.secret.reveal());
    let alerts = "/v1/applications/alerts";
    let start = format!("{alerts}/start");
    let stop = json!({ "Force": true });

    guarded.bearer(v, Method::GET, alerts, json!({})).await.body(200);
    let denied = guarded.bearer(v, Method::POST, &start, json!({})).await;
    let message = denied.refused(403, "AccessDeniedException");
    assert_eq!(message, "the role viewer may not do this; it takes operator");
    guarded
        .bearer(v, Method::GET, "/v1/audit", json!({}))
        .await
        .refused(403, "AccessDeniedException");

    guarded.bearer(o, Method::POST, &start, json!({})).await.body(202);
    guarded.bearer(o, Method::POST, &format!("{alerts}/stop"), stop).await.body(202);
    for (method, path, body) in [
        (Method::DELETE, alerts, json!({})),
        (Method::PATCH, alerts, json!({})),
        (Method::POST, "/v1/applications", application("other")),
        (Method::GET, "/v1/audit", json!({})),
    ] {
        guarded.bearer(o, method, path, body).await.refused(403, "AccessDeniedException");
    }

    let other = guarded.bearer(a, Method::POST, "/v1/applications", application("other")).await;
    other.body(201);
    let page = guarded.bearer(a, Method::GET, "/v1/audit?Limit=50", json!({})).await.body(200);
    let entries = page["AuditEntries"].as_array().unwrap();
    let by = |id: &str, outcome: &str| {
        let found = entries.iter().filter(|it| it["Principal"] == id && it["Outcome"] == outcome);
        found.map(|it| it["Action"].as_str().unwrap()).collect::<Vec<_>>()
    };
    let denied = ["GET /v1/audit", "POST /v1/applications/{name}/start"];
    assert_eq!(by(&viewer.key.id, "DENIED"), denied);
    assert_eq!(by(&operator.key.id, "DONE"), ["StopApplication", "StartApplication"]);
    assert_eq!(by(&operator.key.id, "DENIED").len(), 4);
    assert_eq!(by(&admin.key.id, "DONE"), ["CreateApplication"]);
    let start = entries.iter().find(|it| it["Principal"] == viewer.key.id.as_str()).unwrap();
    assert_eq!(start["Role"], "viewer");
    for made in [&viewer, &operator, &admin] {
        assert!(!page.to_string().contains(made.secret.reveal()), "a secret is in the audit log");
    }
}

#[tokio::test]
async fn a_revoked_key_ends_within_seconds_and_its_use_was_noted() {
    let guarded = Guarded::new(0).await;
    let made = guarded.key(KeyKind::Api, Role::Viewer, None).await;
    let shown = made.secret.reveal();
    guarded.bearer(shown, Method::GET, "/v1/applications", json!({})).await.body(200);
    let keys = guarded.world.control.list_keys().await.unwrap();
    assert!(keys.iter().any(|key| key.id == made.key.id && key.last_used_at.is_some()));
    guarded.world.control.revoke_key(&made.key.id).await.unwrap();
    let began = Instant::now();
    loop {
        let answer = guarded.bearer(shown, Method::GET, "/v1/applications", json!({})).await;
        if answer.status == 401 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(15), "it still works");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn signatures_are_taken_at_both_doors() {
    let guarded = Guarded::new(0).await;
    let made = guarded.key(KeyKind::Access, Role::Admin, None).await;
    let signer = Signer::new(&made.key.id, made.secret.reveal());
    let answer = guarded.aws(&signer, "ListApplications", &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let listed: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(listed["ApplicationSummaries"][0]["ApplicationName"], "alerts");
    let (host, path) = (guarded.api.base.trim_start_matches("http://"), "/v1/applications");
    let mut request = guarded.api.request(Method::GET, path);
    for (name, value) in signer.sign(&Method::GET, host, path, &[], "") {
        request = request.header(name, value);
    }
    let listed = guarded.api.send(request).await.body(200);
    assert_eq!(listed["ApplicationSummaries"][0]["ApplicationName"], "alerts");
}

#[tokio::test]
async fn a_signature_that_is_not_right_is_refused_as_aws_does() {
    let guarded = Guarded::new(0).await;
    let made = guarded.key(KeyKind::Access, Role::Admin, None).await;
    let signer = Signer::new(&made.key.id, made.secret.reveal());
    let body = json!({ "ApplicationName": "alerts" });
    let operation = "DescribeApplication";
    let mismatch = "The request signature we calculated does not match the signature you provided. \
                    Check your AWS Secret Access Key and signing method. Consult the service \
                    documentation for details.";

    let wrong = Signer { secret: "wrong".to_owned(), ..signer.clone() };
    let answer = guarded.aws(&wrong, operation, &body).await;
    assert_eq!(refused_aws(&answer, 400, "InvalidSignatureException"), mismatch);
    let answer = guarded
        .aws_with(&signer, operation, &body.to_string(), |it| {
            it.body("{\"ApplicationName\":\"b\"}")
        })
        .await;
    assert_eq!(refused_aws(&answer, 400, "InvalidSignatureException"), mismatch);
    let stale = Signer { at: signer.at - chrono::Duration::minutes(6), ..signer.clone() };
    let message =
        refused_aws(&guarded.aws(&stale, operation, &body).await, 400, "InvalidSignatureException");
    assert!(message.starts_with("Signature expired: "), "{message}");
    let early = Signer { at: signer.at + chrono::Duration::minutes(7), ..signer.clone() };
    let message =
        refused_aws(&guarded.aws(&early, operation, &body).await, 400, "InvalidSignatureException");
    assert!(message.starts_with("Signature not yet current: "), "{message}");
    let unknown = Signer { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), ..signer.clone() };
    let answer = guarded.aws(&unknown, operation, &body).await;
    let message = refused_aws(&answer, 403, "UnrecognizedClientException");
    assert_eq!(message, "The security token included in the request is invalid.");
    let session = guarded
        .aws_with(&signer, operation, &body.to_string(), |it| {
            it.header("x-amz-security-token", "FwoG")
        })
        .await;
    refused_aws(&session, 403, "UnrecognizedClientException");
    let nothing = guarded.api.send(guarded.api.request(Method::POST, "/").body("{}")).await;
    let message = refused_aws(&nothing, 403, "MissingAuthenticationTokenException");
    assert_eq!(message, "Missing Authentication Token");

    // Another header than the one that was signed.
    let host = guarded.api.base.trim_start_matches("http://");
    let signed = [("x-amz-target", "KinesisAnalytics_20180523.ListApplications")];
    let mut request = guarded.api.request(Method::POST, "/").body("{}");
    request = request.header("x-amz-target", "KinesisAnalytics_20180523.DeleteApplication");
    for (name, value) in signer.sign(&Method::POST, host, "/", &signed, "{}") {
        request = request.header(name, value);
    }
    let answer = guarded.api.send(request).await;
    assert_eq!(refused_aws(&answer, 400, "InvalidSignatureException"), mismatch);
}

#[tokio::test]
async fn roles_and_ends_of_access_keys_hold_at_the_aws_door() {
    let guarded = Guarded::new(0).await;
    let made = guarded.key(KeyKind::Access, Role::Viewer, None).await;
    let viewer = Signer::new(&made.key.id, made.secret.reveal());
    let body = json!({ "ApplicationName": "alerts" });
    let answer = guarded.aws(&viewer, "StartApplication", &body).await;
    let message = refused_aws(&answer, 400, "AccessDeniedException");
    assert_eq!(
        message,
        "User: arn:aws:iam::000000000000:user/test is not authorized to perform: \
         kinesisanalytics:StartApplication because no identity-based policy allows the \
         kinesisanalytics:StartApplication action"
    );
    for (kind, revoked) in [("expired", false), ("revoked", true)] {
        let expires_in = (!revoked).then_some(Duration::ZERO);
        let made = guarded.key(KeyKind::Access, Role::Admin, expires_in).await;
        if revoked {
            guarded.world.control.revoke_key(&made.key.id).await.unwrap();
        }
        let signer = Signer::new(&made.key.id, made.secret.reveal());
        let answer = guarded.aws(&signer, "ListApplications", &json!({})).await;
        let message = refused_aws(&answer, 403, "UnrecognizedClientException");
        assert_eq!(message, "The security token included in the request is invalid.", "{kind}");
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_must_wait() {
    let guarded = Guarded::new(3).await;
    let busy = guarded.key(KeyKind::Api, Role::Viewer, None).await;
    let mut refused = 0;
    for _ in 0..30 {
        let shown = busy.secret.reveal();
        let answer = guarded.bearer(shown, Method::GET, "/v1/nothing", json!({})).await;
        if answer.status == 429 {
            assert_eq!(answer.refused(429, "ThrottlingException"), "Rate exceeded");
            assert_eq!(answer.header("retry-after"), "1");
            refused += 1;
        }
    }
    assert!(refused > 0, "30 requests were admitted at once");
    let calm = guarded.key(KeyKind::Access, Role::Viewer, None).await;
    let signer = Signer::new(&calm.key.id, calm.secret.reveal());
    let mut throttled = None;
    for _ in 0..30 {
        let answer = guarded.aws(&signer, "ListApplications", &json!({})).await;
        if answer.text.contains("ThrottlingException") {
            throttled = Some(answer);
            break;
        }
    }
    let answer = throttled.expect("30 requests were admitted at once");
    assert_eq!(refused_aws(&answer, 400, "ThrottlingException"), "Rate exceeded");
}

#[tokio::test]
async fn without_authentication_only_loopback_is_served() {
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let served = api::serve(listener, world.control.clone(), Options::development(), stop).await;
    let error = served.unwrap_err().to_string();
    assert!(error.contains("only a loopback address"), "{error}");
}

#[tokio::test]
async fn without_authentication_no_web_page_of_another_origin_may_ask() {
    let world = World::with_alerts().await;
    let own = world.api.base.clone();
    for (origin, status) in
        [("https://evil.example", 403), ("null", 403), ("http://127.0.0.1:1", 403), (&own, 202)]
    {
        let start = world.api.request(Method::POST, "/v1/applications/alerts/start");
        let answer = world.api.send(start.header("origin", origin).body("{}")).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}
