//! `JoinGroup`, `SyncGroup`, `Heartbeat`, `LeaveGroup`, `ListGroups` and `DescribeGroups`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, GroupId, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest,
    ListGroupsResponse, SyncGroupRequest, SyncGroupResponse,
};
use uuid::Uuid;

use super::{Session, text};
use crate::kafka::group::{Description, Join, Joined, MemberDescription, NotJoined};

/// From this version on a new member is given its id and joins once more.
const JOIN_TWICE: i16 = 4;

pub(super) async fn join(
    session: &Session,
    request: JoinGroupRequest,
    version: i16,
) -> JoinGroupResponse {
    let member = request.member_id.to_string();
    if request.group_id.is_empty() {
        return not_joined(NotJoined { code: ResponseError::InvalidGroupId, member });
    }
    let session_timeout = milliseconds(request.session_timeout_ms);
    let rebalance_timeout = match request.rebalance_timeout_ms {
        // Not in version 0.
        ..0 => session_timeout,
        given => milliseconds(given),
    };
    let protocols = request.protocols.into_iter();
    let join = Join {
        member,
        client: session.client.clone(),
        host: format!("/{}", session.peer.ip()),
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.map(|known| (known.name.to_string(), known.metadata)).collect(),
        session_timeout,
        rebalance_timeout,
        fresh_id: format!("{}-{}", session.client, Uuid::new_v4()),
        twice: version >= JOIN_TWICE,
    };
    let answer = session.shared.coordinator.join(&request.group_id, join);
    let answer = tokio::select! {
        answer = answer => answer.ok(),
        () = session.stop.cancelled() => None,
    };
    match answer {
        Some(Ok(joined)) => joined_as(joined),
        Some(Err(refusal)) => not_joined(refusal),
        None => not_joined(NotJoined {
            code: ResponseError::CoordinatorNotAvailable,
            member: request.member_id.to_string(),
        }),
    }
}

fn joined_as(joined: Joined) -> JoinGroupResponse {
    let member = |(id, metadata): (String, Bytes)| {
        JoinGroupResponseMember::default().with_member_id(text(id)).with_metadata(metadata)
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(text(joined.protocol_type)))
        .with_protocol_name(Some(text(joined.protocol)))
        .with_leader(text(joined.leader))
        .with_member_id(text(joined.member))
        .with_members(joined.members.into_iter().map(member).collect())
}

fn not_joined(refusal: NotJoined) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(refusal.code.code())
        .with_generation_id(-1)
        .with_protocol_name(Some(text("")))
        .with_member_id(text(refusal.member))
}

pub(super) async fn sync(session: &Session, request: SyncGroupRequest) -> SyncGroupResponse {
    let shares = request.assignments.into_iter();
    let shares = shares.map(|share| (share.member_id.to_string(), share.assignment)).collect();
    let (group, member) = (&request.group_id, &request.member_id);
    let answer = session.shared.coordinator.sync(group, member, request.generation_id, shares);
    let answer = tokio::select! {
        answer = answer => answer.ok(),
        () = session.stop.cancelled() => None,
    };
    match answer.unwrap_or(Err(ResponseError::CoordinatorNotAvailable)) {
        Ok(share) => SyncGroupResponse::default().with_assignment(share),
        Err(code) => {
            SyncGroupResponse::default().with_error_code(code.code()).with_assignment(Bytes::new())
        }
    }
}

pub(super) fn heartbeat(session: &Session, request: HeartbeatRequest) -> HeartbeatResponse {
    let coordinator = &session.shared.coordinator;
    let heard = coordinator.heartbeat(&request.group_id, &request.member_id, request.generation_id);
    HeartbeatResponse::default().with_error_code(code_of(heard))
}

pub(super) fn leave(session: &Session, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let left = session.shared.coordinator.leave(&request.group_id, &request.member_id);
    LeaveGroupResponse::default().with_error_code(code_of(left))
}

pub(super) fn list(session: &Session, request: ListGroupsRequest) -> ListGroupsResponse {
    // Groups that only committed offsets, perhaps before this broker was started, are empty.
    let mut groups: BTreeMap<String, (&str, String)> = BTreeMap::new();
    groups
        .extend(session.offsets().groups().map(|name| (name.to_owned(), ("Empty", String::new()))));
    let live = session.shared.coordinator.all().into_iter();
    groups.extend(live.map(|(name, group)| (name, (group.state, group.protocol_type))));
    let is_wanted = |state: &str| {
        request.states_filter.is_empty() || request.states_filter.iter().any(|s| **s == *state)
    };
    let listed = groups.into_iter().filter(|(_, (state, _))| is_wanted(state));
    let listed = listed.map(|(name, (state, protocol_type))| {
        ListedGroup::default()
            .with_group_id(text(name).into())
            .with_protocol_type(text(protocol_type))
            .with_group_state(text(state))
    });
    ListGroupsResponse::default().with_groups(listed.collect())
}

pub(super) fn describe(
    session: &Session,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let groups = request.groups.into_iter().map(|group| describe_one(session, group));
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn describe_one(session: &Session, id: GroupId) -> DescribedGroup {
    let found = session.shared.coordinator.describe(&id);
    let has_offsets = session.offsets().of_group(&id).next().is_some();
    let described = DescribedGroup::default().with_group_id(id);
    let Some(Description { state, protocol_type, protocol, members }) = found else {
        let state = if has_offsets { "Empty" } else { "Dead" };
        return described.with_group_state(text(state));
    };
    let member = |member: MemberDescription| {
        DescribedGroupMember::default()
            .with_member_id(text(member.member))
            .with_client_id(text(member.client))
            .with_client_host(text(member.host))
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.share)
    };
    described
        .with_group_state(text(state))
        .with_protocol_type(text(protocol_type))
        .with_protocol_data(text(protocol))
        .with_members(members.into_iter().map(member).collect())
}

fn milliseconds(given: i32) -> Duration {
    Duration::from_millis(u64::try_from(given).unwrap_or(0))
}

fn code_of(result: Result<(), ResponseError>) -> i16 {
    result.err().map_or(0, |code| code.code())
}
