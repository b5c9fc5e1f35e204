use control::{LogFilter, OperationFilter, OperationStatus, PageRequest, Verdict};
use model::{
    error_code::ErrorCode,
    protocol::{JobMetrics, LogLine},
};
use serde_json::json;

use crate::world::{PATIENT, World, name};

#[tokio::test]
async fn operations_are_listed_newest_first_and_filtered() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let claim = world.run("alerts").await;
    world.stop(&claim, 1).await;
    world.start("alerts").await;
    let list = async |filter: OperationFilter, page: PageRequest| {
        let page = world.control.list_operations(&alerts, &filter, &page).await.unwrap();
        let kinds: Vec<String> = page.items.iter().map(|o| o.kind.clone()).collect();
        (kinds, page.next_token)
    };
    let first = PageRequest::new(Some(2), None).unwrap();
    let (kinds, token) = list(OperationFilter::default(), first).await;
    assert_eq!(kinds, ["StartApplication", "StopApplication"]);
    let rest = PageRequest::new(Some(2), token).unwrap();
    assert_eq!(list(OperationFilter::default(), rest).await.0, ["StartApplication"]);
    let running = OperationFilter { kind: None, status: Some(OperationStatus::InProgress) };
    assert_eq!(list(running, PageRequest::default()).await.0, ["StartApplication"]);
    let stops = OperationFilter { kind: Some("StopApplication".to_owned()), status: None };
    assert_eq!(list(stops, PageRequest::default()).await.0, ["StopApplication"]);
    let unknown = world.control.describe_operation(&alerts, &"nothing".parse().unwrap()).await;
    assert_eq!(unknown.unwrap_err().code(), ErrorCode::ResourceNotFound);
}

#[tokio::test]
async fn events_tell_the_story() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let claim = world.run("alerts").await;
    world.stop(&claim, 1).await;
    let mut events = world.events("alerts").await;
    events.reverse();
    assert_eq!(
        events,
        [
            "ApplicationCreated",
            "StartRequested",
            "AttemptStarted",
            "JobRunning",
            "StopRequested",
            "SnapshotReady",
            "JobEnded",
        ]
    );
}

#[tokio::test]
async fn logs_metrics_and_graph_are_what_the_job_reported() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let alerts = name("alerts");
    let never = world.control.metrics(&alerts).await.unwrap_err();
    assert_eq!(never.code(), ErrorCode::ResourceNotFound);
    let claim = world.run("alerts").await;
    let lines: Vec<LogLine> = (0..5)
        .map(|n| LogLine {
            at_ms: n,
            level: "INFO".to_owned(),
            logger: "program".to_owned(),
            message: format!("line {n}"),
        })
        .collect();
    assert_eq!(world.control.log_lines(&claim.job, &lines).await.unwrap(), Verdict::Current);
    let any = LogFilter::default();
    let first = world.control.logs_after(&alerts, 0, 3, &any).await.unwrap();
    let rest = world.control.logs_after(&alerts, first[2].sequence, 3, &any).await.unwrap();
    let told: Vec<&str> = first.iter().chain(&rest).map(|line| line.message.as_str()).collect();
    assert_eq!(told, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    let tail = world.control.logs_tail(&alerts, 2, &any).await.unwrap();
    assert_eq!((tail[0].message.as_str(), tail[1].message.as_str()), ("line 3", "line 4"));

    assert_eq!(world.control.graph(&alerts).await.unwrap(), None);
    let graph = json!({"nodes": [], "edges": []});
    let planned = world.control.graph_planned(&claim.job, &graph, None).await.unwrap();
    assert_eq!(planned, Verdict::Current);
    assert_eq!(world.control.graph(&alerts).await.unwrap(), Some(graph));
    let counters = JobMetrics { at_ms: 7, cpu_ms: 9, ..JobMetrics::default() };
    let kept = world.control.metrics_reported(&claim.job, &counters).await.unwrap();
    assert_eq!(kept, Verdict::Current);
    let metrics = world.control.metrics(&alerts).await.unwrap();
    assert_eq!((metrics.running, metrics.job), (true, Some(counters)));
    world.control.ready().await.unwrap();
}
