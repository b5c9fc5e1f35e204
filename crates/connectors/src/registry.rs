//! All connectors of the installation, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use engine::connector::{Connectors, TableRefused, TableSpec};
use engine::sink::Sink;
use engine::source::Source;
use model::protocol::{LogLine, S3Settings};

use crate::format::Format;
use crate::options::refused;
use crate::{blackhole, datagen, filesystem, kafka, print};

/// Takes one printed line, without its end.
pub type PrintLine = Arc<dyn Fn(&str) + Send + Sync>;

/// What connectors need of the process around them.
#[derive(Clone)]
pub struct Environment {
    /// How S3 is reached by default.
    pub s3: S3Settings,
    /// The application's log.
    pub log: Arc<dyn Fn(LogLine) + Send + Sync>,
    /// Where the rows of `print` tables go, one line a call; `None` = into the log.
    pub print: Option<PrintLine>,
    /// For the clients that need an async runtime.
    pub runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("s3", &self.s3).finish_non_exhaustive()
    }
}

/// One connector: a name in `WITH ('connector' = '…')`.
pub trait Connector: fmt::Debug + Send + Sync {
    /// A source for a table; the default refuses.
    fn source(
        &self,
        table: &TableSpec,
        env: &Environment,
    ) -> Result<Arc<dyn Source>, TableRefused> {
        let _ = env;
        Err(refused(table, "connector", "it can only be written to"))
    }

    /// A sink for a table; the default refuses.
    fn sink(&self, table: &TableSpec, env: &Environment) -> Result<Arc<dyn Sink>, TableRefused> {
        let _ = env;
        Err(refused(table, "connector", "it can only be read from"))
    }

    /// Metadata columns for reading: key and type.
    fn metadata(&self, options: &BTreeMap<String, String>) -> Vec<(String, DataType)> {
        let _ = options;
        Vec::new()
    }
}

/// The connectors, by the name users write. One line per connector.
const CONNECTORS: &[(&str, &dyn Connector)] = &[
    ("blackhole", &blackhole::Blackhole),
    ("datagen", &datagen::Datagen),
    ("filesystem", &filesystem::Filesystem),
    ("kafka", &kafka::Kafka),
    ("print", &print::Print),
];

/// All connectors of the installation; the planner's port.
#[derive(Debug)]
pub struct Registry {
    environment: Environment,
}

impl Registry {
    /// All connectors, in this environment.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }
}

impl Connectors for Registry {
    fn source(&self, table: &TableSpec) -> Result<Arc<dyn Source>, TableRefused> {
        find(table)?.source(table, &self.environment)
    }

    fn sink(&self, table: &TableSpec) -> Result<Arc<dyn Sink>, TableRefused> {
        find(table)?.sink(table, &self.environment)
    }

    fn metadata(&self, options: &BTreeMap<String, String>) -> Vec<(String, DataType)> {
        let name = options.get("connector").map(String::as_str);
        let found = CONNECTORS.iter().find(|(known, _)| Some(*known) == name);
        found.map_or_else(Vec::new, |(_, connector)| connector.metadata(options))
    }

    fn prunes_columns(&self, options: &BTreeMap<String, String>) -> bool {
        let mut formats = ["format", "value.format"].iter().filter_map(|key| options.get(*key));
        let value = formats.next().is_some_and(|name| Format::names_fields(name));
        // A raw key is one column, which is used or not.
        let key = options.get("key.format").map(String::as_str);
        value && key.is_none_or(|name| name == "raw" || Format::names_fields(name))
    }
}

fn find(table: &TableSpec) -> Result<&'static dyn Connector, TableRefused> {
    let Some(name) = table.options.get("connector") else {
        return Err(TableRefused {
            message: format!("table `{}` has no option `connector`; {}", table.name, known()),
            option: None,
        });
    };
    let found = CONNECTORS.iter().find(|(known, _)| known == name);
    found.map(|(_, connector)| *connector).ok_or_else(|| {
        refused(table, "connector", &format!("there is no such connector; {}", known()))
    })
}

fn known() -> String {
    let names: Vec<String> = CONNECTORS.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("supported connectors: {}", names.join(", "))
}
