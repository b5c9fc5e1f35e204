//! From a run and its job's report to values.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use model::{
    configuration::MetricsLevel,
    metrics::{JobMetrics, MetricSet, MetricValues, OperatorKind, OperatorMetrics},
};
use store::{Observed, Run};

/// Memory of one KPU (AWS: 4 GiB).
const KPU_BYTES: f64 = (4_u64 << 30) as f64;

/// What can be told of a run now. A job that does not run has no values of its own.
pub(crate) fn metrics(observed: &Observed) -> MetricSet {
    let Observed { run, level, job, checkpoint, .. } = observed;
    let mut set = MetricSet { application: of_run(run), ..MetricSet::default() };
    if let Some((duration_ms, bytes)) = checkpoint {
        put(&mut set.application, "lastCheckpointDuration", float(*duration_ms));
        put(&mut set.application, "lastCheckpointSize", float(*bytes));
    }
    let Some(job) = job.as_ref().filter(|_| runs(run)) else { return set };
    of_job(&mut set.application, job, run.kpus);
    let finer = |at_least: &[MetricsLevel]| at_least.contains(level);
    use MetricsLevel::{Operator, Parallelism, Task};
    let tasks = by_task(job);
    if finer(&[Task, Operator, Parallelism]) {
        set.tasks = tasks.iter().map(|(id, all)| ((*id).to_owned(), of_task(all))).collect();
    }
    if finer(&[Operator, Parallelism]) {
        let idle = |operator: &OperatorMetrics| idle_permille(&tasks[operator.task.as_str()]);
        let values =
            |(id, it): (&String, &OperatorMetrics)| (id.clone(), of_operator(it, idle(it)));
        set.operators = job.operators.iter().map(values).collect();
    }
    if finer(&[Parallelism]) {
        let values = |(id, it): (&String, &OperatorMetrics)| {
            let of = |(index, subtask)| {
                // What the one thread does that calls these operators.
                let calls = tasks[it.task.as_str()].iter();
                let thread: Vec<_> = calls.filter_map(|it| it.subtasks.get(index)).collect();
                of_operator(subtask, idle_permille(&thread))
            };
            (id.clone(), it.subtasks.iter().enumerate().map(of).collect())
        };
        set.subtasks = job.operators.iter().map(values).collect();
    }
    set
}

fn runs(run: &Run) -> bool {
    run.is_held() && run.running_since.is_some()
}

fn of_run(run: &Run) -> MetricValues {
    let since = |at: DateTime<Utc>| float_ms((run.now - at).num_milliseconds());
    let mut values = MetricValues::new();
    put(&mut values, "KPUs", f64::from(run.kpus));
    let up = run.running_since.filter(|_| run.is_held());
    put(&mut values, "uptime", up.map_or(0.0, since));
    put(&mut values, "downtime", run.down_now_since().map_or(0.0, since));
    put(&mut values, "fullRestarts", float(run.full_restarts));
    put(&mut values, "numRestarts", float(run.restarts));
    put(&mut values, "numberOfFailedCheckpoints", float(run.failed_checkpoints));
    if let Some(at) = run.last_checkpoint_at {
        put(&mut values, "lastCheckpointAge", since(at));
    }
    values
}

fn of_job(values: &mut MetricValues, job: &JobMetrics, kpus: u32) {
    let kpus = f64::from(kpus.max(1));
    let cpu = hundredths(f64::from(job.cpu_permille) / 10.0 / kpus);
    put(values, "cpuUtilization", cpu);
    put(values, "containerCPUUtilization", cpu);
    let memory = hundredths(float(job.resident_bytes) * 100.0 / (kpus * KPU_BYTES));
    put(values, "heapMemoryUtilization", memory);
    put(values, "containerMemoryUtilization", memory);
    put(values, "threadsCount", f64::from(job.threads));

    let of = |kind| job.operators.values().filter(move |it| it.kind == kind);
    let (sources, sinks) = (|| of(OperatorKind::Source), || of(OperatorKind::Sink));
    put(values, "numRecordsIn", sources().map(|it| float(it.records_out)).sum());
    put(values, "numRecordsOut", sinks().map(|it| float(it.records_in)).sum());
    put(values, "numRecordsInPerSecond", sources().map(|it| it.records_out_per_second).sum());
    put(values, "numRecordsOutPerSecond", sinks().map(|it| it.records_in_per_second).sum());
    put_dropped(values, job.operators.values());
    put_watermark(values, "currentInputWatermark", sources());
    put_watermark(values, "currentOutputWatermark", sinks());
    put_source(values, sources());
}

/// A task: operators that are called by the same threads.
type Task<'a> = Vec<&'a OperatorMetrics>;

/// Operators by the operator id of the first of their task.
fn by_task(job: &JobMetrics) -> BTreeMap<&str, Task<'_>> {
    let mut tasks: BTreeMap<&str, Task<'_>> = BTreeMap::new();
    for operator in job.operators.values() {
        tasks.entry(&operator.task).or_default().push(operator);
    }
    tasks
}

