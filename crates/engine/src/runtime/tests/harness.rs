//! A small world to run graphs in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use crossbeam_channel::{Receiver, never, unbounded};

use crate::batch::{Batch, SchemaRef, Watermark};
use crate::clock::{Clock, SystemClock};
use crate::expression::Column;
use crate::graph::{Edge, Exchange, Node, NodeKind, SourceNode, StreamGraph, WatermarkStrategy};
use crate::key_group::key_groups;
use crate::operator::{Operator, OperatorContext, OperatorFactory, Output};
use crate::runtime::{Execution, ExecutionEvent, ExecutionOptions, RestoredGraph, SubtaskId};
use crate::sink::{CommitContext, Committable, Committer, Sink, SinkContext, SinkWriter};
use crate::source::{Polled, Position, Source, SourceContext, SourceReader, SplitId};
use crate::stash::MemoryStash;
use crate::state::{OperatorState, RestoredState};
use crate::{Error, Result};

/// Longest any test waits for anything.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// `key BIGINT, value BIGINT, time TIMESTAMP(3)`
pub(super) fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Int64, true),
        Field::new("value", DataType::Int64, true),
        Field::new("time", time, true),
    ]))
}

/// Records `(key, value, time in ms)`.
pub(super) fn rows(records: &[(i64, i64, i64)]) -> RecordBatch {
    let keys = Int64Array::from_iter_values(records.iter().map(|r| r.0));
    let values = Int64Array::from_iter_values(records.iter().map(|r| r.1));
    let times = TimestampMicrosecondArray::from_iter_values(records.iter().map(|r| r.2 * 1000));
    RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(values), Arc::new(times)]).unwrap()
}

/// `(key, value)` of a batch in that schema or the counter's.
pub(super) fn pairs(rows: &RecordBatch) -> Vec<(i64, i64)> {
    let keys = rows.column(0).as_primitive::<Int64Type>().values();
    let values = rows.column(1).as_primitive::<Int64Type>().values();
    keys.iter().copied().zip(values.iter().copied()).collect()
}

/// What a split of the test source does, step by step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Rows(RecordBatch),
    /// Nothing more comes until the switch is on.
    Hold(Arc<AtomicBool>),
}

/// Splits of steps, read in turn; split `i` belongs to subtask `i % parallelism`.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    pub(super) splits: Vec<Vec<Step>>,
    pub(super) unbounded: bool,
    /// Positions told to be committed.
    pub(super) committed: Arc<Mutex<BTreeMap<SplitId, Position>>>,
    /// Readers alive: held by each.
    pub(super) alive: Arc<()>,
}

impl Steps {
    pub(super) fn of(splits: Vec<Vec<RecordBatch>>) -> Self {
        let split = |batches: Vec<_>| batches.into_iter().map(Step::Rows).collect();
        Self { splits: splits.into_iter().map(split).collect(), ..Self::default() }
    }
}

impl Source for Steps {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn bounded(&self) -> bool {
        !self.unbounded
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let restored = context.restored.unwrap_or_default();
        let own = (0..self.splits.len()).filter(|i| i % context.parallelism == context.subtask);
        let splits = own
            .map(|i| {
                let id = format!("split-{i}");
                let at = restored.get(&id).map_or(0, |position| position.parse().unwrap());
                (id, SplitState { steps: self.splits[i].clone(), at, ended: false })
            })
            .collect();
        Ok(Box::new(StepsReader { splits, turn: 0, source: self.clone() }))
    }
}

struct StepsReader {
    splits: Vec<(SplitId, SplitState)>,
    turn: usize,
    source: Steps,
}

struct SplitState {
    steps: Vec<Step>,
    at: usize,
    ended: bool,
}

impl SourceReader for StepsReader {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        for _ in 0..self.splits.len() {
            self.turn = (self.turn + 1) % self.splits.len();
            let (id, split) = &mut self.splits[self.turn];
            match split.steps.get(split.at) {
                Some(Step::Hold(on)) if !on.load(Ordering::SeqCst) => {}
                Some(Step::Hold(_)) => split.at += 1,
                Some(Step::Rows(rows)) => {
                    split.at += 1;
                    return Ok(Polled::Batch { split: id.clone(), rows: rows.clone() });
                }
                None if split.ended || self.source.unbounded => {}
                None => {
                    split.ended = true;
                    return Ok(Polled::SplitEnd(id.clone()));
                }
            }
        }
        if !self.source.unbounded && self.splits.iter().all(|(_, split)| split.ended) {
            return Ok(Polled::EndOfInput);
        }
        let _ = never::<()>().recv_timeout(wait);
        Ok(Polled::Nothing)
    }

    fn splits(&self) -> Vec<SplitId> {
        self.splits.iter().map(|(id, _)| id.clone()).collect()
    }

    fn positions(&mut self) -> Result<BTreeMap<SplitId, Position>> {
        Ok(self.splits.iter().map(|(id, split)| (id.clone(), split.at.to_string())).collect())
    }

    fn committed(&mut self, positions: &BTreeMap<SplitId, Position>) -> Result<()> {
        self.source.committed.lock().unwrap().extend(positions.clone());
        Ok(())
    }
}

