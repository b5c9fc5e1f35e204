//! Whole objects and listings.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier,
};
use bytes::Bytes;

use super::{Error, Pending, Result, S3};

/// Most keys one request may delete.
const DELETE_BATCH: usize = 1000;

/// How often a conditional put is tried again when another writer is just writing the key.
const CONFLICT_TRIES: usize = 5;

/// What a listing tells of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its entity tag, as the store spells it (with quotes); empty when it gives none.
    pub etag: String,
    /// When it was written, in ms since 1970.
    pub modified_ms: i64,
}

impl S3 {
    /// The whole object.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::NoSuchBucket`], or any other.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Bytes> {
        self.run(read(self.clone(), bucket.to_owned(), key.to_owned(), None))
    }

    /// Begins to read `length` bytes (fewer at the end of the object) from byte `offset`.
    /// `offset` must lie inside the object.
    #[must_use]
    pub fn start_get_range(
        &self,
        bucket: &str,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Pending<Bytes> {
        let last = offset + length.max(1) - 1;
        let range = format!("bytes={offset}-{last}");
        self.start(read(self.clone(), bucket.to_owned(), key.to_owned(), Some(range)))
    }

    /// Writes an object, over any older one.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], or any other.
    pub fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> Result<()> {
        let request = self.client.put_object().bucket(bucket).key(key);
        let request = request.body(ByteStream::from(body.into()));
        match self.run(request.send()) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::sort("write", bucket, key, &error)),
        }
    }

    /// Writes an object unless its key is taken (`If-None-Match: *`). Tells whether it wrote.
    ///
    /// A request that was carried out but whose answer got lost is tried again and then finds its
    /// own object: who must know compares what is there with what was to be written.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], or any other.
    pub fn put_if_absent(&self, bucket: &str, key: &str, body: impl Into<Bytes>) -> Result<bool> {
        let body = body.into();
        let mut tries = 0;
        loop {
            let request = self.client.put_object().bucket(bucket).key(key).if_none_match("*");
            let error = match self.run(request.body(ByteStream::from(body.clone())).send()) {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            tries += 1;
            match error.raw_response().map(|response| response.status().as_u16()) {
                Some(412) => return Ok(false),
                Some(409) if tries < CONFLICT_TRIES => {}
                _ => return Err(Error::sort("write", bucket, key, &error)),
            }
        }
    }

    /// Size, tag and age of an object; `None` when there is none.
    ///
    /// # Errors
    /// Any but [`Error::NoSuchKey`].
    pub fn head(&self, bucket: &str, key: &str) -> Result<Option<Object>> {
        let answer = self.run(self.client.head_object().bucket(bucket).key(key).send());
        let head = match answer.map_err(|error| Error::sort("look at", bucket, key, &error)) {
            Ok(head) => head,
            Err(Error::NoSuchKey { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Object {
            key: key.to_owned(),
            bytes: size(head.content_length()),
            etag: head.e_tag().unwrap_or_default().to_owned(),
            modified_ms: head.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or(0),
        }))
    }

    /// All objects whose key begins with `prefix`, in order of their keys.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`], or any other.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
            let answer = self.run(request.set_continuation_token(next.take()).send());
            let page = answer.map_err(|error| Error::sort("list", bucket, prefix, &error))?;
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Object {
                    key: object.key()?.to_owned(),
                    bytes: size(object.size()),
                    etag: object.e_tag().unwrap_or_default().to_owned(),
                    modified_ms: object
                        .last_modified()
                        .and_then(|at| at.to_millis().ok())
                        .unwrap_or(0),
                })
            }));
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                found.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(found);
            }
        }
    }

    /// Deletes an object; one that does not exist is no error.
    ///
    /// # Errors
    /// Any but [`Error::NoSuchKey`].
    pub fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let answer = self.run(self.client.delete_object().bucket(bucket).key(key).send());
        match answer.map_err(|error| Error::sort("delete", bucket, key, &error)) {
            Ok(_) | Err(Error::NoSuchKey { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes many objects with few requests; those that do not exist are no error.
    ///
    /// # Errors
    /// The first object the store would not delete.
    pub fn delete_all(&self, bucket: &str, keys: &[String]) -> Result<()> {
        for batch in keys.chunks(DELETE_BATCH) {
            let identifiers = batch
                .iter()
                .map(|key| ObjectIdentifier::builder().key(key).build())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Error::unavailable("delete objects", error))?;
            let order = Delete::builder().set_objects(Some(identifiers)).quiet(true).build();
            let order = order.map_err(|error| Error::unavailable("delete objects", error))?;
            let answer = self.run(self.client.delete_objects().bucket(bucket).delete(order).send());
            let answer = answer.map_err(|error| Error::sort("delete in", bucket, "", &error))?;
            if let Some(left) = answer.errors().first() {
                return Err(Error::Refused {
                    action: format!("delete `s3://{bucket}/{}`", left.key().unwrap_or_default()),
                    code: left.code().unwrap_or("unknown").to_owned(),
                    detail: left.message().map(|text| format!(": {text}")).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// Fails with [`Error::NoSuchBucket`] when the bucket does not exist.
    ///
    /// A refusal is not taken for a missing bucket: credentials may allow objects only.
    ///
    /// # Errors
    /// [`Error::NoSuchBucket`] or [`Error::Unavailable`].
    pub fn require_bucket(&self, bucket: &str) -> Result<()> {
        let answer = self.run(self.client.head_bucket().bucket(bucket).send());
        match answer.map_err(|error| Error::sort("look at", bucket, "", &error)) {
            Ok(_) | Err(Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates a bucket, unless it exists already and is ours.
    ///
    /// # Errors
    /// [`Error::Refused`] when the name is taken or not allowed, or any other.
    pub fn create_bucket(&self, bucket: &str) -> Result<()> {
        let mut request = self.client.create_bucket().bucket(bucket);
        let region = self.client.config().region().map(ToString::to_string);
        if let Some(region) = region.filter(|region| region != "us-east-1") {
            let place = BucketLocationConstraint::from(region.as_str());
            let place = CreateBucketConfiguration::builder().location_constraint(place).build();
            request = request.create_bucket_configuration(place);
        }
        match self.run(request.send()) {
            Ok(_) => Ok(()),
            Err(error) => match Error::sort("create", bucket, "", &error) {
                Error::Refused { code, .. } if code == "BucketAlreadyOwnedByYou" => Ok(()),
                // Not every store tells whose it is; one that we may look at will do.
                Error::Refused { code, .. } if code == "BucketAlreadyExists" => {
                    let head = self.run(self.client.head_bucket().bucket(bucket).send());
                    head.map(drop).map_err(|error| Error::sort("use", bucket, "", &error))
                }
                sorted => Err(sorted),
            },
        }
    }
}

async fn read(s3: S3, bucket: String, key: String, range: Option<String>) -> Result<Bytes> {
    let request = s3.client.get_object().bucket(&bucket).key(&key).set_range(range);
    let answer = request.send().await;
    let object = answer.map_err(|error| Error::sort("read", &bucket, &key, &error))?;
    match object.body.collect().await {
        Ok(body) => Ok(body.into_bytes()),
        Err(error) => Err(Error::unavailable(format!("send all of `s3://{bucket}/{key}`"), error)),
    }
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}
