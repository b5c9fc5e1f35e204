//! Numbers as Java reads and writes them: `Double.toString`, `BigDecimal`, `Integer.parseInt`.

/// `text` as Java's `String.trim` leaves it.
pub(crate) fn java_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// `Long.parseLong` and its smaller sisters: an optional sign and digits, nothing else.
pub(crate) fn read_int(text: &str) -> Option<i64> {
    java_trim(text).parse().ok()
}

/// `Double.parseDouble`: also `NaN`, `Infinity` and a type suffix (`1.5d`).
pub(crate) fn read_double(text: &str) -> Option<f64> {
    read_float_text(text)?.parse().ok()
}

/// `Float.parseFloat`.
pub(crate) fn read_float(text: &str) -> Option<f32> {
    read_float_text(text)?.parse().ok()
}

/// The part of `text` that Rust reads as Java does.
fn read_float_text(text: &str) -> Option<&str> {
    let text = java_trim(text);
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if bare == "NaN" || bare == "Infinity" {
        return Some(text);
    }
    if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    Some(text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text))
}

/// What reading a decimal gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// The unscaled value.
    Value(i128),
    /// A number, but with too many digits for the type: Flink makes it NULL.
    TooLarge,
    /// Not a number.
    Malformed,
}

/// `new BigDecimal(text)` rounded half up to a DECIMAL(precision, scale).
pub(crate) fn read_decimal(text: &[u8], precision: u8, scale: i8) -> Decimal {
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut value: i128 = 0;
    // Digits that fit no i128: they can only be cut off behind the point, or mean "too large".
    let mut more: Vec<u8> = Vec::new();
    let mut places: i64 = 0;
    let mut point = false;
    let mut any = false;
    let mut at = 0;
    while let Some(&byte) = digits.get(at) {
        match byte {
            b'0'..=b'9' => {
                any = true;
                let digit = byte - b'0';
                if more.is_empty() && value < i128::MAX / 100 {
                    value = value * 10 + i128::from(digit);
                } else {
                    more.push(digit);
                }
                places += i64::from(point);
            }
            b'.' if !point => point = true,
            b'e' | b'E' => break,
            _ => return Decimal::Malformed,
        }
        at += 1;
    }
    if !any {
        return Decimal::Malformed;
    }
    let mut exponent = 0i64;
    if at < digits.len() {
        let text = std::str::from_utf8(&digits[at + 1..]).unwrap_or_default();
        let Ok(read) = text.parse::<i32>() else { return Decimal::Malformed };
        exponent = i64::from(read);
    }
    // The number is value·10^shift at the scale asked for, where `more` counts as digits behind.
    let shift = exponent - places + more.len() as i64 + i64::from(scale);
    match rescale(value, &more, shift) {
        Some(value) if value < power(u32::from(precision)) => {
            Decimal::Value(if negative { -value } else { value })
        }
        Some(_) | None => Decimal::TooLarge,
    }
}

fn power(exponent: u32) -> i128 {
    10i128.checked_pow(exponent).unwrap_or(i128::MAX)
}

/// `value` followed by the digits of `more`, moved so that `shift` digits stand before the point
/// behind `value`; rounded half up.
fn rescale(value: i128, more: &[u8], shift: i64) -> Option<i128> {
    if value == 0 && more.is_empty() {
        return Some(0);
    }
    if shift >= 0 {
        let shift = u32::try_from(shift).ok().filter(|shift| *shift <= 39)?;
        let mut value = value;
        for at in 0..shift as usize {
            let digit = more.get(at).copied().unwrap_or(0);
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        }
        let next = more.get(shift as usize).copied().unwrap_or(0);
        return value.checked_add(i128::from(next >= 5));
    }
    let cut = u32::try_from(-shift).ok().filter(|cut| *cut <= 38);
    let Some(cut) = cut else { return Some(0) };
    let unit = power(cut);
    let (whole, rest) = (value / unit, value % unit);
    Some(whole + i128::from(rest >= unit - rest))
}

