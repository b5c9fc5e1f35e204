//! The requests this broker answers, one file per family.

mod commits;
mod configs;
mod fetch;
mod groups;
mod kept_offsets;
mod list_offsets;
mod metadata;
mod produce;
mod producers;
mod topics;
mod transactions;
pub(super) mod versions;

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, PoisonError};

use kafka_protocol::messages::{ApiKey, BrokerId, RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::broker::Shared;
use super::offsets::Offsets;

/// The only node of the cluster.
const NODE: BrokerId = BrokerId(1);

/// What is answered, with the oldest and newest version. Not everything the wire structs could do:
/// newer versions of some requests carry things this broker does not have (static members of
/// groups, the newer group protocol, tiered storage).
pub(super) const SUPPORTED: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 3, 9),
    (ApiKey::Fetch, 4, 16),
    (ApiKey::ListOffsets, 1, 7),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::OffsetCommit, 2, 6),
    (ApiKey::OffsetFetch, 1, 8),
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::JoinGroup, 0, 4),
    (ApiKey::Heartbeat, 0, 2),
    (ApiKey::LeaveGroup, 0, 2),
    (ApiKey::SyncGroup, 0, 2),
    (ApiKey::DescribeGroups, 0, 5),
    (ApiKey::ListGroups, 0, 4),
    (ApiKey::ApiVersions, 0, 3),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::InitProducerId, 0, 4),
    (ApiKey::AddPartitionsToTxn, 0, 3),
    (ApiKey::AddOffsetsToTxn, 0, 3),
    (ApiKey::EndTxn, 0, 3),
    (ApiKey::TxnOffsetCommit, 0, 3),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::CreatePartitions, 0, 3),
];

/// Is this version of the request answered?
pub(super) fn supports(api: ApiKey, version: i16) -> bool {
    SUPPORTED.iter().any(|&(key, min, max)| key == api && (min..=max).contains(&version))
}

/// One connection as the handlers see it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    /// Our end of the connection: where this client can reach us.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// What the client calls itself.
    pub(super) client: String,
    /// Notified when a watched partition changes.
    pub(super) grown: Arc<Notify>,
    pub(super) stop: CancellationToken,
}

impl Session {
    /// Remembers the name a client gives in each request.
    pub(super) fn note_client(&mut self, client: Option<StrBytes>) {
        let client = client.unwrap_or_default();
        if *client != *self.client {
            self.client = client.to_string();
        }
    }

    fn host(&self) -> StrBytes {
        text(self.local.ip().to_string())
    }

    fn port(&self) -> i32 {
        i32::from(self.local.port())
    }

    fn offsets(&self) -> MutexGuard<'_, Offsets> {
        self.shared.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request of a supported version; None if it wants none.
pub(super) async fn answer(
    session: &Session,
    request: RequestKind,
    version: i16,
) -> Option<ResponseKind> {
    Some(match request {
        RequestKind::ApiVersions(_) => ResponseKind::ApiVersions(versions::answer()),
        RequestKind::Metadata(request) => {
            ResponseKind::Metadata(metadata::answer(session, request, version))
        }
        RequestKind::Produce(request) => {
            return produce::answer(session, request).map(ResponseKind::Produce);
        }
        RequestKind::Fetch(request) => {
            ResponseKind::Fetch(fetch::answer(session, request, version).await)
        }
        RequestKind::ListOffsets(request) => {
            ResponseKind::ListOffsets(list_offsets::answer(session, request))
        }
        RequestKind::FindCoordinator(request) => {
            ResponseKind::FindCoordinator(commits::find_coordinator(session, request, version))
        }
        RequestKind::OffsetCommit(request) => {
            ResponseKind::OffsetCommit(commits::commit(session, request))
        }
        RequestKind::OffsetFetch(request) => {
            ResponseKind::OffsetFetch(commits::fetch(session, request, version))
        }
        RequestKind::JoinGroup(request) => {
            ResponseKind::JoinGroup(groups::join(session, request, version).await)
        }
        RequestKind::SyncGroup(request) => {
            ResponseKind::SyncGroup(groups::sync(session, request).await)
        }
        RequestKind::Heartbeat(request) => {
            ResponseKind::Heartbeat(groups::heartbeat(session, request))
        }
        RequestKind::LeaveGroup(request) => {
            ResponseKind::LeaveGroup(groups::leave(session, request))
        }
        RequestKind::ListGroups(request) => {
            ResponseKind::ListGroups(groups::list(session, request))
        }
        RequestKind::DescribeGroups(request) => {
            ResponseKind::DescribeGroups(groups::describe(session, request))
        }
        RequestKind::CreateTopics(request) => {
            ResponseKind::CreateTopics(topics::create(session, request))
        }
        RequestKind::DeleteTopics(request) => {
            ResponseKind::DeleteTopics(topics::delete(session, request, version))
        }
        RequestKind::CreatePartitions(request) => {
            ResponseKind::CreatePartitions(topics::grow(session, request))
        }
        RequestKind::DescribeConfigs(request) => {
            ResponseKind::DescribeConfigs(configs::describe(session, request))
        }
        RequestKind::InitProducerId(request) => {
            ResponseKind::InitProducerId(producers::init(session, request, version))
        }
        RequestKind::AddPartitionsToTxn(request) => ResponseKind::AddPartitionsToTxn(
            transactions::add_partitions(session, request, version),
        ),
        RequestKind::AddOffsetsToTxn(request) => {
            ResponseKind::AddOffsetsToTxn(transactions::add_offsets(session, request, version))
        }
        RequestKind::EndTxn(request) => {
            ResponseKind::EndTxn(transactions::end(session, request, version))
        }
        RequestKind::TxnOffsetCommit(request) => {
            ResponseKind::TxnOffsetCommit(kept_offsets::commit(session, request))
        }
        other => {
            tracing::error!(?other, "a request is advertised but not answered");
            return None;
        }
    })
}

fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
