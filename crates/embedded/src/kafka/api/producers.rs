//! `InitProducerId`: an identity for an idempotent or transactional producer.

use std::sync::PoisonError;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::Session;
use super::transactions::code_of;
use crate::kafka::transaction::{Admission, Instance, Transaction};

/// Clients before this version do not know that there is a code for a fenced producer.
const KNOWS_FENCED: i16 = 4;

/// Kafka's default of `transaction.max.timeout.ms`: fifteen minutes.
pub(super) const MAX_TIMEOUT_MS: i32 = 15 * 60 * 1000;

pub(super) fn init(
    session: &Session,
    request: InitProducerIdRequest,
    version: i16,
) -> InitProducerIdResponse {
    let admitted = match &request.transactional_id {
        Some(id) => admit(session, id, &request),
        // Without transactions nothing is continued.
        None => new_producer(session).map(|producer| Instance { producer, epoch: 0 }),
    };
    match admitted {
        Ok(instance) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(instance.producer))
            .with_producer_epoch(instance.epoch),
        Err(code) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
            .with_error_code(code_of(Err(code), version < KNOWS_FENCED)),
    }
}

fn admit(
    session: &Session,
    id: &str,
    request: &InitProducerIdRequest,
) -> Result<Instance, ResponseError> {
    if id.is_empty() {
        return Err(ResponseError::InvalidRequest);
    }
    let timeout = request.transaction_timeout_ms;
    if !(1..=MAX_TIMEOUT_MS).contains(&timeout) {
        return Err(ResponseError::InvalidTransactionTimeout);
    }
    let known = (request.producer_id.0 >= 0)
        .then_some(Instance { producer: request.producer_id.0, epoch: request.producer_epoch });
    let mut transactions = session.shared.transactions();
    let mut transaction = match transactions.get(id) {
        Some(transaction) => transaction.clone(),
        None => Transaction::new(new_producer(session)?),
    };
    let fresh = match transaction.is_used_up() {
        true => Some(new_producer(session)?),
        false => None,
    };
    let admission = transaction.admit(known, timeout, fresh)?;
    session.shared.keep(&mut transactions, id, transaction)?;
    match admission {
        Admission::Admitted(instance) => Ok(instance),
        Admission::AbortFirst => Err(ResponseError::ConcurrentTransactions),
    }
}

fn new_producer(session: &Session) -> Result<i64, ResponseError> {
    let mut identity = session.shared.identity.lock().unwrap_or_else(PoisonError::into_inner);
    identity.new_producer().map_err(|error| {
        tracing::error!(%error, "a producer id cannot be reserved");
        ResponseError::KafkaStorageError
    })
}
