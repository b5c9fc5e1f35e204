//! Where a table's files lie.

use std::path::PathBuf;

/// A folder or file, local or in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// On this machine.
    Local(PathBuf),
    /// In an object store.
    S3 {
        /// Bucket name.
        bucket: String,
        /// Key or key prefix, without slashes at its ends; may be empty.
        prefix: String,
    },
}

impl Location {
    /// Reads the option `path`. The error says what would be right.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = path.split_once("://") else {
            return match path.strip_prefix("file:").unwrap_or(path) {
                "" => Err("write a local path or `s3://bucket/folder`".to_owned()),
                local => Ok(Self::Local(local.into())),
            };
        };
        match scheme {
            "file" if rest.starts_with('/') => Ok(Self::Local(rest.into())),
            "file" => Err("write `file:///` and an absolute path".to_owned()),
            "s3" | "s3a" | "s3n" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err("the bucket is missing; write `s3://bucket/folder`".to_owned());
                }
                let prefix = prefix.trim_matches('/').to_owned();
                Ok(Self::S3 { bucket: bucket.to_owned(), prefix })
            }
            other => Err(format!(
                "file system `{other}` is not supported; use a local path, `file://`, `s3://`, \
                 `s3a://` or `s3n://`"
            )),
        }
    }

    /// The place `relative` below this one; `relative` has no slashes at its ends.
    pub(super) fn join(&self, relative: &str) -> Self {
        if relative.is_empty() {
            return self.clone();
        }
        match self {
            Self::Local(path) => Self::Local(path.join(relative)),
            Self::S3 { bucket, prefix } => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                Self::S3 { bucket: bucket.clone(), prefix: format!("{prefix}{slash}{relative}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_local_or_s3() {
        let s3 = |bucket: &str, prefix: &str| Location::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (path, want) in [
            ("/a/b", Location::Local("/a/b".into())),
            ("a/b", Location::Local("a/b".into())),
            ("file:///a b", Location::Local("/a b".into())),
            ("file:/a", Location::Local("/a".into())),
            ("s3://b", s3("b", "")),
            ("s3a://b/x/y/", s3("b", "x/y")),
            ("s3n://b//x", s3("b", "x")),
        ] {
            assert_eq!(Location::parse(path).as_ref(), Ok(&want), "{path}");
        }
        for path in ["", "hdfs://n/x", "s3:///x", "file://x"] {
            Location::parse(path).unwrap_err();
        }
        assert_eq!(s3("b", "").join("k=v/x"), s3("b", "k=v/x"));
        assert_eq!(s3("b", "t").join("k=v"), s3("b", "t/k=v"));
    }
}
