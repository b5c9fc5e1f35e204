//! The connector's options (Flink's names) and what they mean.

use std::time::Duration;

use arrow::datatypes::{DataType, Field};
use chrono::FixedOffset;
use engine::connector::{TableRefused, TableSpec};

use super::location::Location;
use super::partition;
use crate::format::Format;
use crate::options::{OptionSpec, OptionType, Options};

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("path", OptionType::Text, "folder or file, local or `s3://…`").required(),
    OptionSpec::new("format", OptionType::Format, "spelling of the records").required(),
    OptionSpec::new("partition.default-name", OptionType::Text, "folder name of NULL and ''")
        .default("__DEFAULT_PARTITION__"),
    OptionSpec::new("source.monitor-interval", OptionType::Duration, "not supported"),
    OptionSpec::new("source.path.regex-pattern", OptionType::Text, "not supported"),
    OptionSpec::new("source.parallelism", OptionType::Int, "not supported"),
    OptionSpec::new(
        "source.report-statistics",
        OptionType::Choice(&["ALL", "NONE"]),
        "for Flink's optimizer; without effect here",
    ),
    OptionSpec::new(
        "sink.rolling-policy.file-size",
        OptionType::Memory,
        "size a part file may reach",
    )
    .default("128MB"),
    OptionSpec::new(
        "sink.rolling-policy.rollover-interval",
        OptionType::Duration,
        "without effect: part files are rolled at every checkpoint",
    ),
    OptionSpec::new(
        "sink.rolling-policy.inactivity-interval",
        OptionType::Duration,
        "without effect: part files are rolled at every checkpoint",
    ),
    OptionSpec::new(
        "sink.rolling-policy.check-interval",
        OptionType::Duration,
        "without effect: part files are rolled at every checkpoint",
    ),
    OptionSpec::new("sink.shuffle-by-partition.enable", OptionType::Bool, "not supported"),
    OptionSpec::new("sink.parallelism", OptionType::Int, "not supported"),
    OptionSpec::new("auto-compaction", OptionType::Bool, "not supported"),
    OptionSpec::new("compaction.file-size", OptionType::Memory, "not supported"),
    OptionSpec::new(
        "sink.partition-commit.trigger",
        OptionType::Choice(&["process-time", "partition-time"]),
        "when a partition is complete",
    )
    .default("process-time"),
    OptionSpec::new("sink.partition-commit.delay", OptionType::Duration, "wait after the trigger")
        .default("0 s"),
    OptionSpec::new(
        "sink.partition-commit.watermark-time-zone",
        OptionType::Text,
        "zone of the partition time",
    )
    .default("UTC"),
    OptionSpec::new("sink.partition-commit.policy.kind", OptionType::Text, "`success-file`"),
    OptionSpec::new("sink.partition-commit.policy.class", OptionType::Text, "not supported"),
    OptionSpec::new(
        "sink.partition-commit.success-file.name",
        OptionType::Text,
        "name of the file that marks a complete partition",
    )
    .default("_SUCCESS"),
    OptionSpec::new(
        "partition.time-extractor.kind",
        OptionType::Choice(&["default"]),
        "how a partition's time is found",
    )
    .default("default"),
    OptionSpec::new("partition.time-extractor.class", OptionType::Text, "not supported"),
    OptionSpec::new(
        "partition.time-extractor.timestamp-pattern",
        OptionType::Text,
        "a partition's time, such as `$day $hour:00:00`",
    ),
    OptionSpec::new(
        "partition.time-extractor.timestamp-formatter",
        OptionType::Text,
        "how the pattern's result is read",
    )
    .default("yyyy-MM-dd HH:mm:ss"),
];

/// Options whose mere presence asks for something that is not there.
const UNSUPPORTED: &[(&str, &str)] = &[
    (
        "source.monitor-interval",
        "watching a folder for new files is not supported; leave it out to read the files that \
         are there at the start",
    ),
    (
        "source.path.regex-pattern",
        "choosing files by a pattern is not supported; name the folder in `path`",
    ),
    ("source.parallelism", "a parallelism of its own is not supported; leave it out"),
    ("sink.parallelism", "a parallelism of its own is not supported; leave it out"),
    (
        "sink.partition-commit.policy.class",
        "policies of your own are not supported; use the kind `success-file`",
    ),
    (
        "partition.time-extractor.class",
        "extractors of your own are not supported; use `timestamp-pattern`",
    ),
];

/// What source and sink have in common.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) format: Format,
    pub(super) default_name: String,
    pub(super) options: Options,
}

impl Table {
    /// Reads and checks the options; `Err` names the one that is wrong.
    pub(super) fn plan(table: &TableSpec) -> Result<Self, TableRefused> {
        // As in Flink, an unknown option of the format passes (SEMANTICS 73).
        let options = Options::read_lenient(table, SPECS)?;
        for (key, why) in UNSUPPORTED {
            if options.given(key) {
                return Err(options.refuse(key, why));
            }
        }
        for key in ["auto-compaction", "sink.shuffle-by-partition.enable"] {
            if options.flag(key) {
                return Err(options.refuse(key, "it is not supported; leave it out"));
            }
        }
        let path = options.text("path").unwrap_or_default();
        let location = Location::parse(path).map_err(|why| options.refuse("path", &why))?;
        let Some(format) = Format::of(&options, "format")? else {
            return Err(options.refuse("format", "name a format"));
        };
        for key in &table.partition_keys {
            let column = table.columns.iter().find(|column| column.field.name() == key);
            let Some(kind) = column.map(|column| column.field.data_type()) else { continue };
            if !partition::supported(kind) {
                let message = format!(
                    "table `{}` cannot be partitioned by `{key}`: columns of type {kind} cannot \
                     stand in a path",
                    table.name
                );
                return Err(TableRefused { message, option: None });
            }
        }
        let default_name = options.text("partition.default-name").unwrap_or_default().to_owned();
        Ok(Self { name: table.name.clone(), location, format, default_name, options })
    }

