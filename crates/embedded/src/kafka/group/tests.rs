use super::*;

type TestGroup = Group<&'static str, &'static str>;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(30);

fn join(member: &str, protocols: &[&str]) -> Join {
    Join {
        member: member.into(),
        client: "client".into(),
        host: "/127.0.0.1".into(),
        protocol_type: "consumer".into(),
        protocols: protocols.iter().map(|name| ((*name).into(), Bytes::from("m"))).collect(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        fresh_id: "fresh".into(),
        twice: false,
    }
}

fn new(fresh_id: &str) -> Join {
    Join { fresh_id: fresh_id.into(), ..join("", &["range"]) }
}

/// Who was answered what, in short.
fn short(answers: Vec<Answer<&'static str, &'static str>>) -> Vec<String> {
    let line = |answer| match answer {
        Answer::Join(token, Ok(joined)) => {
            let Joined { generation, leader, members, .. } = joined;
            format!("{token} joined {generation} of {leader}, told of {}", members.len())
        }
        Answer::Join(token, Err(NotJoined { code, member })) => {
            format!("{token} not joined: {code:?} {member}")
        }
        Answer::Sync(token, Ok(share)) => format!("{token} gets {share:?}"),
        Answer::Sync(token, Err(code)) => format!("{token} gets nothing: {code:?}"),
    };
    answers.into_iter().map(line).collect()
}

fn shares(of: &[(&str, &'static str)]) -> Vec<(String, Bytes)> {
    of.iter().map(|(id, share)| ((*id).to_owned(), Bytes::from(*share))).collect()
}

/// A group of `a` (the leader) and `b`, stable in generation 2.
fn stable(now: Instant) -> TestGroup {
    let mut group = TestGroup::default();
    group.join(now, new("a"), "a");
    group.join(now, new("b"), "b");
    group.join(now, join("a", &["range"]), "a");
    group.sync(now, "b", 2, vec![], "b");
    group.sync(now, "a", 2, shares(&[("a", "0"), ("b", "1")]), "a");
    assert_eq!(group.describe().state, "Stable");
    group
}

#[test]
fn a_second_member_starts_a_round_and_the_leader_divides() {
    let now = Instant::now();
    let mut group = TestGroup::default();
    assert_eq!(short(group.join(now, new("a"), "a")), ["a joined 1 of a, told of 1"]);
    let alone = group.sync(now, "a", 1, shares(&[("a", "01")]), "a");
    assert_eq!(short(alone), ["a gets b\"01\""]);

    assert_eq!(short(group.join(now, new("b"), "b")), [""; 0]);
    assert_eq!(group.heartbeat(now, "a", 1), Err(ResponseError::RebalanceInProgress));
    assert_eq!(
        short(group.join(now, join("a", &["range"]), "a")),
        ["a joined 2 of a, told of 2", "b joined 2 of a, told of 0"]
    );
    assert_eq!(short(group.sync(now, "b", 2, vec![], "b")), [""; 0]);
    let divided = group.sync(now, "a", 2, shares(&[("a", "0"), ("b", "1")]), "a");
    assert_eq!(short(divided), ["a gets b\"0\"", "b gets b\"1\""]);
    assert_eq!(group.heartbeat(now, "a", 2), Ok(()));
    assert_eq!(group.heartbeat(now, "a", 1), Err(ResponseError::IllegalGeneration));
}

#[test]
fn a_new_client_is_given_an_id_first_and_waited_for() {
    let now = Instant::now();
    let mut group = stable(now);
    let asked = group.join(now, Join { twice: true, ..new("c") }, "c");
    assert_eq!(short(asked), ["c not joined: MemberIdRequired c"]);
    assert_eq!(group.leave(now, "b").0, Ok(()));
    // `a` is the only member, but `c` has been promised a place in this round.
    assert_eq!(short(group.join(now, join("a", &["range"]), "a")), [""; 0]);
    assert_eq!(
        short(group.join(now, join("c", &["range"]), "c")),
        ["a joined 3 of a, told of 2", "c joined 3 of a, told of 0"]
    );
}

#[test]
fn a_promise_ends_with_the_session_timeout() {
    let now = Instant::now();
    let mut group = stable(now);
    group.join(now, Join { twice: true, ..new("c") }, "c");
    assert_eq!(group.leave(now, "b").0, Ok(()));
    group.join(now, join("a", &["range"]), "a");
    assert_eq!(group.next_deadline(), Some(now + SESSION));
    assert_eq!(short(group.tick(now + SESSION)), ["a joined 3 of a, told of 1"]);
    let late = group.join(now + SESSION, join("c", &["range"]), "c");
    assert_eq!(short(late), ["c not joined: UnknownMemberId c"]);
}

#[test]
fn a_silent_member_is_removed_and_its_share_goes_to_the_others() {
    let now = Instant::now();
    let mut group = stable(now);
    let later = now + SESSION - Duration::from_secs(1);
    assert_eq!(group.heartbeat(later, "a", 2), Ok(()));
    assert_eq!(short(group.tick(now + SESSION)), [""; 0]);
    assert_eq!(group.describe().state, "PreparingRebalance");
    let rejoined = group.join(later, join("a", &["range"]), "a");
    assert_eq!(short(rejoined), ["a joined 3 of a, told of 1"]);
    assert_eq!(group.heartbeat(later, "b", 2), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_round_ends_without_those_who_do_not_come() {
    let now = Instant::now();
    let mut group = stable(now);
    group.join(now, new("c"), "c");
    for second in (5..30).step_by(5) {
        // `b` sends heartbeats but does not join.
        let at = now + Duration::from_secs(second);
        assert_eq!(group.heartbeat(at, "b", 2), Err(ResponseError::RebalanceInProgress));
        assert_eq!(group.heartbeat(at, "a", 2), Err(ResponseError::RebalanceInProgress));
        assert_eq!(short(group.tick(at)), [""; 0]);
    }
    group.join(now, join("a", &["range"]), "a");
    assert_eq!(
        short(group.tick(now + REBALANCE)),
        ["a joined 3 of a, told of 2", "c joined 3 of a, told of 0"]
    );
}

#[test]
fn a_leader_that_never_divides_is_removed() {
    let now = Instant::now();
    let mut group = TestGroup::default();
    group.join(now, Join { session_timeout: REBALANCE * 2, ..new("a") }, "a");
    group.join(now, new("b"), "b");
    group.join(now, Join { session_timeout: REBALANCE * 2, ..join("a", &["range"]) }, "a");
    assert_eq!(short(group.sync(now, "b", 2, vec![], "b")), [""; 0]);
    let ended = short(group.tick(now + REBALANCE));
    assert_eq!(ended, ["b gets nothing: RebalanceInProgress"]);
    assert_eq!(
        short(group.join(now + REBALANCE, join("b", &["range"]), "b")),
        ["b joined 3 of b, told of 1"]
    );
}

#[test]
fn the_last_one_to_leave_empties_the_group() {
    let now = Instant::now();
    let mut group = stable(now);
    assert_eq!(group.leave(now, "a"), (Ok(()), vec![]));
    assert_eq!(group.leave(now, "b"), (Ok(()), vec![]));
    assert_eq!(group.leave(now, "b").0, Err(ResponseError::UnknownMemberId));
    assert_eq!((group.describe().state, group.next_deadline()), ("Empty", None));
}

#[test]
fn members_must_have_a_protocol_in_common_and_most_votes_win() {
    let now = Instant::now();
    let mut group = TestGroup::default();
    group.join(now, Join { fresh_id: "a".into(), ..join("", &["range", "sticky"]) }, "a");
    let stranger = group.join(now, Join { fresh_id: "x".into(), ..join("", &["other"]) }, "x");
    assert_eq!(short(stranger), ["x not joined: InconsistentGroupProtocol "]);
    let wrong_type = Join { protocol_type: "connect".into(), ..new("x") };
    let refused = group.join(now, wrong_type, "x");
    assert_eq!(short(refused), ["x not joined: InconsistentGroupProtocol "]);
    for id in ["b", "c"] {
        let joins = Join { fresh_id: id.into(), ..join("", &["sticky", "range"]) };
        group.join(now, joins, "bc");
    }
    group.join(now, join("a", &["range", "sticky"]), "a");
    assert_eq!(group.describe().protocol, "sticky");
}

#[test]
fn a_follower_that_asks_again_is_answered_without_a_round() {
    let now = Instant::now();
    let mut group = stable(now);
    let again = group.join(now, join("b", &["range"]), "b");
    assert_eq!(short(again), ["b joined 2 of a, told of 0"]);
    assert_eq!(short(group.sync(now, "b", 2, vec![], "b")), ["b gets b\"1\""]);
    assert_eq!(group.describe().state, "Stable");
    // The leader asks again because it wants a new division.
    assert_eq!(short(group.join(now, join("a", &["range"]), "a")), [""; 0]);
    assert_eq!(group.describe().state, "PreparingRebalance");
}

#[test]
fn commits_are_taken_from_members_and_from_nobodies_while_there_are_none() {
    let now = Instant::now();
    let mut group = TestGroup::default();
    assert_eq!(group.may_commit(now, "", -1), Ok(()));
    let mut group = stable(now);
    assert_eq!(group.may_commit(now, "a", 2), Ok(()));
    assert_eq!(group.may_commit(now, "a", 1), Err(ResponseError::IllegalGeneration));
    assert_eq!(group.may_commit(now, "", -1), Err(ResponseError::UnknownMemberId));
    group.join(now, new("c"), "c");
    assert_eq!(group.may_commit(now, "a", 2), Ok(()), "last chance before the next round");
}
