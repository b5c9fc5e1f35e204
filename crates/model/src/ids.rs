//! Names and ids: closed types that cannot hold what AWS would refuse.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invalid::{Invalid, check_length, check_name_characters};

/// Defines a text newtype with the AWS pattern `[a-zA-Z0-9_.-]+` and a length limit.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $field:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                check_length($field, text, 1, $most)?;
                check_name_characters($field, text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of an application: 1 to 128 of `[a-zA-Z0-9_.-]`, unique in an installation.
    ApplicationName, "ApplicationName", 128
);
name!(
    /// Name of a snapshot: 1 to 256 of `[a-zA-Z0-9_.-]`, unique in its application.
    SnapshotName, "SnapshotName", 256
);
name!(
    /// Id of a property group: 1 to 50 of `[a-zA-Z0-9_.-]`.
    PropertyGroupId, "PropertyGroupId", 50
);
name!(
    /// Id of an operation in the journal: twelve letters and digits when we make it, as AWS does.
    OperationId, "OperationId", 64
);
name!(
    /// Id of a logging option or VPC configuration: `N.M`, made by [`SubResourceId::of`].
    SubResourceId, "Id", 50
);

/// Defines a UUID newtype for rows that customers do not name.
macro_rules! row_id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $type(pub Uuid);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// Identity of an application; a deleted and newly created application of the same name has
    /// another one.
    ApplicationId
);
row_id!(
    /// Identity of a run: one start-to-stop life of an application.
    RunId
);
row_id!(
    /// Identity of a worker process.
    WorkerId
);

/// Version of an application: 1 at creation, one more with every accepted change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct VersionId(i64);

impl VersionId {
    /// The version an application is created with.
    pub const FIRST: Self = Self(1);
    const LAST: i64 = 999_999_999;

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The version after this one.
    ///
    /// # Errors
    /// AWS knows no version above 999 999 999.
    pub fn next(self) -> Result<Self, Invalid> {
        Self::try_from(self.0 + 1)
    }
}

impl TryFrom<i64> for VersionId {
    type Error = Invalid;

    fn try_from(number: i64) -> Result<Self, Invalid> {
        if (1..=Self::LAST).contains(&number) {
            return Ok(Self(number));
        }
        Err(Invalid::new(
            "ApplicationVersionId",
            format!("must be a number from 1 to {}, not {number}", Self::LAST),
        ))
    }
}

impl From<VersionId> for i64 {
    fn from(version: VersionId) -> Self {
        version.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SubResourceId {
    /// The id of what came with `version` as the `place`-th of its kind, from 1.
    pub fn of(version: VersionId, place: usize) -> Self {
        Self(format!("{version}.{place}"))
    }
}

impl OperationId {
    /// The id made of 128 random bits: their last twelve base-62 digits.
    pub fn from_bits(bits: u128) -> Self {
        const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut rest = bits;
        let mut text = String::with_capacity(12);
        for _ in 0..12 {
            let digit = usize::try_from(rest % 62).expect("a remainder below 62 fits");
            text.push(char::from(DIGITS[digit]));
            rest /= 62;
        }
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(), &str>) {
        let found = text.parse::<ApplicationName>().map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(found, want.map_err(str::to_owned));
    }

    #[test]
    fn application_names_follow_the_aws_pattern() {
        check("a", Ok(()));
        check("Sensor.alerts_2-b", Ok(()));
        check(&"n".repeat(128), Ok(()));
        let long = "`ApplicationName` must be 1 to 128 characters long, but has 129 characters";
        check(&"n".repeat(129), Err(long));
        check(
            "a/b",
            Err("`ApplicationName` may only contain letters, digits, `_`, `.` and `-`, but \
                 contains `/`"),
        );
    }

    #[test]
    fn versions_have_the_aws_range() {
        assert_eq!(VersionId::FIRST.next().map(VersionId::get), Ok(2));
        assert!(VersionId::try_from(0).is_err());
        assert!(VersionId::try_from(1_000_000_000).is_err());
    }

    #[test]
    fn operation_ids_are_twelve_letters_and_digits() {
        assert_eq!(OperationId::from_bits(0).as_str(), "000000000000");
        let made = OperationId::from_bits(u128::MAX);
        assert_eq!(made.as_str().len(), 12);
        assert_eq!(made.as_str().parse(), Ok(made.clone()));
    }
}
