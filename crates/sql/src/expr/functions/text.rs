//! Texts: case, parts, padding.

use super::Entry;
use crate::expr::{CallError, Expr, Session, TrimSide};

pub(super) const ENTRIES: &[Entry] = &[];

/// `TRIM([side] [what] FROM operand)`.
pub fn trim(
    session: &Session,
    side: TrimSide,
    what: Option<Expr>,
    operand: Expr,
) -> Result<Expr, CallError> {
    let _ = (session, side, what, operand);
    Err(CallError::wrong("not there yet"))
}
