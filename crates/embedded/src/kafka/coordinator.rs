//! All groups, with the clock and the connections that the groups themselves do without.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tokio::sync::{Notify, oneshot};

use super::broker::Shared;
use super::group::{self, Answer, Description, Join, Joined, NotJoined};

type JoinToken = oneshot::Sender<Result<Joined, NotJoined>>;
type SyncToken = oneshot::Sender<Result<Bytes, ResponseError>>;
type Group = group::Group<JoinToken, SyncToken>;

/// The coordinator of all groups.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    groups: Mutex<HashMap<String, Group>>,
    /// Notified when a deadline may have come nearer.
    changed: Notify,
}

impl Coordinator {
    /// The answer comes when the round is complete.
    pub(super) fn join(
        &self,
        group: &str,
        join: Join,
    ) -> oneshot::Receiver<Result<Joined, NotJoined>> {
        let (token, answer) = oneshot::channel();
        self.with(group, |group, now| ((), group.join(now, join, token)));
        answer
    }

    /// The answer comes when the leader has divided.
    pub(super) fn sync(
        &self,
        group: &str,
        member: &str,
        generation: i32,
        shares: Vec<(String, Bytes)>,
    ) -> oneshot::Receiver<Result<Bytes, ResponseError>> {
        let (token, answer) = oneshot::channel();
        self.with(group, |group, now| ((), group.sync(now, member, generation, shares, token)));
        answer
    }

    pub(super) fn heartbeat(
        &self,
        group: &str,
        member: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.with(group, |group, now| (group.heartbeat(now, member, generation), Vec::new()))
    }

    pub(super) fn leave(&self, group: &str, member: &str) -> Result<(), ResponseError> {
        self.with(group, |group, now| group.leave(now, member))
    }

    pub(super) fn may_commit(
        &self,
        group: &str,
        member: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.with(group, |group, now| (group.may_commit(now, member, generation), Vec::new()))
    }

    pub(super) fn may_commit_in_transaction(
        &self,
        group: &str,
        member: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.with(group, |group, now| {
            (group.may_commit_in_transaction(now, member, generation), Vec::new())
        })
    }

    /// A group, if it has or had members since the broker was started.
    pub(super) fn describe(&self, group: &str) -> Option<Description> {
        self.lock().get(group).map(Group::describe)
    }

    /// All groups that have or had members since the broker was started.
    pub(super) fn all(&self) -> Vec<(String, Description)> {
        self.lock().iter().map(|(name, group)| (name.clone(), group.describe())).collect()
    }

    /// Does something to a group and sends the answers that come of it.
    fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Group, Instant) -> (T, Vec<Answer<JoinToken, SyncToken>>),
    ) -> T {
        let mut groups = self.lock();
        let group = groups.entry(name.to_owned()).or_default();
        let before = group.next_deadline();
        let (result, answers) = act(group, Instant::now());
        let is_nearer = match (before, group.next_deadline()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(before), Some(after)) => after < before,
        };
        drop(groups);
        send(answers);
        if is_nearer {
            self.changed.notify_one();
        }
        result
    }

    fn tick(&self, now: Instant) -> Option<Instant> {
        let mut groups = self.lock();
        let answers: Vec<_> = groups.values_mut().flat_map(|group| group.tick(now)).collect();
        let next = groups.values().filter_map(Group::next_deadline).min();
        drop(groups);
        send(answers);
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has gone away does not get the answer; its session will end.
fn send(answers: Vec<Answer<JoinToken, SyncToken>>) {
    for answer in answers {
        let was_taken = match answer {
            Answer::Join(token, result) => token.send(result).is_ok(),
            Answer::Sync(token, result) => token.send(result).is_ok(),
        };
        if !was_taken {
            tracing::debug!("a group member left before its answer came");
        }
    }
}

/// Lets time pass for all groups until the broker stops.
pub(super) async fn keep_time(shared: Arc<Shared>) {
    loop {
        let next = shared.coordinator.tick(Instant::now());
        let in_an_hour = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.coordinator.changed.notified() => {}
            () = tokio::time::sleep_until(next.unwrap_or(in_an_hour).into()) => {}
        }
    }
}
