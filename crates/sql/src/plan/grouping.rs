//! What SELECT and HAVING of an aggregation can name: its keys, aggregates and window.

use std::cell::RefCell;

use engine::operators::window::WindowProperty;
use sqlparser::ast;

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, Expr};
use crate::types::{Kind, SqlType};

use super::aggregate::{self, AggregateNode};
use super::bind::Binder;
use super::call::{name_of, plain_arguments};
use super::grouping_sets::grouping_id;
use super::rel::{Time, WindowPart};
use super::window::{self, GroupWindow};

/// Provisional index of the first aggregate; keys come before.
const CALLS: usize = 1 << 20;
/// Provisional index of the first window property.
const PROPERTIES: usize = 1 << 21;

/// Where an output column of an aggregation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Key(usize),
    Call(usize),
    Property(usize),
}

impl Origin {
    /// The meaning of a provisional column index.
    pub(super) fn of(index: usize) -> Self {
        match index {
            PROPERTIES.. => Self::Property(index - PROPERTIES),
            CALLS.. => Self::Call(index - CALLS),
            _ => Self::Key(index),
        }
    }
}

/// The keys of an aggregation and what its SELECT and HAVING were found to use.
///
/// Expressions bound with it name provisional columns (see [`Origin`]), since the output columns
/// are known only when everything is bound.
#[derive(Debug)]
pub(super) struct Grouping {
    /// Keys that are no window columns, over the input.
    pub(super) keys: Vec<Expr>,
    /// Keys that other grouping sets have and this one has not: NULL here.
    absent: Vec<Expr>,
    /// Window columns of the input among the keys.
    pub(super) window_columns: Vec<(Expr, WindowPart)>,
    /// The window function of GROUP BY.
    pub(super) window: Option<GroupWindow>,
    /// Type of the window's time attribute.
    pub(super) time_type: SqlType,
    found: RefCell<Found>,
}

/// What SELECT and HAVING use.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) calls: Vec<AggregateNode>,
    pub(super) properties: Vec<WindowProperty>,
}

impl Grouping {
    pub(super) fn new(
        keys: Vec<Expr>,
        absent: Vec<Expr>,
        window_columns: Vec<(Expr, WindowPart)>,
        window: Option<GroupWindow>,
    ) -> Self {
        let time_of_columns = window_columns
            .iter()
            .find(|(_, part)| *part == WindowPart::Time)
            .map(|(column, _)| column.sql_type().clone());
        let time_type = match &window {
            Some(GroupWindow { time: Time::Event, arguments, .. }) => {
                match arguments[0].sql_type().kind {
                    Kind::TimestampLtz(_) => Some(SqlType::required(Kind::TimestampLtz(3))),
                    _ => None,
                }
            }
            Some(GroupWindow { time: Time::Processing, .. }) => {
                Some(SqlType::required(Kind::TimestampLtz(3)))
            }
            None => time_of_columns,
        };
        let time_type = time_type.unwrap_or(SqlType::required(Kind::Timestamp(3)));
        Self { keys, absent, window_columns, window, time_type, found: RefCell::default() }
    }

    /// Shows the aggregates found so far.
    pub(super) fn with_calls<T>(&self, look: impl FnOnce(&[AggregateNode]) -> T) -> T {
        look(&self.found.borrow().calls)
    }

    /// The same grouping over an input with other column indices.
    pub(super) fn over(mut self, f: &mut impl FnMut(usize) -> usize) -> Self {
        for key in &mut self.keys {
            *key = key.map_columns(f);
        }
        for call in &mut self.found.get_mut().calls {
            for argument in &mut call.arguments {
                *argument = argument.map_columns(f);
            }
            call.filter = call.filter.as_ref().map(|filter| filter.map_columns(f));
        }
        self
    }

    /// What was found once everything is bound.
    pub(super) fn into_found(self) -> Found {
        self.found.into_inner()
    }

