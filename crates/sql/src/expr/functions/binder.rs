//! Matches the arguments of a call with the signatures of a function.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int32Builder,
    Int64Builder, StringBuilder,
};
use engine::Result;

use super::row::{Row, View};
use crate::expr::function::{Arguments, Function, Value};
use crate::expr::temporal::stamp::{Stamp, array_of};
use crate::expr::{CallError, Expr, Session, cast};
use crate::types::{Kind, SqlType};

/// A function of the library.
#[derive(Debug)]
pub(in crate::expr) struct Entry {
    /// Its name and other names for it.
    pub names: &'static [&'static str],
    pub binding: Binding,
}

/// How calls of a function are built.
pub(in crate::expr) enum Binding {
    /// By the first signature that fits.
    Table(&'static [Signature]),
    /// By a constructor. It gets the number of arguments it asks for.
    Special {
        least: usize,
        most: usize,
        build: fn(&Session, &str, Vec<Expr>) -> Result<Expr, CallError>,
    },
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(signatures) => f.debug_tuple("Table").field(signatures).finish(),
            Self::Special { .. } => f.write_str("Special"),
        }
    }
}

/// Argument types, result type and evaluation of a function.
#[derive(Debug)]
pub(in crate::expr) struct Signature {
    pub params: &'static [Param],
    /// How many of `params` may be left out at the end.
    pub optional: usize,
    /// Whether the last of `params` may be repeated.
    pub variadic: bool,
    pub nulls: Nulls,
    pub body: Body,
}

/// What an argument must be; other types are converted where that loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Param {
    /// TINYINT to INT
    Int,
    /// TINYINT to BIGINT
    Long,
    /// Any number, as DOUBLE
    Double,
    Text,
    Bytes,
    /// TIMESTAMP(3) or a DATE
    Timestamp,
    TimestampLtz,
}

/// What happens with NULL arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Nulls {
    /// A NULL argument gives NULL; the body gives a value.
    Strict,
    /// A NULL argument gives NULL; the body may give NULL too.
    MayBeNull,
    /// The body is called with NULLs; it never gives one.
    Called,
    /// The body is called with NULLs and may give one.
    CalledMayBeNull,
}

