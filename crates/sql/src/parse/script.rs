//! Statements of a script, one after another.

use sqlparser::ast::Query;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::diagnostic::{Diagnostic, Place, Result};

use super::create;
use super::dialect::FlinkDialect;
use super::hints::Hints;
use super::statement::{Insert, Placed, Statement};

/// Reads a whole script with its hints.
pub(crate) fn parse_script(text: &str) -> Result<(Vec<Placed<Statement>>, Hints)> {
    let tokens = tokenize(text)?;
    let hints = Hints::read(&tokens)?;
    let mut parser = parser(tokens.clone());
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let first = parser.peek_token();
        if first.token == Token::EOF {
            return Ok((statements, hints));
        }
        let place = first.span.start.into();
        let node = statement(&mut parser).and_then(|node| {
            let opens_set = matches!(node, Statement::BeginSet);
            match parser.peek_token().token {
                Token::SemiColon | Token::EOF => Ok(node),
                _ if opens_set => Ok(node),
                _ => parser.expected("`;` or the end of the script", parser.peek_token()),
            }
        });
        let node = node.map_err(|error| explain(&error, &tokens, place))?;
        statements.push(Placed { place, node });
    }
}

/// Reads one query: all of `text`.
pub(crate) fn parse_query(text: &str) -> Result<(Box<Query>, Hints)> {
    let (statements, hints) = parse_script(text)?;
    let mut statements = statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(Placed { node: Statement::Query(query), .. }), None) => Ok((query, hints)),
        (Some(other), None) => {
            Err(Diagnostic::new(other.place, "expected a query, found another statement"))
        }
        (_, Some(second)) => Err(Diagnostic::new(second.place, "expected one query, found more")),
        (None, None) => Err(Diagnostic::new(Place::START, "expected a query, found nothing")),
    }
}

fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>> {
    Tokenizer::new(&FlinkDialect, text).tokenize_with_location().map_err(|error| {
        Diagnostic::new(error.location.into(), format!("cannot parse: {}", error.message))
    })
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&FlinkDialect).with_tokens_with_locations(tokens)
}

