//! Lines of an application's log.

use control::LogRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::LogLine;

/// A line, with the members that were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnyLogLine)]
pub(crate) enum Line {
    Weir(LogLine),
    CloudWatch(CloudWatchLine),
}

/// A line with the members that queries over CloudWatch's log events use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CloudWatchLine {
    /// Rises with each line: pass the last as `after` to read on.
    sequence: i64,
    /// Milliseconds since 1970.
    timestamp: i64,
    /// Who speaks: a program's place in its code is not known.
    location_information: String,
    logger: String,
    message: String,
    #[serde(rename = "applicationARN")]
    application_arn: String,
    /// Empty where an older Weir did not keep it.
    application_version_id: String,
    message_schema_version: String,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    message_type: String,
    /// Traceback of what the line tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    throwable_information: Option<String>,
}

pub(crate) fn cloudwatch_line(record: LogRecord, arn: &str) -> CloudWatchLine {
    CloudWatchLine {
        sequence: record.sequence,
        timestamp: record.at.timestamp_millis(),
        location_information: record.logger.clone(),
        logger: record.logger,
        message: record.message,
        application_arn: arn.to_owned(),
        application_version_id: record.version.map_or_else(String::new, |it| it.get().to_string()),
        message_schema_version: "1".to_owned(),
        message_type: record.level,
        throwable_information: record.throwable,
    }
}
