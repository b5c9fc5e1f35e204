use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, TimeUnit};
use engine::clock::{Clock, ManualClock};
use engine::connector::ColumnSpec;
use engine::metrics::NodeMetrics;
use engine::source::Polled;
use model::protocol::S3Settings;

use super::*;

fn plan(
    columns: &[(&str, DataType)],
    options: &[(&str, &str)],
) -> Result<Arc<dyn Source>, TableRefused> {
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    let column = |(name, kind): &(&str, DataType)| ColumnSpec {
        field: Field::new(*name, kind.clone(), true),
        metadata: None,
    };
    let table = TableSpec {
        name: "g".to_owned(),
        options: options.iter().map(own).collect(),
        columns: columns.iter().map(column).collect(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let environment = Environment {
        s3: S3Settings::default(),
        log: Arc::new(|_| {}),
        print: None,
        runtime: runtime.handle().clone(),
    };
    Datagen.source(&table, &environment)
}

fn context(
    subtask: usize,
    parallelism: usize,
    clock: &Arc<ManualClock>,
    restored: Option<BTreeMap<String, String>>,
) -> SourceContext {
    SourceContext {
        subtask,
        parallelism,
        restored,
        batch_size: 4,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        metrics: Arc::new(NodeMetrics::default()),
        attempt: 1,
    }
}

/// Reads until the end, or until nothing comes; time passes with every call.
fn read(reader: &mut Box<dyn SourceReader>, clock: &ManualClock, calls: usize) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for _ in 0..calls {
        clock.set(clock.now_ms() + 1000);
        match reader.poll(Duration::ZERO).expect("it reads") {
            Polled::Batch { rows, .. } => batches.push(rows),
            Polled::Nothing | Polled::SplitEnd(_) => {}
            Polled::EndOfInput => break,
        }
    }
    batches
}

fn longs(batches: &[RecordBatch]) -> Vec<i64> {
    let column =
        |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(column).collect()
}

const SEQUENCE: &[(&str, &str)] = &[
    ("connector", "datagen"),
    ("fields.a.kind", "sequence"),
    ("fields.a.start", "5"),
    ("fields.a.end", "14"),
    ("fields.b.kind", "sequence"),
    ("fields.b.start", "-3"),
    ("fields.b.end", "26"),
];

#[test]
fn the_shortest_sequence_ends_the_table() {
    let source = plan(&[("a", DataType::Int64), ("b", DataType::Int32)], SEQUENCE).expect("right");
    assert!(source.bounded());
    let clock = Arc::new(ManualClock::at(0));
    let mut reader = source.open(context(0, 1, &clock, None)).expect("it opens");
    let batches = read(&mut reader, &clock, 100);
    assert_eq!(longs(&batches), (5..=14).collect::<Vec<_>>());
    let last =
        batches.last().expect("there are some").column(1).as_primitive::<Int32Type>().clone();
    assert_eq!(last.value(last.len() - 1), 6);
}

#[test]
fn a_restored_run_goes_on_at_another_parallelism() {
    let columns = [("a", DataType::Int64), ("b", DataType::Int32)];
    let source = plan(&columns, SEQUENCE).expect("right");
    let clock = Arc::new(ManualClock::at(0));
    let mut first = source.open(context(0, 2, &clock, None)).expect("it opens");
    let mut second = source.open(context(1, 2, &clock, None)).expect("it opens");
    let mut seen = longs(&read(&mut first, &clock, 1));
    seen.extend(longs(&read(&mut second, &clock, 2)));
    let mut positions = first.positions().expect("places");
    positions.extend(second.positions().expect("places"));
    assert_eq!(positions.len(), 2);
    let mut third = source.open(context(0, 1, &clock, Some(positions))).expect("it opens");
    seen.extend(longs(&read(&mut third, &clock, 100)));
    seen.sort_unstable();
    assert_eq!(seen, (5..=14).collect::<Vec<_>>());
}

#[test]
fn the_same_random_rows_come_again() {
    let columns = [
        ("a", DataType::Int64),
        ("d", DataType::Float64),
        ("s", DataType::Utf8),
        ("t", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("c", DataType::Decimal128(6, 2)),
    ];
    let options = [
        ("connector", "datagen"),
        ("number-of-rows", "50"),
        ("fields.d.min", "27"),
        ("fields.d.max", "32"),
        ("fields.s.length", "3"),
        ("fields.a.null-rate", "0.5"),
    ];
    let source = plan(&columns, &options).expect("right");
    let clock = Arc::new(ManualClock::at(1_000_000));
    let mut reader = source.open(context(0, 1, &clock, None)).expect("it opens");
    let place = reader.positions().expect("a place");
    let batches = read(&mut reader, &clock, 100);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 50);
    let nulls: usize = batches.iter().map(|batch| batch.column(0).null_count()).sum();
    assert!((5..45).contains(&nulls), "{nulls} of 50 are NULL");
    for batch in &batches {
        let doubles = batch.column(1).as_primitive::<Float64Type>();
        assert!(doubles.values().iter().all(|value| (27.0..=32.0).contains(value)));
        assert!(batch.column(2).as_string::<i32>().iter().all(|s| s.map(str::len) == Some(3)));
    }
    let clock = Arc::new(ManualClock::at(1_000_000));
    let mut again = source.open(context(0, 1, &clock, Some(place))).expect("it opens");
    assert_eq!(read(&mut again, &clock, 100), batches);
}

#[test]
fn rows_come_at_the_rate() {
    let options = [("connector", "datagen"), ("rows-per-second", "20")];
    let source = plan(&[("a", DataType::Int64)], &options).expect("right");
    assert!(!source.bounded());
    let clock = Arc::new(ManualClock::at(0));
    let mut reader = source.open(context(0, 1, &clock, None)).expect("it opens");
    let mut rows = 0;
    for tick in 0..1000 {
        clock.set(tick * 10);
        if let Polled::Batch { rows: batch, .. } = reader.poll(Duration::ZERO).expect("it reads") {
            rows += batch.num_rows();
        }
    }
    assert!((195..=205).contains(&rows), "{rows} rows in ten seconds");
}

#[test]
fn wrong_options_are_named() {
    let columns = [("a", DataType::Int8), ("r", DataType::Boolean)];
    let base = ("connector", "datagen");
    for (options, why) in [
        (vec![base, ("fields.x.kind", "random")], "the table has the columns `a`, `r`"),
        (vec![base, ("fields.a.kind", "sequence")], "`fields.a.start`"),
        (vec![base, ("fields.a.min", "1000")], "`fields.a.min` cannot be `1000`"),
        (vec![base, ("rows-per-second", "0")], "at least 1"),
        (vec![base, ("no-such-option", "1")], "unknown option `no-such-option`"),
        (
            vec![
                base,
                ("fields.r.kind", "sequence"),
                ("fields.r.start", "1"),
                ("fields.r.end", "2"),
            ],
            "a sequence needs a number",
        ),
    ] {
        let refused = plan(&columns, &options).expect_err("it is wrong").message;
        assert!(refused.contains(why), "{refused}");
    }
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
    let refused = plan(&[("l", list)], &[base]).expect_err("no lists").message;
    assert!(refused.contains("no values for column `l`"), "{refused}");
}
