use arrow::datatypes::{DataType, Field};
use engine::connector::ColumnSpec;

use super::*;

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("format", OptionType::Format, "format of the records").required(),
    OptionSpec::new("wait", OptionType::Duration, "how long").default("5 s"),
    OptionSpec::new("size", OptionType::Memory, "how much"),
    OptionSpec::new("mode", OptionType::Choice(&["fast", "slow"]), "how"),
    OptionSpec::new("properties.*", OptionType::Text, "passed on"),
    OptionSpec::new("fields.#.min", OptionType::Int, "least value"),
];

fn table(options: &[(&str, &str)]) -> TableSpec {
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    TableSpec {
        name: "t".to_owned(),
        options: options.iter().map(own).collect(),
        columns: vec![ColumnSpec { field: Field::new("a", DataType::Int32, true), metadata: None }],
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    }
}

#[track_caller]
fn refusal(options: &[(&str, &str)]) -> String {
    Options::read(&table(options), SPECS).expect_err("must be refused").message
}

#[test]
fn values_are_read_by_type() {
    let options = [
        ("connector", "x"),
        ("format", "json"),
        ("size", "64 kb"),
        ("mode", "SLOW"),
        ("properties.a.b", "c"),
        ("fields.x.y.min", "-3"),
    ];
    let options = Options::read(&table(&options), SPECS).expect("all are known");
    assert_eq!(options.duration("wait"), Some(Duration::from_secs(5)));
    assert_eq!(options.memory("size"), Some(65536));
    assert_eq!(options.choice("mode"), Some("slow"));
    assert_eq!(options.prefixed("properties.").get("a.b").map(String::as_str), Some("c"));
    assert_eq!(options.int("fields.x.y.min"), Some(-3));
}

#[test]
fn what_is_wrong_is_named() {
    assert!(refusal(&[]).contains("lacks the required option `format`"));
    assert!(refusal(&[("format", "xml")]).contains("supported formats: `"));
    let unknown = refusal(&[("format", "json"), ("no-such", "1")]);
    assert!(unknown.contains("`no-such`") && unknown.contains("`wait`"), "{unknown}");
    let bad = refusal(&[("format", "json"), ("wait", "5 weeks")]);
    assert!(bad.contains("`wait`") && bad.contains("`5 weeks`"), "{bad}");
}

#[test]
fn durations_and_sizes() {
    for (text, millis) in [("5 s", 5000), ("1min", 60_000), ("250", 250), ("2 H", 7_200_000)] {
        assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
    }
    for (text, bytes) in [("128MB", 128 << 20), ("1 g", 1 << 30), ("17", 17), ("2 kb", 2048)] {
        assert_eq!(parse_memory(text), Some(bytes), "{text}");
    }
    assert_eq!(parse_duration("s"), None);
    assert_eq!(parse_memory("-1"), None);
}
