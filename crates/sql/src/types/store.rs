//! What INSERT converts by itself.

use super::{Kind, SqlType};

/// Whether a query column of type `from` may go into a sink column of type `to` without a CAST
/// (Flink's implicit casts, `LogicalTypeCasts.supportsImplicitCast`, plus its store assignment
/// between texts and between decimals of other sizes). Nullability is not looked at.
#[must_use]
pub fn can_store_implicitly(from: &SqlType, to: &SqlType) -> bool {
    kinds(&from.kind, &to.kind)
}

fn kinds(from: &Kind, to: &Kind) -> bool {
    if from == to || *from == Kind::Null {
        return true;
    }
    if from.is_text() && to.is_text() || from.is_bytes() && to.is_bytes() {
        return true;
    }
    match (from, to) {
        (a, b) if a.is_numeric() && b.is_numeric() => numbers(a, b),
        (Kind::Date, Kind::Timestamp(_) | Kind::TimestampLtz(_))
        | (Kind::Time(_), Kind::Time(_) | Kind::Timestamp(_)) => true,
        (a, b) if a.is_timestamp() && b.is_timestamp() => true,
        (a, Kind::Date | Kind::Time(_)) if a.is_timestamp() => true,
        (Kind::Array(a), Kind::Array(b)) | (Kind::Multiset(a), Kind::Multiset(b)) => {
            kinds(&a.kind, &b.kind)
        }
        (Kind::Map(k, v), Kind::Map(l, w)) => kinds(&k.kind, &l.kind) && kinds(&v.kind, &w.kind),
        (Kind::Row(a), Kind::Row(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((_, s), (_, t))| kinds(&s.kind, &t.kind))
        }
        _ => false,
    }
}

/// Numbers widen; decimals take every exact number.
fn numbers(from: &Kind, to: &Kind) -> bool {
    match (from, to) {
        (_, Kind::Double | Kind::Float) => from.is_exact() || *to == Kind::Double || from == to,
        (a, Kind::Decimal { .. }) => a.is_exact(),
        (a, b) if a.is_integer() && b.is_integer() => a.as_decimal() <= b.as_decimal(),
        _ => false,
    }
}
