//! What goes wrong in one subtask, and being told to stop.

use std::sync::Arc;

use crossbeam_channel::{bounded, unbounded};
use model::fault::Domain;

use super::harness::*;
use crate::graph::{Exchange, NodeKind, StreamGraph};
use crate::operator::Output;
use crate::runtime::{Execution, ExecutionEvent, RestoredGraph, RestoredOperator};
use crate::state::OperatorState;
use crate::{Error, Result};

fn with_body(body: Body, steps: &Steps, exchange: Exchange) -> StreamGraph {
    let kinds = vec![
        source(steps, None),
        NodeKind::Operator(Arc::new(Each(body))),
        NodeKind::Sink(Arc::new(Collect::default())),
    ];
    line(kinds, vec![exchange, Exchange::Forward])
}

fn endless(splits: usize) -> Steps {
    let split = || (0..1000).map(|i| rows(&[(i, 0, 0)])).collect();
    Steps { unbounded: true, ..Steps::of((0..splits).map(|_| split()).collect()) }
}

#[test]
fn a_panic_fails_the_job_and_nothing_else() {
    let body: Body = |_, batch, _| {
        assert!(!pairs(&batch.rows).contains(&(7, 0)), "seven is too much");
        Ok(())
    };
    for parallelism in [1, 3] {
        let graph = with_body(body, &endless(3), Exchange::Hash(vec![0]));
        let running = Running::start(graph, options(parallelism));
        let ExecutionEvent::Failed(error) = running.next() else { panic!("no failure") };
        assert_eq!(error.fault.domain, Domain::Internal);
        assert!(error.message.contains("panicked: seven is too much"), "{error}");
        let joined = running.execution.join().unwrap_err();
        assert_eq!(joined.message, error.message);
        assert!(running.events.try_recv().is_err(), "only the first failure is told");
    }
}

#[test]
fn an_error_of_an_operator_is_told_as_it_is() {
    let body: Body = |_, _, _| Err(Error::user("`7` is no number"));
    let running = Running::start(with_body(body, &endless(1), Exchange::Forward), options(1));
    let ExecutionEvent::Failed(error) = running.next() else { panic!("no failure") };
    assert_eq!((error.fault.domain, error.message.as_str()), (Domain::User, "`7` is no number"));
    running.execution.join().unwrap_err();
}

#[test]
fn cancel_reaches_threads_that_wait_for_room() {
    let (release, slow) = unbounded();
    let sink = Collect { slow: Some(slow), ..Collect::default() };
    let steps = endless(2);
    let kinds = vec![source(&steps, None), NodeKind::Sink(Arc::new(sink))];
    let running = Running::start(line(kinds, vec![Exchange::Hash(vec![0])]), options(2));
    eventually("back-pressure", || {
        let read = || running.execution.metrics()["source-0"].records_out;
        let before = read();
        std::thread::yield_now();
        before >= 4 && before == read()
    });
    running.execution.cancel();
    // The sinks still wait for the test, the sources need not wait for the sinks. One handle is
    // the test's, one the graph's until all subtasks have it open.
    eventually("the readers' end", || Arc::strong_count(&steps.alive) == 1);
    drop(release);
    running.execution.join().unwrap();
    assert!(running.events.try_recv().is_err(), "being cancelled is no event");
}

#[test]
fn cancel_reaches_threads_that_wait_for_records() {
    let steps = Steps { unbounded: true, ..Steps::of(vec![vec![], vec![]]) };
    for parallelism in [1, 2] {
        let graph = counting(&steps, &Collect::default());
        let running = Running::start(graph, options(parallelism));
        running.execution.cancel();
        running.execution.join().unwrap();
    }
}

#[test]
fn dropping_an_execution_ends_its_threads() {
    let steps = endless(1);
    drop(Running::start(counting(&steps, &Collect::default()), options(2)));
    eventually("the readers' end", || Arc::strong_count(&steps.alive) == 1);
}

#[test]
fn a_subtask_that_cannot_be_opened_keeps_all_from_running() {
    #[derive(Debug)]
    struct Closed;
    impl crate::source::Source for Closed {
        fn schema(&self) -> crate::batch::SchemaRef {
            schema()
        }
        fn bounded(&self) -> bool {
            false
        }
        fn open(
            &self,
            context: crate::source::SourceContext,
        ) -> Result<Box<dyn crate::source::SourceReader>> {
            match context.subtask {
                0 => Err(Error::user("bucket `b` does not exist")),
                _ => Steps { unbounded: true, ..Steps::default() }.open(context),
            }
        }
    }
    let mut graph = counting(&endless(1), &Collect::default());
    let NodeKind::Source(node) = &mut graph.nodes[0].kind else { panic!("no source") };
    node.source = Arc::new(Closed);
    let error = Execution::start(graph, options(3), |_| ()).unwrap_err();
    assert_eq!(error.message, "bucket `b` does not exist");
}

#[test]
fn state_of_another_query_is_refused() {
    let state = OperatorState { format: 1, fingerprint: "other".to_owned(), bytes: Vec::new() };
    let operator = RestoredOperator { state: vec![state], splits: None };
    let restored =
        RestoredGraph { operators: [("operator-1".to_owned(), operator)].into_iter().collect() };
    let graph = counting(&endless(1), &Collect::default());
    let error = Execution::start(graph, from(restored, options(1)), |_| ()).unwrap_err();
    assert!(error.message.contains("operator `operator-1`"), "{error}");
}

#[test]
fn a_panic_while_opening_is_an_error() {
    #[derive(Debug)]
    struct Bad;
    impl crate::operator::OperatorFactory for Bad {
        fn schema(&self) -> crate::batch::SchemaRef {
            schema()
        }
        fn create(
            &self,
            _: &crate::operator::OperatorContext,
        ) -> Result<Box<dyn crate::operator::Operator>> {
            panic!("no way")
        }
    }
    let mut graph = counting(&endless(1), &Collect::default());
    graph.nodes[1].kind = NodeKind::Operator(Arc::new(Bad));
    let error = Execution::start(graph, options(2), |_| ()).unwrap_err();
    assert!(error.message.ends_with("panicked: no way"), "{error}");
}

/// A slow consumer must not make a chain of emitted batches grow without bound.
#[test]
fn a_full_channel_holds_the_source_back() {
    let (release, slow) = bounded(0);
    let sink = Collect { slow: Some(slow), ..Collect::default() };
    let forward: Body = |_, batch, out: &mut Output| {
        out.emit(batch);
        Ok(())
    };
    let kinds = vec![
        source(&endless(1), None),
        NodeKind::Operator(Arc::new(Each(forward))),
        NodeKind::Sink(Arc::new(sink)),
    ];
    let mut graph = line(kinds, vec![Exchange::Single, Exchange::Single]);
    graph.nodes[0].parallelism = Some(2);
    graph.nodes[2].parallelism = Some(2);
    let running = Running::start(graph, options(1));
    release.send_timeout((), DEADLINE).unwrap();
    // One written, one at the sink, two and one in each channel and at each sender: the channels
    // hold two batches.
    eventually("the sink waits again", || running.execution.metrics()["sink-2"].records_in == 2);
    assert!(running.execution.metrics()["source-0"].records_out <= 9);
    running.execution.cancel();
    drop(release);
    running.execution.join().unwrap();
}
