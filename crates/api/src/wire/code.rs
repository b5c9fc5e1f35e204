//! Code: in a request, in S3, and described.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control::{NewCode, NewContent, S3Change};
use model::configuration::{ApplicationCode, Program, S3Location};
use model::invalid::Invalid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parsed;

/// AWS `ApplicationCodeConfiguration`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationCodeConfiguration {
    code_content: Option<CodeContent>,
    /// `PLAINTEXT` (a Flink SQL script) or `ZIPFILE` (a PyFlink program).
    code_content_type: Option<String>,
}

/// AWS `CodeContent`: exactly one member.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CodeContent {
    text_content: Option<String>,
    /// Base64.
    zip_file_content: Option<String>,
    s3_content_location: Option<S3ContentLocation>,
}

/// Without the program.
impl std::fmt::Debug for CodeContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("CodeContent");
        shown.field("s3_content_location", &self.s3_content_location).finish_non_exhaustive()
    }
}

/// AWS `S3ContentLocation`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct S3ContentLocation {
    #[serde(rename = "BucketARN")]
    bucket_arn: String,
    file_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_version: Option<String>,
}

/// AWS `ApplicationCodeConfigurationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ApplicationCodeConfigurationUpdate {
    code_content_update: Option<CodeContentUpdate>,
    code_content_type_update: Option<String>,
}

/// AWS `CodeContentUpdate`.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CodeContentUpdate {
    text_content_update: Option<String>,
    /// Base64.
    zip_file_content_update: Option<String>,
    s3_content_location_update: Option<S3ContentLocationUpdate>,
}

/// Without the program.
impl std::fmt::Debug for CodeContentUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("CodeContentUpdate");
        shown
            .field("s3_content_location_update", &self.s3_content_location_update)
            .finish_non_exhaustive()
    }
}

/// AWS `S3ContentLocationUpdate`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct S3ContentLocationUpdate {
    #[serde(rename = "BucketARNUpdate")]
    bucket_arn_update: Option<String>,
    file_key_update: Option<String>,
    object_version_update: Option<String>,
}

impl ApplicationCodeConfiguration {
    /// `None` when no code is given at all.
    pub(crate) fn parse(self) -> Result<Option<NewCode>, Invalid> {
        let content_type = parsed(self.code_content_type.as_deref())?;
        let Some(content) = self.code_content else {
            return Ok(None);
        };
        let s3 = content.s3_content_location.map(S3ContentLocation::parse).transpose()?;
        let content = one_of(
            "CodeContent",
            content.text_content.map(NewContent::Text),
            content.zip_file_content.map(|text| zip(&text)).transpose()?,
            s3.map(NewContent::S3),
        )?;
        Ok(Some(NewCode { content_type, content }))
    }
}

impl ApplicationCodeConfigurationUpdate {
    pub(crate) fn parse(self) -> Result<Option<NewCode>, Invalid> {
        let content_type = parsed(self.code_content_type_update.as_deref())?;
        let Some(content) = self.code_content_update else {
            return Ok(None);
        };
        let s3 = content.s3_content_location_update.map(|it| {
            NewContent::S3Change(S3Change {
                bucket_arn: it.bucket_arn_update,
                file_key: it.file_key_update,
                object_version: it.object_version_update,
            })
        });
        let content = one_of(
            "CodeContentUpdate",
            content.text_content_update.map(NewContent::Text),
            content.zip_file_content_update.map(|text| zip(&text)).transpose()?,
            s3,
        )?;
        Ok(Some(NewCode { content_type, content }))
    }
}

impl S3ContentLocation {
    pub(crate) fn parse(self) -> Result<S3Location, Invalid> {
        S3Location::new(self.bucket_arn, self.file_key, self.object_version)
    }
}

fn zip(text: &str) -> Result<NewContent, Invalid> {
    let bytes =
        STANDARD.decode(text).map_err(|_| Invalid::new("ZipFileContent", "must be base64"))?;
    Ok(NewContent::Zip(bytes))
}

fn one_of(
    member: &'static str,
    text: Option<NewContent>,
    zip: Option<NewContent>,
    s3: Option<NewContent>,
) -> Result<NewContent, Invalid> {
    match (text, zip, s3) {
        (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Ok(one),
        _ => Err(Invalid::new(member, "must have exactly one of its members")),
    }
}

/// AWS `ApplicationCodeConfigurationDescription`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ApplicationCodeConfigurationDescription {
    code_content_type: String,
    code_content_description: CodeContentDescription,
}

/// AWS `CodeContentDescription`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
struct CodeContentDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    text_content: Option<String>,
    #[serde(rename = "CodeMD5")]
    code_md5: String,
    code_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_application_code_location_description: Option<S3ContentLocation>,
}

/// Without the program.
impl std::fmt::Debug for CodeContentDescription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("CodeContentDescription");
        shown.field("code_md5", &self.code_md5).finish_non_exhaustive()
    }
}

pub(crate) fn described(code: &ApplicationCode) -> ApplicationCodeConfigurationDescription {
    let text_content = match (&code.program, &code.s3) {
        (Program::Sql { text }, None) => Some(text.clone()),
        (Program::Sql { .. } | Program::Zip, _) => None,
    };
    ApplicationCodeConfigurationDescription {
        code_content_type: code.content_type().to_string(),
        code_content_description: CodeContentDescription {
            text_content,
            code_md5: code.md5.clone(),
            code_size: code.size,
            s3_application_code_location_description: code.s3.as_ref().map(|s3| {
                S3ContentLocation {
                    bucket_arn: s3.bucket_arn().to_owned(),
                    file_key: s3.file_key().to_owned(),
                    object_version: s3.object_version().map(str::to_owned),
                }
            }),
        },
    }
}
