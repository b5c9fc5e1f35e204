//! A session: statements change its catalog and settings; its INSERTs become one stream graph.

mod catalog;
mod like;
mod metadata;
mod run_settings;
mod settings;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::connector::Connectors;
use engine::graph::StreamGraph;
use model::protocol::PropertyGroups;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::lower;
use crate::parse::{CreateTable, CreateView, Hints, Placed, Statement, parse_query, parse_script};
use crate::plan::{Column, Planner, SinkPlan, plan_insert, rename};
use crate::substitute::fill_in;
use crate::types::SqlType;

pub(crate) use catalog::{Catalog, Relation};
pub use run_settings::RunSettings;
pub(crate) use settings::Settings;
pub(crate) use table::Table;

/// What a single statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementOutcome {
    /// It changed the catalog or a setting, or has no effect here.
    Done,
    /// It added an INSERT into this table to the program.
    Inserted {
        /// The sink table.
        table: String,
    },
    /// It is a query without a sink: nothing was added to the program.
    Query {
        /// Its columns.
        columns: Vec<OutputColumn>,
    },
}

/// A column of a query, table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Its type; `Display` writes it as Flink does.
    pub sql_type: SqlType,
}

/// Collects a program statement by statement (Flink's `TableEnvironment`).
#[derive(Debug)]
pub struct Session {
    connectors: Arc<dyn Connectors>,
    settings: Settings,
    catalog: Catalog,
    inserts: Vec<SinkPlan>,
    in_statement_set: bool,
}

impl Session {
    /// An empty session. `settings` are as if SET came first; a value that cannot be is refused.
    pub fn new<K, V>(
        connectors: Arc<dyn Connectors>,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut session = Self {
            connectors,
            settings: Settings::default(),
            catalog: Catalog::default(),
            inserts: Vec::new(),
            in_statement_set: false,
        };
        for (key, value) in settings {
            session.settings.set(key.as_ref(), value.as_ref(), Place::START)?;
        }
        Ok(session)
    }

    /// Runs a whole script. A SELECT without INSERT is refused: its result would go nowhere.
    pub fn execute(&mut self, script: &str) -> Result<()> {
        let (statements, hints) = parse_script(script)?;
        for statement in statements {
            let place = statement.place;
            if let StatementOutcome::Query { .. } = self.run(statement, &hints)? {
                let message = "the result of this query goes nowhere";
                return Err(Diagnostic::new(place, message).hint("write INSERT INTO sink SELECT …"));
            }
        }
        if self.in_statement_set {
            let place = end_of(script);
            return Err(Diagnostic::new(place, "the statement set has no END"));
        }
        Ok(())
    }

    /// Runs a script in which `${group:key}` stands for properties; places are those of `script`.
    pub fn execute_with_properties(&mut self, script: &str, groups: &PropertyGroups) -> Result<()> {
        let filled = fill_in(script, groups)?;
        self.execute(&filled.text).map_err(|error| {
            let place = filled.original(error.place());
            error.at(place)
        })
    }

    /// Runs one statement (PyFlink's `execute_sql`, `add_insert_sql`), or one whole
    /// `EXECUTE STATEMENT SET BEGIN … END`, whose outcome is that of its last INSERT.
    pub fn execute_statement(&mut self, sql: &str) -> Result<StatementOutcome> {
        let (statements, hints) = parse_script(sql)?;
        let Some(first) = statements.first() else {
            return Err(Diagnostic::new(Place::START, "there is no statement"));
        };
        if let (Some(second), false) =
            (statements.get(1), matches!(first.node, Statement::BeginSet))
        {
            return Err(Diagnostic::new(second.place, "expected one statement, found more"));
        }
        let mut outcome = StatementOutcome::Done;
        for statement in statements {
            match self.run(statement, &hints)? {
                StatementOutcome::Done => {}
                done => outcome = done,
            }
        }
        Ok(outcome)
    }

    /// Creates or replaces a view of a query (PyFlink's `create_temporary_view`).
    pub fn create_view(&mut self, name: &str, query: &str) -> Result<()> {
        let (query, hints) = parse_query(query)?;
        let rel = self.planner(&hints).query(&query, Place::START)?;
        self.catalog.put(name, Relation::View(rel));
        Ok(())
    }

    /// The columns a query would give.
    pub fn schema_of(&self, query: &str) -> Result<Vec<OutputColumn>> {
        let (query, hints) = parse_query(query)?;
        let rel = self.planner(&hints).query(&query, Place::START)?;
        Ok(output_columns(&rel.columns))
    }

    /// The columns of a table or view.
    #[must_use]
    pub fn columns_of(&self, name: &str) -> Option<Vec<OutputColumn>> {
        Some(match self.catalog.find(name)? {
            Relation::View(rel) => output_columns(&rel.columns),
            Relation::Table(table) => output_columns(table.columns()),
        })
    }

    /// Number of INSERTs so far.
    #[must_use]
    pub fn inserts(&self) -> usize {
        self.inserts.len()
    }

