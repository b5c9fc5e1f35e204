//! Type texts: `DECIMAL(10, 2) NOT NULL`, `ROW<a INT, b ARRAY<STRING>>`.

use super::{Kind, MAX_LENGTH, SqlType};

/// Type written in a parsed statement.
pub fn from_ast(data_type: &sqlparser::ast::DataType) -> Result<SqlType, String> {
    parse_type(&data_type.to_string())
}

/// Reads a type as Flink's DDL writes it, in every spelling that Flink takes.
///
/// # Errors
/// A sentence that names the part which is no type.
pub fn parse_type(text: &str) -> Result<SqlType, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let parsed = parser.sql_type()?;
    match parser.peek() {
        None => Ok(parsed),
        Some(token) => Err(format!("unexpected `{}` in type `{text}`", token.text())),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Comment(String),
    Number(u32),
    Symbol(char),
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Word(t) | Self::Quoted(t) | Self::Comment(t) => t.clone(),
            Self::Number(n) => n.to_string(),
            Self::Symbol(c) => c.to_string(),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '`' | '"' | '\'' => {
                let end = rest[1..].find(c).ok_or_else(|| format!("unclosed quote in `{text}`"))?;
                let inner = rest[1..=end].to_owned();
                found.push(if c == '\'' { Token::Comment(inner) } else { Token::Quoted(inner) });
                end + 2
            }
            '0'..='9' => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let number = rest[..end].parse();
                found.push(Token::Number(number.map_err(|_| format!("bad length in `{text}`"))?));
                end
            }
            c if c.is_alphanumeric() || c == '_' => {
                let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
                found.push(Token::Word(rest[..end].to_owned()));
                end
            }
            c => {
                found.push(Token::Symbol(c));
                c.len_utf8()
            }
        };
        rest = rest[end..].trim_start();
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| "the type ends too early".to_owned())
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn words(&mut self, wanted: &[&str]) -> bool {
        let start = self.at;
        if wanted.iter().all(|word| self.word(word)) {
            return true;
        }
        self.at = start;
        false
    }

    fn symbol(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(wanted));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.symbol(wanted) {
            return Ok(());
        }
        match self.peek() {
            Some(token) => Err(format!("`{}` where `{wanted}` was expected", token.text())),
            None => Err(format!("`{wanted}` is missing")),
        }
    }

    fn sql_type(&mut self) -> Result<SqlType, String> {
        let mut found = SqlType::nullable(self.kind()?).with_nullable(self.nullability());
        loop {
            let kind = if self.word("ARRAY") {
                Kind::Array(Box::new(found))
            } else if self.word("MULTISET") {
                Kind::Multiset(Box::new(found))
            } else if self.symbol('[') {
                self.expect(']')?;
                Kind::Array(Box::new(found))
            } else {
                return Ok(found);
            };
            found = SqlType::nullable(kind).with_nullable(self.nullability());
        }
    }

    fn nullability(&mut self) -> bool {
        if self.words(&["NOT", "NULL"]) {
            return false;
        }
        self.word("NULL");
        true
    }

    /// `(n)` after a type's name.
    fn parameter(&mut self, name: &str, least: u32, most: u32) -> Result<Option<u32>, String> {
        if !self.symbol('(') {
            return Ok(None);
        }
        let number = match self.next()? {
            Token::Number(n) => n,
            Token::Word(word) if word.eq_ignore_ascii_case("max") => most,
            token => return Err(format!("`{}` is no length of `{name}`", token.text())),
        };
        if number < least || number > most {
            return Err(format!("`{name}({number})` is out of range, use {least} to {most}"));
        }
        self.expect(')')?;
        Ok(Some(number))
    }

    fn precision(&mut self, name: &str, default: u8) -> Result<u8, String> {
        Ok(self.parameter(name, 0, 9)?.map_or(default, |p| p as u8))
    }

    fn kind(&mut self) -> Result<Kind, String> {
        let name = match self.next()? {
            Token::Word(word) => word.to_ascii_uppercase(),
            token => return Err(format!("`{}` is no type", token.text())),
        };
        let kind = match name.as_str() {
            "BOOLEAN" | "BOOL" => Kind::Boolean,
            "TINYINT" => Kind::TinyInt,
            "SMALLINT" => Kind::SmallInt,
            "INT" | "INTEGER" => Kind::Int,
            "BIGINT" => Kind::BigInt,
            "FLOAT" => Kind::Float,
            "DOUBLE" => {
                self.word("PRECISION");
                Kind::Double
            }
            "DECIMAL" | "DEC" | "NUMERIC" => self.decimal()?,
            "STRING" => Kind::String,
            "BYTES" => Kind::Bytes,
            "DATE" => Kind::Date,
            "CHAR" | "CHARACTER" | "VARCHAR" | "BINARY" | "VARBINARY" => self.sized(&name)?,
            "TIME" => {
                let precision = self.precision("TIME", 0)?;
                self.words(&["WITHOUT", "TIME", "ZONE"]);
                Kind::Time(precision)
            }
            "TIMESTAMP" | "TIMESTAMP_LTZ" => self.timestamp(&name)?,
            "INTERVAL" => self.interval()?,
            "ARRAY" | "MULTISET" | "MAP" | "ROW" => self.nested(&name)?,
            "NULL" => Kind::Null,
            _ => return Err(format!("`{name}` is no type of Flink SQL")),
        };
        Ok(kind)
    }

    fn decimal(&mut self) -> Result<Kind, String> {
        if !self.symbol('(') {
            return Ok(Kind::Decimal { precision: 10, scale: 0 });
        }
        let Token::Number(precision) = self.next()? else {
            return Err("`DECIMAL` needs a number of digits".to_owned());
        };
        let scale = if self.symbol(',') {
            match self.next()? {
                Token::Number(scale) => scale,
                token => return Err(format!("`{}` is no scale", token.text())),
            }
        } else {
            0
        };
        self.expect(')')?;
        if precision == 0 || precision > 38 || scale > precision {
            return Err(format!(
                "`DECIMAL({precision}, {scale})` is out of range, use 1 to 38 digits and no larger \
                 scale"
            ));
        }
        Ok(Kind::Decimal { precision: precision as u8, scale: scale as u8 })
    }

    fn sized(&mut self, name: &str) -> Result<Kind, String> {
        let varying = self.word("VARYING");
        let length = self.parameter(name, 1, MAX_LENGTH)?;
        Ok(match (name, varying, length) {
            // Without a length the varying types are as long as can be, the fixed ones 1.
            ("VARCHAR", _, None | Some(MAX_LENGTH)) | ("CHAR" | "CHARACTER", true, None) => {
                Kind::String
            }
            ("VARBINARY", _, None | Some(MAX_LENGTH)) | ("BINARY", true, None) => Kind::Bytes,
            ("VARBINARY", _, Some(n)) | ("BINARY", true, Some(n)) => Kind::VarBinary(n),
            ("BINARY", false, n) => Kind::Binary(n.unwrap_or(1)),
            ("VARCHAR", _, Some(n)) | (_, true, Some(n)) => Kind::VarChar(n),
            (_, _, n) => Kind::Char(n.unwrap_or(1)),
        })
    }

    fn timestamp(&mut self, name: &str) -> Result<Kind, String> {
        let precision = self.precision(name, 6)?;
        if name == "TIMESTAMP_LTZ" || self.words(&["WITH", "LOCAL", "TIME", "ZONE"]) {
            return Ok(Kind::TimestampLtz(precision));
        }
        if self.words(&["WITH", "TIME", "ZONE"]) {
            return Err("`TIMESTAMP WITH TIME ZONE` is not supported, use `TIMESTAMP_LTZ`".into());
        }
        self.words(&["WITHOUT", "TIME", "ZONE"]);
        Ok(Kind::Timestamp(precision))
    }

    fn interval(&mut self) -> Result<Kind, String> {
        let last = loop {
            let unit = match self.next()? {
                Token::Word(unit) => unit.to_ascii_uppercase(),
                token => return Err(format!("`{}` is no unit of an interval", token.text())),
            };
            self.parameter("INTERVAL", 0, 10)?;
            if !self.word("TO") {
                break unit;
            }
        };
        match last.as_str() {
            "YEAR" | "MONTH" => Ok(Kind::IntervalYearMonth),
            "DAY" | "HOUR" | "MINUTE" | "SECOND" => Ok(Kind::IntervalDayTime),
            unit => Err(format!("`{unit}` is no unit of an interval")),
        }
    }

    fn nested(&mut self, name: &str) -> Result<Kind, String> {
        let close = if self.symbol('<') {
            '>'
        } else if self.symbol('(') {
            ')'
        } else {
            return Err(format!("`{name}` needs its types, as in `{name}<…>`"));
        };
        if name == "ROW" {
            return self.row(close);
        }
        let first = Box::new(self.sql_type()?);
        let kind = match name {
            "ARRAY" => Kind::Array(first),
            "MULTISET" => Kind::Multiset(first),
            _ => {
                self.expect(',')?;
                Kind::Map(first, Box::new(self.sql_type()?))
            }
        };
        self.expect(close)?;
        Ok(kind)
    }

    fn row(&mut self, close: char) -> Result<Kind, String> {
        let mut fields = Vec::new();
        while !self.symbol(close) {
            if !fields.is_empty() {
                self.expect(',')?;
            }
            let name = match self.next()? {
                Token::Word(name) | Token::Quoted(name) => name,
                token => return Err(format!("`{}` is no field name", token.text())),
            };
            fields.push((name, self.sql_type()?));
            if matches!(self.peek(), Some(Token::Comment(_))) {
                self.at += 1;
            }
        }
        Ok(Kind::Row(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_type;

    #[track_caller]
    fn check(text: &str, want: &str) {
        match parse_type(text) {
            Ok(parsed) => assert_eq!(parsed.to_string(), want),
            Err(message) => assert_eq!(message, want),
        }
    }

    #[test]
    fn types_print_as_flink_prints_them() {
        check("int", "INT");
        check("DECIMAL(10,2) NOT NULL", "DECIMAL(10, 2) NOT NULL");
        check("numeric", "DECIMAL(10, 0)");
        check("CHARACTER VARYING(3)", "VARCHAR(3)");
        check("VARCHAR(2147483647)", "STRING");
        check("TIMESTAMP", "TIMESTAMP(6)");
        check("TIMESTAMP(3) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)");
        check("TIMESTAMP_LTZ(3)", "TIMESTAMP_LTZ(3)");
        check("TIME WITHOUT TIME ZONE", "TIME(0)");
        check("INT ARRAY NOT NULL", "ARRAY<INT> NOT NULL");
        check(
            "ROW<a INT, b ROW<c STRING, `d e` ARRAY<INT NOT NULL>>>",
            "ROW<`a` INT, `b` ROW<`c` STRING, `d e` ARRAY<INT NOT NULL>>>",
        );
        check("ROW(a INT 'note', b INT)", "ROW<`a` INT, `b` INT>");
        check("MAP<STRING, MULTISET<INT>>", "MAP<STRING, MULTISET<INT>>");
        check("INTERVAL DAY(3) TO SECOND(3)", "INTERVAL DAY TO SECOND");
        check("INTERVAL MONTH", "INTERVAL YEAR TO MONTH");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        check("TEXT", "`TEXT` is no type of Flink SQL");
        check(
            "DECIMAL(39, 2)",
            "`DECIMAL(39, 2)` is out of range, use 1 to 38 digits and no larger scale",
        );
        check("TIMESTAMP(10)", "`TIMESTAMP(10)` is out of range, use 0 to 9");
        check("ARRAY<INT", "`>` is missing");
        check("INT INT", "unexpected `INT` in type `INT INT`");
    }
}
