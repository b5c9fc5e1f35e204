use std::sync::atomic::Ordering;

use arrow::datatypes::{Field, Fields, Schema, TimeUnit};

use super::*;
use crate::format::flush;

fn settings() -> Settings {
    Settings {
        fail_on_missing_field: false,
        ignore_parse_errors: false,
        style: TimestampStyle::Sql,
        null_key: NullKey::Fail,
        plain_decimals: false,
        ignore_null_fields: false,
        careful: false,
    }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn map(value: DataType) -> DataType {
    let key = Field::new("key", DataType::Utf8, false);
    let entries = DataType::Struct(vec![key, Field::new("value", value, true)].into());
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}

fn micros(zoned: bool) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into()))
}

/// Reads lines and writes what was read, line by line.
fn through(schema: &SchemaRef, lines: &str, from: &Settings, to: &Settings) -> (String, u64) {
    let metrics = Arc::new(NodeMetrics::default());
    let mut decoder = decoder(schema, from, &metrics).expect("the types are known");
    for line in lines.lines() {
        decoder.decode(line.as_bytes()).expect("the line is read or skipped");
    }
    let batch = decoder.flush().expect("the rows are whole").expect("there are rows");
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    let batch = engine::batch::Batch::of(batch);
    encoder(schema, to, false).encode(&batch, &mut out, &mut ends).expect("all can be written");
    let mut start = 0;
    let mut text = String::new();
    for end in ends {
        text += std::str::from_utf8(&out[start..end]).expect("JSON is UTF-8");
        text += "\n";
        start = end;
    }
    (text, metrics.malformed_records.load(Ordering::Relaxed))
}

/// Input and expected output of a conformance case (`tests/conformance/cases`).
fn case(name: &str, input: &str, output: &str) -> (String, Vec<String>) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/cases/");
    let read = |file: String| std::fs::read_to_string(file).expect("the case is there");
    let expected = read(format!("{root}{name}/expected/{output}.json"));
    (read(format!("{root}{name}/in/{input}.json")), sorted(&expected))
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn flink_case_errors_ignored() {
    let schema = schema(&[
        ("id", DataType::Int32),
        ("b", DataType::Int64),
        ("d", DataType::Float64),
        ("s", DataType::Utf8),
        ("bo", DataType::Boolean),
        ("ts", micros(false)),
        ("a", list(DataType::Int32)),
        ("dc", DataType::Decimal128(5, 2)),
    ]);
    let (input, expected) = case("json_format_errors_ignored", "t", "o");
    for careful in [false, true] {
        let from = Settings { ignore_parse_errors: true, careful, ..settings() };
        let (written, malformed) = through(&schema, &input, &from, &settings());
        assert_eq!(sorted(&written), expected);
        assert_eq!(malformed, 4);
    }
}

#[test]
fn flink_case_format_options() {
    let schema = schema(&[
        ("id", DataType::Int32),
        ("ts", micros(false)),
        ("l", micros(true)),
        ("d", DataType::Date32),
        ("tm", DataType::Time32(TimeUnit::Millisecond)),
        ("c", DataType::Decimal128(12, 6)),
    ]);
    let from = Settings { style: TimestampStyle::Iso, ..settings() };
    let plain = Settings { plain_decimals: true, ..from.clone() };
    let (input, expected) = case("json_format_options", "t", "iso");
    assert_eq!(sorted(&through(&schema, &input, &from, &plain).0), expected);
    let short = Settings { ignore_null_fields: true, ..settings() };
    let (input, expected) = case("json_format_options", "t", "sql_");
    assert_eq!(sorted(&through(&schema, &input, &from, &short).0), expected);
}

