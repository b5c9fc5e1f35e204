//! Casts to texts and bytes, and their lengths.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StringBuilder};
use chrono_tz::Tz;

use super::read_bytes_as_text;
use crate::expr::text::Printer;
use crate::types::Kind;

/// Values of any kind as texts of the kind `to`.
pub(super) fn convert(array: &ArrayRef, from: &Kind, to: &Kind, zone: Tz) -> ArrayRef {
    if from.is_bytes() {
        return fit_text(&read_bytes_as_text(array), to);
    }
    let printer = Printer::new(from, zone);
    let mut out = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut text = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            out.append_null();
            continue;
        }
        text.clear();
        printer.write(array, row, &mut text);
        out.append_value(&text);
    }
    fit_text(&(Arc::new(out.finish()) as ArrayRef), to)
}

/// Texts cut to the length of a VARCHAR, cut or padded to that of a CHAR.
pub(super) fn fit_text(array: &ArrayRef, to: &Kind) -> ArrayRef {
    let (length, pad) = match to {
        Kind::Char(n) => (*n as usize, true),
        Kind::VarChar(n) => (*n as usize, false),
        _ => return Arc::clone(array),
    };
    let fitted = array.as_string::<i32>().iter().map(|text| {
        let text = text?;
        let end = text.char_indices().nth(length).map_or(text.len(), |(end, _)| end);
        let mut fitted = text[..end].to_owned();
        if pad && end == text.len() {
            (text.chars().count()..length).for_each(|_| fitted.push(' '));
        }
        Some(fitted)
    });
    Arc::new(fitted.collect::<StringArray>())
}

/// Bytes cut to the length of a VARBINARY, cut or padded with zeros to that of a BINARY.
pub(super) fn fit_bytes(array: &ArrayRef, to: &Kind) -> ArrayRef {
    let (length, pad) = match to {
        Kind::Binary(n) => (*n as usize, true),
        Kind::VarBinary(n) => (*n as usize, false),
        _ => return Arc::clone(array),
    };
    let fitted = array.as_binary::<i32>().iter().map(|bytes| {
        let mut fitted = bytes?.to_owned();
        if pad || fitted.len() > length {
            fitted.resize(length, 0);
        }
        Some(fitted)
    });
    Arc::new(fitted.collect::<BinaryArray>())
}
