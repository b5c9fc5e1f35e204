//! `GROUPING SETS`, `ROLLUP`, `CUBE`: one aggregation for each set, and all their results.

use sqlparser::ast;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr, Literal};
use crate::types::{Kind, SqlType};

/// Most sets one GROUP BY may make.
const MOST_SETS: usize = 64;

/// The keys of one set, and those that only other sets have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroupingSet<'a> {
    pub(super) keys: Vec<&'a ast::Expr>,
    pub(super) absent: Vec<&'a ast::Expr>,
}

/// All sets of a GROUP BY; one when it has neither GROUPING SETS nor ROLLUP nor CUBE.
pub(super) fn sets<'a>(groups: &'a [ast::Expr], place: Place) -> Result<Vec<GroupingSet<'a>>> {
    let mut sets: Vec<Vec<&'a ast::Expr>> = vec![Vec::new()];
    let mut optional: Vec<&'a ast::Expr> = Vec::new();
    for group in flat(groups) {
        let alternatives = match group {
            ast::Expr::GroupingSets(sets) => sets.iter().map(|set| flat(set)).collect(),
            ast::Expr::Rollup(parts) => (0..=parts.len())
                .rev()
                .map(|n| parts[..n].iter().flat_map(|p| flat(p)).collect())
                .collect(),
            ast::Expr::Cube(parts) if parts.len() < 8 => subsets(parts),
            ast::Expr::Cube(_) => return Err(too_many(Place::of(group, place))),
            plain => vec![vec![plain]],
        };
        if !(alternatives.len() == 1 && alternatives[0] == [group]) {
            optional.extend(alternatives.iter().flatten());
        }
        let combined = sets.iter().flat_map(|set| {
            alternatives.iter().map(move |more| [set.as_slice(), more.as_slice()].concat())
        });
        sets = combined.collect();
        if sets.len() > MOST_SETS {
            return Err(too_many(Place::of(group, place)));
        }
    }
    let set = |keys: Vec<&'a ast::Expr>| {
        let absent = optional.iter().copied().filter(|key| !keys.contains(key)).collect();
        GroupingSet { keys, absent }
    };
    Ok(sets.into_iter().map(set).collect())
}

fn too_many(place: Place) -> Diagnostic {
    Diagnostic::new(place, format!("GROUP BY makes more than {MOST_SETS} grouping sets"))
}

/// All parts, then all but the last, …: every combination.
fn subsets(parts: &[Vec<ast::Expr>]) -> Vec<Vec<&ast::Expr>> {
    let full = (1usize << parts.len()) - 1;
    let chosen = |mask: usize| {
        let last = parts.len().saturating_sub(1);
        parts.iter().enumerate().filter(move |(i, _)| mask >> (last - i) & 1 == 1)
    };
    (0..=full).rev().map(|mask| chosen(mask).flat_map(|(_, part)| flat(part)).collect()).collect()
}

/// The elements of GROUP BY without parentheses.
fn flat(groups: &[ast::Expr]) -> Vec<&ast::Expr> {
    let mut all = Vec::new();
    for group in groups {
        match group {
            ast::Expr::Tuple(inner) => all.extend(flat(inner)),
            ast::Expr::Nested(inner) => all.extend(flat(std::slice::from_ref(inner))),
            other => all.push(other),
        }
    }
    all
}

/// `GROUPING(x)`, `GROUPING_ID(x, y)`: a bit for each argument, 1 where the set lacks it.
pub(super) fn grouping_id(
    arguments: &[Expr],
    keys: &[Expr],
    absent: &[Expr],
    place: Place,
) -> Result<Expr> {
    let mut id = 0i64;
    for argument in arguments {
        let bit = match (keys.contains(argument), absent.contains(argument)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => {
                let message = format!("`{argument}` is not in GROUP BY, so GROUPING of it is not");
                return Err(Diagnostic::new(place, message));
            }
        };
        id = id << 1 | bit;
    }
    Ok(expr::literal(Literal::Integer(id), SqlType::required(Kind::BigInt)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Statement, parse_script};

    /// The keys of all sets of a GROUP BY, as text.
    fn check(group_by: &str, expected: &[&str]) {
        let script = format!("SELECT 1 FROM t GROUP BY {group_by}");
        let (statements, _) = parse_script(&script).unwrap();
        let Statement::Query(query) = &statements[0].node else { panic!("no query") };
        let ast::SetExpr::Select(select) = query.body.as_ref() else { panic!("no select") };
        let ast::GroupByExpr::Expressions(groups, _) = &select.group_by else {
            panic!("no groups")
        };
        let text = |set: &GroupingSet<'_>| {
            set.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let found: Vec<_> = sets(groups, Place::START).unwrap().iter().map(text).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sets_are_combined_with_the_other_keys() {
        check("a, b", &["a b"]);
        check("w, GROUPING SETS ((a), (b), ())", &["w a", "w b", "w"]);
        check("w, ROLLUP (a, b)", &["w a b", "w a", "w"]);
        check("CUBE (a, b)", &["a b", "a", "b", ""]);
    }
}