    /// The physical columns that stand in the files, not in the path.
    pub(super) fn file_fields(table: &TableSpec) -> Vec<Field> {
        let in_file = table.columns.iter().filter(|column| {
            column.metadata.is_none() && !table.partition_keys.contains(column.field.name())
        });
        in_file.map(|column| column.field.clone()).collect()
    }
}

/// When a partition gets its success file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPolicy {
    /// Name of the success file.
    pub(super) file_name: String,
    /// What makes a partition complete.
    pub(super) trigger: Trigger,
    /// How long after that.
    pub(super) delay: Duration,
}

/// What makes a partition complete (Flink's `PartitionCommitTrigger`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trigger {
    /// Data has come, and the delay has passed since its first record.
    ProcessTime,
    /// The watermark has passed the partition's time and the delay.
    PartitionTime {
        /// `$day $hour:00:00`; `None` = the value of the first partition column.
        pattern: Option<String>,
        /// chrono's spelling of the formatter; `None` = Flink's default one.
        formatter: Option<String>,
        /// Zone of the partition's time.
        zone: Zone,
    },
}

/// A time zone by offset or IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zone {
    Fixed(FixedOffset),
    Named(chrono_tz::Tz),
}

impl CommitPolicy {
    /// Partitions are complete with their first file.
    #[must_use]
    pub fn with_first_file(file_name: &str) -> Self {
        let (file_name, trigger) = (file_name.to_owned(), Trigger::ProcessTime);
        Self { file_name, trigger, delay: Duration::ZERO }
    }

    /// Reads the commit options; `None` = partitions are not marked.
    pub(super) fn plan(
        table: &Table,
        partition_keys: &[String],
    ) -> Result<Option<Self>, TableRefused> {
        let options = &table.options;
        let kind_key = "sink.partition-commit.policy.kind";
        let Some(kinds) = options.text(kind_key) else { return Ok(None) };
        if kinds.split(',').any(|kind| kind.trim() != "success-file") {
            let why = "only `success-file` is supported (there is no metastore to tell)";
            return Err(options.refuse(kind_key, why));
        }
        if partition_keys.is_empty() {
            return Ok(None);
        }
        let trigger = match options.choice("sink.partition-commit.trigger") {
            Some("partition-time") => Trigger::PartitionTime {
                pattern: pattern(options, partition_keys)?,
                formatter: formatter(options)?,
                zone: zone(options)?,
            },
            _ => Trigger::ProcessTime,
        };
        let name_key = "sink.partition-commit.success-file.name";
        let file_name = options.text(name_key).unwrap_or_default().to_owned();
        if file_name.is_empty() || file_name.contains('/') {
            return Err(options.refuse(name_key, "write a file name"));
        }
        let delay = options.duration("sink.partition-commit.delay").unwrap_or_default();
        Ok(Some(Self { file_name, trigger, delay }))
    }
}

fn pattern(options: &Options, keys: &[String]) -> Result<Option<String>, TableRefused> {
    let key = "partition.time-extractor.timestamp-pattern";
    let Some(pattern) = options.text(key) else { return Ok(None) };
    let names =
        keys.iter().fold(pattern.to_owned(), |left, key| left.replace(&format!("${key}"), ""));
    if names.contains('$') {
        let why = format!("after `$` it must name one of `{}`", keys.join("`, `"));
        return Err(options.refuse(key, &why));
    }
    Ok(Some(pattern.to_owned()))
}

/// Java's letters that partition times need, in chrono's spelling.
fn formatter(options: &Options) -> Result<Option<String>, TableRefused> {
    let key = "partition.time-extractor.timestamp-formatter";
    if !options.given(key) {
        return Ok(None);
    }
    let mut out = options.text(key).unwrap_or_default().to_owned();
    for (java, ours) in
        [("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")]
    {
        out = out.replacen(java, ours, 1);
    }
    let out = out.replace('\'', "");
    let rest =
        ["%Y", "%m", "%d", "%H", "%M", "%S"].iter().fold(out.clone(), |s, p| s.replace(p, ""));
    if !out.contains("%Y") || rest.contains(|c: char| c.is_ascii_alphabetic() && c != 'T') {
        return Err(options.refuse(key, "only yyyy, MM, dd, HH, mm and ss are supported"));
    }
    Ok(Some(out))
}

fn zone(options: &Options) -> Result<Zone, TableRefused> {
    let key = "sink.partition-commit.watermark-time-zone";
    let text = options.text(key).unwrap_or("UTC");
    if let Ok(zone) = text.parse::<chrono_tz::Tz>() {
        return Ok(Zone::Named(zone));
    }
    let offset = text.strip_prefix("GMT").or_else(|| text.strip_prefix("UTC")).unwrap_or(text);
    let parsed = offset.parse::<FixedOffset>().map(Zone::Fixed);
    parsed.map_err(|_| options.refuse(key, "write a zone such as `Europe/Berlin` or `GMT+02:00`"))
}

/// Whether rows of this type can be part of a table at all is the format's business; metadata
/// columns are ours.
pub(super) fn metadata_fits(key: &str, kind: &DataType) -> bool {
    match key {
        "file.path" | "file.name" => *kind == DataType::Utf8,
        "file.size" => *kind == DataType::Int64,
        "file.modification-time" => matches!(kind, DataType::Timestamp(_, Some(_))),
        _ => false,
    }
}
