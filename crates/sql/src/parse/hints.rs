//! `/*+ OPTIONS('key'='value') */`: table hints, which `sqlparser` sees as comments.

use std::collections::{BTreeMap, HashMap};

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::diagnostic::{Diagnostic, Place, Result};

use super::dialect::FlinkDialect;

/// Options given by hints, by the place of the table name's last part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hints(HashMap<Place, BTreeMap<String, String>>);

impl Hints {
    /// Reads the hints among a script's tokens.
    pub(crate) fn read(tokens: &[TokenWithSpan]) -> Result<Self> {
        let mut hints = Self::default();
        // The word just read if it can be (the end of) a table's name; what came before it.
        let (mut name, mut before): (Option<Place>, Option<&Token>) = (None, None);
        for token in tokens {
            match &token.token {
                Token::Whitespace(Whitespace::MultiLineComment(text)) => {
                    let Some(hint) = text.strip_prefix('+') else { continue };
                    let place = token.span.start.into();
                    let options = options(hint, place)?;
                    let Some(name) = name else {
                        return Err(misplaced(place));
                    };
                    hints.0.entry(name).or_default().extend(options);
                    continue;
                }
                Token::Whitespace(_) => continue,
                Token::Word(_) if before.is_some_and(names_table) => {
                    name = Some(token.span.start.into());
                }
                // A part of a name follows its first part.
                Token::Period if name.is_some() => {}
                _ => name = None,
            }
            before = Some(&token.token);
        }
        Ok(hints)
    }

    /// The hint behind the table name that ends with the word at `place`.
    pub(crate) fn at(&self, place: Option<Place>) -> Option<&BTreeMap<String, String>> {
        self.0.get(&place?)
    }
}

/// Whether a table's name, or a further part of a name, can follow.
fn names_table(before: &Token) -> bool {
    match before {
        Token::Comma | Token::Period => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::FROM | Keyword::JOIN | Keyword::INTO | Keyword::TABLE | Keyword::OVERWRITE
        ),
        _ => false,
    }
}

fn misplaced(place: Place) -> Diagnostic {
    Diagnostic::new(place, "a hint must stand directly behind a table name")
        .hint("write `FROM t /*+ OPTIONS('key' = 'value') */`")
}

/// `OPTIONS('key'='value', …)`
fn options(hint: &str, place: Place) -> Result<BTreeMap<String, String>> {
    let refused = || {
        Diagnostic::new(place, format!("hint `{}` is not supported", hint.trim()))
            .hint("only `/*+ OPTIONS('key' = 'value') */` is known")
    };
    let tokens = Tokenizer::new(&FlinkDialect, hint).tokenize().map_err(|_| refused())?;
    let mut tokens = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
    match tokens.next() {
        Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("options") => {}
        _ => return Err(refused()),
    }
    if tokens.next() != Some(Token::LParen) {
        return Err(refused());
    }
    let mut options = BTreeMap::new();
    loop {
        match (tokens.next(), tokens.next(), tokens.next(), tokens.next()) {
            (
                Some(Token::SingleQuotedString(key)),
                Some(Token::Eq),
                Some(Token::SingleQuotedString(value)),
                Some(end),
            ) => {
                options.insert(key, value);
                match end {
                    Token::Comma => {}
                    Token::RParen => return Ok(options),
                    _ => return Err(refused()),
                }
            }
            _ => return Err(refused()),
        }
    }
}
