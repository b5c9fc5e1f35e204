//! `CREATE TABLE` and `CREATE VIEW`.

use std::collections::BTreeMap;

use sqlparser::ast::Ident;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::script::{column_list, error_at, peek_word, placed_identifier, table_name, take_words};
use super::statement::{
    ColumnKind, ColumnNode, CreateTable, CreateView, LikeClause, LikeOption, Placed, Statement,
    WatermarkNode,
};
use super::types::take_type;

/// `CREATE …`
pub(super) fn create(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    let start = parser.next_token().span.start;
    if take_words(parser, &["OR", "REPLACE"]) {
        return Err(error_at(
            "CREATE OR REPLACE is not supported; DROP it first with IF EXISTS",
            start,
        ));
    }
    let temporary = take_words(parser, &["TEMPORARY"]);
    take_words(parser, &["SYSTEM"]);
    match peek_word(parser, 0).as_str() {
        "TABLE" => table(parser),
        "VIEW" => view(parser),
        "FUNCTION" => Err(error_at(
            "CREATE FUNCTION is not supported: user-defined functions cannot be run yet",
            start,
        )),
        "CATALOG" | "DATABASE" if !temporary => catalog(parser),
        _ => parser.expected("TABLE or VIEW", parser.peek_token()),
    }
}

/// `CREATE CATALOG | DATABASE [IF NOT EXISTS]` of the default ones, which exist.
fn catalog(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    take_words(parser, &["IF", "NOT", "EXISTS"]);
    let name = placed_identifier(parser)?;
    match name.node.as_str() {
        "default_catalog" | "default_database" => Ok(Statement::Ignored),
        _ => parser.expected(
            "`default_catalog` or `default_database`, the only ones there are",
            parser.peek_token(),
        ),
    }
}

fn view(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let name = table_name(parser)?;
    let mut columns: Vec<Ident> = Vec::new();
    if parser.consume_token(&Token::LParen) {
        columns = parser.parse_comma_separated(|parser| {
            let column = parser.parse_identifier()?;
            comment(parser)?;
            Ok(column)
        })?;
        parser.expect_token(&Token::RParen)?;
    }
    comment(parser)?;
    if !take_words(parser, &["AS"]) {
        return parser.expected("AS", parser.peek_token());
    }
    let query = parser.parse_query()?;
    Ok(Statement::CreateView(CreateView { name, if_not_exists, columns, query }))
}

fn table(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let mut table = CreateTable {
        name: table_name(parser)?,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: Vec::new(),
        partition_keys: Vec::new(),
        options: BTreeMap::new(),
        like: None,
    };
    if parser.consume_token(&Token::LParen) && !parser.consume_token(&Token::RParen) {
        parser.parse_comma_separated(|parser| element(parser, &mut table))?;
        parser.expect_token(&Token::RParen)?;
    }
    comment(parser)?;
    if matches!(peek_word(parser, 0).as_str(), "DISTRIBUTED") {
        let place = parser.peek_token().span.start;
        return Err(error_at("DISTRIBUTED BY is not supported; leave it out", place));
    }
    if take_words(parser, &["PARTITIONED", "BY"]) {
        table.partition_keys = column_list(parser)?;
    }
    if take_words(parser, &["WITH"]) {
        table.options = options(parser)?;
    }
    match peek_word(parser, 0).as_str() {
        "LIKE" => table.like = Some(like(parser)?),
        "AS" => {
            let place = parser.peek_token().span.start;
            return Err(error_at(
                "CREATE TABLE … AS is not supported; write CREATE TABLE with columns, then INSERT",
                place,
            ));
        }
        _ => {}
    }
    Ok(Statement::CreateTable(Box::new(table)))
}

/// A column, constraint or watermark.
fn element(parser: &mut Parser<'_>, table: &mut CreateTable) -> Result<(), ParserError> {
    match (peek_word(parser, 0).as_str(), peek_word(parser, 1).as_str()) {
        ("WATERMARK", "FOR") => {
            let place = parser.peek_token().span.start;
            take_words(parser, &["WATERMARK", "FOR"]);
            let column = placed_identifier(parser)?;
            if !take_words(parser, &["AS"]) {
                return parser.expected("AS", parser.peek_token());
            }
            let expression = parser.parse_expr()?;
            if table.watermark.replace(WatermarkNode { column, expression }).is_some() {
                return Err(error_at("a table can have only one watermark", place));
            }
            Ok(())
        }
        ("CONSTRAINT", _) => {
            parser.next_token();
            parser.parse_identifier()?;
            primary_key(parser, table)
        }
        ("PRIMARY", "KEY") | ("UNIQUE", _) => primary_key(parser, table),
        _ => column(parser, table),
    }
}

