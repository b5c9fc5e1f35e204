//! `datagen`: makes rows up, at random or counting (Flink's DataGen connector).
//!
//! Row *n* of a run is the same whenever it is made: chance comes from the run's seed and *n*, which
//! stand in the positions. So a restored run repeats no row and makes the ones that would have come.

mod generate;
mod reader;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use engine::Result;
use engine::connector::{TableRefused, TableSpec};
use engine::source::{Source, SourceContext, SourceReader};

use crate::options::{OptionSpec, OptionType, Options, refused};
use crate::registry::{Connector, Environment};
use generate::Generator;

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("rows-per-second", OptionType::Int, "rows a second of all subtasks together")
        .default("10000"),
    OptionSpec::new("number-of-rows", OptionType::Int, "how many rows there are; else no end"),
    OptionSpec::new("scan.parallelism", OptionType::Int, "not supported"),
    OptionSpec::new(
        "fields.#.kind",
        OptionType::Choice(&["random", "sequence"]),
        "how values come",
    )
    .default("random"),
    OptionSpec::new("fields.#.min", OptionType::Double, "least random value"),
    OptionSpec::new("fields.#.max", OptionType::Double, "greatest random value"),
    OptionSpec::new("fields.#.max-past", OptionType::Duration, "how old timestamps may be")
        .default("0"),
    OptionSpec::new("fields.#.length", OptionType::Int, "length of texts, bytes and arrays")
        .default("100"),
    OptionSpec::new("fields.#.var-len", OptionType::Bool, "texts and bytes may be shorter")
        .default("false"),
    OptionSpec::new("fields.#.null-rate", OptionType::Double, "share of NULLs, 0 to 1")
        .default("0"),
    OptionSpec::new("fields.#.start", OptionType::Int, "first value of a sequence"),
    OptionSpec::new("fields.#.end", OptionType::Int, "last value of a sequence"),
];

/// The connector `datagen`.
#[derive(Debug)]
pub(crate) struct Datagen;

impl Connector for Datagen {
    fn source(
        &self,
        table: &TableSpec,
        _env: &Environment,
    ) -> Result<Arc<dyn Source>, TableRefused> {
        let options = Options::read(table, SPECS)?;
        if options.given("scan.parallelism") {
            return Err(refused(table, "scan.parallelism", "the application's parallelism counts"));
        }
        let rate = options.int("rows-per-second").unwrap_or(10_000);
        if rate < 1 {
            return Err(refused(table, "rows-per-second", "write a number of at least 1"));
        }
        let mut rows = match options.int("number-of-rows") {
            Some(rows) if rows < 0 => {
                return Err(refused(table, "number-of-rows", "write a number of at least 0"));
            }
            rows => rows.map(i64::unsigned_abs),
        };
        known_fields(table)?;
        let mut generators = Vec::new();
        let mut fields = Vec::new();
        for column in &table.columns {
            let field: FieldRef = Arc::new(column.field.clone());
            let generator = Generator::plan(&field, &options)?;
            // The shortest sequence ends the table.
            let length = generator.length();
            rows = [rows, length].into_iter().flatten().min();
            generators.push(generator);
            fields.push(field);
        }
        Ok(Arc::new(DatagenSource {
            schema: Arc::new(Schema::new(fields)),
            generators,
            rows,
            rate: rate.unsigned_abs(),
        }))
    }
}

/// Refuses `fields.x.…` where the table has no column `x`.
fn known_fields(table: &TableSpec) -> Result<(), TableRefused> {
    for key in table.options.keys() {
        let Some(rest) = key.strip_prefix("fields.") else { continue };
        let name = rest.rsplit_once('.').map_or(rest, |(name, _)| name);
        if !table.columns.iter().any(|column| column.field.name() == name) {
            let names: Vec<_> =
                table.columns.iter().map(|c| format!("`{}`", c.field.name())).collect();
            let names = names.join(", ");
            return Err(refused(table, key, &format!("the table has the columns {names}")));
        }
    }
    Ok(())
}

/// A table of made-up rows.
#[derive(Debug)]
struct DatagenSource {
    schema: SchemaRef,
    generators: Vec<Generator>,
    /// How many rows there are; `None` = no end.
    rows: Option<u64>,
    /// Rows a second, of all subtasks together.
    rate: u64,
}

impl Source for DatagenSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn bounded(&self) -> bool {
        self.rows.is_some()
    }

    fn open(&self, context: SourceContext) -> Result<Box<dyn SourceReader>> {
        let reader = reader::DatagenReader::open(self, &context)?;
        Ok(Box::new(reader))
    }
}

#[cfg(test)]
mod tests;
