//! The folder storage of `s3s-fs`, made safe for writers that race.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput,
    DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput,
    ListPartsOutput, PutObjectInput, PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::locks::Locks;
use super::safety::{self, Kept};
use super::uploads;
use crate::error::{Error, Result};

/// The longest name of a file.
const LONGEST_FILE_NAME: usize = 255;

/// As long as any upload id.
const SOME_UPLOAD_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The storage behind the server.
///
/// `s3s-fs` looks whether an object exists and then writes it, so of several conditional writers
/// each may win; here whatever writes an object holds the object's lock. Completing an upload is
/// made safe against failures half-way, open uploads are listed, and an unknown upload or too long
/// a key is told by S3's own error codes.
#[derive(Debug)]
pub(super) struct Storage {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: FileSystem,
    root: PathBuf,
    safe: PathBuf,
    locks: Locks,
}

impl Shared {
    fn must_be_open(&self, upload_id: &str) -> S3Result<()> {
        if uploads::is_open(&self.root, upload_id) {
            return Ok(());
        }
        Err(s3_error!(NoSuchUpload, "the upload does not exist; it was completed or aborted"))
    }
}

async fn complete(
    shared: Arc<Shared>,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
    let _alone = shared.locks.lock(&bucket, &key).await;
    shared.must_be_open(&req.input.upload_id)?;
    let failed = |error| s3_error!(error, InternalError, "the upload cannot be kept safe");
    let kept = Kept::keep(&shared.root, &shared.safe, &req.input).map_err(failed)?;
    let completed = shared.inner.complete_multipart_upload(req).await;
    let settled = if completed.is_ok() { kept.forget() } else { kept.restore() };
    settled.map_err(failed)?;
    completed
}

impl Storage {
    /// Opens the store in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let (root, safe) = (Self::root(dir), dir.join("completing"));
        std::fs::create_dir_all(&root).map_err(Error::io("create", &root))?;
        safety::restore_all(&root, &safe).map_err(Error::io("reopen uploads in", &safe))?;
        let inner = FileSystem::new(&root).map_err(|error| Error::Io {
            action: "open the object store in",
            path: root.clone(),
            source: std::io::Error::other(format!("{error:?}")),
        })?;
        Ok(Self { shared: Arc::new(Shared { inner, root, safe, locks: Locks::new() }) })
    }

    /// The folder with a folder for each bucket.
    pub(super) fn root(dir: &Path) -> PathBuf {
        dir.join("buckets")
    }
}

/// The key becomes part of the name of a file.
fn check_key(bucket: &str, key: &str, upload_id: Option<&str>) -> S3Result<()> {
    let excess = uploads::metadata_file(bucket, key, upload_id).len();
    if excess <= LONGEST_FILE_NAME {
        return Ok(());
    }
    // Base64 makes four characters out of three.
    let longest = key.len().saturating_sub((excess - LONGEST_FILE_NAME).div_ceil(4) * 3);
    let length = key.len();
    Err(s3_error!(
        KeyTooLongError,
        "this store takes keys of about {longest} bytes here, not of {length}"
    ))
}

/// Writes the implementation: operations passed on as they are, those that first check that the
/// upload they name is open, and the ones given in full.
macro_rules! storage {
    (
        plain { $($plain:ident: $plain_in:ty => $plain_out:ty,)* }
        of_upload { $($part:ident: $part_in:ty => $part_out:ty,)* }
        $($own:item)*
    ) => {
        #[async_trait]
        impl S3 for Storage {
            $(async fn $plain(&self, req: S3Request<$plain_in>) -> S3Result<S3Response<$plain_out>> {
                self.shared.inner.$plain(req).await
            })*
            $(async fn $part(&self, req: S3Request<$part_in>) -> S3Result<S3Response<$part_out>> {
                self.shared.must_be_open(&req.input.upload_id)?;
                self.shared.inner.$part(req).await
            })*
            $($own)*
        }
    };
}

storage! {
    plain {
        create_bucket: CreateBucketInput => CreateBucketOutput,
        delete_bucket: DeleteBucketInput => DeleteBucketOutput,
        delete_object: DeleteObjectInput => DeleteObjectOutput,
        delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
        get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
        get_object: GetObjectInput => GetObjectOutput,
        head_bucket: HeadBucketInput => HeadBucketOutput,
        head_object: HeadObjectInput => HeadObjectOutput,
        list_buckets: ListBucketsInput => ListBucketsOutput,
        list_objects: ListObjectsInput => ListObjectsOutput,
        list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
    }
    of_upload {
        abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
        list_parts: ListPartsInput => ListPartsOutput,
        upload_part: UploadPartInput => UploadPartOutput,
        upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        check_key(&req.input.bucket, &req.input.key, Some(SOME_UPLOAD_ID))?;
        self.shared.inner.create_multipart_upload(req).await
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        check_key(&bucket, &key, None)?;
        let _alone = self.shared.locks.lock(&bucket, &key).await;
        self.shared.inner.put_object(req).await
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        check_key(&bucket, &key, None)?;
        let _alone = self.shared.locks.lock(&bucket, &key).await;
        self.shared.inner.copy_object(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        // On a task of its own: a client that dies while it waits for the answer must not leave the
        // upload half completed.
        let completing = tokio::spawn(complete(Arc::clone(&self.shared), req));
        completing
            .await
            .map_err(|error| s3_error!(error, InternalError, "the upload was not completed"))?
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let bucket = &req.input.bucket;
        if !self.shared.root.join(bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        let uploads = uploads::open_uploads(&self.shared.root, bucket)
            .map_err(|error| s3_error!(error, InternalError, "open uploads cannot be read"))?;
        Ok(S3Response::new(uploads::page(req.input, uploads)))
    }
}
