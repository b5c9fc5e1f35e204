use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const LOGS: &str = "/v1/applications/alerts/logs";

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("line {number}\nand more")).collect()
}

fn messages(body: &Value) -> Vec<&str> {
    body["LogLines"].as_array().unwrap().iter().map(|it| it["Message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_last_lines_are_read_and_those_after_a_line() {
    let world = World::with_alerts().await;
    let empty = world.api.get("/v1/applications/alerts/logs").await.body(200);
    assert_eq!(empty, json!({ "LogLines": [] }));
    let claim = world.run_alerts().await;
    world.log(&claim, &numbered(0..150)).await;
    let last = world.api.get(LOGS).await.body(200);
    assert_eq!(messages(&last).len(), 100);
    assert_eq!(messages(&last)[99], "line 149\nand more");
    let line = &last["LogLines"][0];
    assert_eq!((&line["Level"], &line["Logger"]), (&json!("INFO"), &json!("program")));
    assert_eq!((&line["At"], &line["Attempt"]), (&json!(1_700_000_000.123), &json!(1)));

    let two = world.api.get(&format!("{LOGS}?limit=2")).await.body(200);
    assert_eq!(messages(&two), ["line 148\nand more", "line 149\nand more"]);
    let sequence = line["Sequence"].as_i64().unwrap();
    let after = world.api.get(&format!("{LOGS}?after={sequence}&limit=1")).await.body(200);
    assert_eq!(messages(&after), ["line 51\nand more"]);
    let from_the_start = world.api.get(&format!("{LOGS}?after=0&limit=5000")).await.body(200);
    assert_eq!(messages(&from_the_start).len(), 150);
    world.api.get(&format!("{LOGS}?limit=all")).await.refused(400, "InvalidRequestException");
    let follow = world.api.get(&format!("{LOGS}?follow=perhaps")).await;
    follow.refused(400, "InvalidRequestException");
}

/// The events of a followed log, as they come.
struct Followed {
    response: reqwest::Response,
    text: String,
}

impl Followed {
    async fn open(world: &World, request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", world.api.base);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("x-amzn-requestid"));
        Self { response, text: String::new() }
    }

    /// Id and message of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(i64, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = field("data: ").map(|data| {
                    let line: Value = serde_json::from_str(data).unwrap();
                    assert_eq!(line["Sequence"].to_string(), field("id: ").unwrap());
                    (
                        line["Sequence"].as_i64().unwrap(),
                        line["Message"].as_str().unwrap().to_owned(),
                    )
                });
                self.text = rest.to_owned();
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let next = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = next.expect("something comes in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_followed_log_goes_on_until_the_server_ends() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.log(&claim, &numbered(0..3)).await;
    let request = world.api.request(Method::GET, &format!("{LOGS}?follow=true&limit=2"));
    let mut followed = Followed::open(&world, request).await;
    assert_eq!(followed.next().await.unwrap().1, "line 1\nand more");
    let (seen, _) = followed.next().await.unwrap();
    world.log(&claim, &numbered(3..2003)).await;
    let mut last = seen;
    for number in 3..2003 {
        let (sequence, message) = followed.next().await.unwrap();
        assert_eq!(message, format!("line {number}\nand more"));
        assert!(sequence > last);
        last = sequence;
    }

    let request = world.api.request(Method::GET, &format!("{LOGS}?follow=true&limit=1000"));
    let again = request.header("last-event-id", seen.to_string());
    let mut again = Followed::open(&world, again).await;
    assert_eq!(again.next().await.unwrap().1, "line 3\nand more");
    drop(again);

    world.api.end().await;
    assert_eq!(followed.next().await, None);
}

#[tokio::test]
async fn a_followed_log_ends_with_its_application() {
    let world = World::with_alerts().await;
    let request = world.api.request(Method::GET, &format!("{LOGS}?follow=true"));
    let mut followed = Followed::open(&world, request).await;
    world.api.delete("/v1/applications/alerts").await.empty(202);
    assert_eq!(followed.next().await, None);
}

#[tokio::test]
async fn lines_are_found_by_level_and_text_and_told_in_cloudwatchs_shape() {
    let world = World::with_alerts().await;
    let claim = world.run_alerts().await;
    world.log(&claim, &["Completed checkpoint 7".to_owned(), "hello".to_owned()]).await;
    let failure = model::protocol::Failure {
        fault: model::fault::Fault { domain: model::fault::Domain::User, retry: true },
        message: "no".to_owned(),
        traceback: Some("Traceback (most recent call last)".to_owned()),
    };
    let _ = world.control.job_failed(&claim.job, &failure).await.unwrap();
    let found = async |query: &str| world.api.get(&format!("{LOGS}?{query}")).await.body(200);
    assert_eq!(messages(&found("contains=CHECKPOINT").await), ["Completed checkpoint 7"]);
    let restarting = "Job alerts switched from RUNNING to RESTARTING: no";
    assert_eq!(messages(&found("level=WARN").await), [restarting]);
    assert!(messages(&found("level=WARN&contains=hello").await).is_empty());
    let told = found("level=ERROR&shape=cloudwatch").await;
    let line = &told["LogLines"][0];
    assert_eq!(
        (&line["messageType"], &line["message"], &line["logger"]),
        (&json!("ERROR"), &json!(restarting), &json!("job"))
    );
    let arn = "arn:aws:kinesisanalytics:us-east-1:000000000000:application/alerts";
    assert_eq!(
        (&line["applicationARN"], &line["applicationVersionId"]),
        (&json!(arn), &json!("1"))
    );
    assert_eq!(line["throwableInformation"], "Traceback (most recent call last)");
    for wrong in ["level=LOUD", "shape=round"] {
        world.api.get(&format!("{LOGS}?{wrong}")).await.refused(422, "InvalidArgumentException");
    }
    // A client of server-sent events says what it accepts; the filter holds for it, too.
    let request = world.api.request(Method::GET, &format!("{LOGS}?level=ERROR"));
    let request = request.header("accept", "text/event-stream");
    let mut followed = Followed::open(&world, request).await;
    assert_eq!(followed.next().await.unwrap().1, restarting);
    world.api.end().await;
    assert_eq!(followed.next().await, None);
}
