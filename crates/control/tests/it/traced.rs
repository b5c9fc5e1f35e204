use control::{
    Caller, Control, OperationStatus, Seen, StartApplication, UpdateApplication, Verdict,
};
use model::{
    configuration::{FlinkChange, ParallelismChange, RunConfiguration},
    trace::Traceparent,
};

use crate::world::{PATIENT, World, name};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn place(span: u64) -> Traceparent {
    format!("00-{TRACE}-{span:016x}-01").parse().unwrap()
}

/// The control of a caller who stands there in a trace.
fn at(control: &Control, span: u64) -> Control {
    control.by(Caller { traceparent: Some(place(span)), ..Caller::service() })
}

#[tokio::test]
async fn a_claim_tells_which_request_asked_for_its_run() {
    let world = World::new(PATIENT).await;
    world.create("alerts").await;
    let run_configuration = RunConfiguration::default();
    let command = StartApplication { name: name("alerts"), run_configuration };
    at(&world.control, 1).start(command).await.unwrap();
    let first = world.claim().await;
    assert_eq!((first.traceparent, first.restart), (Some(place(1)), false));
    world.running(&first).await;

    // An attempt that nobody asked for knows the request, but is not its doing.
    let moved = world.control.job_left(&first.job, true).await.unwrap();
    assert_eq!(moved, Verdict::Current);
    let second = world.claim().await;
    assert_eq!((second.traceparent, second.restart), (Some(place(1)), true));
    world.running(&second).await;

    // The run that an update asks for is that request's.
    let parallelism = ParallelismChange { parallelism: Some(2), ..ParallelismChange::default() };
    let flink = FlinkChange { parallelism: Some(parallelism), ..FlinkChange::default() };
    let command = UpdateApplication {
        name: name("alerts"),
        seen: Seen::Any,
        change: control::Change { flink, ..control::Change::default() },
        run_configuration: None,
    };
    let updated = at(&world.control, 2).update(command).await.unwrap();
    let snapshot = world.stop_order().await;
    world.checkpoint(&second.job, 1, Some(&snapshot)).await;
    let finished = world.control.job_finished(&second.job, true).await.unwrap();
    assert_eq!(finished, Verdict::Current);
    let third = world.claim().await;
    assert_eq!((third.traceparent, third.restart), (Some(place(2)), false));
    world.running(&third).await;
    let outcome = world.outcome("alerts", &updated.operation).await;
    assert_eq!(outcome, (OperationStatus::Successful, None));
    world.stop(&third, 2).await;

    // And one without a trace has none.
    world.start("alerts").await;
    assert_eq!(world.claim().await.traceparent, None);
}
