//! The folder storage of `s3s-fs`, made safe for writers that race.

use std::path::{Path, PathBuf};

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
use super::uploads;
use crate::error::{Error, Result};

/// The storage behind the server.
///
/// `s3s-fs` looks whether an object exists and then writes it, so of several conditional writers
/// each may win; here whatever writes an object holds the object's lock. It also lists open
/// uploads, and tells of an unknown one with S3's own error code.
#[derive(Debug)]
pub(super) struct Storage {
    inner: FileSystem,
    root: PathBuf,
    locks: Locks,
}

impl Storage {
    pub(super) fn open(root: &Path) -> Result<Self> {
        let inner = FileSystem::new(root).map_err(|error| Error::Io {
            action: "open the object store in",
            path: root.to_owned(),
            source: std::io::Error::other(format!("{error:?}")),
        })?;
        Ok(Self { inner, root: root.to_owned(), locks: Locks::new() })
    }

    fn must_be_open(&self, upload_id: &str) -> S3Result<()> {
        if uploads::is_open(&self.root, upload_id) {
            return Ok(());
        }
        Err(s3_error!(NoSuchUpload, "the upload does not exist; it was completed or aborted"))
    }
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
                self.inner.$plain(req).await
            })*
            $(async fn $part(&self, req: S3Request<$part_in>) -> S3Result<S3Response<$part_out>> {
                self.must_be_open(&req.input.upload_id)?;
                self.inner.$part(req).await
            })*
            $($own)*
        }
    };
}

storage! {
    plain {
        create_bucket: CreateBucketInput => CreateBucketOutput,
        create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
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

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let _alone = self.locks.lock(&bucket, &key).await;
        self.inner.put_object(req).await
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let _alone = self.locks.lock(&bucket, &key).await;
        self.inner.copy_object(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let _alone = self.locks.lock(&bucket, &key).await;
        self.must_be_open(&req.input.upload_id)?;
        self.inner.complete_multipart_upload(req).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let bucket = &req.input.bucket;
        if !self.root.join(bucket).is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        let uploads = uploads::open_uploads(&self.root, bucket)
            .map_err(|error| s3_error!(error, InternalError, "open uploads cannot be read"))?;
        Ok(S3Response::new(uploads::page(req.input, uploads)))
    }
}
