//! The arguments of one record, typed.

use arrow::array::{
    Array, AsArray, BinaryArray, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::datatypes::DataType;

use crate::expr::Session;
use crate::expr::function::Value;
use crate::expr::temporal::stamp::Stamp;

/// One argument's values.
pub(super) struct View<'a> {
    value: &'a Value,
    typed: Typed<'a>,
    has_nulls: bool,
}

enum Typed<'a> {
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    Double(&'a Float64Array),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Other,
}

impl<'a> View<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        let array = &value.array;
        let typed = match array.data_type() {
            DataType::Int32 => Typed::Int(array.as_primitive()),
            DataType::Int64 => Typed::Long(array.as_primitive()),
            DataType::Float64 => Typed::Double(array.as_primitive()),
            DataType::Utf8 => Typed::Text(array.as_string()),
            DataType::Binary => Typed::Bytes(array.as_binary()),
            _ => Typed::Other,
        };
        Self { value, typed, has_nulls: array.null_count() > 0 }
    }
}

/// The arguments of one record. The binder has converted each to the type its getter expects.
pub(in crate::expr) struct Row<'a> {
    views: &'a [View<'a>],
    row: usize,
    /// Zone and clock.
    pub session: &'a Session,
}

impl<'a> Row<'a> {
    pub(super) fn new(views: &'a [View<'a>], row: usize, session: &'a Session) -> Self {
        Self { views, row, session }
    }

    /// Number of arguments given.
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    pub(crate) fn is_null(&self, index: usize) -> bool {
        let view = &self.views[index];
        view.has_nulls && view.value.array.is_null(view.value.index(self.row))
    }

    pub(super) fn any_null(&self) -> bool {
        (0..self.views.len()).any(|index| self.is_null(index))
    }

    fn at(&self, index: usize) -> (&Typed<'a>, usize) {
        let view = &self.views[index];
        (&view.typed, view.value.index(self.row))
    }

    pub(crate) fn text(&self, index: usize) -> &'a str {
        match self.at(index) {
            (Typed::Text(values), at) => values.value(at),
            _ => unreachable!("argument {index} was bound as a text"),
        }
    }

    pub(crate) fn bytes(&self, index: usize) -> &'a [u8] {
        match self.at(index) {
            (Typed::Bytes(values), at) => values.value(at),
            (Typed::Text(values), at) => values.value(at).as_bytes(),
            _ => unreachable!("argument {index} was bound as bytes"),
        }
    }

    pub(crate) fn int(&self, index: usize) -> i32 {
        match self.at(index) {
            (Typed::Int(values), at) => values.value(at),
            _ => unreachable!("argument {index} was bound as an INT"),
        }
    }

    pub(crate) fn long(&self, index: usize) -> i64 {
        match self.at(index) {
            (Typed::Long(values), at) => values.value(at),
            (Typed::Int(values), at) => values.value(at).into(),
            _ => unreachable!("argument {index} was bound as a BIGINT"),
        }
    }

    pub(crate) fn double(&self, index: usize) -> f64 {
        match self.at(index) {
            (Typed::Double(values), at) => values.value(at),
            _ => unreachable!("argument {index} was bound as a DOUBLE"),
        }
    }

    pub(crate) fn stamp(&self, index: usize) -> Stamp {
        let value = self.views[index].value;
        Stamp::at(&value.array, value.index(self.row))
    }
}
