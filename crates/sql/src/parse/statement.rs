//! What a script consists of.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, Ident, Query};

use crate::diagnostic::Place;

/// Something with the place where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) place: Place,
    pub(crate) node: T,
}

/// One statement.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    CreateTable(Box<CreateTable>),
    CreateView(CreateView),
    /// `DROP TABLE` or `DROP VIEW`.
    Drop {
        view: bool,
        name: Placed<String>,
        if_exists: bool,
    },
    Insert(Box<Insert>),
    Query(Box<Query>),
    Set {
        key: String,
        value: String,
    },
    /// `RESET` of one key or of all.
    Reset(Option<String>),
    /// `BEGIN STATEMENT SET` / `EXECUTE STATEMENT SET BEGIN`.
    BeginSet,
    /// `END` of a statement set.
    EndSet,
    /// Taken and without effect here: `SHOW …`, `DESCRIBE …`, `USE` of the default database.
    Ignored,
}

/// `CREATE TABLE`
#[derive(Debug, Clone)]
pub(crate) struct CreateTable {
    pub(crate) name: Placed<String>,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnNode>,
    pub(crate) watermark: Option<WatermarkNode>,
    pub(crate) primary_key: Vec<Placed<String>>,
    pub(crate) partition_keys: Vec<Placed<String>>,
    pub(crate) options: BTreeMap<String, Placed<String>>,
    pub(crate) like: Option<LikeClause>,
}

/// A column of a `CREATE TABLE`.
#[derive(Debug, Clone)]
pub(crate) struct ColumnNode {
    pub(crate) name: Placed<String>,
    pub(crate) kind: ColumnKind,
}

/// The three kinds of columns.
#[derive(Debug, Clone)]
pub(crate) enum ColumnKind {
    Physical { type_text: Placed<String>, not_null: bool },
    Metadata { type_text: Placed<String>, not_null: bool, key: Option<String>, is_virtual: bool },
    Computed { expression: Box<Expr> },
}

/// `WATERMARK FOR column AS expression`
#[derive(Debug, Clone)]
pub(crate) struct WatermarkNode {
    pub(crate) column: Placed<String>,
    pub(crate) expression: Expr,
}

/// `LIKE table (options)`
#[derive(Debug, Clone)]
pub(crate) struct LikeClause {
    pub(crate) table: Placed<String>,
    /// `INCLUDING`, `EXCLUDING`, `OVERWRITING` with what it is about, both in upper case.
    pub(crate) options: Vec<LikeOption>,
}

/// One option of a `LIKE` clause: `OVERWRITING OPTIONS`.
#[derive(Debug, Clone)]
pub(crate) struct LikeOption {
    pub(crate) mode: String,
    pub(crate) what: String,
}

/// `CREATE VIEW`
#[derive(Debug, Clone)]
pub(crate) struct CreateView {
    pub(crate) name: Placed<String>,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<Ident>,
    pub(crate) query: Box<Query>,
}

/// `INSERT INTO`
#[derive(Debug, Clone)]
pub(crate) struct Insert {
    pub(crate) table: Placed<String>,
    pub(crate) overwrite: bool,
    /// `PARTITION (key = literal, …)`
    pub(crate) partition: Vec<(Placed<String>, Expr)>,
    pub(crate) columns: Vec<Placed<String>>,
    pub(crate) query: Box<Query>,
}
