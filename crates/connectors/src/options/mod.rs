//! Typed reading of a table's WITH options, by Flink's rules.
//!
//! A connector declares what it knows ([`OptionSpec`]); [`Options::read`] refuses unknown keys,
//! missing required ones and values of the wrong type while the program is planned.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::connector::{TableRefused, TableSpec};

use crate::format;

/// Type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptionType {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Double,
    /// Flink's durations: `5 s`, `1 min`, `100ms`; a bare number is milliseconds.
    Duration,
    /// Flink's memory sizes: `128MB`, `64 kb`; a bare number is bytes.
    Memory,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// A format's name (`json`); its own options then belong to the table too.
    Format,
}

/// One option a connector or format knows.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its key. `properties.*` = any key with that prefix; `fields.#.kind` = `#` is any name.
    pub key: &'static str,
    /// Type of its value.
    pub kind: OptionType,
    /// Whether a table must have it.
    pub required: bool,
    /// What holds when it is not given.
    pub default: Option<&'static str>,
    /// One line for people.
    pub description: &'static str,
}

impl OptionSpec {
    /// An optional option without default.
    #[must_use]
    pub const fn new(key: &'static str, kind: OptionType, description: &'static str) -> Self {
        Self { key, kind, required: false, default: None, description }
    }

    /// The same, required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, with a default.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    fn fits(&self, key: &str) -> bool {
        if let Some(prefix) = self.key.strip_suffix('*') {
            return key.len() > prefix.len() && key.starts_with(prefix);
        }
        let Some((before, after)) = self.key.split_once('#') else { return self.key == key };
        key.len() > before.len() + after.len() && key.starts_with(before) && key.ends_with(after)
    }
}

/// A table's options, checked against what its connector and formats know.
#[derive(Debug, Clone)]
pub struct Options {
    table: String,
    given: BTreeMap<String, String>,
    specs: Vec<(String, OptionSpec)>,
}

impl Options {
    /// Checks all options of `table` against `specs` and the options of the formats it names.
    pub fn read(table: &TableSpec, specs: &[OptionSpec]) -> Result<Self, TableRefused> {
        Self::checked(table, specs, false)
    }

    /// As [`Options::read`], but unknown options of the table's formats pass, as Flink's
    /// filesystem connector lets them.
    pub fn read_lenient(table: &TableSpec, specs: &[OptionSpec]) -> Result<Self, TableRefused> {
        Self::checked(table, specs, true)
    }

    fn checked(
        table: &TableSpec,
        specs: &[OptionSpec],
        lenient: bool,
    ) -> Result<Self, TableRefused> {
        let mut all: Vec<(String, OptionSpec)> =
            specs.iter().map(|spec| (String::new(), *spec)).collect();
        let mut open = Vec::new();
        for spec in specs.iter().filter(|spec| spec.kind == OptionType::Format) {
            let Some(name) = table.options.get(spec.key) else { continue };
            let prefix = spec.key.strip_suffix("format").unwrap_or_default();
            let known = format::specs(name).ok_or_else(|| {
                let known = format::NAMES.join("`, `");
                refused(table, spec.key, &format!("supported formats: `{known}`"))
            })?;
            all.extend(known.iter().map(|spec| (prefix.to_owned(), *spec)));
            open.push(format!("{prefix}{name}."));
        }
        let options = Self { table: table.name.clone(), given: table.options.clone(), specs: all };
        for (key, value) in &table.options {
            if key == "connector" {
                continue;
            }
            match options.spec(key) {
                Some(spec) => check(&options.table, key, value, spec.kind)?,
                None if lenient && open.iter().any(|prefix| key.starts_with(prefix)) => {}
                None => return Err(options.unknown(key)),
            }
        }
        for (prefix, spec) in options.specs.iter().filter(|(_, spec)| spec.required) {
            let key = format!("{prefix}{}", spec.key);
            if !table.options.contains_key(&key) {
                return Err(TableRefused {
                    message: format!(
                        "table `{}` lacks the required option `{key}` ({})",
                        table.name, spec.description
                    ),
                    option: None,
                });
            }
        }
        Ok(options)
    }

    fn spec(&self, key: &str) -> Option<&OptionSpec> {
        let fits = |(prefix, spec): &&(String, OptionSpec)| {
            key.strip_prefix(prefix.as_str()).is_some_and(|rest| spec.fits(rest))
        };
        self.specs.iter().find(fits).map(|(_, spec)| spec)
    }

