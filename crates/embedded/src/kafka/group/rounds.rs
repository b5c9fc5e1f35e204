//! The rounds of a group: gathering all members, dividing, and what time does to both.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{Answer, Group, Join, Joined, Member, NotJoined, Phase};

impl<J, S> Group<J, S> {
    /// Lets time pass: removes who was silent for too long, ends what was waited for too long.
    pub(in crate::kafka) fn tick(&mut self, now: Instant) -> Vec<Answer<J, S>> {
        let mut answers = Vec::new();
        let promised = self.promised.len();
        self.promised.retain(|_, until| *until > now);
        let silent = |member: &Member<J, S>| !member.is_waiting() && member.alive_until <= now;
        let late = |member: &Member<J, S>| match self.phase {
            Phase::Dividing { until } => until <= now && member.syncing.is_none(),
            Phase::Empty | Phase::Joining { .. } | Phase::Stable => false,
        };
        let gone: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| silent(member) || late(member))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &gone {
            self.remove(id, ResponseError::UnknownMemberId, &mut answers);
        }
        if !gone.is_empty() {
            self.after_removal(now, &mut answers);
        } else if promised != self.promised.len() {
            self.close_round_if_complete(now, &mut answers);
        }
        if let Phase::Joining { until } = self.phase
            && until <= now
        {
            self.close_round(now, &mut answers);
        }
        answers
    }

    /// When `tick` has something to do, if nothing happens before.
    pub(in crate::kafka) fn next_deadline(&self) -> Option<Instant> {
        let members = self.members.values().filter(|member| !member.is_waiting());
        let phase = match self.phase {
            Phase::Joining { until } | Phase::Dividing { until } => Some(until),
            Phase::Empty | Phase::Stable => None,
        };
        members
            .map(|member| member.alive_until)
            .chain(self.promised.values().copied())
            .chain(phase)
            .min()
    }

    /// Puts a member that joins into the group and into the round, starting one if there is none.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        id: String,
        join: Join,
        token: J,
    ) -> Vec<Answer<J, S>> {
        let mut answers = Vec::new();
        if self.members.is_empty() {
            self.protocol_type = join.protocol_type;
        }
        let before = self.members.remove(&id);
        let (share, waiting) = match before {
            Some(member) => (member.share, (member.joining, member.syncing)),
            None => (Bytes::new(), (None, None)),
        };
        // Somebody who asks twice has given up the first answer.
        let code = ResponseError::RebalanceInProgress;
        let not_joined = || Err(NotJoined { code, member: id.clone() });
        answers.extend(waiting.0.map(|old| Answer::Join(old, not_joined())));
        answers.extend(waiting.1.map(|old| Answer::Sync(old, Err(code))));
        let member = Member {
            client: join.client,
            host: join.host,
            protocols: join.protocols,
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            alive_until: now + join.session_timeout,
            joining: Some(token),
            syncing: None,
            share,
        };
        self.members.insert(id, member);
        match self.phase {
            Phase::Joining { .. } => self.close_round_if_complete(now, &mut answers),
            Phase::Empty | Phase::Dividing { .. } | Phase::Stable => {
                self.open_round(now, &mut answers);
            }
        }
        answers
    }

    /// Takes a member out and answers whatever it waits for.
    pub(super) fn remove(
        &mut self,
        id: &str,
        code: ResponseError,
        answers: &mut Vec<Answer<J, S>>,
    ) -> bool {
        let Some(member) = self.members.remove(id) else { return false };
        let not_joined = Err(NotJoined { code, member: id.to_owned() });
        answers.extend(member.joining.map(|token| Answer::Join(token, not_joined)));
        answers.extend(member.syncing.map(|token| Answer::Sync(token, Err(code))));
        true
    }

    pub(super) fn after_removal(&mut self, now: Instant, answers: &mut Vec<Answer<J, S>>) {
        match self.phase {
            Phase::Dividing { .. } | Phase::Stable => self.open_round(now, answers),
            Phase::Joining { .. } => self.close_round_if_complete(now, answers),
            Phase::Empty => {}
        }
    }

    /// The leader has divided: everybody gets a share, if only an empty one.
    pub(super) fn divide(
        &mut self,
        now: Instant,
        shares: Vec<(String, Bytes)>,
        answers: &mut Vec<Answer<J, S>>,
    ) {
        for (id, share) in shares {
            if let Some(member) = self.members.get_mut(&id) {
                member.share = share;
            }
        }
        self.phase = Phase::Stable;
        for member in self.members.values_mut() {
            if let Some(token) = member.syncing.take() {
                member.alive_until = now + member.session_timeout;
                answers.push(Answer::Sync(token, Ok(member.share.clone())));
            }
        }
    }

    /// Starts a round: all members have to join again.
    fn open_round(&mut self, now: Instant, answers: &mut Vec<Answer<J, S>>) {
        for member in self.members.values_mut() {
            let code = ResponseError::RebalanceInProgress;
            answers.extend(member.syncing.take().map(|token| Answer::Sync(token, Err(code))));
        }
        self.phase = Phase::Joining { until: now + self.patience() };
        self.close_round_if_complete(now, answers);
    }

    /// Ends the round if nobody is missing.
    pub(super) fn close_round_if_complete(
        &mut self,
        now: Instant,
        answers: &mut Vec<Answer<J, S>>,
    ) {
        let is_joining = matches!(self.phase, Phase::Joining { .. });
        let all_here = self.members.values().all(|member| member.joining.is_some());
        if is_joining && all_here && self.promised.is_empty() {
            self.close_round(now, answers);
        }
    }

    /// Ends the round: whoever has not joined is out; the others form the next generation.
    fn close_round(&mut self, now: Instant, answers: &mut Vec<Answer<J, S>>) {
        self.members.retain(|_, member| member.joining.is_some());
        self.generation = self.generation.wrapping_add(1) & i32::MAX;
        let Some(first) = self.members.keys().next().cloned() else {
            self.phase = Phase::Empty;
            self.leader.clear();
            self.protocol.clear();
            return;
        };
        if !self.members.contains_key(&self.leader) {
            self.leader = first;
        }
        self.protocol = self.elect();
        self.phase = Phase::Dividing { until: now + self.patience() };
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.share = Bytes::new();
            member.alive_until = now + member.session_timeout;
            answers.extend(member.joining.take().map(|token| Answer::Join(token, Ok(joined))));
        }
    }

    /// The protocol that most members prefer, of those that all know.
    fn elect(&self) -> String {
        let known_to_all = |name: &str| {
            let knows = |member: &Member<J, S>| member.protocols.iter().any(|(p, _)| p == name);
            self.members.values().all(knows)
        };
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in self.members.values() {
            let vote = member.protocols.iter().map(|(name, _)| name.as_str());
            let Some(vote) = vote.into_iter().find(|name| known_to_all(name)) else { continue };
            match votes.iter_mut().find(|(name, _)| *name == vote) {
                Some((_, count)) => *count += 1,
                None => votes.push((vote, 1)),
            }
        }
        let winner = votes.iter().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }

    /// What a member of the present generation is told.
    pub(super) fn joined(&self, id: &str) -> Joined {
        let metadata =
            |(id, member): (&String, &Member<J, S>)| (id.clone(), member.metadata(&self.protocol));
        let is_leader = id == self.leader;
        Joined {
            member: id.to_owned(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.iter().filter(|_| is_leader).map(metadata).collect(),
        }
    }

    /// How long the slowest member may take to join or to ask for its share.
    fn patience(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }
}