    /// What SET said, by key.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        self.settings.values()
    }

    /// What SET said about how the program is run.
    #[must_use]
    pub fn run_settings(&self) -> RunSettings {
        RunSettings::of(self.settings.values())
    }

    /// All INSERTs as one graph; what they have in common is there once.
    pub fn into_graph(self) -> Result<StreamGraph> {
        if self.inserts.is_empty() {
            return Err(Diagnostic::new(
                Place::START,
                "the program has no INSERT: it does nothing",
            )
            .hint("write INSERT INTO sink SELECT …"));
        }
        lower::graph(&self.inserts, self.connectors.as_ref())
    }

    fn planner<'a>(&'a self, hints: &'a Hints) -> Planner<'a> {
        Planner::new(&self.catalog, &self.settings, hints, self.connectors.as_ref())
    }

    fn run(&mut self, statement: Placed<Statement>, hints: &Hints) -> Result<StatementOutcome> {
        let place = statement.place;
        match statement.node {
            Statement::CreateTable(table) => self.create_table(*table)?,
            Statement::CreateView(view) => self.add_view(&view, hints)?,
            Statement::Drop { view, name, if_exists } => self.drop(view, &name, if_exists)?,
            Statement::Insert(insert) => {
                let plan = plan_insert(&self.planner(hints), &insert, place)?;
                self.inserts.push(plan);
                return Ok(StatementOutcome::Inserted { table: insert.table.node });
            }
            Statement::Query(query) => {
                let rel = self.planner(hints).query(&query, place)?;
                return Ok(StatementOutcome::Query { columns: output_columns(&rel.columns) });
            }
            Statement::Set { key, value } => self.settings.set(&key, &value, place)?,
            Statement::Reset(key) => self.settings.reset(key.as_deref()),
            Statement::BeginSet if self.in_statement_set => {
                return Err(Diagnostic::new(place, "a statement set cannot be inside another"));
            }
            Statement::EndSet if !self.in_statement_set => {
                return Err(Diagnostic::new(place, "END without a statement set"));
            }
            Statement::BeginSet | Statement::EndSet => {
                self.in_statement_set = !self.in_statement_set;
            }
            Statement::Ignored => {}
        }
        Ok(StatementOutcome::Done)
    }

    fn create_table(&mut self, mut table: CreateTable) -> Result<()> {
        let name = table.name.clone();
        if self.exists(&name, table.if_not_exists)? {
            return Ok(());
        }
        if let Some(like) = &table.like {
            let base = match self.catalog.find(&like.table.node) {
                Some(Relation::Table(base)) => Arc::clone(base),
                Some(Relation::View(_)) => {
                    let message = format!("`{}` is a view; LIKE takes a table", like.table.node);
                    return Err(Diagnostic::new(like.table.place, message));
                }
                None => {
                    let message = format!("unknown table `{}`", like.table.node);
                    return Err(Diagnostic::new(like.table.place, message)
                        .did_you_mean(&like.table.node, self.catalog.names()));
                }
            };
            table = like::merged(table, &base.definition)?;
        }
        if table.columns.is_empty() {
            let message = format!("table `{}` has no columns", name.node);
            return Err(Diagnostic::new(name.place, message));
        }
        let table = Table::new(table, &self.settings)?;
        self.catalog.put(&name.node, Relation::Table(Arc::new(table)));
        Ok(())
    }

    fn add_view(&mut self, view: &CreateView, hints: &Hints) -> Result<()> {
        if self.exists(&view.name, view.if_not_exists)? {
            return Ok(());
        }
        let rel = self.planner(hints).query(&view.query, view.name.place)?;
        let rel = rename(rel, &view.columns, view.name.place)?;
        self.catalog.put(&view.name.node, Relation::View(rel));
        Ok(())
    }

    /// Whether the name is taken and that is fine.
    fn exists(&self, name: &Placed<String>, if_not_exists: bool) -> Result<bool> {
        if self.catalog.find(&name.node).is_none() {
            return Ok(false);
        }
        if if_not_exists {
            return Ok(true);
        }
        let message = format!("`{}` exists already", name.node);
        Err(Diagnostic::new(name.place, message).hint("write IF NOT EXISTS, or drop it first"))
    }

    fn drop(&mut self, view: bool, name: &Placed<String>, if_exists: bool) -> Result<()> {
        let matches = match self.catalog.find(&name.node) {
            Some(Relation::View(_)) => view,
            Some(Relation::Table(_)) => !view,
            None if if_exists => return Ok(()),
            None => false,
        };
        if !matches {
            let what = if view { "view" } else { "table" };
            return Err(Diagnostic::new(name.place, format!("unknown {what} `{}`", name.node))
                .did_you_mean(&name.node, self.catalog.names()));
        }
        self.catalog.remove(&name.node);
        Ok(())
    }
}

fn output_columns(columns: &[Column]) -> Vec<OutputColumn> {
    let output = |column: &Column| OutputColumn {
        name: column.name.clone(),
        sql_type: column.sql_type.clone(),
    };
    columns.iter().map(output).collect()
}

/// The place behind the last character.
fn end_of(text: &str) -> Place {
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    Place { line, column }
}
