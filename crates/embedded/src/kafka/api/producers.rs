//! `InitProducerId`: an identity for an idempotent producer.

use std::sync::PoisonError;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::Session;

/// Always a new id with epoch 0: without transactions nothing is continued.
pub(super) fn init(session: &Session, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let refused =
        InitProducerIdResponse::default().with_producer_id(ProducerId(-1)).with_producer_epoch(-1);
    if request.transactional_id.is_some() {
        // Clients give up on this code at once; on others they try again for a minute.
        let code = ResponseError::TransactionalIdAuthorizationFailed.code();
        return refused.with_error_code(code);
    }
    let mut identity = session.shared.identity.lock().unwrap_or_else(PoisonError::into_inner);
    match identity.new_producer() {
        Ok(id) => InitProducerIdResponse::default().with_producer_id(ProducerId(id)),
        Err(error) => {
            tracing::error!(%error, "a producer id cannot be reserved");
            refused.with_error_code(ResponseError::KafkaStorageError.code())
        }
    }
}
