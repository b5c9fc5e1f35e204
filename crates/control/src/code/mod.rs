//! Code on its way in: read, checked, measured, pinned.

use std::fmt::Write;

use md5::Md5;
use model::{
    configuration::{ApplicationCode, CodeContentType, Program, S3Location, python_main_file},
    hidden::Bytes,
    invalid::{Invalid, check_length},
    protocol::PropertyGroups,
};
use sha2::{Digest, Sha256};

use crate::{
    Control,
    error::{Error, Result},
    ports::ReadError,
};

mod zip_file;

pub use zip_file::ZipProblem;

/// Longest SQL script, in characters (AWS `TextContent`).
const LONGEST_TEXT: usize = 102_400;
/// Largest zip file in a request, in bytes (AWS `ZipFileContent`).
const LARGEST_INLINE_ZIP: u64 = 52_428_800;
/// Largest zip file in S3, in bytes.
const LARGEST_ZIP: u64 = 512 << 20;

/// Code as a customer gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// What it is; absent in an update = as before.
    pub content_type: Option<CodeContentType>,
    /// Where it is; absent in an update = as before (S3 is then read again).
    pub content: NewContent,
}

/// Where code is.
#[derive(Clone, PartialEq, Eq)]
pub enum NewContent {
    /// A SQL script in the request.
    Text(String),
    /// A zip file in the request.
    Zip(Vec<u8>),
    /// An object in S3, read now and never again.
    S3(S3Location),
    /// The present S3 object with parts of its place changed, read now; only in an update.
    S3Change(S3Change),
}

impl std::fmt::Debug for NewContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(&Bytes(text.len())).finish(),
            Self::Zip(bytes) => f.debug_tuple("Zip").field(&Bytes(bytes.len())).finish(),
            Self::S3(location) => f.debug_tuple("S3").field(location).finish(),
            Self::S3Change(change) => f.debug_tuple("S3Change").field(change).finish(),
        }
    }
}

/// A sparse change of an [`S3Location`] (AWS `S3ContentLocationUpdate`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Change {
    /// ARN of the bucket.
    pub bucket_arn: Option<String>,
    /// Key of the object.
    pub file_key: Option<String>,
    /// Version of the object.
    pub object_version: Option<String>,
}

/// The S3 object that code was read from.
#[derive(Debug)]
struct Origin {
    location: S3Location,
    version: Option<String>,
    etag: Option<String>,
}

/// Code that may be kept.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// For the configuration.
    pub(crate) code: ApplicationCode,
    /// For the artifacts, if it is a zip.
    pub(crate) zip: Option<Vec<u8>>,
}

