use std::path::Path;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::*;

/// A batch as a producer sends it, of records with these timestamps.
fn batch(timestamps: &[i64], compression: Compression) -> Bytes {
    let record = |(offset, &timestamp): (i64, &i64)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap(),
        timestamp,
        key: None,
        value: Some(Bytes::from(timestamp.to_string())),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = (0..).zip(timestamps).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression };
    RecordBatchEncoder::encode(&mut bytes, records.iter(), &options).unwrap();
    bytes.freeze()
}

/// A batch of `count` records that is part of a transaction of this producer.
pub(in crate::kafka) fn of_transaction(who: Instance, first: i32, count: i32) -> Bytes {
    let record = |sequence| Record {
        transactional: true,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: who.producer,
        producer_epoch: who.epoch,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(sequence - first),
        sequence,
        timestamp: 1,
        key: None,
        value: Some(Bytes::from_static(b"x")),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = (first..first + count).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::Zstd };
    RecordBatchEncoder::encode(&mut bytes, records.iter(), &options).unwrap();
    bytes.freeze()
}

fn open(path: &Path) -> Log {
    Log::open(path, Durability::ProcessCrash).unwrap()
}

/// The offsets of all records from the batch that holds `offset` on.
fn read(log: &Log, offset: i64, max_bytes: usize) -> Vec<i64> {
    let mut bytes =
        log.slice(offset, Isolation::Uncommitted).unwrap().unwrap().read_some(max_bytes).unwrap();
    let sets = RecordBatchDecoder::decode_all(&mut bytes).unwrap();
    sets.into_iter().flat_map(|set| set.records).map(|record| record.offset).collect()
}

fn refusal(log: &mut Log, batch: &[u8]) -> ResponseError {
    match log.append(batch).unwrap_err() {
        AppendError::Refused { code, .. } => code,
        AppendError::Io(error) => panic!("{error}"),
    }
}

#[test]
fn every_offset_is_found_among_thousands_of_batches() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    let mut log = open(&path);
    for n in 0..2_000 {
        assert_eq!(log.append(&batch(&[n, n, n], Compression::None)).unwrap(), 3 * n);
    }
    for log in [log, open(&path)] {
        assert_eq!((log.start_offset(), log.end_offset()), (0, 6_000));
        for offset in (0..6_000).step_by(7) {
            let first = offset / 3 * 3;
            assert_eq!(read(&log, offset, 1), [first, first + 1, first + 2]);
        }
        assert_eq!(read(&log, 6_000, 1_000), [0; 0]);
        assert!(log.slice(6_001, Isolation::Uncommitted).unwrap().is_none());
        assert!(log.slice(-1, Isolation::Uncommitted).unwrap().is_none());
        assert_eq!(read(&log, 0, usize::MAX), (0..6_000).collect::<Vec<_>>());
    }
}

#[test]
fn a_read_stops_at_whole_batches() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(&dir.path().join("0.log"));
    let one = batch(&[1, 2], Compression::None);
    for _ in 0..3 {
        log.append(&one).unwrap();
    }
    let slice = log.slice(0, Isolation::Uncommitted).unwrap().unwrap();
    assert_eq!(slice.read(one.len() - 1).unwrap().len(), 0);
    assert_eq!(slice.read_some(one.len() - 1).unwrap().len(), one.len());
    assert_eq!(slice.read(3 * one.len() - 1).unwrap().len(), 2 * one.len());
    assert_eq!(slice.read(usize::MAX).unwrap().len(), 3 * one.len());
}

#[test]
fn times_are_found_exactly_in_any_compression() {
    let dir = tempfile::tempdir().unwrap();
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for (n, codec) in codecs.into_iter().enumerate() {
        let path = dir.path().join(format!("{n}.log"));
        let mut log = open(&path);
        for start in (0..5_000).step_by(5) {
            // Five records from the past to the future; every tenth batch is an old one.
            let shift = if start % 50 == 45 { -1_000_000 } else { 0 };
            let times: Vec<i64> = (start..start + 5).map(|n| 10 * n + shift).collect();
            log.append(&batch(&times, codec)).unwrap();
        }
        for log in [log, open(&path)] {
            let find = |time| log.first_since(time).unwrap().map(|at| (at.offset, at.timestamp));
            for offset in (0..4_990).filter(|offset| offset % 50 < 45).step_by(11) {
                assert_eq!(find(10 * offset), Some((offset, 10 * offset)));
                assert_eq!(find(10 * offset - 9), Some((offset, 10 * offset)));
            }
            // What would be in an old batch is the first record after it.
            assert_eq!(find(10 * 47), Some((50, 500)));
            assert_eq!(find(-2_000_000), Some((0, 0)));
            assert_eq!(find(50_000), None);
            let newest = log.newest().unwrap().unwrap();
            assert_eq!((newest.offset, newest.timestamp), (4_994, 49_940));
        }
    }
}

#[test]
fn a_log_cut_anywhere_in_its_last_batch_keeps_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    let mut log = open(&path);
    log.append(&batch(&[1, 2], Compression::None)).unwrap();
    let kept = log.size;
    log.append(&batch(&[3, 4, 5], Compression::None)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in usize::try_from(kept).unwrap()..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let mut log = open(&path);
        assert_eq!((log.end_offset(), log.size), (2, kept), "cut at {length}");
        assert_eq!(path.metadata().unwrap().len(), kept);
        assert_eq!(log.append(&batch(&[6], Compression::None)).unwrap(), 2);
        assert_eq!(read(&log, 0, usize::MAX), [0, 1, 2]);
    }
}

