//! The filesystem connector on local folders.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use engine::batch::Watermark;
use engine::connector::{Connectors as _, TableSpec};
use model::protocol::S3Settings;
use tokio::runtime::Runtime;

use crate::table::{
    Positions, Written, committing, context, lines, read, reader, registry, source, table,
};

/// Rows of `id`, `name` and `day`.
pub(crate) fn rows(rows: &[(i64, &str, Option<i32>)]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("day", DataType::Date32, true),
    ]);
    let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
    let names = StringArray::from_iter_values(rows.iter().map(|row| row.1));
    let days = Date32Array::from_iter(rows.iter().map(|row| row.2));
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(ids), Arc::new(names), Arc::new(days)])
        .unwrap()
}

/// Partitioned by `name` and `day`.
pub(crate) fn partitioned(path: &str, more: &[(&str, &str)]) -> TableSpec {
    let mut options = vec![("connector", "filesystem"), ("path", path), ("format", "json")];
    options.extend(more);
    let columns = [
        ("id", DataType::Int64, None),
        ("name", DataType::Utf8, None),
        ("day", DataType::Date32, None),
    ];
    table(&options, &columns, &["name", "day"])
}

/// Visible files below `root` with their text, `part-` names without what makes them unique.
fn tree(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.push((plain(&name), fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A part's name without the token of its sink: `part-a1-89abcdef-0-0` is `part-a1-0-0`.
pub(crate) fn plain(name: &str) -> String {
    let words = name.split('-');
    let token = |word: &&str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    words.filter(|word| !token(word)).collect::<Vec<_>>().join("-")
}

fn visible(root: &Path) -> Vec<(String, String)> {
    tree(root)
        .into_iter()
        .filter(|(name, _)| !name.contains("/.") && !name.starts_with('.'))
        .collect()
}

fn pairs(want: &[(&str, &str)]) -> Vec<(String, String)> {
    want.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn files_are_visible_after_the_commit_and_not_before() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let spec = partitioned(
        path.to_str().unwrap(),
        &[("sink.partition-commit.policy.kind", "success-file")],
    );
    let mut out = Written::open(&registry, &spec, "a1");
    out.write(rows(&[(1, "x", Some(0)), (2, "y/z", None), (3, "x", Some(0))]));
    assert_eq!(visible(&path), []);
    let first = out.prepare(1);
    assert_eq!(visible(&path), []);
    out.write(rows(&[(4, "x", Some(0))]));
    out.commit(1, &first);
    let want = [
        ("name=x/day=0/_SUCCESS", ""),
        ("name=x/day=0/part-a1-0-0", "{\"id\":1}\n{\"id\":3}\n"),
        ("name=y%2Fz/day=__DEFAULT_PARTITION__/_SUCCESS", ""),
        ("name=y%2Fz/day=__DEFAULT_PARTITION__/part-a1-0-1", "{\"id\":2}\n"),
    ];
    assert_eq!(visible(&path), pairs(&want));
    out.commit(1, &first);
    assert_eq!(visible(&path), pairs(&want));
    let second = out.prepare(2);
    out.commit(2, &second);
    assert!(out.prepare(3).is_empty());

    let back = source(&registry, &spec);
    let mut back = reader(&*back, 0, 1, None);
    let want = ["1|x|1970-01-01", "3|x|1970-01-01", "4|x|1970-01-01", "2|y/z|NULL"];
    assert_eq!(lines(&read(&mut *back, 99)), want);
}

#[test]
fn prepared_files_survive_a_crash() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let spec = partitioned(folder.path().to_str().unwrap(), &[]);
    let mut out = Written::open(&registry, &spec, "a1");
    out.write(rows(&[(1, "x", Some(0))]));
    let prepared = out.prepare(1);
    out.write(rows(&[(2, "x", Some(0))]));
    drop(out);
    // What no checkpoint holds leaves nothing behind.
    assert_eq!(tree(folder.path()).len(), 1);

    let sink = registry.sink(&spec).unwrap();
    let mut committer = sink.committer(committing(2)).unwrap().unwrap();
    committer.commit(1, &prepared).unwrap();
    committer.commit(1, &prepared).unwrap();
    let want = pairs(&[("name=x/day=0/part-a1-0-0", "{\"id\":1}\n")]);
    assert_eq!(tree(folder.path()), want);
    committer.abort(&prepared).unwrap();
    assert_eq!(tree(folder.path()), want);

    let mut again = Written::open(&registry, &spec, "a2");
    again.write(rows(&[(9, "x", Some(0))]));
    let unwanted = again.prepare(2);
    again.committer.as_mut().unwrap().abort(&unwanted).unwrap();
    assert_eq!(tree(folder.path()), want);
    let error = again.committer.as_mut().unwrap().commit(2, &unwanted).unwrap_err();
    assert!(error.to_string().contains("output is lost"), "{error}");
    assert!(!error.fault.retry);
}

#[test]
fn hidden_files_of_earlier_attempts_are_swept() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let spec = partitioned(folder.path().to_str().unwrap(), &[]);
    for attempt_id in ["a-1", "a-2", "b-1"] {
        let mut out = Written::open(&registry, &spec, attempt_id);
        out.write(rows(&[(1, "x", Some(0))]));
        let prepared = out.prepare(1);
        if attempt_id == "a-1" {
            out.commit(1, &prepared);
        }
    }
    let sink = registry.sink(&spec).unwrap();
    let mut committer = sink.committer(committing(3)).unwrap().unwrap();
    assert_eq!(committer.sweep().unwrap(), 1);
    assert_eq!(committer.sweep().unwrap(), 0);
    let left: Vec<String> = tree(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["name=x/day=0/.part-b-1-0-0.inprogress", "name=x/day=0/part-a-1-0-0"]);
}

#[test]
fn sinks_of_one_folder_do_not_meet() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let spec = partitioned(folder.path().to_str().unwrap(), &[]);
    let mut sinks = [1, 2].map(|_| Written::open(&registry, &spec, "a1"));
    let mut prepared = Vec::new();
    for (sink, id) in sinks.iter_mut().zip(1..) {
        sink.write(rows(&[(id, "x", None)]));
        prepared.push(sink.prepare(1));
    }
    for (sink, prepared) in sinks.iter_mut().zip(&prepared) {
        sink.commit(1, prepared);
    }
    let texts: Vec<String> = tree(folder.path()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts.contains(&"{\"id\":1}\n".to_owned()), "{texts:?}");
}

