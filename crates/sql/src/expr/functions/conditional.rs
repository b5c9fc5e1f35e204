//! COALESCE, IFNULL, NULLIF, IF, GREATEST, LEAST.

use super::{Binding, Entry};
use crate::expr::conditional::{case, coalesce, extreme, null_if};
use crate::expr::{CallError, Expr, Session};

const MANY: usize = usize::MAX;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        names: &["COALESCE"],
        binding: Binding::Special { least: 1, most: MANY, build: |s, _, args| coalesce(s, args) },
    },
    Entry {
        names: &["IFNULL"],
        binding: Binding::Special { least: 2, most: 2, build: |s, _, args| coalesce(s, args) },
    },
    Entry { names: &["NULLIF"], binding: Binding::Special { least: 2, most: 2, build: nullif } },
    Entry { names: &["IF"], binding: Binding::Special { least: 3, most: 3, build: if_ } },
    Entry {
        names: &["GREATEST", "LEAST"],
        binding: Binding::Special { least: 1, most: MANY, build: extreme },
    },
];

fn nullif(session: &Session, _: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let b = args.remove(1);
    null_if(session, args.remove(0), b)
}

fn if_(session: &Session, _: &str, mut args: Vec<Expr>) -> Result<Expr, CallError> {
    let otherwise = args.remove(2);
    let value = args.remove(1);
    case(session, None, vec![(args.remove(0), value)], Some(otherwise))
}