#[test]
fn nested_values_come_back() {
    let inner = DataType::Struct(
        vec![Field::new("c", DataType::Utf8, true), Field::new("d", list(DataType::Int32), true)]
            .into(),
    );
    let row = DataType::Struct(
        vec![Field::new("a", DataType::Int32, true), Field::new("b", inner, true)].into(),
    );
    let schema = schema(&[
        ("id", DataType::Int64),
        ("r", row),
        ("tags", list(DataType::Utf8)),
        ("m", map(DataType::Float64)),
        ("x", DataType::Binary),
    ]);
    let lines = concat!(
        r#"{"id":1,"r":{"a":5,"b":{"c":"cc","d":[9,8]}},"tags":["x","y"],"m":{"k":1.0,"j":2.5},"x":"AQI="}"#,
        "\n",
        r#"{"id":2,"r":{"a":null,"b":null},"tags":[],"m":{},"x":""}"#,
        "\n",
        r#"{"id":3,"r":null,"tags":null,"m":null,"x":null}"#,
        "\n",
        r#"{"id":4,"r":{"a":null,"b":{"c":"\"q\"\\\u0001ü","d":[null,1]}},"tags":[null,"x"],"m":{"a":null},"x":null}"#,
        "\n",
    );
    assert_eq!(through(&schema, lines, &settings(), &settings()).0, lines);
    let twice = r#"{"id":1,"id":5,"m":{"k":1,"k":2},"tags":["a"],"tags":["b"],"r":{"a":1,"a":2}}"#;
    let want =
        concat!(r#"{"id":5,"r":{"a":2,"b":null},"tags":["b"],"m":{"k":2.0},"x":null}"#, "\n");
    assert_eq!(through(&schema, twice, &settings(), &settings()).0, want);
}

#[test]
fn malformed_records_are_named_and_leave_no_trace() {
    let schema = schema(&[("id", DataType::Int32), ("s", DataType::Utf8)]);
    let metrics = Arc::new(NodeMetrics::default());
    let strict = Settings { fail_on_missing_field: true, ..settings() };
    let mut decoder = decoder(&schema, &strict, &metrics).expect("the types are known");
    for (line, why) in [
        (r#"{"id":2,"s":"#, "expected a value"),
        (r#"{"id":2}"#, "field `s` is missing"),
        (r#"{"id":"x","s":"a"}"#, "field `id`: not a whole number"),
        (r#"{"id":3000000000,"s":"a"}"#, "field `id`: not a whole number"),
        ("[1]", "not a JSON object"),
        (r#"{"id":1 "s":"a"}"#, "expected `,`"),
    ] {
        let error = decoder.decode(line.as_bytes()).expect_err("it is malformed").to_string();
        assert!(error.contains("failed to deserialize JSON") && error.contains(why), "{error}");
    }
    assert_eq!(decoder.decode(br#"{"id":7,"s":"a"}"#).expect("it is well formed"), 1);
    assert_eq!(decoder.decode(b"").expect("an empty line is nothing"), 0);
    let batch = decoder.flush().expect("the rows are whole").expect("one row");
    assert_eq!(batch.num_rows(), 1);
}

#[test]
fn a_skipped_record_tells_why_once_and_nothing_of_its_contents() {
    let schema = schema(&[("id", DataType::Int32), ("s", DataType::Utf8)]);
    let metrics = Arc::new(NodeMetrics::default());
    let lenient = Settings { ignore_parse_errors: true, ..settings() };
    let mut decoder = decoder(&schema, &lenient, &metrics).expect("the types are known");
    assert_eq!(decoder.decode(br#"["secret"]"#).expect("it is skipped"), 0);
    assert_eq!(decoder.skipped().as_deref(), Some("it is not a JSON object"));
    assert_eq!(decoder.skipped(), None);
    assert_eq!(decoder.decode(b"").expect("an empty line is nothing"), 0);
    assert_eq!(decoder.decode(br#"{"id":7,"s":"a"}"#).expect("it is well formed"), 1);
    assert_eq!(decoder.skipped(), None);
    assert_eq!(metrics.malformed_records.load(Ordering::Relaxed), 1);
}

#[test]
fn a_null_for_a_not_null_column_is_malformed() {
    let field = Field::new("id", DataType::Int32, false);
    let schema: SchemaRef = Arc::new(Schema::new(vec![field]));
    let metrics = Arc::new(NodeMetrics::default());
    let mut decoder = decoder(&schema, &settings(), &metrics).expect("the types are known");
    let error = decoder.decode(b"{}").expect_err("id is NOT NULL").to_string();
    assert!(error.contains("field `id` is NULL"), "{error}");
}

/// The short cuts of the decoder and the long way must agree on everything.
#[test]
fn fast_and_careful_reading_agree() {
    let mut chance = fastrand::Rng::with_seed(42);
    let kinds = [
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::Utf8,
        DataType::Boolean,
        micros(false),
        DataType::Decimal128(12, 3),
        list(DataType::Int64),
        DataType::Int16,
    ];
    let names = ["a", "bb", "id", "temperature", "ts", "x"];
    for _ in 0..300 {
        let columns: Vec<_> = names
            .iter()
            .map(|name| (*name, chance.choice(&kinds).expect("some").clone()))
            .collect();
        let schema = schema(&columns);
        let ignore_parse_errors = chance.bool();
        let make = |careful| {
            let settings = Settings { ignore_parse_errors, careful, ..settings() };
            decoder(&schema, &settings, &Arc::new(NodeMetrics::default())).expect("known types")
        };
        let (mut fast, mut careful) = (make(false), make(true));
        for _ in 0..40 {
            let line = random_record(&mut chance, &names);
            let text = |read: engine::Result<usize>| read.map_err(|error| error.to_string());
            let (one, other) =
                (text(fast.decode(line.as_bytes())), text(careful.decode(line.as_bytes())));
            assert_eq!(one, other, "{line} as {columns:?}");
        }
        let rows = |decoder: &mut Box<dyn Decoder>| decoder.flush().expect("whole rows");
        assert_eq!(rows(&mut fast), rows(&mut careful));
    }
}

fn random_record(chance: &mut fastrand::Rng, names: &[&str]) -> String {
    const VALUES: &[&str] = &[
        "1",
        "-7",
        "0",
        "-0",
        "007",
        "27.5",
        "-0.001",
        "1.",
        "1e3",
        "1E-2",
        "12345678901234567890",
        "9007199254740993",
        "0.1234567890123456789",
        "2147483648",
        "true",
        "false",
        "null",
        "tru",
        "\"\"",
        "\"plain\"",
        "\"a longer text, over eight bytes\"",
        "\"esc\\\"aped\\u00fc\"",
        "\"2024-01-01 00:00:00\"",
        "\"2024-02-30 01:02:03.5\"",
        "\"2024-01-01T00:00:00\"",
        "\"5\"",
        "\" 6 \"",
        "\"no end",
        "[1,2,null]",
        "[]",
        "{\"a\":[1]}",
        "99999999.9995",
        "\"é\"",
    ];
    let mut line = String::from("{");
    let mut order: Vec<&str> = names.to_vec();
    if chance.u8(..) < 40 {
        chance.shuffle(&mut order);
    }
    for (at, name) in order.iter().enumerate() {
        if chance.u8(..) < 20 {
            continue;
        }
        if at > 0 && line.len() > 1 {
            line.push(',');
        }
        if chance.u8(..) < 30 {
            line.push(' ');
        }
        let space = if chance.u8(..) < 30 { " " } else { "" };
        let value = chance.choice(VALUES).expect("there are some");
        line += &format!("\"{name}\"{space}:{space}{value}{space}");
    }
    line.push('}');
    line
}

/// What the scanner takes for JSON is what `serde_json` takes for it.
#[test]
fn the_grammar_is_json() {
    let mut chance = fastrand::Rng::with_seed(1);
    let alphabet = br#"{}[]:,"\ue0127-+.trfalsn "#;
    let seeds = [r#"{"a":[1,-2.5e+3,true,null],"b":{"c":"d\n\u00e9"}}"#, r#"["x",{"y":[]},0.1]"#];
    for _ in 0..20_000 {
        let mut text = chance.choice(seeds).expect("two").as_bytes().to_vec();
        for _ in 0..chance.usize(0..4) {
            let at = chance.usize(..text.len());
            match chance.u8(0..3) {
                0 => text[at] = *chance.choice(alphabet).expect("some"),
                1 => drop(text.remove(at)),
                _ => text.insert(at, *chance.choice(alphabet).expect("some")),
            }
        }
        let mut scanner = scan::Scanner::new(&text);
        let ours = scanner.skip_value(0).is_ok() && scanner.token() == 0;
        let theirs = serde_json::from_slice::<&serde_json::value::RawValue>(&text).is_ok();
        assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn debezium_writes_changes() {
    use arrow::array::{Int8Array, Int32Array, RecordBatch};
    let schema = schema(&[("id", DataType::Int32)]);
    let rows = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::new(Int32Array::from(vec![1, 2, 3, 4]))],
    );
    let batch = engine::batch::Batch {
        kinds: Some(Int8Array::from(vec![0, 1, 2, 3])),
        ..engine::batch::Batch::of(rows.expect("one column"))
    };
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    encoder(&schema, &settings(), true).encode(&batch, &mut out, &mut ends).expect("it can write");
    assert_eq!(
        String::from_utf8(out).expect("JSON"),
        concat!(
            r#"{"before":null,"after":{"id":1},"op":"c"}"#,
            r#"{"before":{"id":2},"after":null,"op":"d"}"#,
            r#"{"before":null,"after":{"id":3},"op":"c"}"#,
            r#"{"before":{"id":4},"after":null,"op":"d"}"#,
        )
    );
    assert_eq!(ends.len(), 4);
}

#[test]
fn no_rows_no_batch() {
    let schema = schema(&[("id", DataType::Int32)]);
    let mut columns: Vec<crate::format::column::Column> = Vec::new();
    assert!(flush(&schema, &mut columns, &mut 0).expect("nothing to do").is_none());
}
