//! Enhanced snapshots and their operations.

use chrono::{DateTime, Utc};
use control::{BegunSnapshot, Control, Enhanced, SnapshotOperation};
use model::enhanced::{S3Prefix, SnapshotOperationKind};
use model::ids::OperationId;
use model::invalid::{Invalid, check_length};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::seconds;

/// AWS `S3PrefixLocation`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct S3PrefixLocation {
    #[serde(rename = "BucketARN")]
    bucket_arn: String,
    key_prefix: String,
}

impl S3PrefixLocation {
    fn parse(self) -> Result<S3Prefix, Invalid> {
        S3Prefix::new(self.bucket_arn, self.key_prefix)
    }
}

/// AWS `SnapshotEncryptionConfiguration`. The bucket's own encryption is all there is.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SnapshotEncryptionConfiguration {
    key_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

impl SnapshotEncryptionConfiguration {
    fn check(given: Option<&Self>, field: &'static str) -> Result<(), Invalid> {
        match given.map(|it| (it.key_type.as_str(), &it.key_id)) {
            None | Some(("AWS_OWNED_KEY", None)) => Ok(()),
            Some(_) => Err(Invalid::new(
                field,
                "must have KeyType AWS_OWNED_KEY, without a KeyId: Weir encrypts no snapshots by \
                 itself; turn on encryption of the bucket",
            )),
        }
    }
}

/// AWS `ExportDestinationConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ExportDestinationConfiguration {
    /// `S3`.
    destination_type: String,
    /// Kept for AWS clients; Weir uses its own credentials.
    export_role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_encryption_configuration: Option<SnapshotEncryptionConfiguration>,
    #[serde(rename = "DestinationS3PrefixLocation")]
    destination_s3_prefix_location: S3PrefixLocation,
}

impl ExportDestinationConfiguration {
    pub(crate) fn parse(self) -> Result<S3Prefix, Invalid> {
        check_type("DestinationType", &self.destination_type)?;
        check_length("ExportRoleArn", &self.export_role_arn, 1, 2048)?;
        let encryption = self.destination_encryption_configuration.as_ref();
        SnapshotEncryptionConfiguration::check(encryption, "DestinationEncryptionConfiguration")?;
        self.destination_s3_prefix_location.parse()
    }
}

/// AWS `ImportSourceConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImportSourceConfiguration {
    /// `S3`.
    source_type: String,
    /// Kept for AWS clients; Weir uses its own credentials.
    import_role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_encryption_configuration: Option<SnapshotEncryptionConfiguration>,
    /// The folder that an export wrote: its prefix and operation id.
    #[serde(rename = "SourceS3PrefixLocation")]
    source_s3_prefix_location: S3PrefixLocation,
}

impl ImportSourceConfiguration {
    pub(crate) fn parse(
        self,
        destination: Option<&SnapshotEncryptionConfiguration>,
        format: Option<&str>,
    ) -> Result<S3Prefix, Invalid> {
        check_type("SourceType", &self.source_type)?;
        check_length("ImportRoleArn", &self.import_role_arn, 1, 2048)?;
        let source = self.source_encryption_configuration.as_ref();
        SnapshotEncryptionConfiguration::check(source, "SourceEncryptionConfiguration")?;
        let field = "DestinationEncryptionConfiguration";
        SnapshotEncryptionConfiguration::check(destination, field)?;
        if format.is_some_and(|format| format != FORMAT) {
            return Err(Invalid::new("SnapshotFormat", format!("must be `{FORMAT}`")));
        }
        self.source_s3_prefix_location.parse()
    }
}

/// The one AWS format. What lies behind it is Weir's own (`model::exported`).
const FORMAT: &str = "CANONICAL";

fn check_type(field: &'static str, given: &str) -> Result<(), Invalid> {
    if given == "S3" { Ok(()) } else { Err(Invalid::new(field, "must be `S3`")) }
}

/// AWS `CreateSnapshotResponse`, `ImportSnapshotResponse` and `DeleteSnapshotResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BegunBody {
    snapshot_arn: String,
    snapshot_status: String,
    snapshot_operation_id: String,
    snapshot_operation_status: String,
}