#[test]
fn a_damaged_last_batch_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    let mut log = open(&path);
    log.append(&batch(&[1, 2], Compression::None)).unwrap();
    let kept = log.size;
    log.append(&batch(&[3, 4, 5], Compression::None)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // The leader epoch is outside the checksum and means nothing here.
    let start = usize::try_from(kept).unwrap();
    for at in (start..whole.len()).filter(|at| !(start + 12..start + 16).contains(at)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        assert_eq!(open(&path).end_offset(), 2, "damaged at {at}");
    }
}

#[test]
fn what_is_no_good_batch_is_refused_and_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    let mut log = open(&path);
    let good = batch(&[1, 2, 3], Compression::None);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = byte;
        bytes
    };
    /// Puts a header field right and the checksum after it, as a broken client would.
    fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let sum = crc32c::crc32c(&bytes[21..]).to_be_bytes();
        bytes[17..21].copy_from_slice(&sum);
        bytes
    }
    let twice = [&good[..], &good[..]].concat();
    for (bytes, want) in [
        (Vec::new(), ResponseError::CorruptMessage),
        (good[..40].to_vec(), ResponseError::CorruptMessage),
        (good[..good.len() - 1].to_vec(), ResponseError::CorruptMessage),
        (with(16, 1), ResponseError::UnsupportedForMessageFormat),
        (with(70, b'?'), ResponseError::CorruptMessage),
        (twice, ResponseError::InvalidRecord),
        (resealed(with(26, 7)), ResponseError::InvalidRecord),
        (resealed(with(22, 1 << 5)), ResponseError::InvalidRecord),
        (resealed(with(22, 1 << 4)), ResponseError::InvalidRecord),
        (with(8, 0x7f), ResponseError::MessageTooLarge),
    ] {
        assert_eq!(refusal(&mut log, &bytes), want);
    }
    assert_eq!((log.end_offset(), path.metadata().unwrap().len()), (0, 0));
    assert_eq!(log.append(&good).unwrap(), 0);
}

#[test]
fn what_readers_of_committed_records_see_is_known_again_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0.log");
    let plain = batch(&[1], Compression::None);
    let (one, two) = (Instance { producer: 1, epoch: 0 }, Instance { producer: 2, epoch: 4 });
    let mut log = open(&path);
    assert_eq!(log.append(&plain).unwrap(), 0);
    assert_eq!(log.append(&of_transaction(one, 0, 2)).unwrap(), 1);
    assert_eq!(log.append(&plain).unwrap(), 3);
    assert_eq!(log.append(&of_transaction(two, 0, 3)).unwrap(), 4);
    let check = |log: &Log, stable: i64, aborted: &[(i64, i64)]| {
        let found = log.aborted(0, i64::MAX).into_iter();
        let found: Vec<_> = found.map(|aborted| (aborted.producer, aborted.first)).collect();
        assert_eq!(found, aborted);
        assert_eq!(log.end_for(Isolation::Committed), stable);
        for offset in 0..=log.end_offset() {
            let slice = log.slice(offset, Isolation::Committed).unwrap().unwrap();
            let end = end_of(&slice.read(usize::MAX).unwrap());
            assert_eq!(end, (offset < stable).then_some(stable), "from {offset} on");
        }
    };
    let check_twice = |log: &Log, stable, aborted: &[_]| {
        check(log, stable, aborted);
        check(&open(&path), stable, aborted);
    };
    check_twice(&log, 1, &[]);
    assert_eq!(log.append_marker(one, Outcome::Abort, 50).unwrap(), 7);
    check_twice(&log, 4, &[(1, 1)]);
    // The next transaction goes on with the numbers of the last one.
    assert_eq!(log.append(&of_transaction(one, 2, 1)).unwrap(), 8);
    check_twice(&log, 4, &[(1, 1)]);
    assert_eq!(log.append_marker(two, Outcome::Commit, 60).unwrap(), 9);
    check_twice(&log, 8, &[(1, 1)]);
    let fenced = Instance { epoch: 1, ..one };
    assert_eq!(log.append_marker(fenced, Outcome::Abort, 70).unwrap(), 10);
    check_twice(&log, 11, &[(1, 1), (1, 8)]);
    let late = of_transaction(one, 3, 1);
    assert_eq!(refusal(&mut log, &late), ResponseError::InvalidProducerEpoch);
    assert_eq!(refusal(&mut open(&path), &late), ResponseError::InvalidProducerEpoch);
}

#[test]
fn records_outside_of_the_open_transaction_of_their_producer_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(&dir.path().join("0.log"));
    let who = Instance { producer: 1, epoch: 0 };
    log.append(&of_transaction(who, 0, 1)).unwrap();
    let mut outside = of_transaction(who, 1, 1).to_vec();
    outside[22] &= !(1 << 4);
    let sum = crc32c::crc32c(&outside[21..]).to_be_bytes();
    outside[17..21].copy_from_slice(&sum);
    assert_eq!(refusal(&mut log, &outside), ResponseError::InvalidTxnState);
    log.append_marker(who, Outcome::Commit, 5).unwrap();
    log.append(&outside).unwrap();
}
