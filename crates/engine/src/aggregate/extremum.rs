//! `MIN` and `MAX` where nothing is taken back.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::datatypes::DataType;

use super::Accumulator;
use super::select::{for_selected, selected};
use crate::Result;

/// Whether a new value takes the place of the one held.
pub(super) trait Order: Send + 'static {
    fn replaces<T: PartialOrd + ?Sized>(new: &T, held: &T) -> bool;
}

/// `MIN`. A NaN is never smaller, and stays if it was first, as with Java's `<`.
#[derive(Debug)]
pub(super) struct Smallest;

impl Order for Smallest {
    #[inline]
    fn replaces<T: PartialOrd + ?Sized>(new: &T, held: &T) -> bool {
        new < held
    }
}

/// `MAX`, with the same words about NaN.
#[derive(Debug)]
pub(super) struct Largest;

impl Order for Largest {
    #[inline]
    fn replaces<T: PartialOrd + ?Sized>(new: &T, held: &T) -> bool {
        new > held
    }
}

/// The extremes of numbers and times.
#[derive(Debug)]
pub(super) struct Extremes<T: ArrowPrimitiveType, O> {
    cells: Vec<(T::Native, bool)>,
    data_type: DataType,
    order: PhantomData<fn(O)>,
}

impl<T: ArrowPrimitiveType, O: Order> Extremes<T, O> {
    pub(super) fn new(data_type: DataType) -> Self {
        Self { cells: Vec::new(), data_type, order: PhantomData }
    }
}

impl<T: ArrowPrimitiveType, O: Order> Accumulator for Extremes<T, O> {
    fn resize(&mut self, groups: usize) {
        self.cells.resize(groups.max(self.cells.len()), (T::Native::default(), false));
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        let values = &arguments[0].as_primitive::<T>().values()[..groups.len()];
        for_selected(groups.len(), mask.as_ref(), |row| {
            let cell = &mut self.cells[groups[row] as usize];
            let value = values[row];
            if !cell.1 || O::replaces(&value, &cell.0) {
                *cell = (value, true);
            }
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.finish(groups)?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let values = groups.iter().map(|&group| {
            let (value, seen) = self.cells[group as usize];
            seen.then_some(value)
        });
        let values: PrimitiveArray<T> = values.collect();
        Ok(Arc::new(values.with_data_type(self.data_type.clone())))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.cells[group as usize].1 = false;
        }
    }

    fn size(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }
}

/// The extremes of texts (by UTF-8 bytes) and of BOOLEANs (as the bytes 0 and 1).
#[derive(Debug)]
pub(super) struct ByteExtremes<O> {
    cells: Vec<Option<Vec<u8>>>,
    boolean: bool,
    order: PhantomData<fn(O)>,
}

impl<O: Order> ByteExtremes<O> {
    pub(super) fn new(data_type: &DataType) -> Self {
        let boolean = *data_type == DataType::Boolean;
        Self { cells: Vec::new(), boolean, order: PhantomData }
    }

    fn offer(&mut self, group: u32, value: &[u8]) {
        match &mut self.cells[group as usize] {
            Some(held) if O::replaces(value, held.as_slice()) => {
                held.clear();
                held.extend_from_slice(value);
            }
            Some(_) => {}
            empty => *empty = Some(value.to_vec()),
        }
    }
}

impl<O: Order> Accumulator for ByteExtremes<O> {
    fn resize(&mut self, groups: usize) {
        self.cells.resize(groups.max(self.cells.len()), None);
    }

    fn update(
        &mut self,
        groups: &[u32],
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let mask = selected(&arguments[..1], filter);
        if self.boolean {
            let values = arguments[0].as_boolean();
            for_selected(groups.len(), mask.as_ref(), |row| {
                self.offer(groups[row], &[u8::from(values.value(row))]);
            });
        } else {
            let values = arguments[0].as_string::<i32>();
            for_selected(groups.len(), mask.as_ref(), |row| {
                self.offer(groups[row], values.value(row).as_bytes());
            });
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        self.update(groups, state, None)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.finish(groups)?])
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef> {
        let values = groups.iter().map(|&group| self.cells[group as usize].as_deref());
        if self.boolean {
            let flags: BooleanArray = values.map(|value| value.map(|bytes| bytes == [1])).collect();
            return Ok(Arc::new(flags));
        }
        // They were texts when they came in.
        let texts: StringArray = values.map(|value| value.map(String::from_utf8_lossy)).collect();
        Ok(Arc::new(texts))
    }

    fn clear(&mut self, groups: &[u32]) {
        for &group in groups {
            self.cells[group as usize] = None;
        }
    }

    fn size(&self) -> usize {
        let held: usize = self.cells.iter().flatten().map(Vec::capacity).sum();
        held + size_of_val(self.cells.as_slice())
    }
}
