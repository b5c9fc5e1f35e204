//! Enhanced snapshots: copies of checkpoints that belong to the account rather than to an
//! application, and what is done to them.

use serde::{Deserialize, Serialize};

use crate::{
    invalid::{Invalid, check_length},
    text_enum::text_enum,
};

text_enum!(
    /// What an enhanced snapshot is worth (AWS `SnapshotStatus`).
    EnhancedStatus, "SnapshotStatus" {
        /// It is being taken, copied or imported.
        Creating = "CREATING",
        /// Applications can start from it.
        Ready = "READY",
        /// It goes as soon as nobody exports it any more.
        Deleting = "DELETING",
        /// It could not be made; its operation says why.
        Failed = "FAILED",
    }
);

text_enum!(
    /// What is done to an enhanced snapshot (AWS `SnapshotOperation`).
    SnapshotOperationKind, "SnapshotOperation" {
        /// A customer has one taken of a running application.
        Create = "CreateSnapshot",
        /// A customer has one deleted.
        Delete = "DeleteSnapshot",
        /// A customer has an exported one read.
        Import = "ImportSnapshot",
        /// A customer has one written to a bucket.
        Export = "ExportSnapshot",
        /// Weir keeps the snapshot that ended a run.
        SystemCreate = "SystemCreateSnapshot",
    }
);

text_enum!(
    /// Who began a snapshot (AWS `SnapshotInitiator`).
    SnapshotInitiator, "SnapshotInitiator" {
        /// A customer.
        User = "USER",
        /// Weir itself.
        System = "SYSTEM",
    }
);

impl SnapshotOperationKind {
    /// Who begins such an operation.
    pub fn initiator(self) -> SnapshotInitiator {
        match self {
            Self::SystemCreate => SnapshotInitiator::System,
            Self::Create | Self::Delete | Self::Import | Self::Export => SnapshotInitiator::User,
        }
    }

    /// Whether it makes a snapshot.
    pub fn makes(self) -> bool {
        match self {
            Self::Create | Self::Import | Self::SystemCreate => true,
            Self::Delete | Self::Export => false,
        }
    }
}

/// A place in a bucket of the customer's (AWS `S3PrefixLocation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Prefix {
    bucket_arn: String,
    key_prefix: String,
}

impl S3Prefix {
    /// A place by the ARN of its bucket and the beginning of its keys.
    ///
    /// # Errors
    /// An ARN that is none of a bucket (`arn:aws:s3:::name`), or a prefix of no or more than 900
    /// characters.
    pub fn new(bucket_arn: String, key_prefix: String) -> Result<Self, Invalid> {
        check_length("BucketARN", &bucket_arn, 1, 2048)?;
        check_length("KeyPrefix", &key_prefix, 1, 900)?;
        let bucket = bucket_arn.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::"));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if !bucket.is_some_and(|(_, name)| !name.is_empty() && name.bytes().all(plain)) {
            return Err(Invalid::new("BucketARN", "must look like `arn:aws:s3:::my-bucket`"));
        }
        Ok(Self { bucket_arn, key_prefix })
    }

    /// The ARN of the bucket.
    pub fn bucket_arn(&self) -> &str {
        &self.bucket_arn
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        self.bucket_arn.rsplit(':').next().unwrap_or_default()
    }

    /// The beginning of its keys, as it was given.
    pub fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// The folder that it means, without slashes at its ends.
    pub fn folder(&self) -> &str {
        self.key_prefix.trim_matches('/')
    }
}

/// Whether a snapshot's name begins with what is reserved for Weir's own.
pub fn is_system_name(name: &str) -> bool {
    name.get(..SYSTEM_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(SYSTEM_PREFIX))
}

/// How the names of Weir's own enhanced snapshots begin.
pub const SYSTEM_PREFIX: &str = "SYSTEMSNAPSHOT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_beginning_of_keys() {
        let place = |arn: &str, prefix: &str| S3Prefix::new(arn.to_owned(), prefix.to_owned());
        let there = place("arn:aws:s3:::backups", "/weir/daily/").unwrap();
        assert_eq!((there.bucket(), there.folder()), ("backups", "weir/daily"));
        for arn in ["", "backups", "arn:aws:s3:::", "arn:aws:s3:::a/b", "arn:aws:sqs:::a"] {
            assert!(place(arn, "x").is_err(), "{arn}");
        }
        assert!(place("arn:aws:s3:::backups", "").is_err());
    }

    #[test]
    fn the_system_prefix_is_reserved_in_any_spelling() {
        for name in ["SYSTEMSNAPSHOT", "systemsnapshot-1", "SystemSnapshotOfMine"] {
            assert!(is_system_name(name), "{name}");
        }
        for name in ["SYSTEMSNAPSHO", "my-SYSTEMSNAPSHOT", "é"] {
            assert!(!is_system_name(name), "{name}");
        }
    }
}