    fn unknown(&self, key: &str) -> TableRefused {
        let mut known: Vec<String> =
            self.specs.iter().map(|(prefix, spec)| format!("`{prefix}{}`", spec.key)).collect();
        known.push("`connector`".to_owned());
        known.sort();
        TableRefused {
            message: format!(
                "table `{}` has the unknown option `{key}`; supported options: {}",
                self.table,
                known.join(", ")
            ),
            option: Some(key.to_owned()),
        }
    }

    /// The value given for `key`, or its default.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        let given = self.given.get(key).map(String::as_str);
        given.or_else(|| self.spec(key).and_then(|spec| spec.default))
    }

    /// Whether the table itself gives `key`.
    #[must_use]
    pub fn given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// A truth value; false when there is none.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).and_then(parse_bool).unwrap_or(false)
    }

    /// A whole number.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        self.text(key)?.trim().parse().ok()
    }

    /// A number.
    #[must_use]
    pub fn double(&self, key: &str) -> Option<f64> {
        self.text(key)?.trim().parse().ok()
    }

    /// A duration.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        parse_duration(self.text(key)?)
    }

    /// A memory size in bytes.
    #[must_use]
    pub fn memory(&self, key: &str) -> Option<u64> {
        parse_memory(self.text(key)?)
    }

    /// One of an option's words, as its spec spells it.
    #[must_use]
    pub fn choice(&self, key: &str) -> Option<&'static str> {
        let OptionType::Choice(words) = self.spec(key)?.kind else { return None };
        let value = self.text(key)?;
        words.iter().copied().find(|word| word.eq_ignore_ascii_case(value))
    }

    /// All given options that begin with `prefix`, which is cut off.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> BTreeMap<String, String> {
        let cut = |(key, value): (&String, &String)| {
            key.strip_prefix(prefix).map(|rest| (rest.to_owned(), value.clone()))
        };
        self.given.iter().filter_map(cut).collect()
    }

    /// A refusal of the value of `key`; `why` says what would be right.
    #[must_use]
    pub fn refuse(&self, key: &str, why: &str) -> TableRefused {
        bad_value(&self.table, key, self.text(key).unwrap_or_default(), why)
    }
}

/// A refusal of the value that `table` gives for `key`; `why` says what would be right.
#[must_use]
pub fn refused(table: &TableSpec, key: &str, why: &str) -> TableRefused {
    bad_value(&table.name, key, table.options.get(key).map_or("", String::as_str), why)
}

fn bad_value(table: &str, key: &str, value: &str, why: &str) -> TableRefused {
    TableRefused {
        message: format!("table `{table}`: option `{key}` cannot be `{value}`: {why}"),
        option: Some(key.to_owned()),
    }
}

fn check(table: &str, key: &str, value: &str, kind: OptionType) -> Result<(), TableRefused> {
    let (fits, expected) = match kind {
        OptionType::Text | OptionType::Format => (true, String::new()),
        OptionType::Bool => (parse_bool(value).is_some(), "write `true` or `false`".to_owned()),
        OptionType::Int => (value.trim().parse::<i64>().is_ok(), "write a whole number".to_owned()),
        OptionType::Double => (value.trim().parse::<f64>().is_ok(), "write a number".to_owned()),
        OptionType::Duration => (
            parse_duration(value).is_some(),
            "write a duration such as `5 s` or `1 min`".to_owned(),
        ),
        OptionType::Memory => {
            (parse_memory(value).is_some(), "write a memory size such as `128MB`".to_owned())
        }
        OptionType::Choice(words) => (
            words.iter().any(|word| word.eq_ignore_ascii_case(value)),
            format!("supported values: `{}`", words.join("`, `")),
        ),
    };
    if fits { Ok(()) } else { Err(bad_value(table, key, value, &expected)) }
}

fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    Some((number, text[digits..].trim().to_ascii_lowercase()))
}

/// Flink's `TimeUtils.parseDuration`: a number and a unit; without unit, milliseconds.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let nanos_each: u64 = match unit.as_str() {
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "d" | "day" | "days" => 86_400_000_000_000,
        _ => return None,
    };
    number.checked_mul(nanos_each).map(Duration::from_nanos)
}

/// Flink's `MemorySize.parse`: a number and a unit, powers of 1024; without unit, bytes.
#[must_use]
pub fn parse_memory(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let bytes_each: u64 = match unit.as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        "t" | "tb" | "tebibytes" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(bytes_each)
}

#[cfg(test)]
mod tests;
