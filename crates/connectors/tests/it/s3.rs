//! The S3 client against the embedded server.

use connectors::s3::{Error, MIN_PART_BYTES, S3};
use embedded::s3::S3Server;
use model::protocol::S3Settings;
use tokio::runtime::Runtime;

/// A server of its own, a client, and the runtime both live on.
pub(crate) struct Store {
    pub(crate) runtime: Runtime,
    pub(crate) settings: S3Settings,
    pub(crate) s3: S3,
    _server: S3Server,
    _folder: tempfile::TempDir,
}

impl Store {
    /// With the bucket `bucket`.
    pub(crate) fn start(bucket: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = S3Server::start(folder.path(), listen, "key", "secret");
        let server = runtime.block_on(server).unwrap();
        let settings = S3Settings {
            endpoint: Some(server.endpoint()),
            region: String::new(),
            access_key_id: "key".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            path_style: true,
        };
        let s3 = S3::connect(&settings, runtime.handle().clone());
        s3.create_bucket(bucket).unwrap();
        Self { runtime, settings, s3, _server: server, _folder: folder }
    }
}

#[test]
fn objects_are_written_read_listed_and_deleted() {
    let store = Store::start("bucket");
    let s3 = &store.s3;
    s3.create_bucket("bucket").unwrap();
    s3.put("bucket", "x/1", "one").unwrap();
    s3.put("bucket", "x/2", "two, longer").unwrap();
    assert_eq!(s3.get("bucket", "x/1").unwrap(), "one");
    assert_eq!(s3.start_get_range("bucket", "x/2", 5, 100).wait().unwrap(), "longer");
    let keys = |prefix: &str| -> Vec<(String, u64)> {
        s3.list("bucket", prefix).unwrap().into_iter().map(|o| (o.key, o.bytes)).collect()
    };
    assert_eq!(keys("x/"), [("x/1".to_owned(), 3), ("x/2".to_owned(), 11)]);
    assert!(s3.put_if_absent("bucket", "x/3", "first").unwrap());
    assert!(!s3.put_if_absent("bucket", "x/3", "second").unwrap());
    assert_eq!(s3.get("bucket", "x/3").unwrap(), "first");
    s3.delete("bucket", "x/3").unwrap();
    s3.delete("bucket", "x/3").unwrap();
    assert!(s3.head("bucket", "x/3").unwrap().is_none());
    s3.delete_all("bucket", &["x/1".to_owned(), "x/2".to_owned(), "x/none".to_owned()]).unwrap();
    assert_eq!(keys(""), []);
}

#[test]
fn failures_are_told_apart() {
    let store = Store::start("bucket");
    let s3 = &store.s3;
    assert!(matches!(s3.get("bucket", "none"), Err(Error::NoSuchKey { .. })));
    assert!(matches!(s3.list("nobody", ""), Err(Error::NoSuchBucket { .. })));
    s3.require_bucket("bucket").unwrap();
    let error = s3.require_bucket("nobody").unwrap_err();
    assert_eq!(
        error.to_string(),
        "bucket `nobody` does not exist; create it, or name another bucket"
    );
    let wrong = S3Settings { secret_access_key: "wrong".to_owned(), ..store.settings.clone() };
    let wrong = S3::connect(&wrong, store.runtime.handle().clone());
    let error = wrong.put("bucket", "x", "1").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    let away =
        S3Settings { endpoint: Some("http://127.0.0.1:1".to_owned()), ..store.settings.clone() };
    let away = S3::connect(&away, store.runtime.handle().clone());
    let error = away.get("bucket", "x").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    let text = error.to_string();
    let begin = "the object store did not read `s3://bucket/x`: ";
    assert!(text.starts_with(begin) && text.contains("refused") && text.len() < 300, "{text}");
}

#[test]
fn an_upload_is_finished_by_its_id_from_anywhere() {
    let store = Store::start("bucket");
    let s3 = &store.s3;
    let large = vec![b'x'; MIN_PART_BYTES];
    let (upload, first) = s3.start_upload_with("bucket", "k=v/p", large.into()).wait().unwrap();
    let second = s3.start_part("bucket", "k=v/p", &upload, 2, "end".into()).wait().unwrap();
    assert!(s3.head("bucket", "k=v/p").unwrap().is_none());
    let other = S3::connect(&store.settings, store.runtime.handle().clone());
    let parts = [first, second];
    other.start_complete("bucket", "k=v/p", &upload, &parts).wait().unwrap();
    let bytes = other.head("bucket", "k=v/p").unwrap().unwrap().bytes;
    assert_eq!(bytes, MIN_PART_BYTES as u64 + 3);
    let again = other.start_complete("bucket", "k=v/p", &upload, &parts).wait();
    assert!(matches!(again, Ok(()) | Err(Error::NoSuchUpload { .. })), "{again:?}");

    let (upload, part) = s3.start_upload_with("bucket", "gone", "1".into()).wait().unwrap();
    s3.start_abort("bucket", "gone", &upload).wait().unwrap();
    s3.start_abort("bucket", "gone", &upload).wait().unwrap();
    let late = s3.start_complete("bucket", "gone", &upload, &[part]).wait();
    assert!(matches!(late, Err(Error::NoSuchUpload { .. })), "{late:?}");
}
