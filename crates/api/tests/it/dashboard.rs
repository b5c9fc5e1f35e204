//! The dashboard: who may open it, for how long, and what it shows.

use api::{Access, Options};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use control::{Claim, CreateKey, MasterKeys, Verdict};
use model::access::{KeyKind, Role};
use reqwest::Method;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{Api, World, application};

const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TWO: &str = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
const PASSWORD: &str = "m4rker-of-a-property";

const TICKET: &str = "weir dashboard ticket";
const SESSION: &str = "weir dashboard session";

/// RUNNING `alerts` and `other` behind a server that asks for keys, and a browser.
struct Visit {
    world: World,
    api: Api,
    browser: reqwest::Client,
    key: String,
    /// Of `alerts` and `other`.
    claims: Vec<Claim>,
}

impl Visit {
    async fn new() -> Self {
        let world = World::new().await;
        let mut claims = Vec::new();
        for name in ["alerts", "other"] {
            let mut body = application(name);
            body["ApplicationConfiguration"]["EnvironmentProperties"]["PropertyGroups"] =
                json!([{ "PropertyGroupId": "db", "PropertyMap": { "password": PASSWORD } }]);
            world.api.post("/v1/applications", body).await.body(201);
            world.api.post(&format!("/v1/applications/{name}/start"), json!({})).await.body(202);
            let claim = world.claim().await;
            world.running(&claim).await;
            claims.push(claim);
        }
        let api = guarded(&world, ONE, Options::development()).await;
        let command = CreateKey {
            kind: KeyKind::Api,
            name: "test".to_owned(),
            role: Role::Operator,
            expires_in: None,
        };
        let key = world.control.create_key(command, None).await.unwrap();
        let browser = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { world, api, browser, key: key.secret.reveal().to_owned(), claims }
    }

    /// Asks a server for a URL.
    async fn url(&self, api: &Api, name: &str, body: Value) -> String {
        let path = format!("/v1/applications/{name}/presigned-url");
        let request = api.request(Method::POST, &path).bearer_auth(&self.key).json(&body);
        let answer = api.send(request).await.body(200);
        answer["AuthorizedUrl"].as_str().unwrap().to_owned()
    }

    async fn alerts_url(&self) -> String {
        self.url(&self.api, "alerts", json!({ "UrlType": "FLINK_DASHBOARD_URL" })).await
    }

    async fn open(&self, url: &str) -> Answer {
        Answer::read(self.browser.get(url).send().await.unwrap()).await
    }

    /// Opens a path with a session.
    async fn look(&self, path: &str, session: &str) -> Answer {
        let request = self.browser.get(format!("{}{path}", self.api.base));
        let request = request.header("cookie", format!("a=b; weir-dashboard={session}"));
        Answer::read(request.send().await.unwrap()).await
    }

