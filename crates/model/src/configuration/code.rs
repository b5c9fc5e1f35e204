//! The program of an application version.

use serde::{Deserialize, Serialize};

use crate::{
    configuration::check_arn,
    hidden::Bytes,
    invalid::{Invalid, check_length},
    text_enum::text_enum,
};

text_enum!(
    /// What the code is (AWS `CodeContentType`).
    CodeContentType, "CodeContentType" {
        /// A Flink SQL script.
        Plaintext = "PLAINTEXT",
        /// A zip file with a PyFlink program.
        Zipfile = "ZIPFILE",
    }
);

/// Code that was accepted: checked, measured and pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCode {
    /// What is run.
    pub program: Program,
    /// SHA-256 of the bytes, as lower-case hexadecimal digits.
    pub sha256: String,
    /// MD5 of the bytes, as lower-case hexadecimal digits (AWS shows it).
    pub md5: String,
    /// Size in bytes.
    pub size: u64,
    /// Where the customer had the code, when it was given as an S3 reference.
    #[serde(default)]
    pub s3: Option<S3Location>,
    /// Version of that object when it was read, where its bucket keeps versions.
    #[serde(default)]
    pub s3_version: Option<String>,
    /// Entity tag of that object when it was read.
    #[serde(default)]
    pub s3_etag: Option<String>,
}

/// What is run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Program {
    /// A Flink SQL script.
    Sql {
        /// The text.
        text: String,
    },
    /// A zip file with a PyFlink program; its bytes are the artifact of that SHA-256.
    Zip,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql { text } => f.debug_tuple("Sql").field(&Bytes(text.len())).finish(),
            Self::Zip => f.write_str("Zip"),
        }
    }
}

impl ApplicationCode {
    /// The AWS word for its kind.
    pub fn content_type(&self) -> CodeContentType {
        match self.program {
            Program::Sql { .. } => CodeContentType::Plaintext,
            Program::Zip => CodeContentType::Zipfile,
        }
    }
}

/// An object in S3 (AWS `S3ContentLocation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Location {
    bucket_arn: String,
    file_key: String,
    #[serde(default)]
    object_version: Option<String>,
}

impl S3Location {
    /// An object by the ARN of its bucket, its key and, if wanted, its version.
    ///
    /// # Errors
    /// The limits of the AWS model, and an ARN that is none of a bucket (`arn:aws:s3:::name`).
    pub fn new(
        bucket_arn: String,
        file_key: String,
        object_version: Option<String>,
    ) -> Result<Self, Invalid> {
        check_arn("BucketARN", &bucket_arn)?;
        check_length("FileKey", &file_key, 1, 1024)?;
        let object_version = object_version.filter(|version| !version.is_empty());
        if let Some(version) = &object_version {
            check_length("ObjectVersion", version, 0, 1024)?;
        }
        let location = Self { bucket_arn, file_key, object_version };
        let bucket = location.bucket();
        if bucket.is_empty() || bucket.contains(['/', '*']) || !location.bucket_arn.contains(":::")
        {
            return Err(Invalid::new("BucketARN", "must look like `arn:aws:s3:::my-bucket`"));
        }
        Ok(location)
    }

    /// ARN of the bucket.
    pub fn bucket_arn(&self) -> &str {
        &self.bucket_arn
    }

    /// Name of the bucket.
    pub fn bucket(&self) -> &str {
        self.bucket_arn.rsplit_once(":::").map_or("", |(_, bucket)| bucket)
    }

    /// Key of the object.
    pub fn file_key(&self) -> &str {
        &self.file_key
    }

    /// Version of the object; `None` = the newest at the time it is read.
    pub fn object_version(&self) -> Option<&str> {
        self.object_version.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_the_end_of_its_arn() {
        let location = |arn: &str| S3Location::new(arn.to_owned(), "code/app.zip".to_owned(), None);
        assert_eq!(location("arn:aws:s3:::my-bucket").unwrap().bucket(), "my-bucket");
        for wrong in ["my-bucket", "arn:aws:s3:::", "arn:aws:s3", "arn:aws:s3:::bucket/key"] {
            assert_eq!(location(wrong).unwrap_err().field, "BucketARN", "{wrong}");
        }
    }
}
