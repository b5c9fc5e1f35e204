//! Requests that librdkafka does not send, or not in this order: what exactly is answered.

use std::time::Instant;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::any_kafka::unique;
use crate::kafka::{PATIENCE, Rig};

use ResponseError::{
    ConcurrentTransactions, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState,
    OperationNotAttempted, ProducerFenced, UnknownTopicOrPartition,
};

const PRODUCE: i16 = 0;
const FIND_COORDINATOR: i16 = 10;
const INIT_PRODUCER_ID: i16 = 22;
const ADD_PARTITIONS: i16 = 24;
const ADD_OFFSETS: i16 = 25;
const END: i16 = 26;

/// A connection that speaks for a producer with a transactional id.
struct Raw {
    socket: TcpStream,
    id: String,
    timeout_ms: i32,
}

/// Producer id and epoch.
type Instance = (i64, i16);

/// What a code of the protocol says.
fn said(code: i16) -> Result<(), ResponseError> {
    ResponseError::try_from_code(code).map_or(Ok(()), Err)
}

fn put_text(to: &mut BytesMut, text: &str) {
    to.put_i16(text.len().try_into().unwrap());
    to.put_slice(text.as_bytes());
}

impl Raw {
    async fn new(rig: &Rig) -> Self {
        let socket = TcpStream::connect(rig.kafka.servers()).await.unwrap();
        let mut raw = Self { socket, id: unique("x"), timeout_ms: 60_000 };
        // A real Kafka makes the topic of its transactions when it is asked for their coordinator.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut body = raw.transactional_id();
            body.put_i8(1);
            let mut found = raw.ask(FIND_COORDINATOR, 2, &body).await;
            found.advance(4);
            let code = said(found.get_i16());
            if code.is_ok() {
                return raw;
            }
            assert!(Instant::now() < deadline, "{code:?}");
        }
    }

    fn transactional_id(&self) -> BytesMut {
        let mut body = BytesMut::new();
        put_text(&mut body, &self.id);
        body
    }

    /// How most requests begin.
    fn speaking_as(&self, (producer, epoch): Instance) -> BytesMut {
        let mut body = self.transactional_id();
        body.put_i64(producer);
        body.put_i16(epoch);
        body
    }

    /// Sends a request and gives the body of its answer.
    async fn ask(&mut self, api: i16, version: i16, body: &[u8]) -> Bytes {
        // Nothing else that is asked here has the newer, flexible headers.
        let is_flexible = api == INIT_PRODUCER_ID && version >= 2;
        let mut frame = BytesMut::new();
        frame.put_i16(api);
        frame.put_i16(version);
        frame.put_i32(5);
        put_text(&mut frame, "raw");
        if is_flexible {
            frame.put_u8(0);
        }
        frame.put_slice(body);
        self.socket.write_u32(frame.len().try_into().unwrap()).await.unwrap();
        self.socket.write_all(&frame).await.unwrap();
        let length = self.socket.read_u32().await.unwrap();
        let mut answer = BytesMut::zeroed(length.try_into().unwrap());
        self.socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer.get_i32(), 5);
        if is_flexible {
            assert_eq!(answer.get_u8(), 0);
        }
        answer.freeze()
    }

    async fn init_as(
        &mut self,
        version: i16,
        known: Option<Instance>,
    ) -> Result<Instance, ResponseError> {
        let (producer, epoch) = known.unwrap_or((-1, -1));
        let mut body = BytesMut::new();
        body.put_u8((self.id.len() + 1).try_into().unwrap());
        body.put_slice(self.id.as_bytes());
        body.put_i32(self.timeout_ms);
        body.put_i64(producer);
        body.put_i16(epoch);
        body.put_u8(0);
        let mut answer = self.ask(INIT_PRODUCER_ID, version, &body).await;
        answer.advance(4);
        let code = answer.get_i16();
        let instance = (answer.get_i64(), answer.get_i16());
        said(code).map(|()| instance)
    }

    /// What is answered once what was open has been aborted.
    async fn init_settled(&mut self, known: Option<Instance>) -> Result<Instance, ResponseError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.init_as(4, known).await;
            if answer != Err(ConcurrentTransactions) {
                return answer;
            }
            assert!(Instant::now() < deadline);
        }
    }

    /// Is let in as a new instance.
    async fn init(&mut self) -> Instance {
        self.init_settled(None).await.unwrap()
    }

    async fn add(
        &mut self,
        version: i16,
        who: Instance,
        topic: &str,
        partitions: &[i32],
    ) -> Vec<Result<(), ResponseError>> {
        let mut body = self.speaking_as(who);
        body.put_i32(1);
        put_text(&mut body, topic);
        body.put_i32(partitions.len().try_into().unwrap());
        partitions.iter().for_each(|partition| body.put_i32(*partition));
        let mut answer = self.ask(ADD_PARTITIONS, version, &body).await;
        answer.advance(4);
        assert_eq!(answer.get_i32(), 1);
        let name = usize::try_from(answer.get_i16()).unwrap();
        answer.advance(name);
        let mut results: Vec<(i32, i16)> =
            (0..answer.get_i32()).map(|_| (answer.get_i32(), answer.get_i16())).collect();
        results.sort_unstable();
        results.into_iter().map(|(_, code)| said(code)).collect()
    }

    /// Adds one partition, waiting until the last transaction has ended for all.
    async fn begin(&mut self, who: Instance, topic: &str) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(code) = self.add(2, who, topic, &[0]).await[0] {
            assert_eq!(code, ConcurrentTransactions);
            assert!(Instant::now() < deadline);
        }
    }

    async fn end(
        &mut self,
        version: i16,
        who: Instance,
        committed: bool,
    ) -> Result<(), ResponseError> {
        let mut body = self.speaking_as(who);
        body.put_u8(u8::from(committed));
        let mut answer = self.ask(END, version, &body).await;
        answer.advance(4);
        said(answer.get_i16())
    }

    /// What is answered once the last end was told to all.
    async fn end_settled(&mut self, who: Instance, committed: bool) -> Result<(), ResponseError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.end(2, who, committed).await;
            if answer != Err(ConcurrentTransactions) {
                return answer;
            }
            assert!(Instant::now() < deadline);
        }
    }

    async fn add_group(&mut self, version: i16, who: Instance) -> Result<(), ResponseError> {
        let mut body = self.speaking_as(who);
        put_text(&mut body, "g");
        let mut answer = self.ask(ADD_OFFSETS, version, &body).await;
        answer.advance(4);
        said(answer.get_i16())
    }

    /// Writes one record to partition 0, as part of a transaction.
    async fn write(
        &mut self,
        (producer, epoch): Instance,
        topic: &str,
        sequence: i32,
    ) -> Result<(), ResponseError> {
        let record = Record {
            transactional: true,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: producer,
            producer_epoch: epoch,
            timestamp_type: TimestampType::Creation,
            offset: 0,
            sequence,
            timestamp: 1_000,
            key: None,
            value: Some(Bytes::from_static(b"0")),
            headers: IndexMap::new(),
        };
        let mut records = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut records, [&record], &options).unwrap();
        let mut body = self.transactional_id();
        // Acknowledged by all, within five seconds; one topic, one partition.
        body.put_i16(-1);
        body.put_i32(5_000);
        body.put_i32(1);
        put_text(&mut body, topic);
        body.put_i32(1);
        body.put_i32(0);
        body.put_i32(records.len().try_into().unwrap());
        body.put_slice(&records);
        let mut answer = self.ask(PRODUCE, 7, &body).await;
        answer.advance(4);
        let name = usize::try_from(answer.get_i16()).unwrap();
        answer.advance(name + 8);
        said(answer.get_i16())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_is_refused_in_words_that_the_client_knows() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    let old = raw.init().await;
    let new = raw.init().await;
    assert_eq!(new, (old.0, old.1 + 1));
    for (version, code) in [(1, InvalidProducerEpoch), (2, ProducerFenced)] {
        assert_eq!(raw.add(version, old, &t, &[0]).await, [Err(code)]);
        assert_eq!(raw.add_group(version, old).await, Err(code));
        assert_eq!(raw.end(version, old, true).await, Err(code));
    }
    let stranger = (new.0 + 100_000, new.1);
    let unknown = Err(InvalidProducerIdMapping);
    assert_eq!(raw.add(2, stranger, &t, &[0]).await, [unknown]);
    assert_eq!(raw.add_group(2, stranger).await, unknown);
    assert_eq!(raw.end(2, stranger, true).await, unknown);
    // There is a transaction, but it is the new one's.
    raw.begin(new, &t).await;
    assert_eq!(raw.write(old, &t, 0).await, Err(InvalidProducerEpoch));
    assert_eq!(raw.write(new, &t, 0).await, Ok(()));
    assert_eq!(raw.end(2, new, true).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_names_itself_is_let_in_unless_it_was_replaced() {
    let rig = Rig::any().await;
    let mut raw = Raw::new(&rig).await;
    let first = raw.init().await;
    let second = raw.init_as(4, Some(first)).await.unwrap();
    assert_eq!(second, (first.0, first.1 + 1));
    // The answer was lost and it asks again.
    assert_eq!(raw.init_as(4, Some(first)).await, Ok(second));
    let third = raw.init().await;
    assert_eq!(third, (first.0, second.1 + 1));
    assert_eq!(raw.init_as(3, Some(second)).await, Err(InvalidProducerEpoch));
    assert_eq!(raw.init_as(4, Some(second)).await, Err(ProducerFenced));
    assert_eq!(raw.init_as(4, Some((first.0 + 100_000, third.1))).await, Err(ProducerFenced));
    assert_eq!(raw.init_as(4, Some(third)).await, Ok((third.0, third.1 + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_names_itself_while_its_transaction_is_open_has_to_wait() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    let who = raw.init().await;
    raw.begin(who, &t).await;
    assert_eq!(raw.init_as(4, Some(who)).await, Err(ConcurrentTransactions));
    assert_eq!(raw.init_settled(Some(who)).await, Ok((who.0, who.1 + 1)));
    assert_eq!(raw.init().await, (who.0, who.1 + 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_producer_that_names_itself_ends_the_open_transaction_and_is_refused_then() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    let old = raw.init().await;
    let new = raw.init().await;
    raw.begin(new, &t).await;
    assert_eq!(raw.init_as(4, Some(old)).await, Err(ConcurrentTransactions));
    assert_eq!(raw.end(2, new, true).await, Err(ProducerFenced));
    assert_eq!(raw.init_settled(Some(old)).await, Err(ProducerFenced));
    assert_eq!(raw.init_settled(Some(new)).await, Ok((new.0, new.1 + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_was_too_slow_can_go_on_by_naming_itself() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    raw.timeout_ms = 1_000;
    let slow = raw.init().await;
    raw.begin(slow, &t).await;
    let deadline = Instant::now() + PATIENCE;
    while raw.add(2, slow, &t, &[0]).await[0].is_ok() {
        assert!(Instant::now() < deadline, "it is not aborted");
    }
    assert_eq!(raw.end(2, slow, true).await, Err(ProducerFenced));
    assert_eq!(raw.init_settled(Some(slow)).await, Ok((slow.0, slow.1 + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_instance_is_told_to_wait_while_the_old_transaction_is_aborted() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    let old = raw.init().await;
    raw.begin(old, &t).await;
    assert_eq!(raw.write(old, &t, 0).await, Ok(()));
    assert_eq!(raw.init_as(4, None).await, Err(ConcurrentTransactions));
    // One epoch to fence the old one with, one for the new one.
    assert_eq!(raw.init().await, (old.0, old.1 + 2));
    assert_eq!(raw.end(2, old, true).await, Err(ProducerFenced));
    assert_eq!(raw.write(old, &t, 1).await, Err(InvalidProducerEpoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_can_be_repeated_but_not_changed() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 1).await;
    let mut raw = Raw::new(&rig).await;
    let who = raw.init().await;
    assert_eq!(raw.end(2, who, true).await, Err(InvalidTxnState), "there is no transaction");
    for committed in [true, false] {
        raw.begin(who, &t).await;
        assert_eq!(raw.end(2, who, committed).await, Ok(()));
        assert_eq!(raw.end_settled(who, committed).await, Ok(()));
        assert_eq!(raw.end(2, who, !committed).await, Err(InvalidTxnState));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_added_all_or_none() {
    let rig = Rig::any().await;
    let t = rig.topic("t", 2).await;
    let mut raw = Raw::new(&rig).await;
    let who = raw.init().await;
    let some = raw.add(2, who, &t, &[0, 1, 2]).await;
    let skipped = Err(OperationNotAttempted);
    assert_eq!(some, [skipped, skipped, Err(UnknownTopicOrPartition)]);
    assert_eq!(raw.end(2, who, true).await, Err(InvalidTxnState), "nothing was begun");
    assert_eq!(raw.add(2, who, &t, &[0, 1]).await, [Ok(()), Ok(())]);
    assert_eq!(raw.add(2, who, &t, &[1]).await, [Ok(())]);
    assert_eq!(raw.end(2, who, true).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_written_only_inside_of_a_transaction() {
    let rig = Rig::any().await;
    let (t, other) = (rig.topic("t", 1).await, rig.topic("other", 1).await);
    let mut raw = Raw::new(&rig).await;
    let who = raw.init().await;
    assert_eq!(raw.write(who, &t, 0).await, Err(InvalidTxnState));
    raw.begin(who, &other).await;
    assert_eq!(raw.write(who, &t, 0).await, Err(InvalidTxnState), "it is in another partition");
    raw.begin(who, &t).await;
    assert_eq!(raw.write(who, &t, 0).await, Ok(()));
    let gap = raw.write(who, &t, 2).await;
    assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
    assert_eq!(raw.write(who, &t, 1).await, Ok(()));
    assert_eq!(raw.write(who, &t, 1).await, Ok(()), "repeated");
    assert_eq!(raw.end(2, who, true).await, Ok(()));
    assert_eq!(raw.end_settled(who, true).await, Ok(()));
    assert_eq!(raw.write(who, &t, 2).await, Err(InvalidTxnState));
    let watcher: rdkafka::consumer::BaseConsumer = rig.config().create().unwrap();
    let ends = rdkafka::consumer::Consumer::fetch_watermarks(&watcher, &t, 0, PATIENCE).unwrap();
    assert_eq!(ends, (0, 3), "two records and a marker");
}
