//! Exact decimal arithmetic: Flink's result types, HALF_UP rounding, NULL on overflow.

use std::cmp::Ordering;

use arrow::datatypes::i256;

use crate::types::Kind;

/// Most digits of a DECIMAL.
pub(crate) const MAX_PRECISION: u8 = 38;

/// 10 to the power of 0 … 38.
const POWERS: [i128; 39] = {
    let mut powers = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// 10 to the power of `exponent`, which is at most 38.
#[inline]
pub(crate) fn power(exponent: u8) -> i128 {
    POWERS[usize::from(exponent.min(38))]
}

fn wide_power(exponent: u32) -> i256 {
    let mut result = i256::ONE;
    for _ in 0..exponent {
        result = result.wrapping_mul(i256::from_i128(10));
    }
    result
}

/// The value if it has at most `precision` digits.
#[inline]
pub(crate) fn fit(unscaled: i128, precision: u8) -> Option<i128> {
    (unscaled.unsigned_abs() < power(precision).unsigned_abs() || precision > 38)
        .then_some(unscaled)
}

/// `value / divisor` rounded half away from zero.
pub(crate) fn divide_half_up(value: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (value / divisor, value % divisor);
    let twice = remainder.unsigned_abs().saturating_mul(2);
    if twice >= divisor.unsigned_abs() {
        quotient + if (value < 0) == (divisor < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

fn wide_divide_half_up(value: i256, divisor: i256) -> i256 {
    let (quotient, remainder) = (value.wrapping_div(divisor), value.wrapping_rem(divisor));
    let twice = remainder.wrapping_abs().wrapping_mul(i256::from_i128(2));
    if twice >= divisor.wrapping_abs() {
        let same_sign = value.is_negative() == divisor.is_negative();
        quotient.wrapping_add(if same_sign { i256::ONE } else { i256::MINUS_ONE })
    } else {
        quotient
    }
}

/// The same number at another scale, rounded; none when it needs more than `precision` digits.
#[inline]
pub(crate) fn rescale(unscaled: i128, from: u8, to: u8, precision: u8) -> Option<i128> {
    let moved = match to.cmp(&from) {
        Ordering::Equal => unscaled,
        Ordering::Greater => unscaled.checked_mul(power(to - from))?,
        Ordering::Less => divide_half_up(unscaled, power(from - to)),
    };
    fit(moved, precision)
}

fn wide_rescale(value: i256, from: u32, to: u8, precision: u8) -> Option<i128> {
    let to = u32::from(to);
    let moved = match to.cmp(&from) {
        Ordering::Equal => value,
        Ordering::Greater => value.checked_mul(wide_power(to - from))?,
        Ordering::Less => wide_divide_half_up(value, wide_power(from - to)),
    };
    fit(moved.to_i128()?, precision)
}

/// Compares two numbers of different scales.
pub(crate) fn compare(a: i128, a_scale: i8, b: i128, b_scale: i8) -> Ordering {
    let widened = |value: i128, by: i8| {
        i256::from_i128(value).wrapping_mul(wide_power(u32::try_from(by).unwrap_or(0)))
    };
    widened(a, b_scale - a_scale).cmp(&widened(b, a_scale - b_scale))
}

/// A number of digits: `(precision, scale)`.
pub(crate) type Size = (u8, u8);

/// Sum or difference at the size `to`.
pub(crate) fn add(a: i128, (_, s): Size, b: i128, (_, t): Size, (p, scale): Size) -> Option<i128> {
    let common = s.max(t);
    let exact = (a.checked_mul(power(common - s)))
        .zip(b.checked_mul(power(common - t)))
        .and_then(|(a, b)| a.checked_add(b));
    match exact {
        Some(sum) => rescale(sum, common, scale, p),
        None => {
            let a = i256::from_i128(a).wrapping_mul(wide_power(u32::from(common - s)));
            let b = i256::from_i128(b).wrapping_mul(wide_power(u32::from(common - t)));
            wide_rescale(a.wrapping_add(b), u32::from(common), scale, p)
        }
    }
}

/// Product at the size `to`.
pub(crate) fn multiply(
    a: i128,
    (_, s): Size,
    b: i128,
    (_, t): Size,
    (p, scale): Size,
) -> Option<i128> {
    if s + t <= MAX_PRECISION
        && let Some(product) = a.checked_mul(b)
    {
        return rescale(product, s + t, scale, p);
    }
    let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
    wide_rescale(product, u32::from(s) + u32::from(t), scale, p)
}

/// Quotient at the size `to`; `b` is not 0.
pub(crate) fn divide(
    a: i128,
    (_, s): Size,
    b: i128,
    (_, t): Size,
    (p, scale): Size,
) -> Option<i128> {
    // a/10^s / (b/10^t) = a·10^(scale+t-s) / b, at `scale`.
    let shift = i32::from(scale) + i32::from(t) - i32::from(s);
    let (mut a, mut b) = (i256::from_i128(a), i256::from_i128(b));
    let factor = wide_power(shift.unsigned_abs());
    if shift >= 0 {
        a = a.checked_mul(factor)?;
    } else {
        b = b.checked_mul(factor)?;
    }
    fit(wide_divide_half_up(a, b).to_i128()?, p)
}

/// Remainder of the division cut towards zero, at the size `to`; `b` is not 0.
pub(crate) fn remainder(
    a: i128,
    (_, s): Size,
    b: i128,
    (_, t): Size,
    (p, scale): Size,
) -> Option<i128> {
    let common = s.max(t);
    let a = i256::from_i128(a).wrapping_mul(wide_power(u32::from(common - s)));
    let b = i256::from_i128(b).wrapping_mul(wide_power(u32::from(common - t)));
    wide_rescale(a.wrapping_rem(b), u32::from(common), scale, p)
}

/// Result type of an operator (`LogicalTypeMerging.find…DecimalType`).
pub(crate) fn result(op: super::BinaryOp, (p1, s1): Size, (p2, s2): Size) -> Kind {
    use super::BinaryOp;
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let (precision, scale) = match op {
        BinaryOp::Multiply => (p1 + p2 + 1, s1 + s2),
        BinaryOp::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        BinaryOp::Modulo => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
        _ => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
    };
    limited(precision, scale)
}

/// At most 38 digits: digits before the point first, but at least 6 after it.
fn limited(precision: i32, scale: i32) -> Kind {
    let most = i32::from(MAX_PRECISION);
    let (precision, scale) = if precision <= most {
        (precision, scale)
    } else {
        (most, (most - (precision - scale)).max(scale.min(6)))
    };
    Kind::Decimal { precision: precision.max(1) as u8, scale: scale as u8 }
}

/// Digits of a number as text, with the point.
pub(crate) fn write(unscaled: i128, scale: u8, out: &mut String) {
    use std::fmt::Write as _;
    if unscaled < 0 {
        out.push('-');
    }
    let digits = unscaled.unsigned_abs();
    let unit = power(scale).unsigned_abs();
    // Writing to a string cannot fail.
    let _ = if scale == 0 {
        write!(out, "{digits}")
    } else {
        write!(out, "{}.{:0width$}", digits / unit, digits % unit, width = usize::from(scale))
    };
}

/// The nearest double.
pub(crate) fn to_f64(unscaled: i128, scale: u8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if unscaled.unsigned_abs() <= EXACT && scale <= 22 {
        return unscaled as f64 / power(scale) as f64;
    }
    // Correctly rounded by way of text.
    format!("{unscaled}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// A double's shortest decimal text as a number, rounded; none when it does not fit.
pub(crate) fn from_f64(value: f64, precision: u8, scale: u8) -> Option<i128> {
    let text = format!("{value:e}");
    parse(&text, precision, scale)
}

/// Reads `12.5`, `-1e3`, `.5`, `7.`; none when it is no number or does not fit.
pub(crate) fn parse(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty()
        || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    // Position of the first digit that is dropped, counted from the first digit.
    let kept = i64::from(exponent) + whole.len() as i64 + i64::from(scale);
    let mut unscaled = 0i128;
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|b| i128::from(b - b'0'));
    if kept < 0 {
        return Some(0);
    }
    for _ in 0..kept {
        let Some(digit) = digits.next() else {
            if unscaled == 0 {
                break;
            }
            unscaled = unscaled.checked_mul(10)?;
            continue;
        };
        unscaled = unscaled.checked_mul(10)?.checked_add(digit)?;
    }
    if digits.next().is_some_and(|digit| digit >= 5) {
        unscaled = unscaled.checked_add(1)?;
    }
    fit(if negative { -unscaled } else { unscaled }, precision)
}