    /// The group's value for an expression of SELECT or HAVING, if the expression as a whole is
    /// one: an aggregate, a property of the window, or a key.
    pub(super) fn replace(
        &self,
        binder: &Binder<'_>,
        ast: &ast::Expr,
        place: Place,
    ) -> Result<Option<Expr>> {
        let plain = Binder { grouping: None, ..*binder };
        if let ast::Expr::Function(call) = ast
            && call.over.is_none()
        {
            let name = name_of(call);
            if matches!(name.as_str(), "GROUPING" | "GROUPING_ID") {
                let arguments = plain.bind_all(plain_arguments(call, place)?, place)?;
                return grouping_id(&arguments, &self.keys, &self.absent, place).map(Some);
            }
            if aggregate::is_aggregate(&name) {
                return self.aggregate(&plain, call, &name, place).map(Some);
            }
            if window::is_auxiliary(&name) {
                return self.auxiliary(&plain, call, &name, place).map(Some);
            }
        }
        if matches!(ast, ast::Expr::Value(_) | ast::Expr::Nested(_)) {
            return Ok(None);
        }
        Ok(plain.bind(ast, place).ok().and_then(|bound| self.look_up(&bound)))
    }

    /// The group's value for a column, which must be a key.
    pub(super) fn key(&self, column: &Expr, place: Place) -> Result<Expr> {
        self.look_up(column).ok_or_else(|| {
            let message = format!(
                "column `{column}` is neither in GROUP BY nor inside an aggregate function"
            );
            Diagnostic::new(place, message)
                .hint("add it to GROUP BY, or take MIN, MAX or another aggregate of it")
        })
    }

    fn look_up(&self, bound: &Expr) -> Option<Expr> {
        if let Some(index) = self.keys.iter().position(|key| key == bound) {
            return Some(expr::column(index, &bound.to_string(), bound.sql_type().clone()));
        }
        if self.absent.contains(bound) {
            let sql_type = bound.sql_type().clone().with_nullable(true);
            return Some(expr::literal(expr::Literal::Null, sql_type));
        }
        let (_, part) = self.window_columns.iter().find(|(column, _)| column == bound)?;
        Some(self.property(match part {
            WindowPart::Start => WindowProperty::Start,
            WindowPart::End => WindowProperty::End,
            WindowPart::Time => WindowProperty::Time,
        }))
    }

    fn property(&self, property: WindowProperty) -> Expr {
        let mut found = self.found.borrow_mut();
        let index = match found.properties.iter().position(|known| *known == property) {
            Some(index) => index,
            None => {
                found.properties.push(property);
                found.properties.len() - 1
            }
        };
        let (name, sql_type) = match property {
            WindowProperty::Start => ("window_start", SqlType::required(Kind::Timestamp(3))),
            WindowProperty::End => ("window_end", SqlType::required(Kind::Timestamp(3))),
            WindowProperty::Time => ("window_time", self.time_type.clone()),
        };
        expr::column(PROPERTIES + index, name, sql_type)
    }

    fn aggregate(
        &self,
        binder: &Binder<'_>,
        call: &ast::Function,
        name: &str,
        place: Place,
    ) -> Result<Expr> {
        let node = aggregate::bind(binder, call, name, place)?;
        let (text, sql_type) = (node.text.clone(), node.sql_type.clone());
        let mut found = self.found.borrow_mut();
        let index = match found.calls.iter().position(|known| *known == node) {
            Some(index) => index,
            None => {
                found.calls.push(node);
                found.calls.len() - 1
            }
        };
        Ok(expr::column(CALLS + index, &text, sql_type))
    }

    /// `TUMBLE_START(…)` and its sisters, with the arguments of the window of GROUP BY.
    fn auxiliary(
        &self,
        binder: &Binder<'_>,
        call: &ast::Function,
        name: &str,
        place: Place,
    ) -> Result<Expr> {
        let arguments = binder.bind_all(plain_arguments(call, place)?, place)?;
        let matching = window::property(name).zip(self.window.as_ref()).filter(
            |((function, _, _), window)| window.name == *function && window.arguments == arguments,
        );
        let Some(((_, property, time), window)) = matching else {
            let message = format!("`{name}` needs the same window in GROUP BY");
            return Err(Diagnostic::new(place, message)
                .hint("its arguments must be those of the window function in GROUP BY"));
        };
        if time.is_some_and(|time| time != window.time) {
            let right = if window.time == Time::Event { "ROWTIME" } else { "PROCTIME" };
            let message = format!("`{name}` does not fit the time of the window");
            return Err(
                Diagnostic::new(place, message).hint(format!("use `{}_{right}`", window.name))
            );
        }
        Ok(self.property(property))
    }
}
