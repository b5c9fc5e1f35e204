//! A consumer group: who is in it, which generation it is in, who gets what.
//!
//! The classic protocol: members join, one of them (the leader) divides the partitions, all fetch
//! their share by a sync and then send heartbeats; whoever comes or goes starts the next round.
//! This is a state machine without clock or connections: time comes in as an argument, and those
//! who must wait leave a token (`J` for a join, `S` for a sync) that comes back with the answer.

mod rounds;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;

/// How long a member may be silent. Kafka starts at six seconds; tests want less.
const SESSION_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(1800);

/// A consumer group with its members.
#[derive(Debug)]
pub(super) struct Group<J, S> {
    phase: Phase,
    generation: i32,
    /// What kind of group it is; `consumer` for all that read topics.
    protocol_type: String,
    /// The way of dividing that all members know.
    protocol: String,
    leader: String,
    members: BTreeMap<String, Member<J, S>>,
    /// Ids given to members that have to join once more, and until when that is waited for.
    promised: BTreeMap<String, Instant>,
}

/// Where a group is in its cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No members.
    Empty,
    /// Waiting for all members to join again.
    Joining { until: Instant },
    /// Waiting for the leader to divide, and for all members to ask for their share.
    Dividing { until: Instant },
    /// Everybody has a share.
    Stable,
}

#[derive(Debug)]
struct Member<J, S> {
    client: String,
    host: String,
    /// Ways of dividing this member knows, the preferred one first, with what it says about itself.
    protocols: Vec<(String, Bytes)>,
    session_timeout: Duration,
    rebalance_timeout: Duration,
    /// Gone unless heard of before.
    alive_until: Instant,
    joining: Option<J>,
    syncing: Option<S>,
    share: Bytes,
}

/// What a client says to join.
#[derive(Debug, Clone)]
pub(super) struct Join {
    /// Empty for a new member.
    pub(super) member: String,
    pub(super) client: String,
    pub(super) host: String,
    pub(super) protocol_type: String,
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// An id that nobody has, for a new member.
    pub(super) fresh_id: String,
    /// A new member has to join once more with its id, so that a lost answer leaves no ghost.
    pub(super) twice: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) member: String,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) leader: String,
    /// For the leader: all members with what they say about themselves.
    pub(super) members: Vec<(String, Bytes)>,
}

/// Why a join was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotJoined {
    pub(super) code: ResponseError,
    /// The id to join with next, where the code asks for that.
    pub(super) member: String,
}

/// An answer for somebody who waited (or did not have to).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<J, S> {
    Join(J, Result<Joined, NotJoined>),
    Sync(S, Result<Bytes, ResponseError>),
}

/// A group as tools show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) state: &'static str,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) members: Vec<MemberDescription>,
}

/// A member as tools show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberDescription {
    pub(super) member: String,
    pub(super) client: String,
    pub(super) host: String,
    pub(super) metadata: Bytes,
    pub(super) share: Bytes,
}

impl<J, S> Default for Group<J, S> {
    fn default() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            promised: BTreeMap::new(),
        }
    }
}

impl<J, S> Group<J, S> {
    /// A client wants in, or joins the next round.
    pub(super) fn join(&mut self, now: Instant, join: Join, token: J) -> Vec<Answer<J, S>> {
        let refuse = |token, code, member: &str| {
            vec![Answer::Join(token, Err(NotJoined { code, member: member.to_owned() }))]
        };
        if let Err(code) = self.check(&join) {
            return refuse(token, code, &join.member);
        }
        if join.member.is_empty() {
            let id = join.fresh_id.clone();
            if join.twice {
                self.promised.insert(id.clone(), now + join.session_timeout);
                return refuse(token, ResponseError::MemberIdRequired, &id);
            }
            return self.enter(now, id, join, token);
        }
        let id = join.member.clone();
        if self.promised.remove(&id).is_some() {
            return self.enter(now, id, join, token);
        }
        let Some(member) = self.members.get_mut(&id) else {
            return refuse(token, ResponseError::UnknownMemberId, &id);
        };
        let is_same = member.protocols == join.protocols;
        member.alive_until = now + member.session_timeout;
        let needs_no_round = match self.phase {
            Phase::Dividing { .. } => is_same,
            // The leader joins again when it has seen that the partitions have changed.
            Phase::Stable => is_same && id != self.leader,
            Phase::Empty | Phase::Joining { .. } => false,
        };
        if needs_no_round {
            let joined = self.joined(&id);
            return vec![Answer::Join(token, Ok(joined))];
        }
        self.enter(now, id, join, token)
    }

