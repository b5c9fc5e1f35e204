//! Random calls of customers, workers and time on several applications at once, each compared with a
//! small reference model of the lifecycle: status, version, parallelism, run configuration,
//! snapshots, operations and versions after every call. API servers are killed in the middle of
//! calls, workers fall silent, deadlines pass.

mod asked;
mod customer;
mod observe;
mod reference;
mod runs;
mod story;
mod workers;

use std::ops::Range;

use story::{NAMES, Story};
use tokio::task::JoinSet;

const USUAL: u64 = 8;
const CALLS: usize = 1250;

#[expect(clippy::disallowed_methods, reason = "which seeds to run is asked from outside")]
fn asked(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which seeds to run: `WEIR_SEED=n`, `WEIR_SEEDS=count` or `WEIR_SEEDS=from..to`.
fn seeds() -> Range<u64> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed is a number");
    if let Some(one) = asked("WEIR_SEED") {
        return number(&one)..number(&one) + 1;
    }
    match asked("WEIR_SEEDS") {
        Some(text) => match text.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&text),
        },
        None => 0..USUAL,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_calls_do_what_the_reference_model_says() {
    let began = std::time::Instant::now();
    let mut running = JoinSet::new();
    let mut stories = Vec::new();
    for seed in seeds() {
        if running.len() == 2 {
            stories.extend(running.join_next().await.map(|it| it.expect("no story fails")));
        }
        running.spawn(story(seed));
    }
    while let Some(done) = running.join_next().await {
        stories.push(done.expect("no story fails"));
    }
    let sum = |of: fn(&Told) -> usize| stories.iter().map(of).sum::<usize>();
    let mut statuses = std::collections::BTreeMap::new();
    for (status, times) in stories.iter().flat_map(|it| &it.statuses) {
        *statuses.entry(*status).or_insert(0) += times;
    }
    eprintln!(
        "{} calls in {} s, {} refused, {} killed; seen: {statuses:?}",
        sum(|it| it.calls),
        began.elapsed().as_secs(),
        sum(|it| it.refused),
        sum(|it| it.killed),
    );
    if stories.len() >= 4 {
        for status in [
            "READY",
            "STARTING",
            "RUNNING",
            "STOPPING",
            "FORCE_STOPPING",
            "UPDATING",
            "ROLLING_BACK",
            "DELETING",
        ] {
            assert!(statuses.get(status).is_some_and(|it| *it > 20), "{status}: {statuses:?}");
        }
        assert!(sum(|it| it.killed) > 100 && sum(|it| it.refused) > 1000);
    }
}

struct Told {
    calls: usize,
    refused: usize,
    killed: usize,
    statuses: std::collections::BTreeMap<&'static str, usize>,
}

async fn story(seed: u64) -> Told {
    let mut story = Story::new(seed).await;
    while story.calls < CALLS {
        let app = *story.random.pick(&NAMES).unwrap();
        match story.random.below(130) {
            0..6 => story.create(app).await,
            6..14 => story.start(app).await,
            14..19 => story.stop(app, false).await,
            19..22 => story.stop(app, true).await,
            22..31 => story.update(app).await,
            31..36 => story.roll_back(app).await,
            36..41 => story.take_snapshot(app).await,
            41..44 => story.delete_snapshot(app).await,
            44..46 => story.tag(app).await,
            46..47 => story.change_properties(app).await,
            47..49 => story.delete(app).await,
            49..65 => story.claim().await,
            65..81 => story.running(app).await,
            81..93 => story.checkpoint(app).await,
            93..103 => story.end(app).await,
            103..106 => story.silence(app).await,
            106..108 => story.renew().await,
            108..109 => story.retire().await,
            109..112 => story.late().await,
            112..115 => story.orders().await,
            115..122 => story.running(app).await,
            122..125 => story.start(app).await,
            _ => story.look().await,
        }
    }
    Told {
        calls: story.calls,
        refused: story.refused,
        killed: story.killed,
        statuses: std::mem::take(&mut story.statuses),
    }
}