pub(crate) fn begun(begun: BegunSnapshot) -> BegunBody {
    BegunBody {
        snapshot_arn: begun.arn,
        snapshot_status: begun.status.to_string(),
        snapshot_operation_id: begun.operation.to_string(),
        snapshot_operation_status: IN_PROGRESS.to_owned(),
    }
}

const IN_PROGRESS: &str = "IN_PROGRESS";

/// AWS `ExportSnapshotResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ExportBody {
    snapshot_operation_id: String,
    snapshot_operation_status: String,
}

pub(crate) fn exporting(operation: &OperationId) -> ExportBody {
    ExportBody {
        snapshot_operation_id: operation.to_string(),
        snapshot_operation_status: IN_PROGRESS.to_owned(),
    }
}

/// AWS `SnapshotInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotInfo {
    snapshot_name: String,
    snapshot_arn: String,
    snapshot_status: String,
    snapshot_creation_timestamp: f64,
    snapshot_initiator: String,
    snapshot_initiator_operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_application_name: Option<String>,
    snapshot_format: String,
}

pub(crate) fn info(control: &Control, snapshot: Enhanced) -> SnapshotInfo {
    SnapshotInfo {
        snapshot_arn: control.snapshot_arn(&snapshot.name),
        snapshot_name: snapshot.name.to_string(),
        snapshot_status: snapshot.status.to_string(),
        snapshot_creation_timestamp: seconds(snapshot.created_at),
        snapshot_initiator: snapshot.made_by.initiator().to_string(),
        snapshot_initiator_operation: snapshot.made_by.to_string(),
        source_application_name: snapshot.source.map(|source| source.name.to_string()),
        snapshot_format: FORMAT.to_owned(),
    }
}

/// AWS `SnapshotInfoDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotInfoDetails {
    snapshot_name: String,
    snapshot_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_description: Option<String>,
    snapshot_status: String,
    snapshot_creation_timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_environment: Option<String>,
    /// 0 until it is READY.
    snapshot_size_in_bytes: u64,
    snapshot_encryption_configuration_description: SnapshotEncryptionConfiguration,
    snapshot_initiator: String,
    snapshot_initiator_operation: String,
    snapshot_source_description: SnapshotSourceDescription,
    /// `CANONICAL`: Weir's own format, see `SnapshotFormat` in the documentation.
    snapshot_format: String,
}

/// AWS `SnapshotSourceDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotSourceDescription {
    #[serde(rename = "S3PrefixLocation", skip_serializing_if = "Option::is_none")]
    s3_prefix_location: Option<S3PrefixLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_application_description: Option<SourceApplicationDescription>,
}

/// AWS `SourceApplicationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SourceApplicationDescription {
    application_name: String,
    application_creation_timestamp: f64,
    application_version_id: i64,
}

pub(crate) fn details(control: &Control, snapshot: Enhanced) -> SnapshotInfoDetails {
    let source = snapshot.source.as_ref().map(|source| SourceApplicationDescription {
        application_name: source.name.to_string(),
        application_creation_timestamp: seconds(source.created_at),
        application_version_id: source.version.get(),
    });
    SnapshotInfoDetails {
        snapshot_arn: control.snapshot_arn(&snapshot.name),
        snapshot_name: snapshot.name.to_string(),
        snapshot_description: snapshot.description,
        snapshot_status: snapshot.status.to_string(),
        snapshot_creation_timestamp: seconds(snapshot.created_at),
        runtime_environment: snapshot.runtime.map(|runtime| runtime.to_string()),
        snapshot_size_in_bytes: snapshot.state_bytes.unwrap_or(0),
        snapshot_encryption_configuration_description: own_key(),
        snapshot_initiator: snapshot.made_by.initiator().to_string(),
        snapshot_initiator_operation: snapshot.made_by.to_string(),
        snapshot_source_description: SnapshotSourceDescription {
            s3_prefix_location: snapshot.imported_from.as_ref().map(location),
            source_application_description: source,
        },
        snapshot_format: FORMAT.to_owned(),
    }
}

