use super::*;

const TIMEOUT: i32 = 1_000;

fn place(partition: i32) -> Place {
    Place { topic: "t".into(), partition }
}

fn at(offset: i64) -> Committed {
    Committed { offset, leader_epoch: -1, metadata: format!("at {offset}") }
}

/// A transactional id with its first instance.
fn admitted() -> (Transaction, Instance) {
    let mut id = Transaction::new(7);
    let first = admit(&mut id, None);
    (id, first)
}

fn admit(id: &mut Transaction, known: Option<Instance>) -> Instance {
    match id.admit(known, TIMEOUT, None) {
        Ok(Admission::Admitted(instance)) => instance,
        other => panic!("{other:?}"),
    }
}

/// An open transaction that has touched partition 0.
fn open() -> (Transaction, Instance) {
    let (mut id, first) = admitted();
    id.add_partitions(first, 100, [place(0)]).unwrap();
    (id, first)
}

#[test]
fn each_instance_fences_the_ones_before() {
    let (mut id, first) = admitted();
    assert_eq!(first, Instance { producer: 7, epoch: 0 });
    let second = admit(&mut id, None);
    assert_eq!(second, Instance { producer: 7, epoch: 1 });
    let fenced = Err(ResponseError::ProducerFenced);
    assert_eq!(id.add_partitions(first, 0, [place(0)]), fenced);
    assert_eq!(id.add_group(first, 0, "g"), fenced);
    assert_eq!(id.add_offsets(first, "g", Vec::new()), fenced);
    assert_eq!(id.may_write(first, &place(0)), fenced);
    assert_eq!(id.end(first, Outcome::Commit), Err(ResponseError::ProducerFenced));
    let stranger = Instance { producer: 8, epoch: 1 };
    let unknown = Err(ResponseError::InvalidProducerIdMapping);
    assert_eq!(id.add_partitions(stranger, 0, [place(0)]), unknown);
    assert_eq!(id.add_partitions(second, 0, [place(0)]), Ok(()));
}

#[test]
fn a_transaction_goes_from_open_to_ended() {
    let (mut id, first) = open();
    id.add_group(first, 200, "g").unwrap();
    id.add_offsets(first, "g", vec![(place(5), at(1)), (place(6), at(2))]).unwrap();
    id.add_offsets(first, "g", vec![(place(5), at(3))]).unwrap();
    assert!(id.holds("g", &place(5)) && !id.holds("g", &place(7)) && !id.holds("h", &place(5)));
    assert_eq!(id.may_write(first, &place(0)), Ok(()));
    assert_eq!(id.deadline(), Some(1_100), "counted from its beginning");

    assert_eq!(id.end(first, Outcome::Commit), Ok(End::Decided));
    let (who, outcome, work) = id.ending().unwrap();
    assert_eq!((who, outcome), (first, Outcome::Commit));
    assert_eq!(work.partitions, BTreeSet::from([place(0)]));
    let offsets = vec![(place(6), at(2)), (place(5), at(3))];
    assert_eq!(work.groups, BTreeMap::from([("g".to_owned(), offsets)]));
    assert!(id.holds("g", &place(5)), "until it is done");

    id.ended();
    assert!(id.ending().is_none() && !id.holds("g", &place(5)));
    assert_eq!(id.end(first, Outcome::Commit), Ok(End::Repeated));
    assert_eq!(id.end(first, Outcome::Abort), Err(ResponseError::InvalidTxnState));
    id.add_partitions(first, 300, [place(1)]).unwrap();
    assert_eq!(id.may_write(first, &place(0)), Err(ResponseError::InvalidTxnState));
    assert_eq!(id.may_write(first, &place(1)), Ok(()));
}

#[test]
fn while_it_ends_everybody_waits() {
    let (mut id, first) = open();
    id.end(first, Outcome::Abort).unwrap();
    let wait = Err(ResponseError::ConcurrentTransactions);
    assert_eq!(id.end(first, Outcome::Abort), Err(ResponseError::ConcurrentTransactions));
    assert_eq!(id.end(first, Outcome::Commit), Err(ResponseError::InvalidTxnState));
    assert_eq!(id.add_partitions(first, 0, [place(0)]), wait);
    assert_eq!(id.add_group(first, 0, "g"), wait);
    assert_eq!(id.add_offsets(first, "g", Vec::new()), wait);
    assert_eq!(id.may_write(first, &place(0)), wait);
    let refused = id.admit(None, TIMEOUT, None);
    assert_eq!(refused, Err(ResponseError::ConcurrentTransactions));
    assert!(!id.expire(i64::MAX));
}

