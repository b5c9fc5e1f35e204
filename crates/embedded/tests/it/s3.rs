use std::net::SocketAddr;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use embedded::s3::S3Server;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const BUCKET: &str = "weir";

fn client_with(server: &S3Server, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("key", secret, None, None, "test"))
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn start(dir: &Path) -> (S3Server, Client) {
    let server = S3Server::start(dir, LOOPBACK, "key", "secret").await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    let client = client_with(&server, "secret");
    (server, client)
}

async fn read(client: &Client, key: &str) -> Vec<u8> {
    let object = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

/// Starts an upload of `parts` and gives its id and what to complete it with.
async fn upload(client: &Client, key: &str, parts: &[&[u8]]) -> (String, CompletedMultipartUpload) {
    let created = client.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap();
    let id = created.upload_id.unwrap();
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(parts) {
        let done = client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(&id)
            .part_number(number)
            .body(ByteStream::from(part.to_vec()))
            .send()
            .await
            .unwrap();
        let tag = done.e_tag.unwrap();
        completed =
            completed.parts(CompletedPart::builder().part_number(number).e_tag(tag).build());
    }
    (id, completed.build())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_conditional_writers_exactly_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    for round in 0..5 {
        let key = format!("manifest-{round}.json");
        let writers = (0..16).map(|writer: u8| {
            client
                .put_object()
                .bucket(BUCKET)
                .key(&key)
                .if_none_match("*")
                .body(ByteStream::from(vec![writer; 100]))
                .send()
        });
        let results = futures::future::join_all(writers).await;
        let winners: Vec<usize> = (0..16).filter(|&writer| results[writer].is_ok()).collect();
        let [winner] = winners[..] else { panic!("winners: {winners:?}") };
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(lost.code(), Some("PreconditionFailed"));
        }
        assert_eq!(read(&client, &key).await, vec![winner as u8; 100]);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stale_entity_tag_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let put = |tag: Option<String>, body: &'static [u8]| {
        let request = client.put_object().bucket(BUCKET).key("state");
        request.set_if_match(tag).body(ByteStream::from_static(body)).send()
    };
    let first = put(None, b"one").await.unwrap().e_tag;
    assert!(first.is_some());
    put(first.clone(), b"two").await.unwrap();
    let refused = put(first, b"three").await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    assert_eq!(read(&client, "state").await, b"two");
    server.stop().await;
}

#[tokio::test]
async fn a_multipart_object_is_invisible_until_completed() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let big = vec![b'a'; 5 * 1024 * 1024];
    let (id, parts) = upload(&client, "out/part-0", &[&big, b"end"]).await;
    let missing = client.get_object().bucket(BUCKET).key("out/part-0").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("NoSuchKey"));
    let listed = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.contents().len(), 0);

    let complete = || {
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("out/part-0")
            .upload_id(&id)
            .multipart_upload(parts.clone())
            .send()
    };
    complete().await.unwrap();
    let content = read(&client, "out/part-0").await;
    assert_eq!(content.len(), big.len() + 3);
    assert!(content.ends_with(b"aend"));
    assert_eq!(complete().await.unwrap_err().code(), Some("NoSuchUpload"));
    server.stop().await;
}

#[tokio::test]
async fn open_uploads_are_listed_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let (kept, parts) = upload(&client, "out/b=1/part-0", &[b"data"]).await;
    let (aborted, _) = upload(&client, "out/b=1/part-1", &[b"data"]).await;
    let (other, _) = upload(&client, "elsewhere", &[]).await;
    server.stop().await;

    let (server, client) = start(dir.path()).await;
    let open = async |prefix: &str| -> Vec<(String, String)> {
        let request = client.list_multipart_uploads().bucket(BUCKET).prefix(prefix);
        let listed = request.send().await.unwrap();
        let name = |text: Option<&str>| text.unwrap().to_owned();
        listed.uploads().iter().map(|u| (name(u.key()), name(u.upload_id()))).collect()
    };
    assert_eq!(open("").await[0], ("elsewhere".to_owned(), other));
    assert_eq!(open("out/").await.len(), 2);
    let abort = client.abort_multipart_upload().bucket(BUCKET).key("out/b=1/part-1");
    abort.upload_id(aborted).send().await.unwrap();
    assert_eq!(open("out/").await, [("out/b=1/part-0".to_owned(), kept.clone())]);

    let complete = client.complete_multipart_upload().bucket(BUCKET).key("out/b=1/part-0");
    complete.upload_id(kept).multipart_upload(parts).send().await.unwrap();
    assert_eq!(open("out/").await, []);
    assert_eq!(read(&client, "out/b=1/part-0").await, b"data");
    server.stop().await;
}

