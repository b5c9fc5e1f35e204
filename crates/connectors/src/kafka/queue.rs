//! Batch consumption: the one place that calls librdkafka's C interface by itself.
//!
//! The safe consumer costs about half a microsecond a record, because every record becomes an event
//! of its own. `rd_kafka_consume_batch_queue` hands out thousands of records a call.
#![expect(unsafe_code, reason = "librdkafka's batch consumption has no safe binding")]

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;

use super::client::Consumer;

/// The queue through which the records of a consumer's partitions arrive. What else the client has
/// to say stays in the consumer's own queue, which `poll` serves.
pub(super) struct RecordQueue {
    /// Destroyed before the consumer it belongs to, which `consumer` keeps alive.
    queue: NonNull<c::rd_kafka_queue_t>,
    consumer: Arc<Consumer>,
    /// Room for the records of one call; empty between calls.
    slots: Vec<*mut c::rd_kafka_message_t>,
}

// SAFETY: librdkafka's queues may be used from any thread; `slots` is empty unless a `Records`
// borrows the queue, and a `Records` is not `Send`.
unsafe impl Send for RecordQueue {}

impl RecordQueue {
    /// An empty queue of `consumer`.
    pub(super) fn of(consumer: &Arc<Consumer>) -> Option<Self> {
        // SAFETY: the client's pointer is valid as long as the consumer lives.
        let queue = unsafe { c::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self {
            queue: NonNull::new(queue)?,
            consumer: Arc::clone(consumer),
            slots: Vec::new(),
        })
    }

    /// Leads a partition's records here; to be called before the partition is assigned, so that
    /// none goes elsewhere. Says whether it worked.
    pub(super) fn lead(&self, topic: &CStr, partition: i32) -> bool {
        // SAFETY: all pointers are valid; the partition's queue is given back after it has been
        // told where to forward to, which keeps a reference of its own.
        unsafe {
            let client = self.consumer.client().native_ptr();
            let records = c::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            if records.is_null() {
                return false;
            }
            c::rd_kafka_queue_forward(records, self.queue.as_ptr());
            c::rd_kafka_queue_destroy(records);
        }
        true
    }

    /// Waits for a record, then takes what has arrived, `most` at most.
    pub(super) fn take(&mut self, wait: Duration, most: usize) -> Records<'_> {
        debug_assert!(self.slots.is_empty(), "the last records are dropped");
        self.slots.reserve(most.max(1));
        // librdkafka waits until all slots are full: so the wait is for one record only.
        if self.fill(wait, 1) == 1 && most > 1 {
            self.fill(Duration::ZERO, most - 1);
        }
        Records { slots: &mut self.slots }
    }

    fn fill(&mut self, wait: Duration, most: usize) -> usize {
        let free = self.slots.spare_capacity_mut();
        let room = most.min(free.len());
        let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let slots = free.as_mut_ptr().cast::<*mut c::rd_kafka_message_t>();
        // SAFETY: `slots` has room for `room` pointers, of which the call writes as many as it
        // returns; the queue is valid until drop.
        let got =
            unsafe { c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait_ms, slots, room) };
        let got = usize::try_from(got).unwrap_or(0).min(room);
        // SAFETY: the first `got` of the spare slots have just been written.
        unsafe { self.slots.set_len(self.slots.len() + got) };
        got
    }

    /// The end of a partition as the last fetch told it; `None` = not known.
    pub(super) fn end_of(&self, topic: &CStr, partition: i32) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: all pointers are valid for the call, which only reads what the client has cached.
        let code = unsafe {
            c::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        let known = code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
        known.then_some(high)
    }
}

impl Drop for RecordQueue {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and not used after this; the consumer still lives.
        unsafe { c::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// Records taken from a queue; given back to librdkafka when dropped.
pub(super) struct Records<'q> {
    slots: &'q mut Vec<*mut c::rd_kafka_message_t>,
}

impl Records<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.slots.iter().map(|slot| Record { raw: *slot, life: PhantomData })
    }
}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            // SAFETY: each pointer came from `rd_kafka_consume_batch_queue` and is given back once.
            unsafe { c::rd_kafka_message_destroy(slot) }
        }
    }
}