impl Control {
    /// Reads, checks and measures new code. `before` is the code it replaces.
    pub(crate) async fn accept_code(
        &self,
        new: NewCode,
        before: Option<&ApplicationCode>,
        properties: &PropertyGroups,
    ) -> Result<Accepted> {
        let kind = new.content_type.or_else(|| before.map(ApplicationCode::content_type));
        let (bytes, origin) = match new.content {
            NewContent::Text(text) => {
                expect_kind(kind, CodeContentType::Plaintext, "TextContent")?;
                return self.accept_script(text, None, properties).await;
            }
            NewContent::Zip(bytes) => {
                expect_kind(kind, CodeContentType::Zipfile, "ZipFileContent")?;
                if bytes.len() as u64 > LARGEST_INLINE_ZIP {
                    return Err(too_large("ZipFileContent", LARGEST_INLINE_ZIP));
                }
                (bytes, None)
            }
            NewContent::S3(location) => self.read_s3(location).await?,
            NewContent::S3Change(change) => {
                let present = before.and_then(|code| code.s3.as_ref());
                self.read_s3(changed(present, change)?).await?
            }
        };
        match kind {
            Some(CodeContentType::Zipfile) => accept_zip(bytes, origin, properties).await,
            Some(CodeContentType::Plaintext) => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| Invalid::new("S3ContentLocation", "must be UTF-8 text"))?;
                self.accept_script(text, origin, properties).await
            }
            None => Err(Invalid::new("CodeContentType", "must be given").into()),
        }
    }

    /// Checks the present code against changed properties; zip files are checked again only if
    /// another file of them is to be run.
    pub(crate) async fn recheck_code(
        &self,
        code: &ApplicationCode,
        before: &PropertyGroups,
        properties: &PropertyGroups,
    ) -> Result<()> {
        match &code.program {
            Program::Sql { text } => self.check_script(text.clone(), properties.clone()).await,
            Program::Zip if python_main_file(before) == python_main_file(properties) => Ok(()),
            Program::Zip => match self.store.artifact(&code.sha256).await? {
                Some(bytes) => check_zip(bytes, properties).await.map(|_| ()),
                None => Ok(()),
            },
        }
    }

    async fn accept_script(
        &self,
        text: String,
        origin: Option<Origin>,
        properties: &PropertyGroups,
    ) -> Result<Accepted> {
        check_length("TextContent", &text, 1, LONGEST_TEXT)?;
        self.check_script(text.clone(), properties.clone()).await?;
        let mut code = measured(text.as_bytes(), Program::Sql { text: String::new() }, origin);
        code.program = Program::Sql { text };
        Ok(Accepted { code, zip: None })
    }

    /// Plans the script away from the threads that serve requests.
    async fn check_script(&self, text: String, properties: PropertyGroups) -> Result<()> {
        let checker = std::sync::Arc::clone(&self.checker);
        tokio::task::spawn_blocking(move || checker.check(&text, &properties))
            .await
            .map_err(Error::Task)?
            .map_err(Error::Script)
    }

    async fn read_s3(&self, location: S3Location) -> Result<(Vec<u8>, Option<Origin>)> {
        let object =
            self.objects.read(&location, LARGEST_ZIP).await.map_err(|error| match error {
                ReadError::NotFound => Error::NoSuchObject {
                    bucket: location.bucket().to_owned(),
                    key: location.file_key().to_owned(),
                },
                ReadError::TooLarge { limit } => too_large("S3ContentLocation", limit),
                ReadError::Unavailable(_) => Error::ObjectStore(error),
            })?;
        let origin = Origin { location, version: object.version, etag: object.etag };
        Ok((object.bytes, Some(origin)))
    }
}

fn expect_kind(
    given: Option<CodeContentType>,
    needed: CodeContentType,
    member: &'static str,
) -> Result<()> {
    match given {
        Some(given) if given != needed => {
            Err(Invalid::new(member, format!("needs `CodeContentType` `{needed}`, not `{given}`"))
                .into())
        }
        Some(_) | None => Ok(()),
    }
}

fn changed(present: Option<&S3Location>, change: S3Change) -> Result<S3Location> {
    let missing = |field| Invalid::new(field, "must be given: the present code is not in S3");
    let bucket = change
        .bucket_arn
        .or_else(|| present.map(|s3| s3.bucket_arn().to_owned()))
        .ok_or_else(|| missing("BucketARNUpdate"))?;
    let key = change
        .file_key
        .or_else(|| present.map(|s3| s3.file_key().to_owned()))
        .ok_or_else(|| missing("FileKeyUpdate"))?;
    let version = change
        .object_version
        .or_else(|| present.and_then(S3Location::object_version).map(str::to_owned));
    Ok(S3Location::new(bucket, key, version)?)
}

async fn accept_zip(
    bytes: Vec<u8>,
    origin: Option<Origin>,
    properties: &PropertyGroups,
) -> Result<Accepted> {
    let bytes = check_zip(bytes, properties).await?;
    Ok(Accepted { code: measured(&bytes, Program::Zip, origin), zip: Some(bytes) })
}

async fn check_zip(bytes: Vec<u8>, properties: &PropertyGroups) -> Result<Vec<u8>> {
    let main = python_main_file(properties).to_owned();
    tokio::task::spawn_blocking(move || {
        zip_file::check(&bytes, &main).map_err(Error::Zip)?;
        Ok(bytes)
    })
    .await
    .map_err(Error::Task)?
}

fn measured(bytes: &[u8], program: Program, origin: Option<Origin>) -> ApplicationCode {
    let (s3, s3_version, s3_etag) =
        origin.map_or((None, None, None), |o| (Some(o.location), o.version, o.etag));
    ApplicationCode {
        program,
        sha256: hexadecimal(&Sha256::digest(bytes)),
        md5: hexadecimal(&Md5::digest(bytes)),
        size: bytes.len() as u64,
        s3,
        s3_version,
        s3_etag,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn too_large(field: &'static str, limit: u64) -> Error {
    Invalid::new(field, format!("must not be larger than {limit} bytes")).into()
}