#[test]
fn without_a_transaction_nothing_is_written_or_ended() {
    let (mut id, first) = admitted();
    let refused = ResponseError::InvalidTxnState;
    assert_eq!(id.may_write(first, &place(0)), Err(refused));
    assert_eq!(id.add_offsets(first, "g", Vec::new()), Err(refused));
    assert_eq!(id.end(first, Outcome::Commit), Err(refused));
    // Nor are offsets of a group that was not announced.
    id.add_partitions(first, 0, [place(0)]).unwrap();
    assert_eq!(id.add_offsets(first, "g", Vec::new()), Err(refused));
    // What the instance before has ended is nothing to its successor.
    id.end(first, Outcome::Commit).unwrap();
    id.ended();
    let second = admit(&mut id, None);
    assert_eq!(id.end(second, Outcome::Commit), Err(refused));
}

#[test]
fn a_new_instance_first_aborts_what_the_old_one_left_open() {
    let (mut id, first) = open();
    assert_eq!(id.admit(None, TIMEOUT, None), Ok(Admission::AbortFirst));
    let (who, outcome, work) = id.ending().unwrap();
    assert_eq!((who.epoch, outcome), (first.epoch + 1, Outcome::Abort));
    assert_eq!(work.partitions.len(), 1);
    assert_eq!(id.may_write(first, &place(0)), Err(ResponseError::ProducerFenced));
    id.ended();
    assert_eq!(admit(&mut id, None).epoch, first.epoch + 2);
}

#[test]
fn a_transaction_open_for_too_long_is_aborted_and_its_producer_fenced() {
    let (mut id, first) = open();
    assert!(!id.expire(1_099));
    assert!(id.expire(1_100));
    assert_eq!(id.ending().unwrap().1, Outcome::Abort);
    id.ended();
    assert_eq!(id.end(first, Outcome::Commit), Err(ResponseError::ProducerFenced));
    // It can go on if it says who it was and nobody else came.
    let mut replaced = id.clone();
    assert_eq!(admit(&mut id, Some(first)).epoch, first.epoch + 1);
    admit(&mut replaced, None);
    let refused = replaced.admit(Some(first), TIMEOUT, None);
    assert_eq!(refused, Err(ResponseError::ProducerFenced));
}

#[test]
fn a_producer_that_names_itself_gets_the_next_epoch_once() {
    let (mut id, first) = admitted();
    let second = admit(&mut id, Some(first));
    assert_eq!(second.epoch, 1);
    // Asked again, because the answer was lost.
    assert_eq!(admit(&mut id, Some(first)), second);

    let third = admit(&mut id, None);
    for old in [first, second, Instance { producer: 9, epoch: third.epoch }] {
        let refused = id.admit(Some(old), TIMEOUT, None);
        assert_eq!(refused, Err(ResponseError::ProducerFenced));
    }
    // A transactional id that was never used takes anybody.
    let mut unused = Transaction::new(3);
    assert_eq!(admit(&mut unused, Some(first)), Instance { producer: 3, epoch: 0 });
}

#[test]
fn whoever_names_itself_ends_an_open_transaction_first() {
    let (mut id, first) = admitted();
    let second = admit(&mut id, None);
    for (known, may_go_on) in [(second, true), (first, false)] {
        let mut id = id.clone();
        id.add_partitions(second, 0, [place(0)]).unwrap();
        assert_eq!(id.admit(Some(known), TIMEOUT, None), Ok(Admission::AbortFirst));
        assert_eq!(id.end(second, Outcome::Commit), Err(ResponseError::ProducerFenced));
        id.ended();
        let next = Instance { epoch: second.epoch + 1, ..second };
        let want = match may_go_on {
            true => Ok(Admission::Admitted(next)),
            false => Err(ResponseError::ProducerFenced),
        };
        assert_eq!(id.admit(Some(known), TIMEOUT, None), want);
    }
    let stranger = Instance { producer: 9, epoch: 5 };
    id.add_partitions(second, 0, [place(0)]).unwrap();
    let refused = id.admit(Some(stranger), TIMEOUT, None);
    assert_eq!(refused, Err(ResponseError::ProducerFenced));
    assert_eq!(id.end(second, Outcome::Commit), Ok(End::Decided));
}

#[test]
fn when_the_epochs_are_used_up_there_is_a_new_producer_id() {
    let (mut id, mut last) = admitted();
    while !id.is_used_up() {
        last = admit(&mut id, None);
    }
    assert_eq!(last.epoch, i16::MAX - 1);
    // There is one left to fence the last one with.
    id.add_partitions(last, 0, [place(0)]).unwrap();
    assert!(id.expire(i64::MAX));
    assert_eq!(id.ending().unwrap().0.epoch, i16::MAX);
    id.ended();
    assert!(id.is_used_up());
    for known in [None, Some(last)] {
        let fresh = id.clone().admit(known, TIMEOUT, Some(70)).unwrap();
        assert_eq!(fresh, Admission::Admitted(Instance { producer: 70, epoch: 0 }));
    }
    let fresh = id.admit(None, TIMEOUT, Some(70)).unwrap();
    assert_eq!(fresh, Admission::Admitted(Instance { producer: 70, epoch: 0 }));
    assert_eq!(id.end(last, Outcome::Commit), Err(ResponseError::InvalidProducerIdMapping));
}