/// `PRIMARY KEY (a, b) NOT ENFORCED`
fn primary_key(parser: &mut Parser<'_>, table: &mut CreateTable) -> Result<(), ParserError> {
    let place = parser.peek_token().span.start;
    if !take_words(parser, &["PRIMARY", "KEY"]) {
        return Err(error_at("only PRIMARY KEY constraints are supported", place));
    }
    table.primary_key = column_list(parser)?;
    not_enforced(parser)
}

fn not_enforced(parser: &mut Parser<'_>) -> Result<(), ParserError> {
    if take_words(parser, &["NOT", "ENFORCED"]) {
        return Ok(());
    }
    Err(error_at(
        "a PRIMARY KEY must be declared NOT ENFORCED: tables are not owned by the engine",
        parser.peek_token().span.start,
    ))
}

fn column(parser: &mut Parser<'_>, table: &mut CreateTable) -> Result<(), ParserError> {
    let name = placed_identifier(parser)?;
    if take_words(parser, &["AS"]) {
        let expression = Box::new(parser.parse_expr()?);
        comment(parser)?;
        table.columns.push(ColumnNode { name, kind: ColumnKind::Computed { expression } });
        return Ok(());
    }
    let type_text = take_type(parser)?;
    let mut not_null = false;
    let mut metadata = None;
    loop {
        if take_words(parser, &["NOT", "NULL"]) {
            not_null = true;
        } else if take_words(parser, &["NULL"]) {
            not_null = false;
        } else if take_words(parser, &["METADATA"]) {
            let key = match take_words(parser, &["FROM"]) {
                true => Some(parser.parse_literal_string()?),
                false => None,
            };
            metadata = Some((key, take_words(parser, &["VIRTUAL"])));
        } else if take_words(parser, &["PRIMARY", "KEY"]) {
            table.primary_key = vec![name.clone()];
            not_enforced(parser)?;
        } else if !comment(parser)? {
            break;
        }
    }
    let kind = match metadata {
        None => ColumnKind::Physical { type_text, not_null },
        Some((key, is_virtual)) => ColumnKind::Metadata { type_text, not_null, key, is_virtual },
    };
    table.columns.push(ColumnNode { name, kind });
    Ok(())
}

/// `COMMENT 'text'`, which has no meaning for a program.
fn comment(parser: &mut Parser<'_>) -> Result<bool, ParserError> {
    let found = take_words(parser, &["COMMENT"]);
    if found {
        parser.parse_literal_string()?;
    }
    Ok(found)
}

/// `('key' = 'value', …)`
fn options(parser: &mut Parser<'_>) -> Result<BTreeMap<String, Placed<String>>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let mut options = BTreeMap::new();
    if parser.consume_token(&Token::RParen) {
        return Ok(options);
    }
    parser.parse_comma_separated(|parser| {
        let place = parser.peek_token().span.start;
        let key = parser.parse_literal_string()?;
        parser.expect_token(&Token::Eq)?;
        let node = parser.parse_literal_string()?;
        if options.insert(key.clone(), Placed { place: place.into(), node }).is_some() {
            return Err(error_at(&format!("option `{key}` is given twice"), place));
        }
        Ok(())
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(options)
}

/// `LIKE t [(INCLUDING ALL, OVERWRITING OPTIONS …)]`
fn like(parser: &mut Parser<'_>) -> Result<LikeClause, ParserError> {
    parser.next_token();
    let mut like = LikeClause { table: table_name(parser)?, options: Vec::new() };
    if parser.consume_token(&Token::LParen) {
        while !parser.consume_token(&Token::RParen) {
            let mode = peek_word(parser, 0);
            if !matches!(mode.as_str(), "INCLUDING" | "EXCLUDING" | "OVERWRITING") {
                return parser.expected("INCLUDING, EXCLUDING or OVERWRITING", parser.peek_token());
            }
            parser.next_token();
            let what = peek_word(parser, 0);
            if !matches!(
                what.as_str(),
                "ALL"
                    | "CONSTRAINTS"
                    | "DISTRIBUTION"
                    | "GENERATED"
                    | "METADATA"
                    | "OPTIONS"
                    | "PARTITIONS"
                    | "WATERMARKS"
            ) {
                return parser.expected(
                    "ALL, CONSTRAINTS, GENERATED, METADATA, OPTIONS, PARTITIONS or WATERMARKS",
                    parser.peek_token(),
                );
            }
            parser.next_token();
            like.options.push(LikeOption { mode, what });
            let _ = parser.consume_token(&Token::Comma);
        }
    }
    Ok(like)
}
