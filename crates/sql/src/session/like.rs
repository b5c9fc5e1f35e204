//! `CREATE TABLE … LIKE`: what comes along from the other table
//! (Flink's `MergeTableLikeUtil`).

use crate::diagnostic::{Diagnostic, Result};
use crate::parse::{ColumnKind, CreateTable, LikeClause};

/// How one feature of the other table is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// Taken over; giving the same thing anew is an error.
    Including,
    /// Left behind.
    Excluding,
    /// Taken over; what is given anew replaces it.
    Overwriting,
}

/// The declaration with everything its LIKE clause brings along.
pub(super) fn merged(mut new: CreateTable, base: &CreateTable) -> Result<CreateTable> {
    let Some(like) = new.like.take() else { return Ok(new) };
    columns(&mut new, base, &like)?;
    watermark(&mut new, base, &like)?;
    options(&mut new, base, &like)?;
    if strategy(&like, "CONSTRAINTS") != Merge::Excluding {
        if !new.primary_key.is_empty() && !base.primary_key.is_empty() {
            let message = format!("`{}` has a primary key already", base.name.node);
            return Err(Diagnostic::new(new.primary_key[0].place, message)
                .hint("write LIKE … (EXCLUDING CONSTRAINTS)"));
        }
        if new.primary_key.is_empty() {
            new.primary_key = base.primary_key.clone();
        }
    }
    if new.partition_keys.is_empty() {
        new.partition_keys = base.partition_keys.clone();
    } else if !base.partition_keys.is_empty() && strategy(&like, "PARTITIONS") == Merge::Including {
        let message = format!("`{}` is partitioned already", base.name.node);
        return Err(Diagnostic::new(new.partition_keys[0].place, message)
            .hint("write LIKE … (EXCLUDING PARTITIONS)"));
    }
    Ok(new)
}

fn strategy(like: &LikeClause, feature: &str) -> Merge {
    let given = |what: &str| like.options.iter().rev().find(|option| option.what == what);
    match given(feature).or_else(|| given("ALL")).map(|option| option.mode.as_str()) {
        Some("EXCLUDING") => Merge::Excluding,
        Some("OVERWRITING") => Merge::Overwriting,
        Some(_) => Merge::Including,
        None if feature == "OPTIONS" => Merge::Overwriting,
        None => Merge::Including,
    }
}

/// The other table's columns come first.
fn columns(new: &mut CreateTable, base: &CreateTable, like: &LikeClause) -> Result<()> {
    let mut all = Vec::new();
    for column in &base.columns {
        let merge = match &column.kind {
            ColumnKind::Physical { .. } => Merge::Including,
            ColumnKind::Computed { .. } => strategy(like, "GENERATED"),
            ColumnKind::Metadata { .. } => strategy(like, "METADATA"),
        };
        let anew = new.columns.iter().find(|given| given.name.node == column.name.node);
        match (merge, anew) {
            (Merge::Excluding, _) | (Merge::Overwriting, Some(_)) => {}
            (_, None) => all.push(column.clone()),
            (Merge::Including, Some(given)) => {
                let message = format!(
                    "column `{}` comes from `{}` already",
                    column.name.node, base.name.node
                );
                return Err(Diagnostic::new(given.name.place, message));
            }
        }
    }
    all.append(&mut new.columns);
    new.columns = all;
    Ok(())
}

fn watermark(new: &mut CreateTable, base: &CreateTable, like: &LikeClause) -> Result<()> {
    match (strategy(like, "WATERMARKS"), &new.watermark, &base.watermark) {
        (Merge::Excluding, ..) | (_, _, None) | (Merge::Overwriting, Some(_), _) => Ok(()),
        (_, None, Some(_)) => {
            new.watermark = base.watermark.clone();
            Ok(())
        }
        (Merge::Including, Some(given), Some(_)) => {
            let message = format!("`{}` has a watermark already", base.name.node);
            Err(Diagnostic::new(given.column.place, message)
                .hint("write LIKE … (OVERWRITING WATERMARKS)"))
        }
    }
}

fn options(new: &mut CreateTable, base: &CreateTable, like: &LikeClause) -> Result<()> {
    let merge = strategy(like, "OPTIONS");
    if merge == Merge::Excluding {
        return Ok(());
    }
    for (key, value) in &base.options {
        match new.options.get(key) {
            Some(given) if merge == Merge::Including => {
                let message = format!("`{}` has the option `{key}` already", base.name.node);
                return Err(Diagnostic::new(given.place, message)
                    .hint("write LIKE … (OVERWRITING OPTIONS)"));
            }
            Some(_) => {}
            None => {
                new.options.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}
