use std::collections::BTreeMap;
use std::sync::Mutex;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int8Array, Int32Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use engine::clock::ManualClock;
use engine::connector::ColumnSpec;
use model::protocol::S3Settings;

use super::*;

fn table(options: &[(&str, &str)]) -> TableSpec {
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    TableSpec {
        name: "alerts".to_owned(),
        options: options.iter().map(own).collect::<BTreeMap<_, _>>(),
        columns: vec![ColumnSpec { field: Field::new("a", DataType::Int32, true), metadata: None }],
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

/// Prints `batch` at subtask 1 of `parallelism` and gives what came out: with a hook for printing,
/// the lines; else what went into the log.
fn printed(options: &[(&str, &str)], parallelism: usize, batch: &Batch, hook: bool) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (logged, direct) = (Arc::clone(&lines), Arc::clone(&lines));
    let environment = Environment {
        s3: S3Settings::default(),
        log: Arc::new(move |line: LogLine| {
            let line = format!("{} {} {} {}", line.at_ms, line.level, line.logger, line.message);
            logged.lock().expect("no panic").push(line);
        }),
        print: hook.then(|| -> crate::PrintLine {
            Arc::new(move |line: &str| direct.lock().expect("no panic").push(line.to_owned()))
        }),
        runtime: runtime.handle().clone(),
    };
    let sink = Print.sink(&table(options), &environment).expect("the options are right");
    let context = SinkContext {
        subtask: 1,
        parallelism,
        attempt_id: "run-1".to_owned(),
        attempt: 1,
        clock: Arc::new(ManualClock::at(7)),
        ..SinkContext::alone("")
    };
    sink.open(context).expect("it opens").write(batch.clone()).expect("it prints");
    let lines = lines.lock().expect("no panic");
    lines.clone()
}

fn rows(columns: Vec<(&str, ArrayRef)>) -> Batch {
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Batch::of(RecordBatch::try_new(schema, arrays).expect("equal lengths"))
}

#[test]
fn rows_look_as_in_flink() {
    let batch = rows(vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("d", Arc::new(Float64Array::from(vec![1e10, 0.5]))),
        (
            "c",
            Arc::new(
                Decimal128Array::from(vec![150, -5])
                    .with_precision_and_scale(5, 2)
                    .expect("it fits"),
            ),
        ),
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![1_704_067_200_000_000, 1_500]))),
        ("z", Arc::new(TimestampMicrosecondArray::from(vec![0, 120_000]).with_timezone("UTC"))),
        (
            "l",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![Some(1), None]),
                None,
            ])),
        ),
        ("b", Arc::new(BinaryArray::from(vec![&[1u8, 255][..], &[]]))),
    ]);
    assert_eq!(
        printed(&[("connector", "print")], 1, &batch, true),
        [
            "+I[1, a, 1.0E10, 1.50, 2024-01-01T00:00, 1970-01-01T00:00:00Z, [1, null], [1, -1]]",
            "+I[null, null, 0.5, -0.05, 1970-01-01T00:00:00.001500, 1970-01-01T00:00:00.120Z, \
             null, []]",
        ]
    );
}

#[test]
fn kinds_and_prefixes() {
    let batch = rows(vec![("a", Arc::new(Int32Array::from(vec![1, 2, 3, 4])))]);
    let batch = Batch { kinds: Some(Int8Array::from(vec![0, 1, 2, 3])), ..batch };
    let id = [("connector", "print"), ("print-identifier", "out"), ("standard-error", "true")];
    assert_eq!(
        printed(&id, 2, &batch, true),
        ["out:2> +I[1]", "out:2> -U[2]", "out:2> +U[3]", "out:2> -D[4]"]
    );
    assert_eq!(printed(&id, 1, &batch, false)[0], "7 WARN alerts out> +I[1]");
    assert_eq!(printed(&[("connector", "print")], 2, &batch, false)[0], "7 INFO alerts 2> +I[1]");
}
