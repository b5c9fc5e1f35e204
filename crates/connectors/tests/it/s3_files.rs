//! The filesystem connector on S3.

use arrow::datatypes::DataType;
use connectors::Registry;
use engine::connector::Connectors as _;

use crate::files::{partitioned, plain, rows};
use crate::s3::Store;
use crate::table::{Written, committing, context, lines, read, reader, registry, source, table};

fn start() -> (Store, Registry) {
    let store = Store::start("lake");
    let (registry, _) = registry(&store.settings, store.runtime.handle().clone());
    (store, registry)
}

fn objects(store: &Store) -> Vec<(String, String)> {
    let text = |key: &str| String::from_utf8(store.s3.get("lake", key).unwrap().to_vec()).unwrap();
    let all = store.s3.list("lake", "").unwrap();
    all.into_iter().map(|object| (plain(&object.key), text(&object.key))).collect()
}

#[test]
fn objects_are_visible_after_the_commit_and_not_before() {
    let (store, registry) = start();
    let spec = partitioned(
        "s3a://lake/t/",
        &[
            ("sink.partition-commit.policy.kind", "success-file"),
            ("sink.partition-commit.success-file.name", "_DONE"),
        ],
    );
    let mut out = Written::open(&registry, &spec, "a1");
    out.write(rows(&[(1, "x", Some(0)), (2, "y", None), (3, "x", Some(0))]));
    let prepared = out.prepare(1);
    assert_eq!(objects(&store), []);
    drop(out);

    // Another attempt finishes what this one prepared, however often.
    let sink = registry.sink(&spec).unwrap();
    for attempt in 2..4 {
        let mut committer = sink.committer(committing(attempt)).unwrap().unwrap();
        committer.commit(1, &prepared).unwrap();
    }
    let want = [
        ("t/name=x/day=0/_DONE", ""),
        ("t/name=x/day=0/part-a1-0-0", "{\"id\":1}\n{\"id\":3}\n"),
        ("t/name=y/day=__DEFAULT_PARTITION__/_DONE", ""),
        ("t/name=y/day=__DEFAULT_PARTITION__/part-a1-0-1", "{\"id\":2}\n"),
    ];
    assert_eq!(objects(&store), want.map(|(key, text)| (key.to_owned(), text.to_owned())));

    let back = source(&registry, &spec);
    let mut reader = reader(&*back, 0, 1, None);
    assert_eq!(lines(&read(&mut *reader, 99)), ["1|x|1970-01-01", "3|x|1970-01-01", "2|y|NULL"]);
}

#[test]
fn output_that_vanished_is_told() {
    let (store, registry) = start();
    let spec = partitioned("s3://lake/t", &[]);
    let mut out = Written::open(&registry, &spec, "a1");
    out.write(rows(&[(1, "x", Some(0))]));
    let prepared = out.prepare(1);
    let committer = out.committer.as_mut().unwrap();
    committer.abort(&prepared).unwrap();
    committer.abort(&prepared).unwrap();
    let error = committer.commit(1, &prepared).unwrap_err();
    assert!(error.to_string().contains("output is lost: `s3://lake/t/name=x"), "{error}");
    assert!(!error.fault.retry);
    assert_eq!(objects(&store), []);
}

#[test]
fn large_objects_are_sent_in_parts_and_read_in_ranges() {
    let (store, registry) = start();
    let options = [("connector", "filesystem"), ("path", "s3://lake/big"), ("format", "json")];
    let columns = [("id", DataType::Int64, None), ("name", DataType::Utf8, None)];
    let spec = table(&options, &columns, &[]);
    let mut out = Written::open(&registry, &spec, "a");
    let long = "x".repeat(1000);
    let count = 20_000;
    for begin in (0..count).step_by(1000) {
        let batch: Vec<_> = (begin..begin + 1000).map(|id| (id, long.as_str(), None)).collect();
        out.write(rows(&batch).project(&[0, 1]).unwrap());
    }
    let prepared = out.prepare(1);
    assert_eq!(prepared.len(), 1);
    assert!(prepared[0].contains("\"number\":3"), "{}", prepared[0]);
    out.commit(1, &prepared);
    let listed = store.s3.list("lake", "big/").unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].bytes > 20_000_000);

    let back = source(&registry, &spec);
    let mut first = reader(&*back, 0, 1, None);
    let mut seen = read(&mut *first, 9500);
    let positions = first.positions().unwrap();
    seen.extend(read(&mut *reader(&*back, 0, 1, Some(positions)), usize::MAX));
    let ids: Vec<i64> =
        lines(&seen).iter().map(|line| line.split_once('|').unwrap().0.parse().unwrap()).collect();
    assert!(ids.iter().copied().eq(0..count), "{}", ids.len());
}

#[test]
fn a_missing_bucket_is_named() {
    let (_store, registry) = start();
    let spec = partitioned("s3://nobody/t", &[]);
    let sink = registry.sink(&spec).unwrap();
    let Err(error) = sink.open(context("a")) else { panic!("it must not open") };
    assert!(error.to_string().contains("bucket `nobody` does not exist"), "{error}");
    assert!(!error.fault.retry);
}

#[test]
fn what_earlier_attempts_began_is_swept() {
    let (store, registry) = start();
    let spec = partitioned("s3://lake/t", &[]);
    let uploads = || store.s3.list_uploads("lake", "t/").unwrap().len();
    let sink = registry.sink(&spec).unwrap();
    // Prepared but never recorded, by attempt 1 and 2 of `a`, and by another application.
    for attempt_id in ["a-1", "a-2", "b-1"] {
        let mut out = Written::open(&registry, &spec, attempt_id);
        out.write(rows(&[(1, "x", Some(0))]));
        assert_eq!(out.prepare(1).len(), 1);
    }
    assert_eq!(uploads(), 3);
    let mut second = sink.committer(committing(2)).unwrap().unwrap();
    assert_eq!(second.sweep().unwrap(), 1);
    let mut third = sink.committer(committing(3)).unwrap().unwrap();
    assert_eq!(third.sweep().unwrap(), 1);
    assert_eq!(third.sweep().unwrap(), 0);
    assert_eq!(uploads(), 1);
    assert_eq!(objects(&store), []);
}
