//! SQL/JSON functions with their clauses: `JSON_VALUE(j, '$.a' RETURNING INT NULL ON EMPTY)`.
//!
//! A call becomes a plain function call: the operands first, then each clause as a named
//! argument (`RETURNING`, `ON EMPTY`, `ON ERROR`, `DEFAULT ON EMPTY`, `DEFAULT ON ERROR`,
//! `WRAPPER`, `ON NULL`) whose value is the clause's words as text, or the default's expression.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, Ident, Value};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::types::{call, ident, take_type};

/// Reads the call if `name` (upper case) is a function with clauses.
pub(super) fn parse(parser: &mut Parser<'_>, name: &str) -> Option<Result<Expr, ParserError>> {
    let operands: fn(&mut Parser<'_>) -> Result<Vec<FunctionArg>, ParserError> = match name {
        "JSON_VALUE" | "JSON_QUERY" | "JSON_EXISTS" | "JSON_ARRAY" => values,
        "JSON_OBJECT" => pairs,
        _ => return None,
    };
    Some(parse_call(parser, name, operands))
}

fn parse_call(
    parser: &mut Parser<'_>,
    name: &str,
    operands: fn(&mut Parser<'_>) -> Result<Vec<FunctionArg>, ParserError>,
) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    parser.expect_token(&Token::LParen)?;
    let mut arguments = Vec::new();
    if parser.peek_token_ref().token != Token::RParen && !at_null_clause(parser) {
        arguments = operands(parser)?;
    }
    while parser.peek_token_ref().token != Token::RParen {
        arguments.push(clause(parser)?);
    }
    parser.expect_token(&Token::RParen)?;
    Ok(call(ident(name, span), arguments))
}

fn values(parser: &mut Parser<'_>) -> Result<Vec<FunctionArg>, ParserError> {
    parser.parse_comma_separated(|parser| Ok(operand(parser.parse_expr()?)))
}

/// `[KEY] key VALUE value, …` or `key : value, …`
fn pairs(parser: &mut Parser<'_>) -> Result<Vec<FunctionArg>, ParserError> {
    let pairs = parser.parse_comma_separated(|parser| {
        if word(parser, 0) == "KEY" && word(parser, 1) != "VALUE" {
            parser.next_token();
        }
        let key = parser.parse_expr()?;
        if !take(parser, "VALUE") {
            parser.expect_token(&Token::Colon)?;
        }
        Ok([operand(key), operand(parser.parse_expr()?)])
    })?;
    Ok(pairs.into_iter().flatten().collect())
}

fn clause(parser: &mut Parser<'_>) -> Result<FunctionArg, ParserError> {
    let start = parser.peek_token();
    if take(parser, "RETURNING") {
        let text = take_type(parser)?.node;
        return Ok(named("RETURNING", text_value(text)));
    }
    if matches!(word(parser, 0).as_str(), "WITH" | "WITHOUT") {
        let mut words = Vec::new();
        while !take(parser, "WRAPPER") {
            words.push(next_word(parser, "WRAPPER")?);
        }
        return Ok(named("WRAPPER", text_value(words.join(" "))));
    }
    if take(parser, "DEFAULT") {
        let value = parser.parse_expr()?;
        let on = on(parser)?;
        return Ok(named(&format!("DEFAULT {on}"), value));
    }
    let mut words = Vec::new();
    while word(parser, 0) != "ON" {
        if words.len() == 2 {
            return parser.expected("a clause of the JSON function", start);
        }
        words.push(next_word(parser, "a clause of the JSON function or `)`")?);
    }
    let on = on(parser)?;
    Ok(named(&on, text_value(words.join(" "))))
}

/// `ON EMPTY`, `ON ERROR`, `ON NULL`
fn on(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    if !take(parser, "ON") {
        return parser.expected("`ON EMPTY` or `ON ERROR`", parser.peek_token());
    }
    let what = parser.peek_token();
    match next_word(parser, "`EMPTY`, `ERROR` or `NULL`")?.as_str() {
        word @ ("EMPTY" | "ERROR" | "NULL") => Ok(format!("ON {word}")),
        _ => parser.expected("`EMPTY`, `ERROR` or `NULL`", what),
    }
}

/// Whether `NULL ON NULL` or `ABSENT ON NULL` comes next: a constructor without operands.
fn at_null_clause(parser: &Parser<'_>) -> bool {
    matches!(word(parser, 0).as_str(), "NULL" | "ABSENT") && word(parser, 1) == "ON"
}

/// The unquoted word `n` tokens ahead, in upper case; empty if there is none.
fn word(parser: &Parser<'_>, n: usize) -> String {
    match parser.peek_nth_token(n).token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    }
}

fn take(parser: &mut Parser<'_>, wanted: &str) -> bool {
    let found = word(parser, 0) == wanted;
    if found {
        parser.next_token();
    }
    found
}

fn next_word(parser: &mut Parser<'_>, expected: &str) -> Result<String, ParserError> {
    let found = word(parser, 0);
    if found.is_empty() {
        return parser.expected(expected, parser.peek_token());
    }
    parser.next_token();
    Ok(found)
}

fn operand(value: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(value))
}

fn named(name: &str, value: Expr) -> FunctionArg {
    FunctionArg::Named {
        name: Ident::new(name),
        arg: FunctionArgExpr::Expr(value),
        operator: FunctionArgOperator::RightArrow,
    }
}

fn text_value(text: String) -> Expr {
    Expr::value(Value::SingleQuotedString(text))
}
