//! Measures how fast formats read flat records: `cargo run --release --example decode_speed`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use connectors::format::Format;
use connectors::options::{OptionSpec, OptionType, Options};
use engine::batch::Batch;
use engine::connector::TableSpec;
use engine::metrics::NodeMetrics;

const RECORDS: usize = 2_000_000;
const BATCH: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("sensor_id", DataType::Utf8, true),
        Field::new("temperature", DataType::Float64, true),
        Field::new("event_time", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]));
    for (name, spaced) in [("json", false), ("json", true), ("csv", false)] {
        let lines: Vec<String> = (0..10_000).map(|at| record(name, spaced, at)).collect();
        measure(name, &schema, &lines)?;
    }
    Ok(())
}

fn record(format: &str, spaced: bool, at: usize) -> String {
    let (sensor, whole, cents) = (at % 5 + 1, 27 + at % 5, at * 7 % 100);
    let (minute, second, milli) = (at / 60_000 % 60, at / 1000 % 60, at % 1000);
    let time = format!("2024-01-01 10:{minute:02}:{second:02}.{milli:03}");
    if format == "csv" {
        return format!("{sensor},{whole}.{cents:02},{time}");
    }
    let space = if spaced { " " } else { "" };
    format!(
        "{{\"sensor_id\":{space}\"{sensor}\",{space}\"temperature\":{space}{whole}.{cents:02},\
         {space}\"event_time\":{space}\"{time}\"}}"
    )
}

fn measure(
    name: &str,
    schema: &SchemaRef,
    lines: &[String],
) -> Result<(), Box<dyn std::error::Error>> {
    let table = TableSpec {
        name: "readings".to_owned(),
        options: BTreeMap::from([("format".to_owned(), name.to_owned())]),
        columns: Vec::new(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
        time_zone: "UTC".to_owned(),
    };
    let known = [OptionSpec::new("format", OptionType::Format, "format of the records")];
    let options = Options::read(&table, &known)?;
    let format = Format::of(&options, "format")?.ok_or("the format is known")?;
    let mut decoder = format.decoder(schema, &Arc::new(NodeMetrics::default()))?;
    let mut encoder = format.encoder(schema)?;

    let start = Instant::now();
    let mut batches = Vec::new();
    for line in lines.iter().cycle().take(RECORDS) {
        decoder.decode(line.as_bytes())?;
        if decoder.buffered() == BATCH {
            batches.extend(decoder.flush()?);
        }
        if batches.len() == 100 {
            batches.clear();
        }
    }
    batches.extend(decoder.flush()?);
    let read = start.elapsed();

    let start = Instant::now();
    let batch = Batch::of(batches.swap_remove(0));
    let (mut written, mut out, mut ends) = (0, Vec::new(), Vec::new());
    while written < RECORDS {
        out.clear();
        ends.clear();
        encoder.encode(&batch, &mut out, &mut ends)?;
        written += ends.len();
    }
    let write = start.elapsed();
    let report = format!(
        "{name}, {} bytes a record: read {:.1} ns, written {:.1} ns\n",
        lines[0].len(),
        read.as_nanos() as f64 / RECORDS as f64,
        write.as_nanos() as f64 / written as f64,
    );
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes())?;
    Ok(())
}
