//! One JSON value into its column: the common shapes fast, everything else by Flink's coercions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Settings;
use super::encode::write_string;
use super::scan::{Bad, Scalar, Scanner};
use crate::format::column::{Column, Data};
use crate::format::number::{
    Decimal, java_trim, read_decimal, read_double, read_float, read_int, write_double,
};
use crate::format::time::{TimestampReader, TimestampStyle, read_date, read_time};

/// What reading a value needs besides the value.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) fail_on_missing_field: bool,
    pub(super) ignore_parse_errors: bool,
    style: TimestampStyle,
    timestamps: TimestampReader,
    /// Where strings with escapes are built.
    pub(super) scratch: String,
    /// Never take a short cut (for tests that compare both ways).
    pub(super) careful: bool,
}

impl Context {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            fail_on_missing_field: settings.fail_on_missing_field,
            ignore_parse_errors: settings.ignore_parse_errors,
            style: settings.style,
            timestamps: TimestampReader::default(),
            scratch: String::new(),
            careful: settings.careful,
        }
    }
}

/// Reads the value at the cursor into `column`.
#[inline]
pub(super) fn read(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    input.token();
    if !context.careful && plain(input, &mut column.data, context) {
        column.pushed();
        return Ok(());
    }
    read_any(input, column, context)
}

/// Reads a value of the usual shape; false = nothing was taken.
#[inline]
fn plain(input: &mut Scanner<'_>, data: &mut Data, context: &mut Context) -> bool {
    match data {
        Data::Text(bytes) => match input.plain_string() {
            Some(text) => bytes.push(text),
            None => return false,
        },
        Data::Double(values) => match input.plain_double() {
            Some(value) => values.push(value),
            None => return false,
        },
        Data::Big(values) => match input.plain_int() {
            Some(value) => values.push(value),
            None => return false,
        },
        Data::Int(values) => {
            let start = input.pos;
            match input.plain_int().map(i32::try_from) {
                Some(Ok(value)) => values.push(value),
                Some(Err(_)) | None => {
                    input.pos = start;
                    return false;
                }
            }
        }
        Data::Timestamp { values, nanos, zoned } => {
            let start = input.pos;
            let read = input.plain_string();
            let read =
                read.and_then(|text| context.timestamps.read(text, context.style, *zoned, *nanos));
            match read {
                Some(value) => values.push(value),
                None => {
                    input.pos = start;
                    return false;
                }
            }
        }
        Data::Decimal { values, precision, scale } => {
            let start = input.pos;
            let read = input.plain_decimal();
            match read
                .and_then(|(digits, places)| small_decimal(digits, places, *precision, *scale))
            {
                Some(value) => values.push(value),
                None => {
                    input.pos = start;
                    return false;
                }
            }
        }
        Data::Bool(values) => {
            if input.take_bytes(b"true") {
                values.push(true);
            } else if input.take_bytes(b"false") {
                values.push(false);
            } else {
                return false;
            }
        }
        _ => return false,
    }
    true
}

/// `digits`·10^-`places` as a DECIMAL(precision, scale), where no rounding is needed.
#[inline]
fn small_decimal(digits: i64, places: usize, precision: u8, scale: i8) -> Option<i128> {
    let shift = usize::try_from(scale).ok()?.checked_sub(places)?;
    let unit = 10i128.checked_pow(shift as u32)?;
    let limit = 10i128.checked_pow(u32::from(precision))?;
    let value = i128::from(digits).checked_mul(unit)?;
    (value.abs() < limit).then_some(value)
}

/// Appends a NULL, if the column may hold one.
pub(super) fn null(column: &mut Column) -> Result<(), Bad> {
    if !column.field.is_nullable() {
        return Err(Bad::Null);
    }
    column.push_null();
    Ok(())
}

fn read_any(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    if input.null()? {
        return null(column);
    }
    let (start, row) = (input.pos, column.len());
    let read = match &column.data {
        Data::List { .. } => read_list(input, column, context),
        Data::Map { .. } => read_map(input, column, context),
        Data::Row { .. } => read_row(input, column, context),
        _ => read_scalar(input, column, context),
    };
    match read {
        Err(Bad::Value(_) | Bad::Missing(_)) if context.ignore_parse_errors => {
            column.truncate(row);
            input.pos = start;
            input.skip_value(0)?;
            null(column)
        }
        done => done,
    }
}