/// The next unquoted word in upper case.
pub(super) fn peek_word(parser: &Parser<'_>, n: usize) -> String {
    match parser.peek_nth_token(n).token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// Takes the next words if they are these (upper case).
pub(super) fn take_words(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let found = words.iter().enumerate().all(|(n, word)| peek_word(parser, n) == *word);
    if found {
        words.iter().for_each(|_| drop(parser.next_token()));
    }
    found
}

fn statement(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    match peek_word(parser, 0).as_str() {
        "CREATE" => create::create(parser),
        "DROP" => drop_statement(parser),
        "INSERT" => insert(parser),
        "EXECUTE" => execute(parser),
        "BEGIN" if take_words(parser, &["BEGIN", "STATEMENT", "SET"]) => Ok(Statement::BeginSet),
        "END" => {
            parser.next_token();
            Ok(Statement::EndSet)
        }
        "SET" => set(parser),
        "RESET" => {
            parser.next_token();
            let key = words_until(parser, &[]);
            Ok(Statement::Reset((!key.is_empty()).then_some(key)))
        }
        "SHOW" | "DESCRIBE" | "DESC" => {
            words_until(parser, &[]);
            Ok(Statement::Ignored)
        }
        "USE" => use_statement(parser),
        "SELECT" | "WITH" | "VALUES" | "" => Ok(Statement::Query(parser.parse_query()?)),
        word => unsupported(parser, word),
    }
}

/// Refuses a statement by name.
fn unsupported<T>(parser: &Parser<'_>, word: &str) -> Result<T, ParserError> {
    let place = parser.peek_token().span.start;
    let message = match word {
        "EXPLAIN" => {
            "EXPLAIN is not supported; the planned graph of an application is shown by \
                      the service"
        }
        "COMPILE" => "COMPILE PLAN is not supported",
        "ALTER" => "ALTER is not supported; drop the table or view and create it again",
        "DELETE" | "UPDATE" | "TRUNCATE" => "only INSERT changes tables here",
        "ADD" | "REMOVE" => "JAR files are not supported",
        "LOAD" | "UNLOAD" => "modules are not supported",
        "ANALYZE" | "CALL" | "STOP" => "this statement is not supported",
        _ => {
            return parser.expected("a statement such as CREATE, INSERT, SET or SELECT", {
                parser.peek_token()
            });
        }
    };
    Err(error_at(message, place))
}

/// A parser error at a place, in the form `sqlparser` writes its own.
pub(super) fn error_at(message: &str, place: Location) -> ParserError {
    ParserError::ParserError(format!("{message}{place}"))
}

fn drop_statement(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    take_words(parser, &["TEMPORARY"]);
    let view = match peek_word(parser, 0).as_str() {
        "TABLE" => false,
        "VIEW" => true,
        _ => return parser.expected("TABLE or VIEW", parser.peek_token()),
    };
    parser.next_token();
    let if_exists = take_words(parser, &["IF", "EXISTS"]);
    Ok(Statement::Drop { view, name: table_name(parser)?, if_exists })
}

/// A table name; `default_catalog` and `default_database` in front of it are left out.
pub(super) fn table_name(parser: &mut Parser<'_>) -> Result<Placed<String>, ParserError> {
    let place = parser.peek_token().span.start;
    let name = parser.parse_object_name(false)?;
    let parts: Vec<&str> =
        name.0.iter().filter_map(|part| part.as_ident().map(|i| i.value.as_str())).collect();
    match parts.as_slice() {
        [name] | ["default_database", name] | ["default_catalog", "default_database", name] => {
            Ok(Placed { place: place.into(), node: (*name).to_owned() })
        }
        _ => Err(error_at(
            &format!(
                "`{name}` names a catalog or database; only \
                 `default_catalog`.`default_database` is known"
            ),
            place,
        )),
    }
}

fn insert(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    let overwrite = match peek_word(parser, 0).as_str() {
        "INTO" => false,
        "OVERWRITE" => true,
        _ => return parser.expected("INTO", parser.peek_token()),
    };
    parser.next_token();
    take_words(parser, &["TABLE"]);
    let table = table_name(parser)?;
    let mut partition = Vec::new();
    if take_words(parser, &["PARTITION"]) {
        parser.expect_token(&Token::LParen)?;
        partition = parser.parse_comma_separated(|parser| {
            let key = placed_identifier(parser)?;
            parser.expect_token(&Token::Eq)?;
            Ok((key, parser.parse_expr()?))
        })?;
        parser.expect_token(&Token::RParen)?;
    }
    let mut columns = Vec::new();
    let query_follows = matches!(peek_word(parser, 1).as_str(), "SELECT" | "WITH" | "VALUES")
        || parser.peek_nth_token(1).token == Token::LParen;
    if parser.peek_token().token == Token::LParen && !query_follows {
        columns = column_list(parser)?;
    }
    let query = parser.parse_query()?;
    Ok(Statement::Insert(Box::new(Insert { table, overwrite, partition, columns, query })))
}

/// `(a, b)`
pub(super) fn column_list(parser: &mut Parser<'_>) -> Result<Vec<Placed<String>>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let columns = parser.parse_comma_separated(placed_identifier)?;
    parser.expect_token(&Token::RParen)?;
    Ok(columns)
}

/// A name with its place.
pub(super) fn placed_identifier(parser: &mut Parser<'_>) -> Result<Placed<String>, ParserError> {
    let place = parser.peek_token().span.start.into();
    Ok(Placed { place, node: parser.parse_identifier()?.value })
}

fn execute(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    if take_words(parser, &["STATEMENT", "SET"]) {
        if !take_words(parser, &["BEGIN"]) {
            return parser.expected("BEGIN", parser.peek_token());
        }
        return Ok(Statement::BeginSet);
    }
    match peek_word(parser, 0).as_str() {
        "INSERT" => insert(parser),
        "SELECT" | "WITH" | "VALUES" => Ok(Statement::Query(parser.parse_query()?)),
        _ => parser.expected("INSERT or STATEMENT SET", parser.peek_token()),
    }
}

/// `SET 'key' = 'value'`, `SET key = value`, and `SET` alone.
fn set(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    if matches!(parser.peek_token().token, Token::SemiColon | Token::EOF) {
        return Ok(Statement::Ignored);
    }
    let key = words_until(parser, &[Token::Eq]);
    parser.expect_token(&Token::Eq)?;
    let value = words_until(parser, &[]);
    Ok(Statement::Set { key, value })
}

/// The text up to `;`, the end, or one of `ends`; a quoted text without its quotes.
fn words_until(parser: &mut Parser<'_>, ends: &[Token]) -> String {
    let mut text = String::new();
    loop {
        let token = parser.peek_token_no_skip().token;
        if matches!(token, Token::SemiColon | Token::EOF) || ends.contains(&token) {
            return text.trim().to_owned();
        }
        match token {
            Token::SingleQuotedString(value) => text.push_str(&value),
            token => text.push_str(&token.to_string()),
        }
        parser.next_token_no_skip();
    }
}

/// `USE CATALOG default_catalog`, `USE default_database`.
fn use_statement(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    parser.next_token();
    take_words(parser, &["CATALOG"]);
    let place = parser.peek_token().span.start;
    let name = parser.parse_object_name(false)?.to_string().replace('`', "");
    match name.as_str() {
        "default_catalog" | "default_database" | "default_catalog.default_database" => {
            Ok(Statement::Ignored)
        }
        _ => Err(error_at(
            &format!("there is no `{name}`; only `default_catalog`.`default_database` is known"),
            place,
        )),
    }
}

/// The diagnostic for a parser error. A mistake inside a sub-query comes out of `sqlparser` as a
/// mistake at its parenthesis, so sub-queries are tried on their own first.
fn explain(error: &ParserError, tokens: &[TokenWithSpan], statement: Place) -> Diagnostic {
    let matching = tokens.iter().find(|token| {
        Place::from(token.span.start) >= statement
            && matches!(&token.token, Token::Word(w) if w.keyword == Keyword::MATCH_RECOGNIZE)
    });
    if let Some(token) = matching {
        // Only part of its syntax is read; what went wrong there does not matter.
        let place = token.span.start.into();
        return Diagnostic::new(place, "MATCH_RECOGNIZE is not supported yet");
    }
    let outer = diagnostic(error, tokens, statement);
    let rest: Vec<&TokenWithSpan> = tokens
        .iter()
        .filter(|token| Place::from(token.span.start) >= statement)
        .take_while(|token| token.token != Token::SemiColon)
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    let opens = rest.windows(2).enumerate().filter(|(_, pair)| {
        let query = matches!(&pair[1].token, Token::Word(word)
            if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES));
        pair[0].token == Token::LParen && query
    });
    let inner = opens.filter_map(|(at, _)| {
        let end = closing(&rest, at)?;
        let inside: Vec<TokenWithSpan> = rest[at + 1..=end].iter().copied().cloned().collect();
        let mut parser = parser(inside.clone());
        let parsed = parser.parse_query().and_then(|_| parser.expect_token(&Token::RParen));
        Some(diagnostic(&parsed.err()?, &inside, statement))
    });
    inner
        .max_by_key(Diagnostic::place)
        .filter(|inner| inner.place() > outer.place())
        .unwrap_or(outer)
}

/// Index of the `)` that closes the `(` at `open`.
fn closing(tokens: &[&TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some(at),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The error's message and place; without a place it is about the end of the text.
fn diagnostic(error: &ParserError, tokens: &[TokenWithSpan], statement: Place) -> Diagnostic {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return Diagnostic::new(statement, "cannot parse: the statement is nested too deeply");
        }
    };
    let end = tokens.last().map_or(Place::START, |token| token.span.end.into());
    let (message, place) = message
        .rsplit_once(" at Line: ")
        .and_then(|(message, place)| {
            let (line, column) = place.split_once(", Column: ")?;
            Some((message, Place { line: line.parse().ok()?, column: column.parse().ok()? }))
        })
        .unwrap_or((message.as_str(), end));
    match message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected ")) {
        Some(expected) => Diagnostic::new(place, format!("cannot parse: expected {expected}")),
        None => Diagnostic::new(place, message),
    }
}
