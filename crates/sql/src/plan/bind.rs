//! Expressions of the syntax tree → typed expressions over a scope.

use std::cell::Cell;

use sqlparser::ast::{self, AccessExpr, Ident, Subscript};

use crate::diagnostic::{Diagnostic, Place, Result};
use crate::expr::{self, BinaryOp, CallError, Expr, Truth, UnaryOp, Unit};
use crate::parse::type_text;
use crate::types::parse_type;

use super::call;
use super::grouping::Grouping;
use super::literal;
use super::rel::{Column, Time};
use super::scope::Scope;

/// Binds expressions of one clause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binder<'a> {
    pub(crate) session: &'a expr::Session,
    pub(crate) scope: &'a Scope,
    /// Set in SELECT and HAVING of an aggregation: names then mean groups, not records.
    pub(super) grouping: Option<&'a Grouping>,
    /// Told when an aggregate function is met where there is no grouping.
    pub(super) aggregate_met: Option<&'a Cell<bool>>,
}

/// The built expression, or what is wrong with it at `place`.
pub(super) fn placed(built: Result<Expr, CallError>, place: Place) -> Result<Expr> {
    built.map_err(|error| match error {
        CallError::UnknownFunction { name, suggestion } => {
            let unknown = Diagnostic::new(place, format!("unknown function `{name}`"));
            match suggestion {
                Some(suggestion) => unknown.hint(format!("did you mean `{suggestion}`?")),
                None => unknown,
            }
        }
        CallError::WrongArguments { message } => Diagnostic::new(place, message),
    })
}

/// Whether an expression over `columns` is a time attribute: a column that is one, `PROCTIME()`,
/// or a rowtime moved by an interval (which Flink's group windows take).
pub(crate) fn time_of(expression: &Expr, columns: &[Column]) -> Option<Time> {
    if expression.as_column().is_some() {
        return same_column(expression, columns).and_then(|column| column.time);
    }
    if expression.is_proctime() {
        return Some(Time::Processing);
    }
    match expression.as_call() {
        Some(("+" | "-", [moved, by])) if by.sql_type().kind.is_interval() => {
            time_of(moved, columns)
        }
        _ => None,
    }
}

/// The column an expression passes on as it is. (A CAST to the same type makes a column that goes
/// by another name: it has the values, but is no time attribute any more.)
pub(super) fn same_column<'c>(expression: &Expr, columns: &'c [Column]) -> Option<&'c Column> {
    match expression {
        Expr::Column { index, name, .. } => {
            columns.get(*index).filter(|column| column.name == *name)
        }
        Expr::Literal { .. } | Expr::Call(_) => None,
    }
}

impl<'a> Binder<'a> {
    /// Binds expressions over plain records.
    pub(crate) fn new(session: &'a expr::Session, scope: &'a Scope) -> Self {
        Self { session, scope, grouping: None, aggregate_met: None }
    }