/// Counts records and sums values by `key`; emits both at the maximal watermark.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter;

/// Key group, sum and count.
type Sum = (u16, i64, i64);

#[derive(Debug, Default)]
pub(super) struct CounterState {
    pub(super) sums: BTreeMap<i64, Sum>,
}

impl OperatorFactory for Counter {
    fn schema(&self) -> SchemaRef {
        let field = |name| Field::new(name, DataType::Int64, false);
        Arc::new(Schema::new(vec![field("key"), field("sum"), field("count")]))
    }

    fn create(&self, _: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(CounterState::default()))
    }

    fn fingerprint(&self) -> String {
        "count by key".to_owned()
    }
}

impl CounterState {
    pub(super) fn read(state: &OperatorState) -> Self {
        Self { sums: serde_json::from_slice(&state.bytes).unwrap() }
    }
}

impl Operator for CounterState {
    fn on_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> Result<()> {
        let groups = key_groups(&[ArrayRef::clone(batch.rows.column(0))])?;
        for ((key, value), group) in pairs(&batch.rows).into_iter().zip(groups) {
            let entry = self.sums.entry(key).or_insert((group, 0, 0));
            entry.1 += value;
            entry.2 += 1;
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark, out: &mut Output) -> Result<()> {
        if watermark == Watermark::MAX {
            let column = |of: fn((&i64, &Sum)) -> i64| -> ArrayRef {
                Arc::new(Int64Array::from_iter_values(self.sums.iter().map(of)))
            };
            let columns = vec![column(|(k, _)| *k), column(|(_, s)| s.1), column(|(_, s)| s.2)];
            out.emit(Batch::of(RecordBatch::try_new(Counter.schema(), columns)?));
            self.sums.clear();
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Option<OperatorState>> {
        Ok(Some(OperatorState {
            format: 1,
            fingerprint: Counter.fingerprint(),
            bytes: serde_json::to_vec(&self.sums).unwrap(),
        }))
    }

    fn restore(&mut self, state: RestoredState) -> Result<()> {
        for part in &state.parts {
            let own = Self::read(part).sums.into_iter();
            self.sums.extend(own.filter(|(_, sum)| state.groups.contains(&sum.0)));
        }
        Ok(())
    }
}

/// An operator made of a function.
pub(super) type Body = fn(usize, Batch, &mut Output) -> Result<()>;

#[derive(Debug, Clone)]
pub(super) struct Each(pub(super) Body);

impl OperatorFactory for Each {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn create(&self, _: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(EachOperator(self.0)))
    }
}

struct EachOperator(Body);

impl Operator for EachOperator {
    fn on_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.0(input, batch, out)
    }
}

/// What a sink has seen, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// Keys, and the watermark in force before each record.
    Records(Vec<i64>, Option<Vec<i64>>),
    Watermark(i64),
    Committed(u64),
}

/// Pairs by committable.
type Visible = BTreeMap<Committable, Vec<(i64, i64)>>;

/// Collects what is written; makes it visible at commit.
#[derive(Debug, Clone, Default)]
pub(super) struct Collect {
    /// By subtask.
    pub(super) seen: Arc<Mutex<BTreeMap<usize, Vec<Seen>>>>,
    /// By committable: what each holds.
    pub(super) visible: Arc<Mutex<Visible>>,
    /// Waits for a message before each write.
    pub(super) slow: Option<Receiver<()>>,
}

impl Collect {
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().values().flatten().cloned().collect()
    }

    /// All visible pairs, sorted.
    pub(super) fn visible(&self) -> Vec<(i64, i64)> {
        let mut all: Vec<_> = self.visible.lock().unwrap().values().flatten().copied().collect();
        all.sort_unstable();
        all
    }
}

impl Sink for Collect {
    fn accepts_updates(&self) -> bool {
        false
    }

    fn open(&self, context: SinkContext) -> Result<Box<dyn SinkWriter>> {
        let id = format!("{}-{}", context.attempt_id, context.subtask);
        Ok(Box::new(CollectWriter {
            sink: self.clone(),
            subtask: context.subtask,
            id,
            pending: Vec::new(),
        }))
    }

    fn committer(&self, _: CommitContext) -> Result<Option<Box<dyn Committer>>> {
        Ok(Some(Box::new(self.clone())))
    }
}

struct CollectWriter {
    sink: Collect,
    subtask: usize,
    id: String,
    pending: Vec<(i64, i64)>,
}

impl CollectWriter {
    fn see(&self, seen: Seen) {
        self.sink.seen.lock().unwrap().entry(self.subtask).or_default().push(seen);
    }
}

