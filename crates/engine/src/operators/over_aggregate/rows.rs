//! Records that wait: whole batches, of which some records are still wanted.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;

use crate::batch::SchemaRef;
use crate::operators::groups::CHUNK;
use crate::{Error, Result};

/// Where a record is; later records are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowAt {
    batch: u64,
    row: u32,
}

#[derive(Debug)]
struct Stored {
    rows: RecordBatch,
    wanted: usize,
}

/// Batches of which records are wanted.
#[derive(Debug)]
pub(super) struct RowStore {
    schema: SchemaRef,
    batches: BTreeMap<u64, Stored>,
    next: u64,
    rows: usize,
    wanted: usize,
}

impl RowStore {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self { schema, batches: BTreeMap::new(), next: 0, rows: 0, wanted: 0 }
    }

    /// Number of records that are wanted.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Takes a batch of which the records `wanted` will be asked for; says where they are.
    pub(super) fn add(
        &mut self,
        rows: RecordBatch,
        wanted: impl IntoIterator<Item = u32>,
    ) -> Vec<RowAt> {
        let batch = self.next;
        let places: Vec<RowAt> = wanted.into_iter().map(|row| RowAt { batch, row }).collect();
        if !places.is_empty() {
            self.next += 1;
            self.rows += rows.num_rows();
            self.wanted += places.len();
            self.batches.insert(batch, Stored { rows, wanted: places.len() });
        }
        places
    }

    /// Copies of some records.
    pub(super) fn gather(&self, places: &[RowAt]) -> Result<RecordBatch> {
        let (mut known, mut batches) = (BTreeMap::new(), Vec::new());
        let mut indices = Vec::with_capacity(places.len());
        for place in places {
            let at = match known.get(&place.batch) {
                Some(&at) => at,
                None => {
                    let Some(stored) = self.batches.get(&place.batch) else {
                        return Err(Error::internal("a record that waits is not there"));
                    };
                    batches.push(&stored.rows);
                    known.insert(place.batch, batches.len() - 1);
                    batches.len() - 1
                }
            };
            indices.push((at, place.row as usize));
        }
        match batches.is_empty() {
            true => Ok(RecordBatch::new_empty(SchemaRef::clone(&self.schema))),
            false => Ok(interleave_record_batch(&batches, &indices)?),
        }
    }

    /// These records are not wanted any more.
    pub(super) fn release(&mut self, places: impl IntoIterator<Item = RowAt>) {
        for place in places {
            let Some(stored) = self.batches.get_mut(&place.batch) else { continue };
            stored.wanted -= 1;
            self.wanted -= 1;
            if stored.wanted == 0 {
                self.rows -= stored.rows.num_rows();
                self.batches.remove(&place.batch);
            }
        }
    }

    /// Whether most of what is held is not wanted any more.
    pub(super) fn wasteful(&self) -> bool {
        self.rows > CHUNK + 4 * self.wanted
    }

    /// Copies what is wanted into new batches. `places` are all of the wanted records; of records
    /// that come earlier there, the new places are smaller.
    pub(super) fn compact(&mut self, mut places: Vec<&mut RowAt>) -> Result<()> {
        let mut fresh = Self::new(SchemaRef::clone(&self.schema));
        fresh.next = self.next;
        for places in places.chunks_mut(CHUNK) {
            let old: Vec<RowAt> = places.iter().map(|place| **place).collect();
            let new = fresh.add(self.gather(&old)?, (0_u32..).take(old.len()));
            for (place, new) in places.iter_mut().zip(new) {
                **place = new;
            }
        }
        *self = fresh;
        Ok(())
    }
}
