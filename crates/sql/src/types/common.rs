//! The type that several branches of one result share (`LogicalTypeMerging`).

use super::{Kind, MAX_LENGTH, SqlType};

/// The least restrictive type of all given ones; `None` when they have nothing in common.
#[must_use]
pub fn common_of<'a>(types: impl IntoIterator<Item = &'a SqlType>) -> Option<SqlType> {
    let mut types = types.into_iter();
    let first = types.next()?.clone();
    types.try_fold(first, |so_far, next| common_type(&so_far, next))
}

/// The least restrictive type of two (UNION, CASE, COALESCE, VALUES).
#[must_use]
pub fn common_type(a: &SqlType, b: &SqlType) -> Option<SqlType> {
    let nullable = a.nullable || b.nullable;
    if a.kind == Kind::Null {
        return Some(b.clone().with_nullable(true));
    }
    if b.kind == Kind::Null {
        return Some(a.clone().with_nullable(true));
    }
    Some(SqlType { kind: common_kind(&a.kind, &b.kind)?, nullable })
}

fn common_kind(a: &Kind, b: &Kind) -> Option<Kind> {
    if a == b {
        return Some(a.clone());
    }
    if a.is_numeric() && b.is_numeric() {
        return Some(common_number(a, b));
    }
    if a.is_text() && b.is_text() {
        return Some(common_text(a, b));
    }
    if a.is_bytes() && b.is_bytes() {
        let n = a.length()?.max(b.length()?);
        return Some(if n == MAX_LENGTH { Kind::Bytes } else { Kind::VarBinary(n) });
    }
    match (a, b) {
        (Kind::Time(p), Kind::Time(q)) => Some(Kind::Time(*p.max(q))),
        (Kind::Timestamp(p), Kind::Timestamp(q)) => Some(Kind::Timestamp(*p.max(q))),
        (Kind::Timestamp(p) | Kind::TimestampLtz(p), Kind::TimestampLtz(q))
        | (Kind::TimestampLtz(p), Kind::Timestamp(q)) => Some(Kind::TimestampLtz(*p.max(q))),
        (Kind::Date, Kind::Timestamp(p)) | (Kind::Timestamp(p), Kind::Date) => {
            Some(Kind::Timestamp(*p))
        }
        (Kind::Date, Kind::TimestampLtz(p)) | (Kind::TimestampLtz(p), Kind::Date) => {
            Some(Kind::TimestampLtz(*p))
        }
        (Kind::Array(x), Kind::Array(y)) => Some(Kind::Array(Box::new(common_type(x, y)?))),
        (Kind::Multiset(x), Kind::Multiset(y)) => {
            Some(Kind::Multiset(Box::new(common_type(x, y)?)))
        }
        (Kind::Map(k, v), Kind::Map(l, w)) => {
            Some(Kind::Map(Box::new(common_type(k, l)?), Box::new(common_type(v, w)?)))
        }
        (Kind::Row(x), Kind::Row(y)) if x.len() == y.len() => {
            let fields =
                x.iter().zip(y).map(|((name, s), (_, t))| Some((name.clone(), common_type(s, t)?)));
            Some(Kind::Row(fields.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn common_number(a: &Kind, b: &Kind) -> Kind {
    if *a == Kind::Double || *b == Kind::Double {
        return Kind::Double;
    }
    if a.is_approximate() || b.is_approximate() {
        // FLOAT holds small exact numbers only; Flink goes to DOUBLE with a decimal.
        let with_decimal = matches!(a, Kind::Decimal { .. }) || matches!(b, Kind::Decimal { .. });
        return if with_decimal { Kind::Double } else { Kind::Float };
    }
    if a.is_integer() && b.is_integer() {
        let digits = |kind: &Kind| kind.as_decimal().map_or(0, |(p, _)| p);
        return if digits(a) >= digits(b) { a.clone() } else { b.clone() };
    }
    let (p, s) = a.as_decimal().unwrap_or((38, 0));
    let (q, t) = b.as_decimal().unwrap_or((38, 0));
    let scale = s.max(t);
    let whole = (p - s).max(q - t);
    let precision = (whole + scale).min(38);
    // Digits before the point are kept first.
    Kind::Decimal { precision, scale: scale.min(38 - whole) }
}

fn common_text(a: &Kind, b: &Kind) -> Kind {
    let (m, n) = (a.length().unwrap_or(MAX_LENGTH), b.length().unwrap_or(MAX_LENGTH));
    let longest = m.max(n);
    if longest == MAX_LENGTH {
        return Kind::String;
    }
    // Calcite pads nothing: CHAR(1) and CHAR(2) meet in VARCHAR(2).
    Kind::VarChar(longest)
}

#[cfg(test)]
mod tests {
    use crate::types::{common_type, parse_type};

    #[track_caller]
    fn check(a: &str, b: &str, want: Option<&str>) {
        let (a, b) = (parse_type(a).unwrap(), parse_type(b).unwrap());
        assert_eq!(common_type(&a, &b).map(|t| t.to_string()).as_deref(), want);
        assert_eq!(common_type(&b, &a).map(|t| t.to_string()).as_deref(), want);
    }

    #[test]
    fn branches_meet_in_the_wider_type() {
        check("INT", "BIGINT", Some("BIGINT"));
        check("INT NOT NULL", "BIGINT", Some("BIGINT"));
        check("INT", "DECIMAL(5, 2)", Some("DECIMAL(12, 2)"));
        check("BIGINT", "DECIMAL(38, 30)", Some("DECIMAL(38, 19)"));
        check("CHAR(2) NOT NULL", "CHAR(4) NOT NULL", Some("VARCHAR(4) NOT NULL"));
        check("CHAR(2)", "STRING", Some("STRING"));
        check("TIMESTAMP(3)", "TIMESTAMP(6)", Some("TIMESTAMP(6)"));
        check("DATE", "TIMESTAMP(3)", Some("TIMESTAMP(3)"));
        check("ARRAY<INT>", "ARRAY<DOUBLE>", Some("ARRAY<DOUBLE>"));
        check("INT", "STRING", None);
        check("BOOLEAN", "INT", None);
    }
}