/// Who set a record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimestampType {
    Unknown,
    Create,
    LogAppend,
}

/// A record, or an error in its place; lives as long as its [`Records`].
#[derive(Clone, Copy)]
pub(super) struct Record<'r> {
    raw: *const c::rd_kafka_message_t,
    life: PhantomData<&'r c::rd_kafka_message_t>,
}

impl<'r> Record<'r> {
    fn get(self) -> &'r c::rd_kafka_message_t {
        // SAFETY: the pointer is valid and not written to until its `Records` is dropped, which
        // `'r` forbids.
        unsafe { &*self.raw }
    }

    /// The error that stands here instead of a record.
    pub(super) fn error(self) -> Option<RDKafkaErrorCode> {
        let code = self.get().err;
        let fine = code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        (!fine).then(|| RDKafkaErrorCode::from(code))
    }

    /// The words of an error.
    pub(super) fn error_text(self) -> String {
        // SAFETY: the record is valid; the text lives as long as the record and is copied here.
        let text = unsafe {
            let text = c::rd_kafka_message_errstr(self.raw);
            if text.is_null() { None } else { Some(CStr::from_ptr(text)) }
        };
        text.map_or_else(String::new, |text| text.to_string_lossy().into_owned())
    }

    /// Identifies the topic (while the consumer lives) and the partition.
    pub(super) fn place(self) -> (usize, i32) {
        let raw = self.get();
        (raw.rkt.addr(), raw.partition)
    }

    /// Topic name.
    pub(super) fn topic(self) -> &'r str {
        let topic = self.get().rkt;
        if topic.is_null() {
            return "";
        }
        // SAFETY: a record holds its topic, whose name is a C string that lives as long.
        let name = unsafe { CStr::from_ptr(c::rd_kafka_topic_name(topic)) };
        name.to_str().unwrap_or_default()
    }

    pub(super) fn offset(self) -> i64 {
        self.get().offset
    }

    pub(super) fn payload(self) -> Option<&'r [u8]> {
        let raw = self.get();
        // SAFETY: librdkafka gives a pointer and the number of bytes behind it, or null.
        unsafe { bytes(raw.payload, raw.len) }
    }

    pub(super) fn key(self) -> Option<&'r [u8]> {
        let raw = self.get();
        // SAFETY: as for the payload.
        unsafe { bytes(raw.key, raw.key_len) }
    }

    /// Timestamp in ms since 1970, and who set it.
    pub(super) fn timestamp(self) -> (TimestampType, i64) {
        let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the record is valid and `kind` may be written to.
        let millis = unsafe { c::rd_kafka_message_timestamp(self.raw, &raw mut kind) };
        let kind = match kind {
            c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampType::Create,
            c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => {
                TimestampType::LogAppend
            }
            _ => TimestampType::Unknown,
        };
        (kind, millis)
    }

    /// Epoch of the partition's leader when the record was written; `None` = not known.
    pub(super) fn leader_epoch(self) -> Option<i32> {
        // SAFETY: the record is valid.
        let epoch = unsafe { c::rd_kafka_message_leader_epoch(self.raw) };
        (epoch >= 0).then_some(epoch)
    }

    /// Calls `take` with each header's name and value.
    pub(super) fn headers(self, mut take: impl FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the record is valid; the headers stay its property.
        let code = unsafe { c::rd_kafka_message_headers(self.raw, &raw mut headers) };
        if code != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null::<c_void>(), 0);
            // SAFETY: `headers` is valid as long as the record; what the call writes points into it.
            let header = unsafe {
                let code = c::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                );
                if code != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                (CStr::from_ptr(name), bytes(value, size))
            };
            take(&header.0.to_string_lossy(), header.1);
        }
    }
}

/// Bytes behind a pointer of C, or nothing.
///
/// # Safety
/// Unless it is null, `size` bytes behind `start` must be readable for `'r`.
unsafe fn bytes<'r>(start: *const c_void, size: usize) -> Option<&'r [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { std::slice::from_raw_parts(start.cast(), size) })
}

/// A topic's name for [`RecordQueue::end_of`]; Kafka's names have no zero bytes.
pub(super) fn c_name(topic: &str) -> CString {
    CString::new(topic).unwrap_or_default()
}