/// Digits of a number `0.d₁d₂d₃… · 10^point`, the shortest that come back to the same value.
struct Shortest {
    digits: [u8; 20],
    len: usize,
    point: i32,
}

impl Shortest {
    /// Takes apart what a shortest-digits writer wrote: `12.5`, `1e-7`, `1.25e30`.
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut this = Self { digits: [0; 20], len: 0, point: exponent.parse().unwrap_or(0) };
        let mut seen_point = false;
        for byte in mantissa.bytes() {
            if byte == b'.' {
                seen_point = true;
                continue;
            }
            if this.len == 0 && byte == b'0' {
                this.point -= i32::from(seen_point);
                continue;
            }
            this.point += i32::from(!seen_point);
            // Whole numbers may be written with zeros up to the point: more than 20 never are.
            if this.len < this.digits.len() {
                this.digits[this.len] = byte;
                this.len += 1;
            }
        }
        while this.len > 1 && this.digits[this.len - 1] == b'0' {
            this.len -= 1;
        }
        this
    }

    /// Java's layout: plain from 10⁻³ to below 10⁷, else one digit before the point and `E`.
    fn write(&self, out: &mut Vec<u8>) {
        let digits = &self.digits[..self.len];
        match self.point {
            1..=7 => {
                let whole = self.point as usize;
                for at in 0..whole {
                    out.push(digits.get(at).copied().unwrap_or(b'0'));
                }
                out.push(b'.');
                out.extend_from_slice(
                    digits.get(whole..).filter(|d| !d.is_empty()).unwrap_or(b"0"),
                );
            }
            -2..=0 => {
                out.extend_from_slice(b"0.");
                out.extend(std::iter::repeat_n(b'0', self.point.unsigned_abs() as usize));
                out.extend_from_slice(digits);
            }
            point => {
                out.push(digits[0]);
                out.push(b'.');
                out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
                out.push(b'E');
                out.extend_from_slice((point - 1).to_string().as_bytes());
            }
        }
    }
}

/// Writes `Double.toString(value)`.
pub fn write_double(out: &mut Vec<u8>, value: f64) {
    if !special(out, value.is_nan(), value.is_infinite(), value == 0.0, value.is_sign_negative()) {
        Shortest::of(zmij::Buffer::new().format_finite(value.abs())).write(out);
    }
}

/// Writes `Float.toString(value)`.
pub fn write_float(out: &mut Vec<u8>, value: f32) {
    if !special(out, value.is_nan(), value.is_infinite(), value == 0.0, value.is_sign_negative()) {
        Shortest::of(zmij::Buffer::new().format_finite(value.abs())).write(out);
    }
}

/// Writes the sign, and the whole number if it has no digits; says whether it is done.
fn special(out: &mut Vec<u8>, nan: bool, infinite: bool, zero: bool, negative: bool) -> bool {
    if nan {
        out.extend_from_slice(b"NaN");
        return true;
    }
    if negative {
        out.push(b'-');
    }
    if infinite {
        out.extend_from_slice(b"Infinity");
    } else if zero {
        out.extend_from_slice(b"0.0");
    }
    infinite || zero
}

/// Writes `value`·10^-`scale` without trailing zeros, as `BigDecimal.stripTrailingZeros()` and then
/// `toPlainString` (`plain`) or `toString` (`1.2E+2`) do.
pub(crate) fn write_decimal(out: &mut Vec<u8>, value: i128, scale: i8, plain: bool) {
    if value == 0 {
        out.push(b'0');
        return;
    }
    let (mut digits, mut scale) = (value.unsigned_abs(), i32::from(scale));
    while digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    if value < 0 {
        out.push(b'-');
    }
    let text = digits.to_string();
    let adjusted = text.len() as i32 - 1 - scale;
    if !plain && (scale < 0 || adjusted < -6) {
        out.extend_from_slice(&text.as_bytes()[..1]);
        if text.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&text.as_bytes()[1..]);
        }
        out.extend_from_slice(format!("E{adjusted:+}").as_bytes());
        return;
    }
    let point = text.len() as i32 - scale;
    if point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(text.as_bytes());
    } else if scale <= 0 {
        out.extend_from_slice(text.as_bytes());
        out.extend(std::iter::repeat_n(b'0', scale.unsigned_abs() as usize));
    } else {
        out.extend_from_slice(&text.as_bytes()[..point as usize]);
        out.push(b'.');
        out.extend_from_slice(&text.as_bytes()[point as usize..]);
    }
}