impl SinkWriter for CollectWriter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        if let Some(slow) = &self.sink.slow {
            let _ = slow.recv();
        }
        let keys = pairs(&batch.rows).iter().map(|pair| pair.0).collect();
        self.see(Seen::Records(keys, batch.watermarks.map(|w| w.values().to_vec())));
        self.pending.extend(pairs(&batch.rows));
        Ok(())
    }

    fn on_watermark(&mut self, watermark: Watermark) -> Result<()> {
        self.see(Seen::Watermark(watermark.0));
        Ok(())
    }

    fn prepare(&mut self, checkpoint: u64) -> Result<Vec<Committable>> {
        let pending = std::mem::take(&mut self.pending);
        let made = (format!("{}-{checkpoint}", self.id), pending);
        Ok(vec![serde_json::to_string(&made).unwrap()])
    }

    fn committed(&mut self, checkpoint: u64) -> Result<()> {
        self.see(Seen::Committed(checkpoint));
        Ok(())
    }
}

impl Committer for Collect {
    fn commit(&mut self, _: u64, committables: &[Committable]) -> Result<()> {
        for committable in committables {
            let (id, pairs) = serde_json::from_str(committable)
                .map_err(|error| Error::internal("a committable cannot be read").because(error))?;
            self.visible.lock().unwrap().insert(id, pairs);
        }
        Ok(())
    }

    fn abort(&mut self, _: &[Committable]) -> Result<()> {
        Ok(())
    }
}

/// `time - 0`, so that the watermark is the highest time so far.
pub(super) fn strategy(idle_timeout: Option<Duration>) -> Option<WatermarkStrategy> {
    let data_type = schema().field(2).data_type().clone();
    let expression = Arc::new(Column { index: 2, data_type });
    Some(WatermarkStrategy { rowtime: 2, expression, idle_timeout })
}

pub(super) fn source(steps: &Steps, watermark: Option<WatermarkStrategy>) -> NodeKind {
    NodeKind::Source(SourceNode { source: Arc::new(steps.clone()), projection: None, watermark })
}

/// A graph of nodes named after their kind and number, joined one after the other.
pub(super) fn line(kinds: Vec<NodeKind>, exchanges: Vec<Exchange>) -> StreamGraph {
    let edge = |(from, exchange)| Edge { from, to: from + 1, input: 0, exchange };
    StreamGraph {
        nodes: kinds.into_iter().enumerate().map(node).collect(),
        edges: exchanges.into_iter().enumerate().map(edge).collect(),
    }
}

pub(super) fn node((index, kind): (usize, NodeKind)) -> Node {
    let name = match kind {
        NodeKind::Source(_) => "source",
        NodeKind::Operator(_) => "operator",
        NodeKind::Sink(_) => "sink",
    };
    let operator_id = format!("{name}-{index}");
    Node { name: operator_id.clone(), operator_id, kind, parallelism: None }
}

pub(super) fn counting(steps: &Steps, sink: &Collect) -> StreamGraph {
    let kinds = vec![
        source(steps, strategy(None)),
        NodeKind::Operator(Arc::new(Counter)),
        NodeKind::Sink(Arc::new(sink.clone())),
    ];
    line(kinds, vec![Exchange::Hash(vec![0]), Exchange::Forward])
}

pub(super) fn options(parallelism: usize) -> ExecutionOptions {
    ExecutionOptions {
        parallelism,
        batch_size: 8192,
        channel_capacity: 2,
        clock: Arc::new(SystemClock),
        attempt: 1,
        application_id: "a".to_owned(),
        stash: Arc::new(MemoryStash::default()),
        restored: None,
        first_checkpoint: 1,
    }
}

/// An execution and what it has told.
pub(super) struct Running {
    pub(super) execution: Execution,
    pub(super) events: Receiver<ExecutionEvent>,
}

impl Running {
    pub(super) fn start(graph: StreamGraph, options: ExecutionOptions) -> Self {
        let (told, events) = unbounded();
        let tell = move |event| drop(told.send(event));
        Self { execution: Execution::start(graph, options, tell).unwrap(), events }
    }

    pub(super) fn with_clock(graph: StreamGraph, clock: Arc<dyn Clock>) -> Self {
        Self::start(graph, ExecutionOptions { clock, ..options(1) })
    }

    pub(super) fn next(&self) -> ExecutionEvent {
        self.events.recv_timeout(DEADLINE).expect("an event before the deadline")
    }

    pub(super) fn until_all_ended(&self) {
        while !matches!(self.next(), ExecutionEvent::AllEnded) {}
    }

    pub(super) fn subtasks(&self) -> Vec<SubtaskId> {
        self.execution.subtasks().to_vec()
    }
}

pub(super) fn from(restored: RestoredGraph, options: ExecutionOptions) -> ExecutionOptions {
    ExecutionOptions { restored: Some(restored), attempt: 2, ..options }
}

/// Waits until `holds`, at most until the deadline.
#[track_caller]
pub(super) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::yield_now();
    }
}
