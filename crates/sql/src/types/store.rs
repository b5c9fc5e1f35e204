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
        (Kind::Time(_), Kind::Time(_)) => true,
        (Kind::Timestamp(_), Kind::Date | Kind::Time(_)) => true,
        (a, b) if a.is_timestamp() && b.is_timestamp() => true,
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

/// Integers widen; DECIMAL and DOUBLE take every number, FLOAT every exact one.
fn numbers(from: &Kind, to: &Kind) -> bool {
    match to {
        Kind::Decimal { .. } | Kind::Double => true,
        Kind::Float => from.is_exact(),
        _ => from.is_integer() && from.as_decimal() <= to.as_decimal(),
    }
}

#[cfg(test)]
mod tests {
    use super::can_store_implicitly;
    use crate::types::parse_type;

    #[track_caller]
    fn check(from: &str, to: &str, want: bool) {
        let (from, to) = (parse_type(from).unwrap(), parse_type(to).unwrap());
        assert_eq!(can_store_implicitly(&from, &to), want, "{from} to {to}");
    }

    #[test]
    fn only_what_loses_little_is_stored_without_a_cast() {
        check("INT", "BIGINT", true);
        check("BIGINT", "INT", false);
        check("BIGINT", "DOUBLE", true);
        check("DOUBLE", "BIGINT", false);
        check("DOUBLE", "DECIMAL(10, 2)", true);
        check("DECIMAL(10, 2)", "INT", false);
        check("CHAR(3)", "STRING", true);
        check("INT", "STRING", false);
        check("STRING", "INT", false);
        check("TIMESTAMP(3)", "TIMESTAMP_LTZ(3)", true);
        check("TIMESTAMP(3)", "DATE", true);
        check("DATE", "TIMESTAMP(3)", false);
        check("TIMESTAMP(3)", "INT", false);
        check("ROW<a INT>", "ROW<b BIGINT>", true);
        check("ARRAY<BIGINT>", "ARRAY<INT>", false);
    }
}