#[tokio::test]
async fn uploads_are_listed_in_pages_and_by_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    for key in ["a/1", "a/2", "b/1", "c"] {
        upload(&client, key, &[]).await;
    }
    let mut keys = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .max_uploads(3)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .send()
            .await
            .unwrap();
        keys.extend(page.uploads().iter().map(|upload| upload.key().unwrap().to_owned()));
        if page.is_truncated() != Some(true) {
            break;
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
    assert_eq!(keys, ["a/1", "a/2", "b/1", "c"]);
    let request = client.list_multipart_uploads().bucket(BUCKET).delimiter("/");
    let folders = request.send().await.unwrap();
    let prefixes: Vec<_> = folders.common_prefixes().iter().filter_map(|p| p.prefix()).collect();
    assert_eq!((prefixes, folders.uploads().len()), (vec!["a/", "b/"], 1));
    server.stop().await;
}

#[tokio::test]
async fn objects_are_kept_over_a_restart_and_strangers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let body = ByteStream::from_static(b"content");
    let put = client.put_object().bucket(BUCKET).key("year=2024/ä +b").body(body);
    put.content_type("text/csv").metadata("made-by", "test").send().await.unwrap();
    let stranger = client_with(&server, "wrong");
    let refused = stranger.get_object().bucket(BUCKET).key("x").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));
    server.stop().await;

    let (server, client) = start(dir.path()).await;
    let head = client.head_object().bucket(BUCKET).key("year=2024/ä +b").send().await.unwrap();
    assert_eq!((head.content_type(), head.content_length()), (Some("text/csv"), Some(7)));
    assert_eq!(head.metadata().unwrap()["made-by"], "test");
    let request = client.get_object().bucket(BUCKET).key("year=2024/ä +b").range("bytes=1-3");
    let part = request.send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(part, b"ont");
    server.stop().await;
}

#[tokio::test]
async fn a_failed_completion_leaves_the_upload_open() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    // All parts but the last must have 5 MiB.
    let (id, parts) = upload(&client, "out", &[b"small", b"end"]).await;
    let complete = |parts| {
        let request = client.complete_multipart_upload().bucket(BUCKET).key("out");
        request.upload_id(&id).multipart_upload(parts).send()
    };
    let refused = complete(parts.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Some("EntityTooSmall"));
    let first = CompletedMultipartUpload::builder().parts(parts.parts()[0].clone()).build();
    complete(first).await.unwrap();
    assert_eq!(read(&client, "out").await, b"small");
    server.stop().await;
}

#[tokio::test]
async fn a_key_too_long_for_the_store_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let put = |length| {
        let key = "k".repeat(length);
        client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"x")).send()
    };
    put(160).await.unwrap();
    let refused = put(170).await.unwrap_err();
    assert_eq!(refused.code(), Some("KeyTooLongError"), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dies_while_it_completes_an_upload_leaves_it_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (server, client) = start(dir.path()).await;
    let parts: Vec<&[u8]> = vec![b"one", b"two", b"three", b"four", b"five"];
    for round in 0..60_u64 {
        let key = format!("out/part-{round}");
        let (id, completed) = upload(&client, &key, &parts).await;
        let complete = || {
            let request = client.complete_multipart_upload().bucket(BUCKET).key(&key);
            request.upload_id(&id).multipart_upload(completed.clone()).send()
        };
        // Cut at another moment each time.
        let cut = std::time::Duration::from_micros(round * 150);
        let _ = tokio::time::timeout(cut, complete()).await;
        match complete().await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), Some("NoSuchUpload"), "round {round}"),
        }
        assert_eq!(read(&client, &key).await, b"onetwothreefourfive", "round {round}");
    }
    server.stop().await;
}
