//! When what goes wrong: made of the seed alone.

use super::fault::Fault;

/// One fault to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Time since the beginning, in ms.
    pub(super) at_ms: u64,
    pub(super) fault: Fault,
    /// How long it lasts, in ms.
    pub(super) lasts_ms: u64,
    /// Chooses whom it hits, among those who are there by then.
    pub(super) pick: u64,
}

/// Faults for `duration_ms`, one every `gap_ms` on average. Each kind comes as often as its weight
/// says before any comes more often.
pub(super) fn schedule(seed: u64, faults: &[Fault], duration_ms: u64, gap_ms: u64) -> Vec<Planned> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut planned, mut bag, mut at_ms) = (Vec::new(), Vec::new(), 0);
    loop {
        at_ms += random.u64(gap_ms / 4..=gap_ms * 7 / 4);
        if at_ms >= duration_ms {
            return planned;
        }
        if bag.is_empty() {
            let all = faults.iter().flat_map(|fault| std::iter::repeat_n(*fault, fault.weight()));
            bag.extend(all);
            random.shuffle(&mut bag);
        }
        let Some(fault) = bag.pop() else { return planned };
        // Short ones more often than long ones.
        let range = fault.lasts_ms();
        let longest = random.u64(range.clone());
        let lasts_ms = random.u64(*range.start()..=longest);
        planned.push(Planned { at_ms, fault, lasts_ms, pick: random.u64(..) });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::fault::chosen;
    use super::*;

    #[test]
    fn a_seed_makes_the_same_faults_each_time() {
        let all = chosen(&["all".to_owned()]).unwrap();
        let plan = |seed| schedule(seed, &all, 600_000, 4_000);
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        let planned = plan(7);
        assert!((110..190).contains(&planned.len()), "{}", planned.len());
        assert!(planned.is_sorted_by_key(|it| it.at_ms));
        let mut count = BTreeMap::<Fault, usize>::new();
        for it in &planned {
            assert!(it.fault.lasts_ms().contains(&it.lasts_ms), "{it:?}");
            *count.entry(it.fault).or_default() += 1;
        }
        assert_eq!(count.len(), all.len(), "every kind comes in ten minutes: {count:?}");
        assert!(count[&Fault::KillJob] > count[&Fault::KillApi]);
    }

    #[test]
    fn a_short_time_has_few_faults() {
        assert!(schedule(1, &[Fault::KillJob], 100, 4_000).is_empty());
        assert!(schedule(1, &[], 60_000, 1_000).is_empty());
    }
}
