//! Where an application's objects lie, relative to the installation's bucket and key prefix.
//!
//! ```text
//! applications/{name}/{id}/checkpoints/{number}-{attempt}/manifest.json
//! applications/{name}/{id}/checkpoints/{number}-{attempt}/…   state objects
//! applications/{name}/{id}/output/{attempt}-…                 prepared output of sinks
//! snapshots/{name}/{id}/…                                     an enhanced snapshot
//! ```
//!
//! The id keeps a deleted application's objects apart from those of a new one of the same name;
//! the attempt keeps those of a job that lost its lease apart from its successor's.

use crate::ids::{ApplicationId, ApplicationName, EnhancedId, EnhancedName};

/// Folder of everything an application keeps, without a slash at its end.
pub fn application_folder(name: &ApplicationName, id: ApplicationId) -> String {
    format!("applications/{name}/{id}")
}

/// Folder of an enhanced snapshot, without a slash at its end.
pub fn enhanced_snapshot_folder(name: &EnhancedName, id: EnhancedId) -> String {
    format!("snapshots/{name}/{id}")
}

/// Folder of one checkpoint inside an [`application_folder`], without a slash at its end.
pub fn checkpoint_folder(application_folder: &str, number: u64, attempt: u64) -> String {
    format!("{}/{number}-{attempt}", checkpoints_folder(application_folder))
}

/// Folder of all checkpoints inside an [`application_folder`], without a slash at its end.
pub fn checkpoints_folder(application_folder: &str) -> String {
    format!("{application_folder}/checkpoints")
}

/// Number and attempt of a [`checkpoint_folder`]; `None` if it is none.
pub fn checkpoint_of_folder(folder: &str) -> Option<(u64, u64)> {
    let (number, attempt) = folder.rsplit('/').next()?.split_once('-')?;
    Some((number.parse().ok()?, attempt.parse().ok()?))
}

/// Folder of prepared output inside an [`application_folder`], without a slash at its end.
pub fn output_folder(application_folder: &str) -> String {
    format!("{application_folder}/output")
}

/// Key of the manifest inside a [`checkpoint_folder`].
pub fn manifest(checkpoint_folder: &str) -> String {
    format!("{checkpoint_folder}/manifest.json")
}

/// The [`checkpoint_folder`] a manifest key lies in; `None` if it is no manifest key.
pub fn folder_of_manifest(key: &str) -> Option<&str> {
    key.strip_suffix("/manifest.json")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn keys_name_application_checkpoint_and_attempt() {
        let name: ApplicationName = "alerts".parse().unwrap();
        let id = ApplicationId(Uuid::from_u128(7));
        let folder = application_folder(&name, id);
        let checkpoint = checkpoint_folder(&folder, 12, 3);
        let key = manifest(&checkpoint);
        assert_eq!(
            key,
            "applications/alerts/00000000-0000-0000-0000-000000000007/checkpoints/12-3/\
             manifest.json"
        );
        assert_eq!(folder_of_manifest(&key), Some(checkpoint.as_str()));
        assert_eq!(checkpoint_of_folder(&checkpoint), Some((12, 3)));
        assert_eq!(checkpoint_of_folder(&folder), None);
    }
}