    /// The typed expression; `outer` is where to point when the parser kept no position.
    pub(crate) fn bind(&self, ast: &ast::Expr, outer: Place) -> Result<Expr> {
        let place = Place::of(ast, outer);
        if let Some(grouping) = self.grouping
            && let Some(group) = grouping.replace(self, ast, place)?
        {
            return Ok(group);
        }
        match ast {
            ast::Expr::Identifier(name) => self.name(std::slice::from_ref(name), place),
            ast::Expr::CompoundIdentifier(names) => self.name(names, place),
            ast::Expr::CompoundFieldAccess { root, access_chain } => {
                self.access(root, access_chain, place)
            }
            ast::Expr::Nested(inner) => self.bind(inner, place),
            ast::Expr::Value(value) => literal::value(&value.value, place),
            ast::Expr::TypedString(typed) => literal::typed(typed, place),
            ast::Expr::Interval(interval) => literal::interval(interval, place),
            ast::Expr::Function(function) => call::function(self, function, place),
            ast::Expr::Array(array) => {
                let items = self.bind_all(&array.elem, place)?;
                placed(expr::array(self.session, items), place)
            }
            ast::Expr::Tuple(fields) => placed(expr::row(self.bind_all(fields, place)?), place),
            ast::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), place)
            }
            ast::Expr::Cast { kind, expr, data_type, .. } => {
                self.cast(*kind == ast::CastKind::TryCast, expr, data_type, place)
            }
            ast::Expr::UnaryOp { op, expr } => self.unary(*op, expr, place),
            ast::Expr::BinaryOp { left, op, right } => self.binary(left, op, right, place),
            _ => self.predicate(ast, place),
        }
    }

    /// All of some expressions.
    pub(crate) fn bind_all<'e>(
        &self,
        all: impl IntoIterator<Item = &'e ast::Expr>,
        place: Place,
    ) -> Result<Vec<Expr>> {
        all.into_iter().map(|one| self.bind(one, place)).collect()
    }

    fn binary(
        &self,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        place: Place,
    ) -> Result<Expr> {
        let Some(op) = binary_operator(op) else {
            let message = format!("operator `{op}` is not supported");
            return Err(Diagnostic::new(place, message));
        };
        self.compare(left, op, right, place)
    }

    fn compare(
        &self,
        left: &ast::Expr,
        op: BinaryOp,
        right: &ast::Expr,
        place: Place,
    ) -> Result<Expr> {
        let (left, right) = (self.bind(left, place)?, self.bind(right, place)?);
        placed(expr::binary(self.session, op, left, right), place)
    }

    fn unary(&self, op: ast::UnaryOperator, operand: &ast::Expr, place: Place) -> Result<Expr> {
        // `-2147483648` is one literal: its digits alone would be a BIGINT.
        if let (ast::UnaryOperator::Minus, ast::Expr::Value(value)) = (&op, operand)
            && let ast::Value::Number(text, _) = &value.value
        {
            return placed(expr::number(&format!("-{text}")), place);
        }
        let operand = self.bind(operand, place)?;
        let op = match op {
            ast::UnaryOperator::Plus => UnaryOp::Plus,
            ast::UnaryOperator::Minus => UnaryOp::Minus,
            ast::UnaryOperator::Not => UnaryOp::Not,
            other => {
                let message = format!("operator `{other}` is not supported");
                return Err(Diagnostic::new(place, message));
            }
        };
        placed(expr::unary(self.session, op, operand), place)
    }

    fn cast(
        &self,
        attempt: bool,
        operand: &ast::Expr,
        data_type: &ast::DataType,
        place: Place,
    ) -> Result<Expr> {
        let text = type_text(data_type, place);
        let to = parse_type(&text.node).map_err(|error| Diagnostic::new(text.place, error))?;
        let operand = self.bind(operand, place)?;
        let built = match attempt {
            true => expr::try_cast(self.session, operand, &to),
            false => expr::cast(self.session, operand, &to),
        };
        match placed(built, place)? {
            Expr::Column { index, name, sql_type } => {
                let name = format!("CAST({name} AS {})", to.kind);
                Ok(expr::column(index, &name, sql_type))
            }
            cast => Ok(cast),
        }
    }

    fn case(
        &self,
        operand: Option<&ast::Expr>,
        whens: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        place: Place,
    ) -> Result<Expr> {
        let bind = |ast: &ast::Expr| self.bind(ast, place);
        let operand = operand.map(bind).transpose()?;
        let whens = whens
            .iter()
            .map(|when| Ok((bind(&when.condition)?, bind(&when.result)?)))
            .collect::<Result<Vec<_>>>()?;
        let otherwise = otherwise.map(bind).transpose()?;
        placed(expr::case(self.session, operand, whens, otherwise), place)
    }

    /// Predicates and functions with a syntax of their own.
    fn predicate(&self, ast: &ast::Expr, place: Place) -> Result<Expr> {
        use ast::Expr as E;
        let bind = |ast: &ast::Expr| self.bind(ast, place);
        let session = self.session;
        match ast {
            E::IsNull(e) => Ok(expr::is_null(bind(e)?)),
            E::IsNotNull(e) => placed(expr::not(expr::is_null(bind(e)?)), place),
            E::IsTrue(e) => self.truth(e, Truth::True, false, place),
            E::IsNotTrue(e) => self.truth(e, Truth::True, true, place),
            E::IsFalse(e) => self.truth(e, Truth::False, false, place),
            E::IsNotFalse(e) => self.truth(e, Truth::False, true, place),
            E::IsUnknown(e) => self.truth(e, Truth::Unknown, false, place),
            E::IsNotUnknown(e) => self.truth(e, Truth::Unknown, true, place),
            E::IsDistinctFrom(l, r) => self.compare(l, BinaryOp::IsDistinctFrom, r, place),
            E::IsNotDistinctFrom(l, r) => self.compare(l, BinaryOp::IsNotDistinctFrom, r, place),
            E::InList { expr: operand, list, negated } => {
                let list = self.bind_all(list, place)?;
                negate(expr::in_list(session, bind(operand)?, list), *negated, place)
            }
            E::Between { expr: operand, negated, low, high } => {
                let built = expr::between(session, bind(operand)?, bind(low)?, bind(high)?);
                negate(built, *negated, place)
            }
            E::Like { negated, any: false, expr: operand, pattern, escape_char } => {
                let escape = escape_char.as_deref().map(bind).transpose()?;
                let built = expr::like(session, bind(operand)?, bind(pattern)?, escape);
                negate(built, *negated, place)
            }
            E::SimilarTo { negated, expr: operand, pattern, escape_char } => {
                let escape = escape_char.as_deref().map(bind).transpose()?;
                let built = expr::similar(session, bind(operand)?, bind(pattern)?, escape);
                negate(built, *negated, place)
            }
            E::IsJson { expr: operand, kind, unique_keys: None, negated } => {
                let built = expr::is_json(bind(operand)?, super::json::kind(*kind));
                negate(built, *negated, place)
            }
            _ => self.special(ast, place),
        }
    }

    fn special(&self, ast: &ast::Expr, place: Place) -> Result<Expr> {
        use ast::Expr as E;
        let bind = |ast: &ast::Expr| self.bind(ast, place);
        let call =
            |name: &str, args: Vec<Expr>| placed(expr::call(self.session, name, args), place);
        match ast {
            E::Extract { field, expr: operand, .. } => {
                let unit = unit(&field.to_string(), place)?;
                placed(expr::extract(self.session, unit, bind(operand)?), place)
            }
            E::Floor { expr: operand, field } => self.round("FLOOR", operand, field, place),
            E::Ceil { expr: operand, field } => self.round("CEIL", operand, field, place),
            E::Position { expr: what, r#in } => call("POSITION", vec![bind(what)?, bind(r#in)?]),
            E::Substring { expr: text, substring_from, substring_for, .. } => {
                let parts = [Some(text), substring_from.as_ref(), substring_for.as_ref()];
                let args = parts.into_iter().flatten().map(|e| bind(e)).collect::<Result<_>>()?;
                call("SUBSTRING", args)
            }
            E::Overlay { expr: text, overlay_what, overlay_from, overlay_for } => {
                let parts =
                    [Some(text), Some(overlay_what), Some(overlay_from), overlay_for.as_ref()];
                let args = parts.into_iter().flatten().map(|e| bind(e)).collect::<Result<_>>()?;
                call("OVERLAY", args)
            }
            E::Trim { trim_where, trim_what, expr: text, trim_characters: None } => {
                let what = trim_what.as_deref().map(bind).transpose()?;
                let side = call::trim_side(*trim_where);
                placed(expr::trim(self.session, side, what, bind(text)?), place)
            }
            E::InSubquery { .. } | E::Exists { .. } | E::Subquery(_) => {
                let message = "sub-queries inside expressions are not supported yet";
                Err(Diagnostic::new(place, message).hint("a sub-query can stand in FROM"))
            }
            E::AtTimeZone { .. } => {
                let message = "AT TIME ZONE is not supported";
                Err(Diagnostic::new(place, message).hint("use CONVERT_TZ or a TIMESTAMP_LTZ"))
            }
            other => {
                let mut text = other.to_string();
                if text.chars().count() > 60 {
                    text = text.chars().take(60).chain(['…']).collect();
                }
                Err(Diagnostic::new(place, format!("`{text}` is not supported")))
            }
        }
    }

    /// `FLOOR(x)`, `FLOOR(x TO unit)` and the same for `CEIL`.
    fn round(
        &self,
        name: &str,
        operand: &ast::Expr,
        kind: &ast::CeilFloorKind,
        place: Place,
    ) -> Result<Expr> {
        let operand = self.bind(operand, place)?;
        let built = match kind {
            ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                expr::call(self.session, name, vec![operand])
            }
            ast::CeilFloorKind::DateTimeField(field) => {
                let unit = unit(&field.to_string(), place)?;
                match name {
                    "FLOOR" => expr::floor_to(self.session, operand, unit),
                    _ => expr::ceil_to(self.session, operand, unit),
                }
            }
            ast::CeilFloorKind::Scale(scale) => {
                let scale = literal::value(&scale.value, place)?;
                expr::call(self.session, name, vec![operand, scale])
            }
        };
        placed(built, place)
    }

    fn truth(&self, ast: &ast::Expr, truth: Truth, negated: bool, place: Place) -> Result<Expr> {
        negate(expr::is_truth(self.bind(ast, place)?, truth), negated, place)
    }

    /// A column, or fields of a row in one.
    fn name(&self, names: &[Ident], place: Place) -> Result<Expr> {
        let found = self.scope.find(names, place)?;
        let column = &self.scope.columns[found.index].column;
        let column = expr::column(found.index, &column.name, column.sql_type.clone());
        let column = match self.grouping {
            Some(grouping) => grouping.key(&column, place)?,
            None => column,
        };
        names[found.parts..].iter().try_fold(column, |row, name| {
            placed(expr::field(row, &name.value), Place::of_name(name, place))
        })
    }

    /// `root.field[index]`
    fn access(&self, root: &ast::Expr, chain: &[AccessExpr], place: Place) -> Result<Expr> {
        let mut names = match root {
            ast::Expr::Identifier(name) => vec![name.clone()],
            ast::Expr::CompoundIdentifier(names) => names.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        while let [AccessExpr::Dot(ast::Expr::Identifier(name)), tail @ ..] = rest
            && !names.is_empty()
        {
            names.push(name.clone());
            rest = tail;
        }
        let mut value = match names.is_empty() {
            true => self.bind(root, place)?,
            false => self.name(&names, place)?,
        };
        for step in rest {
            let built = match step {
                AccessExpr::Dot(ast::Expr::Identifier(name)) => expr::field(value, &name.value),
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    expr::item(self.session, value, self.bind(index, place)?)
                }
                other => {
                    let message = format!("`{other}` is not supported");
                    return Err(Diagnostic::new(place, message));
                }
            };
            value = placed(built, place)?;
        }
        Ok(value)
    }
}

