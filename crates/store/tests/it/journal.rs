use model::{
    ids::{OperationId, VersionId},
    protocol::LogLine,
};
use store::{Error, LogFilter, NewEvent, NewOperation, OperationStatus, OwnLine, Taken};

use crate::{database, seed, seed_run};

fn operation<'a>(id: &'a OperationId, status: OperationStatus) -> NewOperation<'a> {
    let versions = Some((VersionId::FIRST, VersionId::FIRST.next().unwrap()));
    NewOperation { id, kind: "UpdateApplication", status, versions }
}

#[tokio::test]
async fn operations_are_journaled_ended_and_listed() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    let first = OperationId::from_bits(1);
    let second = OperationId::from_bits(2);
    let running = operation(&first, OperationStatus::InProgress);
    tx.insert_operation(application.id, &running).await.unwrap();
    tx.set_rollback_operation(&first, &second).await.unwrap();
    let long = "x".repeat(600);
    let ended =
        tx.end_operation(application.id, OperationStatus::Failed, Some(&long)).await.unwrap();
    assert_eq!(ended, Some(first.clone()));
    let none = tx.end_operation(application.id, OperationStatus::Failed, None).await.unwrap();
    assert_eq!(none, None);
    let read = tx.operation(application.id, &first).await.unwrap().unwrap();
    assert_eq!((read.status, read.versions), (OperationStatus::Failed, running.versions));
    assert_eq!(read.failure.unwrap().len(), 512);
    assert_eq!(read.rollback, Some(second.clone()));
    let done = operation(&second, OperationStatus::Successful);
    tx.insert_operation(application.id, &done).await.unwrap();
    assert!(tx.operation(application.id, &second).await.unwrap().unwrap().ended_at.is_some());
    let all = tx.list_operations(application.id, None, None, None, 9).await.unwrap();
    assert_eq!(all.iter().map(|o| &o.id).collect::<Vec<_>>(), [&second, &first]);
    let before = Some(all[0].ordinal);
    let failed = Some(OperationStatus::Failed);
    let kind = Some("UpdateApplication");
    let found = tx.list_operations(application.id, kind, failed, before, 9).await.unwrap();
    assert_eq!(found, all[1..]);
}

#[tokio::test]
async fn one_operation_is_in_progress() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    let (one, two) = (OperationId::from_bits(1), OperationId::from_bits(2));
    let in_progress = OperationStatus::InProgress;
    tx.insert_operation(application.id, &operation(&one, in_progress)).await.unwrap();
    let taken = tx.insert_operation(application.id, &operation(&two, in_progress)).await;
    assert!(matches!(taken, Err(Error::Taken(Taken::OperationInProgress))), "{taken:?}");
}

#[tokio::test]
async fn events_are_listed_newest_first() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let application = seed(&mut tx, "alerts").await;
    for kind in ["One", "Two", "Three"] {
        let event = NewEvent { kind, message: "m", version: VersionId::FIRST, attempt: Some(4) };
        tx.insert_event(application.id, &event).await.unwrap();
    }
    let newest = tx.list_events(application.id, None, 2).await.unwrap();
    assert_eq!((newest[0].kind.as_str(), newest[1].kind.as_str()), ("Three", "Two"));
    assert_eq!(newest[0].attempt, Some(4));
    let rest = tx.list_events(application.id, Some(newest[1].id), 2).await.unwrap();
    assert_eq!((rest.len(), rest[0].kind.as_str()), (1, "One"));
}

#[tokio::test]
async fn log_lines_are_kept_in_order_fenced_and_capped() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let lines: Vec<LogLine> = (0..4)
        .map(|n| LogLine {
            at_ms: n,
            level: "INFO".to_owned(),
            logger: "program".to_owned(),
            message: format!("{n}\0"),
        })
        .collect();
    assert!(tx.append_log(application.id, run.id, 0, &lines).await.unwrap());
    assert!(!tx.append_log(application.id, run.id, 1, &lines).await.unwrap());
    let any = LogFilter::default();
    let all = tx.log_after(application.id, 0, 9, &any).await.unwrap();
    let told: Vec<&str> = all.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(told, ["0\u{fffd}", "1\u{fffd}", "2\u{fffd}", "3\u{fffd}"]);
    assert_eq!(tx.log_after(application.id, all[1].sequence, 1, &any).await.unwrap(), all[2..3]);
    assert_eq!(tx.log_tail(application.id, Some(0), 2, &any).await.unwrap(), all[2..]);
    assert!(tx.log_tail(application.id, Some(7), 2, &any).await.unwrap().is_empty());
    assert_eq!(tx.trim_logs(3).await.unwrap(), 1);
    assert_eq!(tx.trim_logs(3).await.unwrap(), 0);
    assert_eq!(tx.log_after(application.id, 0, 9, &any).await.unwrap(), all[1..]);
}

#[tokio::test]
async fn log_lines_are_found_by_level_and_text() {
    let (_database, store) = database::fresh().await;
    let mut tx = store.begin().await.unwrap();
    let (application, run) = seed_run(&mut tx, "alerts").await;
    let line = |level: &str, message: &str| LogLine {
        at_ms: 1,
        level: level.to_owned(),
        logger: "program".to_owned(),
        message: message.to_owned(),
    };
    let lines = [line("INFO", "it is 100% Done"), line("DEBUG", "done"), line("WARN", "never")];
    assert!(tx.append_log(application.id, run.id, 0, &lines).await.unwrap());
    let own = OwnLine {
        level: "ERROR",
        logger: "job",
        message: "it failed",
        throwable: Some("Traceback: undone\0"),
    };
    tx.append_own_line(&run, own).await.unwrap();
    let mut found = async |levels: &[&str], contains: Option<&str>| {
        let filter = LogFilter {
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
            contains: contains.map(str::to_owned),
        };
        let after = tx.log_after(application.id, 0, 9, &filter).await.unwrap();
        assert_eq!(tx.log_tail(application.id, None, 9, &filter).await.unwrap(), after);
        after.into_iter().map(|line| line.message).collect::<Vec<_>>()
    };
    assert_eq!(found(&["INFO", "WARN"], None).await, ["it is 100% Done", "never"]);
    assert_eq!(found(&[], Some("DONE")).await, ["it is 100% Done", "done", "it failed"]);
    assert_eq!(found(&["INFO"], Some("0% d")).await, ["it is 100% Done"]);
    assert!(found(&[], Some("1_0")).await.is_empty());
    let all = tx.log_after(application.id, 0, 9, &LogFilter::default()).await.unwrap();
    assert!(all.iter().all(|line| line.version == Some(run.version)));
    assert_eq!(all[3].throwable.as_deref(), Some("Traceback: undone\u{fffd}"));
}
