//! A second set of links to the files of an upload while it is being completed.
//!
//! `s3s-fs` deletes the upload and its parts while it still puts the object together: if it fails
//! or the process dies half-way, there is neither object nor upload. With S3 an upload stays open
//! until it is complete, and whoever finishes what a crashed writer has prepared relies on that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use s3s::dto::CompleteMultipartUploadInput;

use super::uploads;

/// Links to the files of one upload.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    root: PathBuf,
}

impl Kept {
    /// Links the files of the upload that `input` completes into a folder below `safe`.
    pub(super) fn keep(
        root: &Path,
        safe: &Path,
        input: &CompleteMultipartUploadInput,
    ) -> io::Result<Self> {
        let id = &input.upload_id;
        let kept = Self { folder: safe.join(id), root: root.to_owned() };
        remove(&kept.folder)?;
        fs::create_dir_all(&kept.folder)?;
        let parts = input.multipart_upload.iter().flat_map(|upload| upload.parts.iter().flatten());
        let mut names: Vec<String> =
            parts.filter_map(|part| part.part_number).map(|n| uploads::part_file(id, n)).collect();
        names.push(uploads::metadata_file(&input.bucket, &input.key, Some(id)));
        // Last: what makes the others an upload.
        names.push(uploads::open_file(id));
        for name in names {
            match fs::hard_link(root.join(&name), kept.folder.join(&name)) {
                Ok(()) => {}
                // A part that was never uploaded: refused when it is looked for.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// The object is complete.
    pub(super) fn forget(self) -> io::Result<()> {
        remove(&self.folder)
    }

    /// The object is not complete: the upload is open as before.
    pub(super) fn restore(self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            fs::rename(entry.path(), self.root.join(entry.file_name()))?;
        }
        remove(&self.folder)
    }
}

/// Reopens the uploads that were being completed when the process died. One that was complete by
/// then can be completed again, with the same object as the result.
pub(super) fn restore_all(root: &Path, safe: &Path) -> io::Result<()> {
    fs::create_dir_all(safe)?;
    for entry in fs::read_dir(safe)? {
        Kept { folder: entry?.path(), root: root.to_owned() }.restore()?;
    }
    Ok(())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use s3s::dto::{CompletedMultipartUpload, CompletedPart};

    use super::*;

    #[test]
    fn what_was_deleted_half_way_is_there_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (root, safe) = (dir.path().join("root"), dir.path().join("safe"));
        fs::create_dir(&root).unwrap();
        let names = [
            uploads::open_file("u"),
            uploads::part_file("u", 1),
            uploads::part_file("u", 2),
            uploads::metadata_file("bucket", "key", Some("u")),
        ];
        for name in &names {
            fs::write(root.join(name), name).unwrap();
        }
        let part = |n| CompletedPart { part_number: Some(n), ..CompletedPart::default() };
        let parts = Some(vec![part(1), part(2), part(3)]);
        let mut input = CompleteMultipartUploadInput::builder();
        input.set_bucket("bucket".into());
        input.set_key("key".into());
        input.set_upload_id("u".into());
        input.set_multipart_upload(Some(CompletedMultipartUpload { parts }));
        let input = input.build().unwrap();

        let kept = Kept::keep(&root, &safe, &input).unwrap();
        fs::remove_file(root.join(&names[0])).unwrap();
        fs::remove_file(root.join(&names[1])).unwrap();
        drop(kept);
        restore_all(&root, &safe).unwrap();
        for name in &names {
            assert_eq!(&fs::read_to_string(root.join(name)).unwrap(), name);
        }
        assert_eq!(fs::read_dir(&safe).unwrap().count(), 0);

        Kept::keep(&root, &safe, &input).unwrap().forget().unwrap();
        assert_eq!(fs::read_dir(&safe).unwrap().count(), 0);
    }
}
