//! The simulations themselves.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fastrand::Rng;

use super::attempt::Counts;
use super::input::{Input, Shape};
use super::job::{Job, Setup};
use super::programs::{ALL, Program};

/// Seeds of a usual test run.
const USUAL: u64 = 120;

/// What the environment asks for; tests have no other way to be told.
#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting of Weir")]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which seeds to run: `WEIR_SEED=n`, `WEIR_SEEDS=count` or `WEIR_SEEDS=from..to`.
fn seeds(usual: u64) -> Range<u64> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed is a number");
    if let Some(one) = asked("WEIR_SEED") {
        return number(&one)..number(&one) + 1;
    }
    match asked("WEIR_SEEDS") {
        Some(text) => match text.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&text),
        },
        None => 0..usual,
    }
}

/// Runs one seed to its end; its fingerprint, and what happened.
fn run(seed: u64, aloud: bool) -> (u64, Counts) {
    let setup = Setup::of_seed(seed);
    let (want, straight) = Job::straight(&setup);
    let mut job = Job::new(&setup, seed, aloud);
    let done = catch_unwind(AssertUnwindSafe(|| {
        job.run();
        let found = job.visible();
        for (sink, rows) in &want {
            let none = Default::default();
            let found = found.get(sink).unwrap_or(&none);
            let lost: Vec<_> = rows.iter().filter(|row| found.get(row.0) != Some(row.1)).collect();
            let more: Vec<_> = found.iter().filter(|row| rows.get(row.0) != Some(row.1)).collect();
            assert!(lost.is_empty() && more.is_empty(), "{sink}: lost {lost:?}, found {more:?}");
        }
        assert_eq!(found.len(), want.len());
    }));
    if done.is_err() {
        panic!(
            "seed {seed} ({:?}) differs from the undisturbed run; the last of its trace:\n{}replay \
             it with: WEIR_SEED={seed} cargo test -p engine simulation -- --nocapture",
            setup.program,
            job.trace.last()
        );
    }
    (job.trace.fingerprint(), Counts { late: straight.late, ..job.counts })
}

#[test]
fn seeds_give_what_an_undisturbed_run_gives() {
    let seeds = seeds(USUAL);
    let aloud = asked("WEIR_SEED").is_some();
    let mut all = Counts::default();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let (_, counts) = run(seed, aloud);
        all.turns += counts.turns;
        all.attempts += counts.attempts;
        all.recorded += counts.recorded;
        all.failed += counts.failed;
        all.crashed += counts.crashed;
        all.stopped += counts.stopped;
        all.rescaled += counts.rescaled;
        all.late += counts.late;
    }
    println!("{count} seeds: {all:?}");
    if count >= USUAL {
        assert!(all.crashed > count && all.recorded > 2 * count, "hardly anything happened");
        assert!(all.failed > 0 && all.stopped > 0 && all.rescaled > 0 && all.late > 0);
    }
}

#[test]
fn a_seed_is_one_schedule() {
    for seed in [3, 17, 40] {
        assert_eq!(run(seed, false).0, run(seed, false).0, "seed {seed}");
        assert_ne!(run(seed, false).0, run(seed + 1, false).0);
    }
}

/// A split whose records wait because the subtask waits for room downstream is not idle.
#[test]
fn a_slow_sink_makes_no_split_idle() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let shape = Shape { splits: 3, records: 40, keys: 3, pauses: false, late: false };
        let inputs = vec![Arc::new(Input::new(&mut rng, shape))];
        let (program, idle, one_source) = (Program::Branches, true, false);
        let fast = Setup { program, inputs, idle, one_source, most: 4, slow_ms: 0 };
        let slow = Setup { slow_ms: 400, ..fast.clone() };
        assert!(Job::straight(&slow).0 == Job::straight(&fast).0, "seed {seed}");
    }
}

/// Every position of one split, and every pair of positions of two.
#[test]
fn a_crash_after_a_barrier_at_every_position_changes_nothing() {
    let mut runs = 0;
    for program in ALL {
        for (splits, records) in [(1, 20), (2, 7)] {
            if program == Program::Union && splits > 1 {
                continue;
            }
            let mut rng = Rng::with_seed(records as u64);
            let late = splits == 1 && !matches!(program, Program::Union | Program::Spread);
            let shape = Shape { splits, records, keys: 3, pauses: false, late };
            let input = || Arc::new(Input::new(&mut rng, shape));
            let inputs: Vec<_> = std::iter::repeat_with(input).take(program.sources()).collect();
            let (idle, one_source, most, slow_ms) = (false, late, 1, 0);
            let setup = Setup { program, inputs, idle, one_source, most, slow_ms };
            let want = Job::straight(&setup).0;
            for at in positions(&setup.inputs[0]) {
                let number = at.iter().sum::<usize>();
                let parallelism = (1 + number % 3, 1 + (number + 1) % 3);
                let mut job = Job::new(&setup, number as u64, false);
                let hasty = number % 2 == 0;
                job.run_over(&at, hasty, parallelism);
                assert!(
                    job.visible() == want,
                    "{program:?} over {splits} splits, barrier at {at:?}, {parallelism:?}:\n{}",
                    job.trace.last()
                );
                runs += 1;
            }
        }
    }
    println!("{runs} runs");
}

fn positions(input: &Input) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for split in &input.splits {
        let longer = |at: &Vec<usize>| {
            let at = at.clone();
            (0..=split.len()).map(move |next| [at.clone(), vec![next]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}