fn idle_permille(task: &[&OperatorMetrics]) -> u32 {
    let used: u32 = task.iter().map(|it| it.busy_permille + it.backpressured_permille).sum();
    1000_u32.saturating_sub(used)
}

fn of_task(task: &[&OperatorMetrics]) -> MetricValues {
    let mut values = MetricValues::new();
    let sum = |of: fn(&OperatorMetrics) -> u32| task.iter().map(|it| of(it)).sum::<u32>().min(1000);
    // What a source reads comes into its task; what a sink writes leaves it.
    let entering = || task.iter().filter(|it| it.enters);
    let leaving = || task.iter().filter(|it| it.leaves);
    put(&mut values, "numRecordsIn", entering().map(|it| float(received(it))).sum());
    put(&mut values, "numRecordsOut", leaving().map(|it| float(it.records_out)).sum());
    put(&mut values, "numRecordsInPerSecond", entering().map(|it| received_rate(it)).sum());
    put(&mut values, "numRecordsOutPerSecond", leaving().map(|it| it.records_out_per_second).sum());
    put_dropped(&mut values, task.iter().copied());
    put_watermark(&mut values, "currentInputWatermark", entering().copied());
    put_watermark(&mut values, "currentOutputWatermark", leaving().copied());
    put_times(
        &mut values,
        sum(|it| it.busy_permille),
        sum(|it| it.backpressured_permille),
        idle_permille(task),
    );
    put_source(&mut values, task.iter().copied().filter(|it| it.kind == OperatorKind::Source));
    values
}

fn of_operator(operator: &OperatorMetrics, idle: u32) -> MetricValues {
    let mut values = MetricValues::new();
    let it = operator;
    put(&mut values, "numRecordsIn", float(received(it)));
    put(&mut values, "numRecordsOut", float(it.records_out));
    put(&mut values, "numRecordsInPerSecond", received_rate(it));
    put(&mut values, "numRecordsOutPerSecond", it.records_out_per_second);
    put_dropped(&mut values, [it].into_iter());
    put_watermark(&mut values, "currentInputWatermark", [it].into_iter());
    put_watermark(&mut values, "currentOutputWatermark", [it].into_iter());
    put_times(&mut values, it.busy_permille, it.backpressured_permille, idle);
    put_source(&mut values, [it].into_iter().filter(|it| it.kind == OperatorKind::Source));
    values
}

/// A source receives what it reads.
fn received(operator: &OperatorMetrics) -> u64 {
    match operator.kind {
        OperatorKind::Source => operator.records_out,
        OperatorKind::Operator | OperatorKind::Sink => operator.records_in,
    }
}

fn received_rate(operator: &OperatorMetrics) -> f64 {
    match operator.kind {
        OperatorKind::Source => operator.records_out_per_second,
        OperatorKind::Operator | OperatorKind::Sink => operator.records_in_per_second,
    }
}

fn put(values: &mut MetricValues, name: &str, value: f64) {
    values.insert(name.to_owned(), value);
}

fn put_dropped<'a>(values: &mut MetricValues, of: impl Iterator<Item = &'a OperatorMetrics>) {
    let (mut late, mut malformed) = (0, 0);
    for operator in of {
        late += operator.late_records;
        malformed += operator.malformed_records;
    }
    put(values, "numLateRecordsDropped", float(late));
    put(values, "numMalformedRecordsSkipped", float(malformed));
}

/// The lowest one; nothing before there is one.
fn put_watermark<'a>(
    values: &mut MetricValues,
    name: &str,
    of: impl Iterator<Item = &'a OperatorMetrics>,
) {
    if let Some(lowest) = of.filter_map(|it| it.watermark).min() {
        put(values, name, float_ms(lowest));
    }
}

fn put_times(values: &mut MetricValues, busy: u32, backpressured: u32, idle: u32) {
    put(values, "busyTimeMsPerSecond", f64::from(busy));
    put(values, "backPressuredTimeMsPerSecond", f64::from(backpressured));
    put(values, "idleTimeMsPerSecond", f64::from(idle));
}

fn put_source<'a>(values: &mut MetricValues, sources: impl Iterator<Item = &'a OperatorMetrics>) {
    let sources: Vec<&OperatorMetrics> = sources.collect();
    let Some(lag) = sources.iter().map(|it| it.lag_records).max() else { return };
    put(values, "records_lag_max", float(lag));
    if let Some(behind) = sources.iter().filter_map(|it| it.behind_ms).max() {
        put(values, "millisBehindLatest", float(behind));
    }
    put(values, "bytes_consumed_rate", sources.iter().map(|it| it.bytes_per_second).sum());
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a double, as in CloudWatch")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a double, as in CloudWatch")]
fn float_ms(ms: i64) -> f64 {
    ms as f64
}

/// Two digits are enough of a percentage.
fn hundredths(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}
