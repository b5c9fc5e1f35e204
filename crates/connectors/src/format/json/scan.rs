//! A cursor over the bytes of one JSON text.
//!
//! The `plain_*` methods read the common shape of a value at full speed and leave the cursor alone
//! when they meet anything else; the others read all of JSON. The text must be valid UTF-8. Like
//! Flink's parser, raw control characters in strings pass and what follows the record is not read.

/// Why a record is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It is no JSON: nothing of the record can be used.
    Syntax(&'static str),
    /// One value does not fit its column.
    Value(&'static str),
    /// A NOT NULL column got no value.
    Null,
    /// The field of this column is missing and must not be.
    Missing(usize),
}

/// Deepest nesting that is read; deeper texts are refused rather than risking the stack.
const MAX_DEPTH: usize = 256;

/// A value that is no array, object or null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    True,
    False,
    Number { text: &'a str, whole: bool },
    Text(&'a str),
}

/// Cursor over one JSON text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    pub(crate) pos: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, pos: 0 }
    }

    /// The next byte that is no blank, without taking it; 0 at the end.
    #[inline]
    pub(crate) fn token(&mut self) -> u8 {
        loop {
            match self.text.get(self.pos) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.pos += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Takes `byte` if it is the next token.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.token() == byte;
        self.pos += usize::from(found);
        found
    }

    /// Takes `bytes` if they come next.
    #[inline]
    pub(crate) fn take_bytes(&mut self, bytes: &[u8]) -> bool {
        let found = self.text[self.pos..].starts_with(bytes);
        if found {
            self.pos += bytes.len();
        }
        found
    }

    /// The text from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.text[start..self.pos]
    }

    /// A string without escapes.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'a [u8]> {
        if self.text.get(self.pos) != Some(&b'"') {
            return None;
        }
        let start = self.pos + 1;
        let end = quote_or_backslash(self.text, start)?;
        if self.text[end] != b'"' {
            return None;
        }
        self.pos = end + 1;
        Some(&self.text[start..end])
    }

    /// A whole number of at most 18 digits.
    #[inline]
    pub(crate) fn plain_int(&mut self) -> Option<i64> {
        let (value, places) = self.digits(false)?;
        debug_assert_eq!(places, 0, "no point was taken");
        Some(value)
    }

    /// A number of at most 18 digits without exponent: its digits, and how many are behind the point.
    #[inline]
    pub(crate) fn plain_decimal(&mut self) -> Option<(i64, usize)> {
        self.digits(true)
    }

    /// A number that needs no more than one exact division to become a double.
    #[inline]
    pub(crate) fn plain_double(&mut self) -> Option<f64> {
        const POWERS: [f64; 19] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
            1e16, 1e17, 1e18,
        ];
        let start = self.pos;
        let (value, places) = self.digits(true)?;
        if value == 0 || value.unsigned_abs() > 1 << 53 {
            // Zero may have a sign.
            self.pos = start;
            return None;
        }
        Some(value as f64 / POWERS[places])
    }

    #[inline]
    fn digits(&mut self, with_point: bool) -> Option<(i64, usize)> {
        let negative = self.text.get(self.pos) == Some(&b'-');
        let start = self.pos + usize::from(negative);
        let mut value = 0i64;
        let mut at = start;
        let mut places = 0;
        let next = loop {
            let byte = *self.text.get(at)?;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break byte;
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            at += 1;
        };
        let mut count = at - start;
        if count == 0 || (count > 1 && self.text[start] == b'0') {
            return None;
        }
        let mut next = next;
        if next == b'.' && with_point {
            let point = at;
            loop {
                at += 1;
                next = *self.text.get(at)?;
                let digit = next.wrapping_sub(b'0');
                if digit > 9 {
                    break;
                }
                value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            }
            places = at - point - 1;
            count += places;
            if places == 0 {
                return None;
            }
        }
        if count > 18 || !matches!(next, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n') {
            return None;
        }
        self.pos = at;
        Some((if negative { -value } else { value }, places))
    }

    /// Any scalar but null; a string with escapes is built in `scratch`.
    pub(crate) fn scalar<'s>(&mut self, scratch: &'s mut String) -> Result<Scalar<'s>, Bad>
    where
        'a: 's,
    {
        match self.token() {
            b'"' => self.string(scratch).map(Scalar::Text),
            b't' => self.literal(b"true", Scalar::True),
            b'f' => self.literal(b"false", Scalar::False),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Bad::Syntax("expected a value")),
        }
    }

    fn literal<'s>(&mut self, word: &[u8], scalar: Scalar<'s>) -> Result<Scalar<'s>, Bad> {
        if self.take_bytes(word) { Ok(scalar) } else { Err(Bad::Syntax("unknown word")) }
    }

    /// Takes `null` if it comes next.
    #[inline]
    pub(crate) fn null(&mut self) -> Result<bool, Bad> {
        if self.token() != b'n' {
            return Ok(false);
        }
        if self.take_bytes(b"null") { Ok(true) } else { Err(Bad::Syntax("unknown word")) }
    }

    /// A number in JSON's grammar.
    fn number(&mut self) -> Result<Scalar<'a>, Bad> {
        let start = self.pos;
        self.take_bytes(b"-");
        let first = self.pos;
        let count = self.skip_digits();
        if count == 0 || (count > 1 && self.text[first] == b'0') {
            return Err(Bad::Syntax("malformed number"));
        }
        let mut whole = true;
        if self.text.get(self.pos) == Some(&b'.') {
            whole = false;
            self.pos += 1;
            if self.skip_digits() == 0 {
                return Err(Bad::Syntax("malformed number"));
            }
        }
        if let Some(b'e' | b'E') = self.text.get(self.pos) {
            whole = false;
            self.pos += 1;
            if let Some(b'+' | b'-') = self.text.get(self.pos) {
                self.pos += 1;
            }
            if self.skip_digits() == 0 {
                return Err(Bad::Syntax("malformed number"));
            }
        }
        let text = std::str::from_utf8(self.since(start)).map_err(|_| Bad::Syntax("not UTF-8"))?;
        Ok(Scalar::Number { text, whole })
    }

    fn skip_digits(&mut self) -> usize {
        let rest = &self.text[self.pos..];
        let count = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.pos += count;
        count
    }

    /// A string; one with escapes is built in `scratch`.
    pub(crate) fn string<'s>(&mut self, scratch: &'s mut String) -> Result<&'s str, Bad>
    where
        'a: 's,
    {
        if let Some(plain) = self.plain_string() {
            return std::str::from_utf8(plain).map_err(|_| Bad::Syntax("not UTF-8"));
        }
        if !self.take_bytes(b"\"") {
            return Err(Bad::Syntax("expected a string"));
        }
        scratch.clear();
        loop {
            let Some(end) = quote_or_backslash(self.text, self.pos) else {
                return Err(Bad::Syntax("a string has no end"));
            };
            let plain = std::str::from_utf8(&self.text[self.pos..end]);
            scratch.push_str(plain.map_err(|_| Bad::Syntax("not UTF-8"))?);
            self.pos = end + 1;
            if self.text[end] == b'"' {
                return Ok(scratch);
            }
            scratch.push(self.escape()?);
        }
    }

    /// What follows a backslash. Half of a surrogate pair becomes `?`, as when Java encodes it.
    fn escape(&mut self) -> Result<char, Bad> {
        let byte = self.text.get(self.pos).copied().unwrap_or(0);
        self.pos += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                if !(0xD800..0xDC00).contains(&first) {
                    return Ok(char::from_u32(first).unwrap_or('?'));
                }
                let start = self.pos;
                if self.take_bytes(b"\\u") {
                    let second = self.hex4()?;
                    if (0xDC00..0xE000).contains(&second) {
                        let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                        return Ok(char::from_u32(joined).unwrap_or('?'));
                    }
                }
                self.pos = start;
                '?'
            }
            _ => return Err(Bad::Syntax("unknown escape in a string")),
        })
    }

    fn hex4(&mut self) -> Result<u32, Bad> {
        let digits = self.text.get(self.pos..self.pos + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or(Bad::Syntax("malformed \\u escape in a string"))?;
        self.pos += 4;
        Ok(digits
            .iter()
            .fold(0, |code, digit| code * 16 + char::from(*digit).to_digit(16).unwrap_or_default()))
    }

    /// Takes a value of any kind, checking its grammar.
    pub(crate) fn skip_value(&mut self, depth: usize) -> Result<(), Bad> {
        if depth > MAX_DEPTH {
            return Err(Bad::Syntax("nested too deeply"));
        }
        match self.token() {
            b'"' => self.skip_string(),
            b'{' => {
                self.pos += 1;
                if self.take(b'}') {
                    return Ok(());
                }
                loop {
                    self.token();
                    self.skip_string()?;
                    self.colon()?;
                    self.skip_value(depth + 1)?;
                    if !self.more(b'}')? {
                        return Ok(());
                    }
                }
            }
            b'[' => {
                self.pos += 1;
                if self.take(b']') {
                    return Ok(());
                }
                loop {
                    self.skip_value(depth + 1)?;
                    if !self.more(b']')? {
                        return Ok(());
                    }
                }
            }
            b'n' => self.null().map(|_| ()),
            b't' => self.literal(b"true", Scalar::True).map(|_| ()),
            b'f' => self.literal(b"false", Scalar::False).map(|_| ()),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            _ => Err(Bad::Syntax("expected a value")),
        }
    }

    pub(crate) fn colon(&mut self) -> Result<(), Bad> {
        if self.take(b':') { Ok(()) } else { Err(Bad::Syntax("expected `:`")) }
    }

    /// Takes a comma (true: another element follows) or `close` (false).
    #[inline]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Bad> {
        let token = self.token();
        self.pos += 1;
        if token == b',' {
            return Ok(true);
        }
        if token == close { Ok(false) } else { Err(Bad::Syntax("expected `,` or the end")) }
    }

    fn skip_string(&mut self) -> Result<(), Bad> {
        if self.plain_string().is_some() {
            return Ok(());
        }
        self.string(&mut String::new()).map(|_| ())
    }
}

/// Index of the first `"` or `\` from `from` on, eight bytes at a time.
#[inline]
fn quote_or_backslash(text: &[u8], from: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = from;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * b'"' as u64);
        let backslash = word ^ (LOW * b'\\' as u64);
        let zero = |x: u64| x.wrapping_sub(LOW) & !x;
        let hits = (zero(quote) | zero(backslash)) & HIGH;
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = text.get(at..)?;
    tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|found| at + found)
}
