//! Pieces of syntax that become markers in `sqlparser`'s tree: data types and `TABLE t`
//! arguments.

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName,
};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token};

use crate::diagnostic::Place;

use super::statement::Placed;

/// Name of the custom `DataType` that holds a Flink type as text, with its line and column.
pub(crate) const NAMED_TYPE: &str = "$type";

/// Name of the function that stands for `TABLE t [PARTITION BY a, b]` in an argument list: the
/// table's name, then the columns.
pub(crate) const TABLE_ARGUMENT: &str = "$TABLE";

/// Reads a data type and keeps its text: Flink's types (`ROW<…>`, `MULTISET<…>`,
/// `TIMESTAMP(3) WITH LOCAL TIME ZONE`) are more than `sqlparser` knows.
pub(super) fn take_type(parser: &mut Parser<'_>) -> Result<Placed<String>, ParserError> {
    let first = parser.next_token();
    let Token::Word(_) = &first.token else {
        return parser.expected("a data type", first);
    };
    let place = first.span.start.into();
    let mut text = first.token.to_string();
    loop {
        let token = parser.peek_token();
        match &token.token {
            Token::LParen => take_nested(parser, &mut text, &Token::LParen, &Token::RParen)?,
            Token::Lt => take_nested(parser, &mut text, &Token::Lt, &Token::Gt)?,
            Token::Word(word) if continues(parser, &word.value) => {
                parser.next_token();
                text.push(' ');
                text.push_str(&word.value);
            }
            _ => return Ok(Placed { place, node: text }),
        }
    }
}

/// Whether `word` belongs to the type before it.
fn continues(parser: &Parser<'_>, word: &str) -> bool {
    let next = || match parser.peek_nth_token(1).token {
        Token::Word(word) => word.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    match word.to_ascii_uppercase().as_str() {
        "WITH" | "WITHOUT" => matches!(next().as_str(), "TIME" | "LOCAL"),
        "LOCAL" | "TIME" | "ZONE" | "PRECISION" | "VARYING" | "ARRAY" | "MULTISET" => true,
        _ => false,
    }
}

/// Takes everything from `open` to its `close`.
fn take_nested(
    parser: &mut Parser<'_>,
    text: &mut String,
    open: &Token,
    close: &Token,
) -> Result<(), ParserError> {
    let mut depth = 0;
    loop {
        let token = parser.next_token();
        depth += match &token.token {
            token if token == open => 1,
            token if token == close => -1,
            Token::ShiftRight if *close == Token::Gt => -2,
            Token::Neq if *close == Token::Gt => 0,
            Token::EOF | Token::SemiColon => {
                return parser.expected(&format!("`{close}` at the end of the data type"), token);
            }
            _ => 0,
        };
        if matches!(token.token, Token::Word(_)) {
            text.push(' ');
        }
        text.push_str(&token.token.to_string());
        if depth <= 0 {
            return Ok(());
        }
    }
}

/// A type as `sqlparser` carries it through the tree.
pub(super) fn named_type(text: Placed<String>) -> DataType {
    let name = ObjectName::from(vec![Ident::new(NAMED_TYPE)]);
    let place = [text.place.line.to_string(), text.place.column.to_string()];
    DataType::Custom(name, [text.node].into_iter().chain(place).collect())
}

/// The type text and its place in a [`named_type`].
pub(crate) fn type_text(data_type: &DataType, otherwise: Place) -> Placed<String> {
    match data_type {
        DataType::Custom(name, parts) if name.to_string() == NAMED_TYPE && parts.len() == 3 => {
            let place = match (parts[1].parse(), parts[2].parse()) {
                (Ok(line), Ok(column)) => Place { line, column },
                _ => otherwise,
            };
            Placed { place, node: parts[0].clone() }
        }
        other => Placed { place: otherwise, node: other.to_string() },
    }
}

/// `TABLE t [PARTITION BY a, b]` behind a `(` or `=>`.
pub(super) fn table_argument(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    let name = parser.parse_object_name(false)?;
    let idents: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
    let Some(idents) = idents else {
        return parser.expected("a table name", parser.peek_token());
    };
    let mut arguments = vec![Expr::CompoundIdentifier(idents)];
    if parser.parse_keywords(&[
        sqlparser::keywords::Keyword::PARTITION,
        sqlparser::keywords::Keyword::BY,
    ]) {
        arguments.extend(partition_columns(parser)?.into_iter().map(Expr::Identifier));
    }
    Ok(function(Ident::with_span(span, TABLE_ARGUMENT), arguments))
}

/// `a`, `a, b` or `(a, b)`; a comma before something that is no plain name ends the list.
fn partition_columns(parser: &mut Parser<'_>) -> Result<Vec<Ident>, ParserError> {
    if parser.consume_token(&Token::LParen) {
        let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
        return Ok(columns);
    }
    let mut columns = vec![parser.parse_identifier()?];
    while matches!(parser.peek_nth_token(0).token, Token::Comma)
        && matches!(parser.peek_nth_token(1).token, Token::Word(_))
        && matches!(parser.peek_nth_token(2).token, Token::Comma | Token::RParen)
    {
        parser.next_token();
        columns.push(parser.parse_identifier()?);
    }
    Ok(columns)
}

/// A plain function call.
pub(super) fn function(name: Ident, arguments: Vec<Expr>) -> Expr {
    let arguments =
        arguments.into_iter().map(|a| FunctionArg::Unnamed(FunctionArgExpr::Expr(a))).collect();
    call(name, arguments)
}

/// A function call with these arguments.
pub(super) fn call(name: Ident, args: Vec<FunctionArg>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    })
}

/// Name of a function the parser made up, at the place of the word it stands for.
pub(super) fn ident(name: &str, span: Span) -> Ident {
    Ident::with_span(span, name)
}