#[test]
fn files_roll_by_size_and_lines_stay_whole() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let options = [
        ("connector", "filesystem"),
        ("path", path),
        ("format", "json"),
        ("sink.rolling-policy.file-size", "20 b"),
        ("sink.rolling-policy.rollover-interval", "10 s"),
    ];
    let spec = table(&options, &[("id", DataType::Int64, None)], &[]);
    let mut out = Written::open(&registry, &spec, "a");
    let five: Vec<_> = (1..6).map(|id| (id, "", None)).collect();
    out.write(rows(&five).project(&[0]).unwrap());
    let prepared = out.prepare(1);
    out.commit(1, &prepared);
    let want = [
        ("part-a-0-0", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"),
        ("part-a-0-1", "{\"id\":4}\n{\"id\":5}\n"),
    ];
    assert_eq!(tree(folder.path()), pairs(&want));
}

#[test]
fn success_files_wait_for_the_partition_s_time() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let options = [
        ("connector", "filesystem"),
        ("path", path),
        ("format", "json"),
        ("sink.partition-commit.policy.kind", "success-file"),
        ("sink.partition-commit.trigger", "partition-time"),
        ("sink.partition-commit.delay", "1 h"),
        ("partition.time-extractor.timestamp-pattern", "1970-01-01 $hour:00:00"),
    ];
    let columns = [("id", DataType::Int64, None), ("hour", DataType::Utf8, None)];
    let spec = table(&options, &columns, &["hour"]);
    let hour = |id| rows(&[(id, "05", None)]).project(&[0, 1]).unwrap();
    let done = folder.path().join("hour=05/_SUCCESS");
    let mut out = Written::open(&registry, &spec, "a1");
    out.write(hour(1));
    let first = out.prepare(1);
    out.commit(1, &first);
    assert!(!done.exists());

    // The partition that waits is known to the checkpoint, not only to this process.
    out.writer.on_watermark(Watermark(6 * 3_600_000)).unwrap();
    let second = out.prepare(2);
    drop(out);
    let sink = registry.sink(&spec).unwrap();
    let mut committer = sink.committer(committing(2)).unwrap().unwrap();
    committer.commit(2, &second).unwrap();
    assert!(!done.exists());
    // Also to who starts from it without having to commit it.
    let sink = registry.sink(&spec).unwrap();
    let mut committer = sink.committer(committing(3)).unwrap().unwrap();
    committer.restored(&second).unwrap();
    assert!(!done.exists());
    let mut writer = sink.open(context("a3")).unwrap();
    writer.on_watermark(Watermark(6 * 3_600_000 + 1)).unwrap();
    let third = writer.prepare(3).unwrap();
    committer.commit(3, &third).unwrap();
    assert!(done.exists());
}