fn read_scalar(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    if matches!(input.token(), b'{' | b'[') {
        let Data::Text(bytes) = &mut column.data else {
            return Err(Bad::Value("an array or object does not fit the column"));
        };
        let mut text = Vec::new();
        rewrite(input, &mut text, &mut context.scratch, 0)?;
        bytes.push(&text);
        column.pushed();
        return Ok(());
    }
    let scalar = input.scalar(&mut context.scratch)?;
    let text = match scalar {
        Scalar::True => "true",
        Scalar::False => "false",
        Scalar::Number { text, .. } | Scalar::Text(text) => text,
    };
    let whole = !matches!(scalar, Scalar::Number { whole: false, .. });
    match &mut column.data {
        Data::Bool(values) => values.push(java_trim(text).eq_ignore_ascii_case("true")),
        Data::Tiny(values) => values.push(small_int(read_int(text))?),
        Data::Small(values) => values.push(small_int(read_int(text))?),
        Data::Int(values) | Data::Months(values) => {
            values.push(small_int(if whole { read_int(text) } else { cut(text) })?);
        }
        Data::Big(values) | Data::Millis(values) => {
            values.push(small_int(if whole { read_int(text) } else { cut(text) })?);
        }
        Data::Float(values) => values.push(read_float(text).ok_or(Bad::Value("not a FLOAT"))?),
        Data::Double(values) => values.push(read_double(text).ok_or(Bad::Value("not a DOUBLE"))?),
        Data::Decimal { values, precision, scale } => {
            match read_decimal(java_trim(text).as_bytes(), *precision, *scale) {
                Decimal::Value(value) => values.push(value),
                Decimal::TooLarge => return null(column),
                Decimal::Malformed => return Err(Bad::Value("not a DECIMAL")),
            }
        }
        Data::Text(bytes) => bytes.push(text.as_bytes()),
        Data::Binary(bytes) => {
            let read = matches!(scalar, Scalar::Text(_)).then(|| STANDARD.decode(text));
            match read {
                Some(Ok(read)) => bytes.push(&read),
                Some(Err(_)) | None => return Err(Bad::Value("not a base64 text")),
            }
        }
        Data::Date(values) => {
            let read = read_date(text.as_bytes());
            values.push(read.ok_or(Bad::Value("not a DATE such as `2024-01-31`"))?);
        }
        Data::Time(values) => {
            let read = read_time(text.as_bytes());
            values.push(read.ok_or(Bad::Value("not a TIME such as `23:59:59`"))?);
        }
        Data::Timestamp { values, nanos, zoned } => {
            let read = context.timestamps.read(text.as_bytes(), context.style, *zoned, *nanos);
            values.push(read.ok_or(Bad::Value(timestamp_shape(context.style, *zoned)))?);
        }
        Data::List { .. } | Data::Map { .. } | Data::Row { .. } => {
            return Err(Bad::Value("an array or object is expected"));
        }
    }
    column.pushed();
    Ok(())
}

fn timestamp_shape(style: TimestampStyle, zoned: bool) -> &'static str {
    match (style, zoned) {
        (TimestampStyle::Iso, false) => "not a TIMESTAMP such as `2024-01-31T23:59:59.123`",
        (TimestampStyle::Iso, true) => "not a TIMESTAMP_LTZ such as `2024-01-31T23:59:59.123Z`",
        (_, false) => {
            "not a TIMESTAMP such as `2024-01-31 23:59:59.123` \
             (`json.timestamp-format.standard` = `ISO-8601` takes the form with `T`)"
        }
        (_, true) => {
            "not a TIMESTAMP_LTZ such as `2024-01-31 23:59:59.123Z` \
             (`json.timestamp-format.standard` = `ISO-8601` takes the form with `T`)"
        }
    }
}

fn small_int<T: TryFrom<i64>>(value: Option<i64>) -> Result<T, Bad> {
    let fits = value.and_then(|value| T::try_from(value).ok());
    fits.ok_or(Bad::Value("not a whole number of the column's range"))
}

