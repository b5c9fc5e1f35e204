use std::sync::atomic::Ordering;

use arrow::datatypes::{Field, Fields, Schema, TimeUnit};
use engine::batch::Batch;

use super::*;

fn settings() -> Settings {
    Settings {
        delimiter: ',',
        quote: Some('"'),
        escape: None,
        array_delimiter: ";".to_owned(),
        null_literal: None,
        comments: false,
        ignore_parse_errors: false,
        scientific: true,
    }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn ints() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Int32, true)))
}

fn through(schema: &SchemaRef, lines: &str, from: &Settings, to: &Settings) -> (String, u64) {
    let metrics = Arc::new(NodeMetrics::default());
    let mut decoder = decoder(schema, from, &metrics).expect("the types are known");
    for line in lines.lines() {
        decoder.decode(line.as_bytes()).expect("the line is read or skipped");
    }
    let batch = Batch::of(decoder.flush().expect("whole rows").expect("some rows"));
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    encoder(to).encode(&batch, &mut out, &mut ends).expect("all can be written");
    let mut start = 0;
    let mut text = String::new();
    for end in ends {
        text += std::str::from_utf8(&out[start..end]).expect("CSV is UTF-8");
        text += "\n";
        start = end;
    }
    (text, metrics.malformed_records.load(Ordering::Relaxed))
}

/// The columns of the conformance case `csv_sink_roundtrip`, without the computed ones.
#[test]
fn flink_case_roundtrip() {
    let schema = schema(&[
        ("id", DataType::Int32),
        ("s", DataType::Utf8),
        ("d", DataType::Float64),
        ("ts", micros()),
        ("b", DataType::Boolean),
        ("dt", DataType::Date32),
        ("dc", DataType::Decimal128(8, 3)),
    ]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/cases/");
    let path = format!("{root}csv_sink_roundtrip/expected/o.csv");
    let expected = std::fs::read_to_string(path).expect("the case is there");
    assert_eq!(through(&schema, &expected, &settings(), &settings()).0, expected);
}

#[test]
fn flink_case_source_options() {
    let schema = schema(&[
        ("id", DataType::Int32),
        ("name", DataType::Utf8),
        ("v", DataType::Float64),
        ("ok", DataType::Boolean),
        ("ts", micros()),
        ("a", ints()),
    ]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/cases/");
    let path = format!("{root}csv_source_options/in/c.csv");
    let input = std::fs::read_to_string(path).expect("the case is there");
    let from = Settings {
        delimiter: ';',
        quote: Some('\''),
        null_literal: Some("n/a".to_owned()),
        comments: true,
        ignore_parse_errors: true,
        array_delimiter: "|".to_owned(),
        ..settings()
    };
    let to = Settings { null_literal: Some("-".to_owned()), ..settings() };
    let want = "\
1,alpha,1.5,true,\"2024-01-01 00:00:00\",1;2;3
2,quo;ted,2.0,false,\"2024-01-01 00:00:00.123\",4
3,-,-,-,-,-
4,,-,false,-,
-,bad,1.0,true,\"2024-01-01 00:00:00\",1
5,\" sp ace \",1000.0,true,-,7
6,\"it's\",-0.0,false,\"2024-01-01 00:00:00\",8;-
7,short,-,-,-,-
";
    assert_eq!(through(&schema, &input, &from, &to), (want.to_owned(), 1));
}

#[test]
fn quoting_follows_jackson() {
    let schema = schema(&[("s", DataType::Utf8), ("x", DataType::Utf8)]);
    let tab = Settings { delimiter: '\t', quote: None, ..settings() };
    let lines = "a+b\tplain\na\"b\tabcdefghijklmnopqrstuvwxyz\n";
    let want = "\"a+b\",plain\n\"a\"\"b\",\"abcdefghijklmnopqrstuvwxyz\"\n";
    assert_eq!(through(&schema, lines, &tab, &settings()).0, want);
    assert_eq!(through(&schema, want, &settings(), &tab).0, lines);
    let escaping = Settings { escape: Some('\\'), ..settings() };
    assert_eq!(through(&schema, "a\\,b,c\\\\d\n", &escaping, &settings()).0, "\"a,b\",c\\d\n");
}

#[test]
fn malformed_rows_are_named() {
    let schema = schema(&[("id", DataType::Int32), ("s", DataType::Utf8)]);
    let metrics = Arc::new(NodeMetrics::default());
    let mut decoder = decoder(&schema, &settings(), &metrics).expect("the types are known");
    for (line, why) in [
        ("1", "2 fields expected, 1 found"),
        ("1,a,b", "2 fields expected, 3 found"),
        (",a", "field `id`: not a whole number"),
        ("1,\"a", "a quoted field has no end"),
        ("1,\"a\"b", "text follows a quoted field"),
    ] {
        let error = decoder.decode(line.as_bytes()).expect_err("it is malformed").to_string();
        assert!(error.contains("failed to deserialize CSV") && error.contains(why), "{error}");
    }
    assert_eq!(decoder.decode(b"1,a,\r\n").expect("a delimiter may end the line"), 1);
    let rows = decoder.flush().expect("whole rows").expect("one row");
    assert_eq!(rows.num_rows(), 1);
}

#[test]
fn a_skipped_row_tells_why_once_and_nothing_of_its_contents() {
    let schema = schema(&[("id", DataType::Int32), ("s", DataType::Utf8)]);
    let metrics = Arc::new(NodeMetrics::default());
    let lenient = Settings { ignore_parse_errors: true, ..settings() };
    let mut decoder = decoder(&schema, &lenient, &metrics).expect("the types are known");
    assert_eq!(decoder.decode(b"1,\"secret").expect("it is skipped"), 0);
    assert_eq!(decoder.skipped().as_deref(), Some("a quoted field has no end"));
    assert_eq!(decoder.skipped(), None);
}

#[test]
fn records_end_outside_of_quotes() {
    let end = |text: &str| settings().record_end(text.as_bytes());
    assert_eq!(end("1,a\n2"), Some(3));
    assert_eq!(end("1,\"a\nb\"\n2"), Some(7));
    assert_eq!(end("1,\"a\"\"\nb\"\n2"), Some(9));
    assert_eq!(end("1,a\"b\n2"), Some(5));
    assert_eq!(end("1,\"a\n2"), None);
}