fn own_key() -> SnapshotEncryptionConfiguration {
    SnapshotEncryptionConfiguration { key_type: "AWS_OWNED_KEY".to_owned(), key_id: None }
}

fn location(place: &S3Prefix) -> S3PrefixLocation {
    S3PrefixLocation {
        bucket_arn: place.bucket_arn().to_owned(),
        key_prefix: place.key_prefix().to_owned(),
    }
}

/// AWS `SnapshotOperationInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotOperationInfo {
    snapshot_operation_id: String,
    snapshot_operation: String,
    snapshot_operation_status: String,
    start_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<f64>,
}

pub(crate) fn operation_info(operation: &SnapshotOperation) -> SnapshotOperationInfo {
    SnapshotOperationInfo {
        snapshot_operation_id: operation.id.to_string(),
        snapshot_operation: operation.kind.to_string(),
        snapshot_operation_status: operation.status.as_str().to_owned(),
        start_time: seconds(operation.started_at),
        end_time: operation.ended_at.map(seconds),
    }
}

/// AWS `SnapshotOperationInfoDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SnapshotOperationInfoDetails {
    #[serde(flatten)]
    info: SnapshotOperationInfo,
    snapshot_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_source_location_description: Option<SnapshotOperationLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_destination_location_description: Option<SnapshotOperationLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_operation_description: Option<ApplicationOperation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_operation_failure_details: Option<SnapshotOperationFailure>,
}

/// AWS `SnapshotOperationLocationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotOperationLocation {
    location_type: String,
    #[serde(rename = "S3PrefixLocation")]
    s3_prefix_location: SnapshotOperationS3Prefix,
}

/// AWS `SnapshotOperationS3PrefixLocation`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotOperationS3Prefix {
    #[serde(flatten)]
    location: S3PrefixLocation,
    /// The folder that an export writes; what an import is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    exported_prefix: Option<String>,
}

/// AWS `ApplicationOperationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ApplicationOperation {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_operation_id: Option<String>,
    application_name: String,
}

/// AWS `SnapshotOperationFailureDetails`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotOperationFailure {
    error_info: SnapshotErrorInfo,
}

/// AWS `SnapshotErrorInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct SnapshotErrorInfo {
    error_code: String,
    error_string: String,
}

pub(crate) fn operation_details(
    control: &Control,
    operation: SnapshotOperation,
) -> SnapshotOperationInfoDetails {
    let place = operation.location.as_ref().map(|place| SnapshotOperationLocation {
        location_type: "S3".to_owned(),
        s3_prefix_location: SnapshotOperationS3Prefix {
            location: location(place),
            exported_prefix: (operation.kind == SnapshotOperationKind::Export)
                .then(|| control::exported_folder(place, &operation.id)),
        },
    });
    let (source, destination) = match operation.kind {
        SnapshotOperationKind::Export => (None, place),
        SnapshotOperationKind::Create
        | SnapshotOperationKind::Delete
        | SnapshotOperationKind::Import
        | SnapshotOperationKind::SystemCreate => (place, None),
    };
    let failure = operation.failure.as_ref().map(|words| SnapshotOperationFailure {
        error_info: SnapshotErrorInfo {
            error_code: operation.failure_code.clone().unwrap_or_default(),
            error_string: words.chars().take(512).collect(),
        },
    });
    SnapshotOperationInfoDetails {
        info: operation_info(&operation),
        snapshot_arn: control.snapshot_arn(&operation.snapshot),
        snapshot_source_location_description: source,
        snapshot_destination_location_description: destination,
        application_operation_description: operation.application.clone().map(|application_name| {
            ApplicationOperation {
                application_operation_id: operation.application_operation.clone(),
                application_name,
            }
        }),
        snapshot_operation_failure_details: failure,
    }
}

/// The second that a customer means.
pub(crate) fn second(field: &'static str, at: f64) -> Result<DateTime<Utc>, Invalid> {
    #[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds, as AWS compares")]
    let whole = at as i64;
    DateTime::from_timestamp(whole, 0)
        .ok_or_else(|| Invalid::new(field, "must be seconds since 1970"))
}