    /// A member asks for its share; the leader brings everybody's.
    pub(super) fn sync(
        &mut self,
        now: Instant,
        id: &str,
        generation: i32,
        shares: Vec<(String, Bytes)>,
        token: S,
    ) -> Vec<Answer<J, S>> {
        if let Err(code) = self.heard_of(now, id, generation) {
            return vec![Answer::Sync(token, Err(code))];
        }
        let is_leader = id == self.leader;
        let Some(member) = self.members.get_mut(id) else { return Vec::new() };
        match self.phase {
            Phase::Empty => vec![Answer::Sync(token, Err(ResponseError::UnknownMemberId))],
            Phase::Joining { .. } => {
                vec![Answer::Sync(token, Err(ResponseError::RebalanceInProgress))]
            }
            Phase::Stable => vec![Answer::Sync(token, Ok(member.share.clone()))],
            Phase::Dividing { .. } => {
                let before = member.syncing.replace(token);
                let mut answers = Vec::new();
                answers.extend(
                    before.map(|old| Answer::Sync(old, Err(ResponseError::RebalanceInProgress))),
                );
                if is_leader {
                    self.divide(now, shares, &mut answers);
                }
                answers
            }
        }
    }

    /// A sign of life.
    pub(super) fn heartbeat(
        &mut self,
        now: Instant,
        id: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.heard_of(now, id, generation)?;
        match self.phase {
            Phase::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Dividing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// A member goes.
    pub(super) fn leave(
        &mut self,
        now: Instant,
        id: &str,
    ) -> (Result<(), ResponseError>, Vec<Answer<J, S>>) {
        let mut answers = Vec::new();
        if self.promised.remove(id).is_some() {
            self.close_round_if_complete(now, &mut answers);
            return (Ok(()), answers);
        }
        if !self.remove(id, ResponseError::UnknownMemberId, &mut answers) {
            return (Err(ResponseError::UnknownMemberId), answers);
        }
        self.after_removal(now, &mut answers);
        (Ok(()), answers)
    }

    /// May this member commit offsets? Consumers without a group commit with generation -1, which
    /// is in order as long as the group has no members.
    pub(super) fn may_commit(
        &mut self,
        now: Instant,
        id: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        if generation < 0 && id.is_empty() && self.members.is_empty() {
            return Ok(());
        }
        self.heard_of(now, id, generation)?;
        match self.phase {
            Phase::Dividing { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Joining { .. } | Phase::Stable => Ok(()),
        }
    }

    /// May this member commit offsets in a transaction? Whoever names no member may always: before
    /// Kafka 2.5 producers could not. Neither does it matter that the partitions are being divided.
    pub(super) fn may_commit_in_transaction(
        &mut self,
        now: Instant,
        id: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        match generation < 0 && id.is_empty() {
            true => Ok(()),
            false => self.heard_of(now, id, generation),
        }
    }

    /// What tools show.
    pub(super) fn describe(&self) -> Description {
        let member = |(id, member): (&String, &Member<J, S>)| MemberDescription {
            member: id.clone(),
            client: member.client.clone(),
            host: member.host.clone(),
            metadata: member.metadata(&self.protocol),
            share: member.share.clone(),
        };
        Description {
            state: match self.phase {
                Phase::Empty => "Empty",
                Phase::Joining { .. } => "PreparingRebalance",
                Phase::Dividing { .. } => "CompletingRebalance",
                Phase::Stable => "Stable",
            },
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            members: self.members.iter().map(member).collect(),
        }
    }

    fn check(&self, join: &Join) -> Result<(), ResponseError> {
        if !SESSION_TIMEOUTS.contains(&join.session_timeout) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        let others = || self.members.iter().filter(|(id, _)| **id != join.member);
        let fits = join.protocols.iter().any(|(name, _)| {
            others().all(|(_, other)| other.protocols.iter().any(|(known, _)| known == name))
        });
        let is_same_type = self.members.is_empty() || self.protocol_type == join.protocol_type;
        match fits && is_same_type && !join.protocol_type.is_empty() {
            true => Ok(()),
            false => Err(ResponseError::InconsistentGroupProtocol),
        }
    }

    /// Notes a sign of life of a member of this generation.
    fn heard_of(&mut self, now: Instant, id: &str, generation: i32) -> Result<(), ResponseError> {
        let member = self.members.get_mut(id).ok_or(ResponseError::UnknownMemberId)?;
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        member.alive_until = now + member.session_timeout;
        Ok(())
    }
}

impl<J, S> Member<J, S> {
    fn metadata(&self, protocol: &str) -> Bytes {
        let known = self.protocols.iter().find(|(name, _)| name == protocol);
        known.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }
}