    /// A pass of an application as the server makes it, of any age in seconds.
    async fn pass(&self, purpose: &'static str, name: &str, age: i64) -> String {
        let detail = self.world.control.describe(&name.parse().unwrap()).await.unwrap();
        let at = Utc::now().timestamp() - age;
        let mut bytes = detail.id.0.as_bytes().to_vec();
        bytes.extend(at.to_be_bytes());
        bytes.extend(1800_u32.to_be_bytes());
        bytes.extend(MasterKeys::parse(ONE).unwrap().sign(purpose, &bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// A server that asks for keys, with master keys.
async fn guarded(world: &World, master: &str, options: Options) -> Api {
    let access = Access::Keys(Some(MasterKeys::parse(master).unwrap()));
    Api::serve_with(world.control.clone(), Options { access, ..options }).await
}

/// The session in the cookie of an answer.
fn session(opened: &Answer) -> String {
    let cookie = opened.header("set-cookie").strip_prefix("weir-dashboard=").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A page that says no, and shows nothing.
#[track_caller]
fn closed(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.text.contains("This dashboard is closed"), "{}", answer.text);
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn a_url_begins_a_session_and_does_not_stay_in_the_browser() {
    let visit = Visit::new().await;
    let url = visit.alerts_url().await;
    assert!(url.starts_with(&format!("{}/dashboard/alerts?authToken=", visit.api.base)), "{url}");
    assert!(url.len() <= 2048);
    let opened = visit.open(&url).await;
    assert_eq!((opened.status, opened.header("location")), (303, "alerts"));
    let cookie = opened.header("set-cookie");
    assert!(
        cookie.ends_with("; Path=/dashboard/alerts; Max-Age=43200; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    let shown = visit.look("/dashboard/alerts", &session(&opened)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("<script>") && !shown.text.contains("alerts"));
    // As often as wanted, each time with a session of its own.
    let again = visit.open(&url).await;
    assert_eq!(visit.look("/dashboard/alerts", &session(&again)).await.status, 200);
    let body = json!({ "UrlType": "FLINK_DASHBOARD_URL",
                       "SessionExpirationDurationInSeconds": 1800 });
    let short = visit.url(&visit.api, "alerts", body).await;
    assert!(visit.open(&short).await.header("set-cookie").contains("; Max-Age=1800;"));
    for answer in [&opened, &shown, &visit.open(&format!("{url}x")).await] {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(
            !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_session_shows_what_viewers_may_read_but_no_property() {
    let visit = Visit::new().await;
    let never = visit.look("/dashboard/alerts/data", "").await;
    never.refused(403, "AccessDeniedException");
    let session = session(&visit.open(&visit.alerts_url().await).await);
    let told = visit.look("/dashboard/alerts/data", &session).await;
    assert!(!told.text.contains(PASSWORD), "{}", told.text);
    let told = told.body(200);
    let of = &told["Application"];
    assert_eq!(
        (&of["ApplicationName"], &of["ApplicationStatus"], &of["ApplicationVersionId"]),
        (&json!("alerts"), &json!("RUNNING"), &json!(1))
    );
    assert_eq!((&of["CurrentParallelism"], &of["Weir"]["Kpus"]), (&json!(1), &json!(1)));
    assert_eq!(of["CheckpointIntervalMs"], 60_000);
    let metrics = visit.world.api.get("/v1/applications/alerts/metrics").await.body(200);
    assert_eq!(told["Metrics"]["Attempt"], metrics["Attempt"]);
    let operations = visit.world.api.get("/v1/applications/alerts/operations").await.body(200);
    assert_eq!(told["Operations"], operations["ApplicationOperationInfoList"]);
    let events = visit.world.api.get("/v1/applications/alerts/events?Limit=12").await.body(200);
    assert_eq!(told["Events"], events["Events"]);
    assert_eq!((&told["Checkpoints"], &told["LogLines"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_ticket_is_good_for_three_minutes_and_nothing_else_opens() {
    let visit = Visit::new().await;
    let visit = &visit;
    let open = |ticket: String| async move {
        visit.open(&format!("{}/dashboard/alerts?authToken={ticket}", visit.api.base)).await
    };
    let ticket = visit.pass(TICKET, "alerts", 170).await;
    assert_eq!(open(ticket.clone()).await.status, 303);
    closed(&open(visit.pass(TICKET, "alerts", 181).await).await);
    closed(&open(visit.pass(SESSION, "alerts", 0).await).await);
    closed(&open(visit.pass(TICKET, "other", 0).await).await);
    let altered = if ticket.starts_with('A') { "B" } else { "A" }.to_owned() + &ticket[1..];
    closed(&open(altered).await);
    closed(&open(String::new()).await);
    closed(&open("..%2f".to_owned()).await);

    let good = visit.pass(SESSION, "alerts", 1790).await;
    assert_eq!(visit.look("/dashboard/alerts", &good).await.status, 200);
    closed(&visit.look("/dashboard/alerts", &visit.pass(SESSION, "alerts", 1801).await).await);
    closed(&visit.look("/dashboard/alerts", &ticket).await);
    closed(&visit.look("/dashboard/other", &good).await);
    closed(&visit.look("/dashboard/nope", &good).await);
    let data = visit.look("/dashboard/other/data", &good).await;
    data.refused(403, "AccessDeniedException");
    closed(&visit.open(&format!("{}/dashboard/alerts", visit.api.base)).await);
}

#[tokio::test]
async fn whoever_follows_a_link_elsewhere_comes_once_more_with_the_cookie() {
    let visit = Visit::new().await;
    let path = format!("{}/dashboard/alerts", visit.api.base);
    let from = |site: &'static str| visit.browser.get(&path).header("sec-fetch-site", site);
    let answer = Answer::read(from("cross-site").send().await.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("http-equiv=\"refresh\"") && !answer.text.contains("<script>"));
    closed(&Answer::read(from("same-origin").send().await.unwrap()).await);
    closed(&Answer::read(from("none").send().await.unwrap()).await);
}

#[tokio::test]
async fn a_session_opens_nothing_else_of_the_api() {
    let visit = Visit::new().await;
    let session = visit.pass(SESSION, "alerts", 0).await;
    for path in ["/v1/applications/alerts", "/v1/applications/alerts/metrics", "/metrics"] {
        visit.look(path, &session).await.refused(401, "MissingAuthenticationTokenException");
        let bearer = visit.api.request(Method::GET, path).bearer_auth(&session);
        visit.api.send(bearer).await.refused(401, "UnrecognizedClientException");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = visit.api.request(method, "/dashboard/alerts/data");
        let request = request.header("cookie", format!("weir-dashboard={session}"));
        assert!([401, 405].contains(&visit.api.send(request).await.status));
    }
}

#[tokio::test]
async fn an_application_that_is_made_again_is_another() {
    let visit = Visit::new().await;
    let (ticket, session) = (visit.alerts_url().await, visit.pass(SESSION, "alerts", 0).await);
    let api = &visit.world.api;
    api.delete("/v1/applications/alerts").await.empty(202);
    assert_eq!(visit.look("/dashboard/alerts", &session).await.status, 200, "it is DELETING");
    let verdict = visit.world.control.job_finished(&visit.claims[0].job, true).await.unwrap();
    assert_eq!(verdict, Verdict::Current);
    for made_again in [false, true] {
        if made_again {
            visit.world.create("alerts").await;
        }
        closed(&visit.look("/dashboard/alerts", &session).await);
        let data = visit.look("/dashboard/alerts/data", &session).await;
        data.refused(403, "AccessDeniedException");
        closed(&visit.open(&ticket).await);
    }
}

#[tokio::test]
async fn other_servers_take_what_one_signed_and_a_rotation_changes_nothing() {
    let visit = Visit::new().await;
    let url = visit.alerts_url().await;
    let elsewhere = |api: &Api| url.replace(&visit.api.base, &api.base);
    let public_url = Some("https://example.com:8443/weir/".parse().unwrap());
    let options = Options { public_url, ..Options::development() };
    let rotated = guarded(&visit.world, &format!("{TWO},{ONE}"), options).await;
    let opened = visit.open(&elsewhere(&rotated)).await;
    assert_eq!(opened.status, 303);
    let cookie = opened.header("set-cookie");
    assert!(cookie.contains("; Path=/weir/dashboard/alerts;") && cookie.ends_with("; Secure"));
    let new = visit.url(&rotated, "alerts", json!({ "UrlType": "FLINK_DASHBOARD_URL" })).await;
    assert!(new.starts_with("https://example.com:8443/weir/dashboard/alerts?authToken="), "{new}");
    let alone = guarded(&visit.world, TWO, Options::development()).await;
    closed(&visit.open(&elsewhere(&alone)).await);
    // Without master keys each process has a key of its own.
    let development = Api::serve(visit.world.control.clone()).await;
    closed(&visit.open(&elsewhere(&development)).await);
}

#[tokio::test]
async fn a_url_is_refused_as_on_aws_and_noted_in_the_audit_log() {
    let visit = Visit::new().await;
    let api = &visit.world.api;
    for wrong in [
        json!({ "UrlType": "X" }),
        json!({ "UrlType": "ZEPPELIN_UI_URL" }),
        json!({}),
        json!({ "UrlType": "FLINK_DASHBOARD_URL", "SessionExpirationDurationInSeconds": 1799 }),
        json!({ "UrlType": "FLINK_DASHBOARD_URL", "SessionExpirationDurationInSeconds": 43201 }),
    ] {
        let refused = api.post("/v1/applications/alerts/presigned-url", wrong).await;
        refused.refused(422, "InvalidArgumentException");
    }
    let _ = visit.alerts_url().await;
    let audit = api.get("/v1/audit?ApplicationName=alerts").await.body(200);
    let entry = &audit["AuditEntries"][0];
    assert_eq!(entry["Action"], "CreateApplicationPresignedUrl");
    assert_eq!(
        (&entry["Door"], &entry["After"]),
        (&json!("rest"), &json!({ "session_seconds": 43200 }))
    );
}
