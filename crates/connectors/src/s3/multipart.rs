//! Multipart uploads by upload id: begun by a writer, finished by whoever holds the id.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Error, Pending, Result, S3};

/// Least size of every part but the last.
pub const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// An uploaded part of an unfinished object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number, from 1.
    pub number: i32,
    /// Entity tag, as the store spells it.
    pub etag: String,
}

/// An upload under way, or left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// Key of the object to be.
    pub key: String,
    /// Its upload id.
    pub upload: String,
}

impl S3 {
    /// Begins an upload and sends its first part.
    #[must_use]
    pub fn start_upload_with(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
    ) -> Pending<(String, Part)> {
        let (s3, bucket, key) = (self.clone(), bucket.to_owned(), key.to_owned());
        self.start(async move {
            let upload = s3.create_upload(&bucket, &key).await?;
            let part = s3.upload_part(&bucket, &key, &upload, 1, body).await?;
            Ok((upload, part))
        })
    }

    /// Sends part `number` of an upload.
    #[must_use]
    pub fn start_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: i32,
        body: Bytes,
    ) -> Pending<Part> {
        let (s3, bucket, key) = (self.clone(), bucket.to_owned(), key.to_owned());
        let upload = upload.to_owned();
        self.start(async move { s3.upload_part(&bucket, &key, &upload, number, body).await })
    }

    /// Makes an object of the parts: once done, it is visible. Fails with
    /// [`Error::NoSuchUpload`] when somebody finished or aborted the upload before.
    #[must_use]
    pub fn start_complete(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        parts: &[Part],
    ) -> Pending<()> {
        let parts = parts.iter().map(|part| {
            CompletedPart::builder().part_number(part.number).e_tag(&part.etag).build()
        });
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let request = self.client.complete_multipart_upload().bucket(bucket).key(key);
        let request = request.upload_id(upload).multipart_upload(list);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.start(async move {
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(Error::sort("finish", &bucket, &key, &error)),
            }
        })
    }

    /// Throws an unfinished upload away; one that is gone is no error.
    #[must_use]
    pub fn start_abort(&self, bucket: &str, key: &str, upload: &str) -> Pending<()> {
        let request = self.client.abort_multipart_upload().bucket(bucket).key(key);
        let request = request.upload_id(upload);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.start(async move {
            let answer = request.send().await;
            match answer.map_err(|error| Error::sort("abort", &bucket, &key, &error)) {
                Ok(_) | Err(Error::NoSuchUpload { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    /// Uploads that are neither finished nor aborted, of keys that begin with `prefix`.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], or any other.
    pub fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>> {
        let mut found = Vec::new();
        let (mut key_marker, mut upload_marker) = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(bucket).prefix(prefix);
            let request = request.set_key_marker(key_marker).set_upload_id_marker(upload_marker);
            let answer = self.run(request.send());
            let page =
                answer.map_err(|error| Error::sort("list uploads in", bucket, "", &error))?;
            found.extend(page.uploads().iter().filter_map(|upload| {
                let (key, upload) = (upload.key()?.to_owned(), upload.upload_id()?.to_owned());
                Some(OpenUpload { key, upload })
            }));
            key_marker = page.next_key_marker().map(str::to_owned);
            upload_marker = page.next_upload_id_marker().map(str::to_owned);
            if page.is_truncated() != Some(true) || key_marker.is_none() {
                return Ok(found);
            }
        }
    }

    async fn create_upload(&self, bucket: &str, key: &str) -> Result<String> {
        let answer = self.client.create_multipart_upload().bucket(bucket).key(key).send().await;
        let upload = answer.map_err(|error| Error::sort("write", bucket, key, &error))?;
        upload.upload_id.ok_or_else(|| {
            Error::unavailable(
                format!("give an upload id for `s3://{bucket}/{key}`"),
                "it is missing",
            )
        })
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: i32,
        body: Bytes,
    ) -> Result<Part> {
        let request = self.client.upload_part().bucket(bucket).key(key).upload_id(upload);
        let request = request.part_number(number).body(ByteStream::from(body));
        let answer = request.send().await;
        let sent = answer.map_err(|error| Error::sort("write", bucket, key, &error))?;
        Ok(Part { number, etag: sent.e_tag.unwrap_or_default() })
    }
}
