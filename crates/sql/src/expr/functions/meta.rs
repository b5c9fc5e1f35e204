//! Functions about values rather than of them: TYPEOF, IS_ALPHA, IS_DIGIT, IS_DECIMAL.

use super::text::entries;
use super::{Binding, Body, Entry, Nulls, Param, Row, Signature};
use crate::expr::build;

use Nulls::Called;
use Param::Text;

const TYPEOF: Entry = Entry {
    names: &["TYPEOF"],
    binding: Binding::Special {
        least: 1,
        most: 2,
        build: |_, _, args| Ok(build::string(&args[0].sql_type().to_string())),
    },
};

pub(super) const ENTRIES: &[Entry] = &[TYPEOF];

/// Tests of a text; a NULL passes none.
pub(super) const TESTS: &[Entry] = entries! {
    ["IS_ALPHA"] => [Text], 0, Called, Body::Boolean(|r| holds(r, |text| {
        text.chars().all(char::is_alphabetic)
    }));
    ["IS_DIGIT"] => [Text], 0, Called, Body::Boolean(|r| holds(r, |text| {
        text.chars().all(char::is_numeric)
    }));
    ["IS_DECIMAL"] => [Text], 0, Called, Body::Boolean(|r| holds(r, |text| {
        text.parse::<f64>().is_ok_and(f64::is_finite)
    }));
};

fn holds(r: &Row<'_>, test: fn(&str) -> bool) -> Option<bool> {
    Some(!r.is_null(0) && !r.text(0).is_empty() && test(r.text(0)))
}