/// A number with point or exponent for an integer column: cut towards zero.
fn cut(text: &str) -> Option<i64> {
    let value = read_double(text)?;
    let range = i64::MIN as f64..=i64::MAX as f64;
    range.contains(&value).then_some(value as i64)
}

fn read_list(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    let Data::List { ends, item } = &mut column.data else { return Ok(()) };
    if !input.take(b'[') {
        return Err(Bad::Value("not an array"));
    }
    if !input.take(b']') {
        loop {
            read(input, item, context)?;
            if !input.more(b']')? {
                break;
            }
        }
    }
    ends.push(item.len() as i32);
    column.pushed();
    Ok(())
}

fn read_map(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    let Data::Map { ends, key, value } = &mut column.data else { return Ok(()) };
    if !input.take(b'{') {
        return Err(Bad::Value("not an object"));
    }
    // Keys first, with the place of their value: of a key that comes twice the last one counts.
    let mut entries: Vec<(String, usize)> = Vec::new();
    if !input.take(b'}') {
        loop {
            input.token();
            let name = input.string(&mut context.scratch)?.to_owned();
            input.colon()?;
            let at = input.pos;
            input.skip_value(0)?;
            match entries.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1 = at,
                None => entries.push((name, at)),
            }
            if !input.more(b'}')? {
                break;
            }
        }
    }
    let end = input.pos;
    for (name, at) in entries {
        let Data::Text(bytes) = &mut key.data else {
            return Err(Bad::Value("the keys of a map are texts in JSON"));
        };
        bytes.push(name.as_bytes());
        key.pushed();
        input.pos = at;
        read(input, value, context)?;
    }
    input.pos = end;
    ends.push(key.len() as i32);
    column.pushed();
    Ok(())
}

fn read_row(
    input: &mut Scanner<'_>,
    column: &mut Column,
    context: &mut Context,
) -> Result<(), Bad> {
    let row = column.len();
    let Data::Row { names, columns } = &mut column.data else { return Ok(()) };
    if !input.take(b'{') {
        return Err(Bad::Value("not an object"));
    }
    if !input.take(b'}') {
        loop {
            input.token();
            let name = input.string(&mut context.scratch)?;
            let index = names.iter().position(|known| known == name);
            input.colon()?;
            match index {
                None => input.skip_value(0)?,
                Some(index) => {
                    columns[index].truncate(row);
                    read(input, &mut columns[index], context)?;
                }
            }
            if !input.more(b'}')? {
                break;
            }
        }
    }
    for column in columns {
        if column.len() == row {
            if context.fail_on_missing_field {
                return Err(Bad::Value("a field of the row is missing"));
            }
            null(column)?;
        }
    }
    column.pushed();
    Ok(())
}

/// Copies an array or object as Jackson prints it: no blanks, doubles as Java writes them.
fn rewrite(
    input: &mut Scanner<'_>,
    out: &mut Vec<u8>,
    scratch: &mut String,
    depth: usize,
) -> Result<(), Bad> {
    if depth > 128 {
        return Err(Bad::Syntax("nested too deeply"));
    }
    let open = input.token();
    let close = match open {
        b'{' => b'}',
        b'[' => b']',
        _ if input.null()? => {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        _ => {
            match input.scalar(scratch)? {
                Scalar::True => out.extend_from_slice(b"true"),
                Scalar::False => out.extend_from_slice(b"false"),
                Scalar::Text(text) => write_string(out, text.as_bytes()),
                Scalar::Number { text, whole: true } => out.extend_from_slice(text.as_bytes()),
                Scalar::Number { text, .. } => {
                    write_double(out, read_double(text).ok_or(Bad::Syntax("malformed number"))?);
                }
            }
            return Ok(());
        }
    };
    input.pos += 1;
    out.push(open);
    if !input.take(close) {
        loop {
            if open == b'{' {
                input.token();
                write_string(out, input.string(scratch)?.as_bytes());
                input.colon()?;
                out.push(b':');
            }
            rewrite(input, out, scratch, depth + 1)?;
            if !input.more(close)? {
                break;
            }
            out.push(b',');
        }
    }
    out.push(close);
    Ok(())
}