/// Writes a whole number.
pub(crate) fn write_int(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("numbers are ASCII")
    }

    #[test]
    fn doubles_look_as_in_java() {
        for (value, want) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (-3.25, "-3.25"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1e10, "1.0E10"),
            (12_345_678.9, "1.23456789E7"),
            (0.001, "0.001"),
            (0.012, "0.012"),
            (0.5, "0.5"),
            (1e-4, "1.0E-4"),
            (1e-7, "1.0E-7"),
            (1e20, "1.0E20"),
            (1.7976931348623157e308, "1.7976931348623157E308"),
            (9_007_199_254_740_993.0, "9.007199254740992E15"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(|out| write_double(out, value)), want);
        }
        assert_eq!(written(|out| write_float(out, 0.1)), "0.1");
        assert_eq!(written(|out| write_float(out, 16_777_216.0)), "1.6777216E7");
    }

    #[test]
    fn doubles_come_back() {
        let mut chance = fastrand::Rng::with_seed(7);
        for _ in 0..100_000 {
            let value = f64::from_bits(chance.u64(..));
            let text = written(|out| write_double(out, value));
            let back = read_double(&text).expect("we wrote it");
            assert!(back == value || value.is_nan(), "{text}");
        }
    }

    #[test]
    fn decimals_lose_their_zeros() {
        for (value, scale, text, plain) in [
            (150, 2, "1.5", "1.5"),
            (12_000_000, 6, "12", "12"),
            (12_000, 2, "1.2E+2", "120"),
            (10_000, 2, "1E+2", "100"),
            (1, 6, "0.000001", "0.000001"),
            (1, 7, "1E-7", "0.0000001"),
            (-123, 9, "-1.23E-7", "-0.000000123"),
            (-100_000, 6, "-0.1", "-0.1"),
            (0, 3, "0", "0"),
        ] {
            assert_eq!(written(|out| write_decimal(out, value, scale, false)), text);
            assert_eq!(written(|out| write_decimal(out, value, scale, true)), plain);
        }
    }

    #[test]
    fn decimals_are_rounded_half_up_or_too_large() {
        use Decimal::{Malformed, TooLarge, Value};
        for (text, want) in [
            ("1.255", Value(126)),
            ("-0.005", Value(-1)),
            ("0.0049999999999999999999999999999999999999999999", Value(0)),
            ("12345.6", TooLarge),
            ("999.994", Value(99_999)),
            ("999.995", TooLarge),
            ("1e2", Value(10_000)),
            ("1e-2", Value(1)),
            ("5E-3", Value(1)),
            ("1e-400", Value(0)),
            ("1e400", TooLarge),
            ("0e400", Value(0)),
            ("+7", Value(700)),
            (".5", Value(50)),
            ("5.", Value(500)),
            ("", Malformed),
            (".", Malformed),
            ("1.2.3", Malformed),
            ("abc", Malformed),
            ("1e", Malformed),
        ] {
            assert_eq!(read_decimal(text.as_bytes(), 5, 2), want, "{text}");
        }
        let long = "12345678901234567890123456789012345678";
        assert_eq!(
            read_decimal(format!("{long}.4").as_bytes(), 38, 0),
            Value(long.parse().expect("38 digits"))
        );
        assert_eq!(read_decimal(format!("{long}9").as_bytes(), 38, 0), TooLarge);
    }
}
