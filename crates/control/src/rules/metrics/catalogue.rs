//! The names, as CloudWatch has them where it has them.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name.
    pub name: &'static str,
    /// CloudWatch's word: `Count`, `Count/Second`, `Milliseconds`, `Bytes`, `Bytes/Second`, `Percent`.
    pub unit: &'static str,
    /// Since when it only rises; `None` = it falls, too.
    pub rises: Option<Since>,
    /// What it is of.
    pub levels: MetricLevels,
    /// What it says.
    pub help: &'static str,
}

/// Since when a metric rises: it was 0 then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Since the run was asked for.
    Run,
    /// Since the present attempt runs.
    Attempt,
}

/// What a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricLevels {
    /// The application only.
    Application,
    /// The application, and its tasks, operators and subtasks.
    All,
    /// Tasks, operators and subtasks only.
    Finer,
}

use MetricLevels::{All, Application, Finer};

const fn gauge(
    name: &'static str,
    unit: &'static str,
    levels: MetricLevels,
    help: &'static str,
) -> MetricInfo {
    MetricInfo { name, unit, rises: None, levels, help }
}

const fn counter(name: &'static str, since: Since, help: &'static str) -> MetricInfo {
    let levels = match since {
        Since::Run => Application,
        Since::Attempt => All,
    };
    MetricInfo { name, unit: "Count", rises: Some(since), levels, help }
}

/// Every metric of applications.
pub const METRICS: &[MetricInfo] = &[
    gauge("KPUs", "Count", Application, "Kinesis Processing Units the run takes"),
    gauge(
        "uptime",
        "Milliseconds",
        Application,
        "time all subtasks run without interruption; 0 when they do not",
    ),
    gauge(
        "downtime",
        "Milliseconds",
        Application,
        "time since the job that ran is down; 0 when it runs",
    ),
    counter("fullRestarts", Since::Run, "times the job came to run again in this run"),
    counter("numRestarts", Since::Run, "attempts of this run after the first"),
    gauge(
        "lastCheckpointDuration",
        "Milliseconds",
        Application,
        "newest checkpoint, from barrier to manifest",
    ),
    gauge("lastCheckpointSize", "Bytes", Application, "state of the newest checkpoint"),
    gauge(
        "lastCheckpointAge",
        "Milliseconds",
        Application,
        "time since the newest checkpoint was recorded",
    ),
    counter(
        "numberOfFailedCheckpoints",
        Since::Run,
        "checkpoints of this run that came to nothing",
    ),
    gauge(
        "cpuUtilization",
        "Percent",
        Application,
        "CPU of the job process against that of its KPUs",
    ),
    gauge("containerCPUUtilization", "Percent", Application, "the same: there is one process"),
    gauge(
        "heapMemoryUtilization",
        "Percent",
        Application,
        "resident memory of the job process against that of its KPUs",
    ),
    gauge(
        "containerMemoryUtilization",
        "Percent",
        Application,
        "the same: there is no heap of another kind",
    ),
    gauge("threadsCount", "Count", Application, "threads of the job process"),
    counter(
        "numRecordsIn",
        Since::Attempt,
        "records received; of the application: read by its sources",
    ),
    counter(
        "numRecordsOut",
        Since::Attempt,
        "records emitted; of the application: written by its sinks",
    ),
    gauge("numRecordsInPerSecond", "Count/Second", All, "the same by time, over the last minute"),
    gauge("numRecordsOutPerSecond", "Count/Second", All, "the same by time, over the last minute"),
    counter(
        "numLateRecordsDropped",
        Since::Attempt,
        "records that came after all their windows had fired",
    ),
    counter("numMalformedRecordsSkipped", Since::Attempt, "records that could not be decoded"),
    gauge(
        "currentInputWatermark",
        "Milliseconds",
        All,
        "lowest watermark received; of the application: sent by its sources",
    ),
    gauge(
        "currentOutputWatermark",
        "Milliseconds",
        All,
        "lowest watermark sent; of the application: received by its sinks",
    ),
    gauge("busyTimeMsPerSecond", "Milliseconds", Finer, "time spent computing"),
    gauge(
        "backPressuredTimeMsPerSecond",
        "Milliseconds",
        Finer,
        "time spent waiting for room downstream",
    ),
    gauge("idleTimeMsPerSecond", "Milliseconds", Finer, "time its task had nothing to do"),
    gauge("records_lag_max", "Count", All, "records still to read, of the source that has most"),
    gauge(
        "millisBehindLatest",
        "Milliseconds",
        All,
        "age of what sources have read last while there is more to read; 0 = there is not",
    ),
    gauge(
        "bytes_consumed_rate",
        "Bytes/Second",
        All,
        "bytes read by sources, over the last minute",
    ),
];