/// Computes one value; `false` and `None` are NULL.
#[derive(Clone, Copy)]
pub(in crate::expr) enum Body {
    Text(fn(&Row<'_>, &mut String) -> bool),
    Bytes(fn(&Row<'_>, &mut Vec<u8>) -> bool),
    Boolean(fn(&Row<'_>) -> Option<bool>),
    Int(fn(&Row<'_>) -> Option<i32>),
    Long(fn(&Row<'_>) -> Option<i64>),
    Double(fn(&Row<'_>) -> Option<f64>),
    Date(fn(&Row<'_>) -> Option<i32>),
    /// TIMESTAMP of this precision
    Timestamp(u8, fn(&Row<'_>) -> Option<Stamp>),
    /// TIMESTAMP_LTZ of this precision
    TimestampLtz(u8, fn(&Row<'_>) -> Option<Stamp>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())
    }
}

impl Body {
    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::Boolean(_) => Kind::Boolean,
            Self::Int(_) => Kind::Int,
            Self::Long(_) => Kind::BigInt,
            Self::Double(_) => Kind::Double,
            Self::Date(_) => Kind::Date,
            Self::Timestamp(p, _) => Kind::Timestamp(*p),
            Self::TimestampLtz(p, _) => Kind::TimestampLtz(*p),
        }
    }
}

impl Param {
    fn kind(self) -> Kind {
        match self {
            Self::Int => Kind::Int,
            Self::Long => Kind::BigInt,
            Self::Double => Kind::Double,
            Self::Text => Kind::String,
            Self::Bytes => Kind::Bytes,
            Self::Timestamp => Kind::Timestamp(3),
            Self::TimestampLtz => Kind::TimestampLtz(3),
        }
    }

    fn takes(self, kind: &Kind) -> bool {
        match (self, kind) {
            (_, Kind::Null)
            | (Self::Timestamp, Kind::Timestamp(_) | Kind::Date)
            | (Self::TimestampLtz, Kind::TimestampLtz(_)) => true,
            (Self::Int, kind) => kind.is_integer() && *kind != Kind::BigInt,
            (Self::Long, kind) => kind.is_integer(),
            (Self::Double, kind) => kind.is_numeric(),
            (Self::Text, kind) => kind.is_text(),
            (Self::Bytes, kind) => kind.is_bytes(),
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Long => "BIGINT",
            Self::Double => "NUMERIC",
            Self::Text => "STRING",
            Self::Bytes => "BYTES",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampLtz => "TIMESTAMP_LTZ",
        }
    }
}

impl Signature {
    fn param(&self, index: usize) -> Option<Param> {
        let last = self.params.last().filter(|_| self.variadic);
        self.params.get(index).or(last).copied()
    }

    fn fits(&self, args: &[Expr]) -> bool {
        args.len() + self.optional >= self.params.len()
            && args.iter().enumerate().all(|(index, arg)| {
                self.param(index).is_some_and(|param| param.takes(&arg.sql_type().kind))
            })
    }

    fn show(&self, name: &str) -> String {
        let required = self.params.len() - self.optional;
        let mut text = format!("{name}(");
        for (index, param) in self.params.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            text += if index >= required { " [" } else { "" };
            text += comma;
            text += param.name();
            text += if index >= required { "]" } else { "" };
        }
        text + if self.variadic { ", …)" } else { ")" }
    }
}

/// Builds a call of `entry`.
pub(super) fn bind(
    session: &Session,
    name: &str,
    entry: &'static Entry,
    args: Vec<Expr>,
) -> Result<Expr, CallError> {
    let signatures = match &entry.binding {
        Binding::Table(signatures) => signatures,
        Binding::Special { least, most, build } => {
            if (*least..=*most).contains(&args.len()) {
                return build(session, name, args);
            }
            let wanted = if least == most {
                format!("{least}")
            } else if *most == usize::MAX {
                format!("at least {least}")
            } else {
                format!("{least} to {most}")
            };
            return Err(CallError::wrong(format!(
                "`{name}` takes {wanted} arguments, not {}",
                args.len()
            )));
        }
    };
    let Some((index, signature)) = signatures.iter().enumerate().find(|(_, s)| s.fits(&args))
    else {
        return Err(refused(name, &args, signatures.iter().map(|s| s.show(name))));
    };
    let nullable = match signature.nulls {
        Nulls::Strict => args.iter().any(|arg| arg.sql_type().nullable),
        Nulls::Called => false,
        Nulls::MayBeNull | Nulls::CalledMayBeNull => true,
    };
    let args = args
        .into_iter()
        .enumerate()
        .map(|(at, arg)| match signature.param(at) {
            Some(param) => convert(session, arg, param),
            None => Ok(arg),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let function = ByRow {
        name: entry.names[0],
        signature: index,
        nulls: signature.nulls,
        body: signature.body,
        session: session.clone(),
    };
    Ok(Expr::call(name, function, args, SqlType { kind: signature.body.kind(), nullable }))
}

fn convert(session: &Session, arg: Expr, param: Param) -> Result<Expr, CallError> {
    let kind = &arg.sql_type().kind;
    let as_it_is = match (param, kind) {
        (Param::Timestamp, Kind::Timestamp(_)) | (Param::TimestampLtz, Kind::TimestampLtz(_)) => {
            true
        }
        (Param::Text, kind) => kind.is_text(),
        (Param::Bytes, kind) => kind.is_bytes(),
        _ => false,
    };
    if as_it_is { Ok(arg) } else { cast::cast(session, arg, &SqlType::nullable(param.kind())) }
}

/// Arguments that no signature takes.
pub(in crate::expr) fn refused(
    name: &str,
    args: &[Expr],
    taken: impl Iterator<Item = String>,
) -> CallError {
    let given: Vec<_> = args.iter().map(|arg| arg.sql_type().kind.to_string()).collect();
    let taken: Vec<_> = taken.collect();
    CallError::wrong(format!(
        "`{name}` cannot be applied to arguments of type ({}), it takes {}",
        given.join(", "),
        taken.join(" or ")
    ))
}

/// A function evaluated record by record.
struct ByRow {
    name: &'static str,
    signature: usize,
    nulls: Nulls,
    body: Body,
    session: Session,
}

impl fmt::Debug for ByRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.name, self.signature, self.session.zone)
    }
}

impl Function for ByRow {
    fn evaluate(&self, args: &Arguments<'_>) -> Result<Value> {
        let values = args.values()?;
        let constant = !values.is_empty() && values.iter().all(|value| value.constant);
        let rows = if constant { 1 } else { args.rows() };
        let views: Vec<View<'_>> = values.iter().map(View::of).collect();
        let strict = matches!(self.nulls, Nulls::Strict | Nulls::MayBeNull);
        let array = self.run(&views, rows, strict);
        Ok(Value { array, constant })
    }
}

impl ByRow {
    fn run(&self, views: &[View<'_>], rows: usize, strict: bool) -> ArrayRef {
        macro_rules! plain {
            ($builder:expr, $f:expr) => {{
                let mut out = $builder;
                for at in 0..rows {
                    let row = Row::new(views, at, &self.session);
                    if strict && row.any_null() {
                        out.append_null();
                    } else {
                        out.append_option($f(&row));
                    }
                }
                Arc::new(out.finish())
            }};
        }
        match self.body {
            Body::Text(f) => self.texts(views, rows, strict, f),
            Body::Bytes(f) => {
                let mut out = BinaryBuilder::with_capacity(rows, rows * 16);
                let mut value = Vec::new();
                for at in 0..rows {
                    let row = Row::new(views, at, &self.session);
                    value.clear();
                    if (!strict || !row.any_null()) && f(&row, &mut value) {
                        out.append_value(&value);
                    } else {
                        out.append_null();
                    }
                }
                Arc::new(out.finish())
            }
            Body::Boolean(f) => plain!(BooleanBuilder::with_capacity(rows), f),
            Body::Int(f) => plain!(Int32Builder::with_capacity(rows), f),
            Body::Long(f) => plain!(Int64Builder::with_capacity(rows), f),
            Body::Double(f) => plain!(Float64Builder::with_capacity(rows), f),
            Body::Date(f) => plain!(Date32Builder::with_capacity(rows), f),
            Body::Timestamp(_, f) | Body::TimestampLtz(_, f) => {
                let data_type = self.body.kind().to_arrow();
                let mut out = Int64Builder::with_capacity(rows);
                for at in 0..rows {
                    let row = Row::new(views, at, &self.session);
                    let stamp = if strict && row.any_null() { None } else { f(&row) };
                    out.append_option(stamp.map(|stamp| stamp.in_unit(&data_type)));
                }
                array_of(out.finish(), &data_type)
            }
        }
    }

    fn texts(
        &self,
        views: &[View<'_>],
        rows: usize,
        strict: bool,
        f: fn(&Row<'_>, &mut String) -> bool,
    ) -> ArrayRef {
        let mut out = StringBuilder::with_capacity(rows, rows * 16);
        let mut value = String::new();
        for at in 0..rows {
            let row = Row::new(views, at, &self.session);
            value.clear();
            if (!strict || !row.any_null()) && f(&row, &mut value) {
                out.append_value(&value);
            } else {
                out.append_null();
            }
        }
        Arc::new(out.finish())
    }
}
