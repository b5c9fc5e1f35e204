//! Open multipart uploads, read from the files that the storage keeps of them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload,
};

/// S3 gives at most so many at a time.
const PAGE: usize = 1000;

/// An upload that was neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) initiated: SystemTime,
}

/// The file that exists as long as an upload is open.
pub(super) fn open_file(upload_id: &str) -> String {
    format!(".upload-{upload_id}.json")
}

/// The file of one part.
pub(super) fn part_file(upload_id: &str, number: i32) -> String {
    format!(".upload_id-{upload_id}.part-{number}")
}

/// The file with the content type and so on of an object or of an upload.
pub(super) fn metadata_file(bucket: &str, key: &str, upload_id: Option<&str>) -> String {
    let (bucket, key) = (URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key));
    let upload = upload_id.map(|id| format!(".upload-{id}")).unwrap_or_default();
    format!(".bucket-{bucket}.object-{key}{upload}.metadata.json")
}

/// Is the upload neither completed nor aborted?
pub(super) fn is_open(root: &Path, upload_id: &str) -> bool {
    // The id comes from a client and becomes part of a path.
    let harmless = upload_id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    harmless && root.join(open_file(upload_id)).exists()
}

/// The open uploads of a bucket by key and age.
pub(super) fn open_uploads(root: &Path, bucket: &str) -> std::io::Result<Vec<Upload>> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((of, key, id)) = name.to_str().and_then(parse) else { continue };
        if of == bucket && is_open(root, &id) {
            let Ok(initiated) = entry.metadata().and_then(|meta| meta.modified()) else { continue };
            uploads.push(Upload { key, id, initiated });
        }
    }
    uploads.sort();
    Ok(uploads)
}

/// `.bucket-B.object-O.upload-U.metadata.json`, with B and O in URL-safe base64.
fn parse(name: &str) -> Option<(String, String, String)> {
    let (bucket, rest) = name.strip_prefix(".bucket-")?.split_once(".object-")?;
    let (key, id) = rest.strip_suffix(".metadata.json")?.split_once(".upload-")?;
    let decode = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok();
    Some((decode(bucket)?, decode(key)?, id.to_owned()))
}

/// One page of the listing, as S3's `ListMultipartUploads` describes it.
pub(super) fn page(
    input: ListMultipartUploadsInput,
    uploads: Vec<Upload>,
) -> ListMultipartUploadsOutput {
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let limit =
        input.max_uploads.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE).min(PAGE);
    let after = (input.key_marker.clone().unwrap_or_default(), input.upload_id_marker.clone());
    let mut shown: Vec<Upload> = Vec::new();
    let mut folders: Vec<String> = Vec::new();
    let mut truncated = false;
    for upload in uploads {
        let Some(rest) = upload.key.strip_prefix(&prefix) else { continue };
        if !is_after(&upload, &after) {
            continue;
        }
        let folder = delimiter.as_deref().and_then(|delimiter| {
            let end = rest.find(delimiter)? + delimiter.len();
            Some(format!("{prefix}{}", &rest[..end]))
        });
        if folder.is_some() && folder.as_ref() == folders.last() {
            continue;
        }
        if shown.len() + folders.len() == limit {
            truncated = true;
            break;
        }
        match folder {
            Some(folder) => folders.push(folder),
            None => shown.push(upload),
        }
    }
    let last = shown.last().filter(|_| truncated).cloned();
    ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        delimiter: input.delimiter,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(truncated),
        next_key_marker: last.as_ref().map(|upload| upload.key.clone()),
        next_upload_id_marker: last.map(|upload| upload.id),
        common_prefixes: Some(
            folders.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect(),
        ),
        uploads: Some(shown.into_iter().map(describe).collect()),
        ..Default::default()
    }
}

fn is_after(upload: &Upload, (key, id): &(String, Option<String>)) -> bool {
    match id {
        Some(id) => (&upload.key, &upload.id) > (key, id),
        None => upload.key > *key,
    }
}

fn describe(upload: Upload) -> MultipartUpload {
    MultipartUpload {
        key: Some(upload.key),
        upload_id: Some(upload.id),
        initiated: Some(upload.initiated.into()),
        ..Default::default()
    }
}