fn events(count: usize) -> String {
    (0..count).map(|id| format!("{{\"id\":{id},\"name\":\"sensor number {id}\"}}\n")).collect()
}

fn event_table(path: &str) -> TableSpec {
    let options = [("connector", "filesystem"), ("path", path), ("format", "json")];
    let columns = [
        ("id", DataType::Int64, None),
        ("file", DataType::Utf8, Some("file.name")),
        ("size", DataType::Int64, Some("file.size")),
    ];
    table(&options, &columns, &[])
}

#[test]
fn a_source_goes_on_where_the_checkpoint_stands() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let text = events(2500);
    fs::write(folder.path().join("b.json"), text.trim_end()).unwrap();
    fs::write(folder.path().join("a.json"), "{\"id\":-1}\r\n{\"id\":-2}\n").unwrap();
    fs::write(folder.path().join("_c.json"), "no").unwrap();
    let source = source(&registry, &event_table(folder.path().to_str().unwrap()));
    assert!(source.bounded());
    let whole = lines(&read(&mut *reader(&*source, 0, 1, None), usize::MAX));
    assert_eq!(whole.len(), 2502);
    assert_eq!(&whole[..2], ["-1|a.json|21", "-2|a.json|21"]);
    assert_eq!(whole[2501], format!("2499|b.json|{}", text.len() - 1));

    let mut first = reader(&*source, 0, 1, None);
    let mut seen = lines(&read(&mut *first, 1002));
    let positions = first.positions().unwrap();
    assert_eq!(positions.len(), 2);
    let mut second = reader(&*source, 0, 1, Some(positions));
    seen.extend(lines(&read(&mut *second, usize::MAX)));
    assert_eq!(seen, whole);
    let end = second.positions().unwrap();
    assert!(read(&mut *reader(&*source, 0, 1, Some(end)), usize::MAX).is_empty());
}

#[test]
fn a_large_file_is_shared_by_subtasks() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.json");
    let count = 950_000;
    fs::write(&path, events(count)).unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 32 << 20);
    let mut spec = event_table(path.to_str().unwrap());
    spec.columns.truncate(1);
    let source = source(&registry, &spec);
    let ids = |batches: &[RecordBatch]| -> Vec<i64> {
        let column = |batch: &RecordBatch| {
            let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().clone();
            ids.values().to_vec()
        };
        batches.iter().flat_map(column).collect()
    };
    let mut all = Vec::new();
    let mut positions = Positions::new();
    for subtask in 0..2 {
        let mut reader = reader(&*source, subtask, 2, None);
        let part = ids(&read(&mut *reader, if subtask == 0 { 5000 } else { usize::MAX }));
        assert!(part.is_sorted() && part.len() >= 5000, "{}", part.len());
        all.extend(part);
        positions.extend(reader.positions().unwrap());
    }
    // The rest in one subtask.
    all.extend(ids(&read(&mut *reader(&*source, 0, 1, Some(positions)), usize::MAX)));
    all.sort_unstable();
    assert_eq!(all.len(), count);
    assert!(all.iter().zip(0..).all(|(id, want)| *id == want));
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let runtime = Runtime::new().unwrap();
    let (registry, _) = registry(&S3Settings::default(), runtime.handle().clone());
    for (key, value) in [
        ("source.monitor-interval", "1 s"),
        ("auto-compaction", "true"),
        ("sink.partition-commit.policy.kind", "metastore,success-file"),
        ("sink.partition-commit.policy.class", "x.Y"),
        ("sink.rolling-policy.file-size", "large"),
        ("path", "hdfs://n/x"),
        ("nonsense", "1"),
    ] {
        let spec = partitioned("/nowhere", &[(key, value)]);
        let refused = registry.sink(&spec).unwrap_err();
        assert_eq!(refused.option.as_deref(), Some(key), "{refused}");
        assert!(refused.to_string().contains(key), "{refused}");
    }
    let missing = source(&registry, &event_table("/nowhere/at/all"));
    let context = engine::source::SourceContext {
        subtask: 0,
        parallelism: 1,
        restored: None,
        batch_size: 10,
        clock: Arc::new(engine::clock::SystemClock),
        metrics: Arc::default(),
        attempt: 1,
    };
    let Err(error) = missing.open(context) else { panic!("it must not open") };
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}