fn negate(built: Result<Expr, CallError>, negated: bool, place: Place) -> Result<Expr> {
    let positive = placed(built, place)?;
    if negated { placed(expr::not(positive), place) } else { Ok(positive) }
}

/// A unit of time by name.
pub(super) fn unit(name: &str, place: Place) -> Result<Unit> {
    Unit::parse(name).ok_or_else(|| {
        Diagnostic::new(place, format!("`{name}` is no unit of time"))
            .hint("known are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND")
    })
}

fn binary_operator(op: &ast::BinaryOperator) -> Option<BinaryOp> {
    Some(match op {
        ast::BinaryOperator::Plus => BinaryOp::Plus,
        ast::BinaryOperator::Minus => BinaryOp::Minus,
        ast::BinaryOperator::Multiply => BinaryOp::Multiply,
        ast::BinaryOperator::Divide => BinaryOp::Divide,
        ast::BinaryOperator::Modulo => BinaryOp::Modulo,
        ast::BinaryOperator::StringConcat => BinaryOp::Concat,
        ast::BinaryOperator::Eq => BinaryOp::Eq,
        ast::BinaryOperator::NotEq => BinaryOp::NotEq,
        ast::BinaryOperator::Lt => BinaryOp::Lt,
        ast::BinaryOperator::LtEq => BinaryOp::LtEq,
        ast::BinaryOperator::Gt => BinaryOp::Gt,
        ast::BinaryOperator::GtEq => BinaryOp::GtEq,
        ast::BinaryOperator::And => BinaryOp::And,
        ast::BinaryOperator::Or => BinaryOp::Or,
        _ => return None,
    })
}
