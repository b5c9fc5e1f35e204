//! Snapshots of whole jobs: other parallelisms, edited programs, state that fits nothing.

use std::sync::Arc;

use job::local;
use model::protocol::{PropertyGroups, S3Settings};

use crate::process::{Process, World};

/// Rows of the input.
const ROWS: u64 = 3000;

/// Numbers, a tenth of a second of event time apart; `rate` of them a second.
fn tables(world: &World, folder: &str, rate: u64) -> String {
    let table = |name: &str, columns: &str| {
        let path = world.folder.path().join(folder).join(name);
        format!(
            "CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{}', \
             'format' = 'json');\n",
            path.display()
        )
    };
    format!(
        "CREATE TABLE numbers (
           id BIGINT,
           rt AS TO_TIMESTAMP_LTZ(1700000000000 + id * 100, 3),
           WATERMARK FOR rt AS rt - INTERVAL '1' SECOND
         ) WITH (
           'connector' = 'datagen', 'number-of-rows' = '{ROWS}', 'rows-per-second' = '{rate}',
           'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '{}'
         );\n",
        ROWS - 1
    ) + &table("plain", "id BIGINT")
        + &table("sums", "w TIMESTAMP(3), k BIGINT, n BIGINT, s BIGINT")
        + &table("halves", "h BIGINT")
}

const PLAIN: &str = "INSERT INTO plain SELECT id FROM numbers;\n";

fn sums(seconds: u64, having: &str) -> String {
    format!(
        "INSERT INTO sums SELECT window_start, k, COUNT(*), SUM(id)
         FROM TABLE(TUMBLE(TABLE keyed, DESCRIPTOR(rt), INTERVAL '{seconds}' SECOND))
         GROUP BY window_start, window_end, k HAVING {having};\n"
    )
}

const KEYED: &str = "CREATE VIEW keyed AS SELECT rt, id, MOD(id, 5) AS k FROM numbers;\n";

/// The program most of the tests begin with.
fn program(world: &World) -> String {
    tables(world, "out", 1000) + KEYED + PLAIN + &sums(10, "COUNT(*) > 0")
}

/// What the table holds after an undisturbed run.
fn undisturbed(world: &World, table: &str) -> Vec<String> {
    let script = tables(world, "straight", 1_000_000) + KEYED + PLAIN + &sums(10, "COUNT(*) > 0");
    let options = local::Options {
        s3: S3Settings::default(),
        properties: PropertyGroups::new(),
        parallelism: 1,
        batch_size: 100,
        print: Arc::new(|_| {}),
        log: Arc::new(|_| {}),
    };
    if !world.folder.path().join("straight").exists() {
        local::run(&script, options).unwrap();
    }
    world.rows(&format!("straight/{table}"))
}

/// Starts a program, lets it take some checkpoints, and stops it with a snapshot.
fn snapshot_of(world: &mut World, script: &str) -> String {
    let mut process = Process::start(world.assignment(script, 1));
    assert_eq!(process.running(), (None, Vec::new()));
    process.commit(2);
    process.stop(world)
}

#[test]
fn a_job_goes_on_at_other_parallelisms() {
    let mut world = World::start();
    let script = program(&world);
    let mut snapshot = snapshot_of(&mut world, &script);
    for parallelism in [3, 2] {
        let mut assignment = world.assignment(&script, parallelism);
        assignment.restore = Some(snapshot.clone());
        let mut process = Process::start(assignment);
        let (restored, dropped) = process.running();
        assert!(restored.is_some() && dropped.is_empty());
        process.commit(2);
        snapshot = process.stop(&mut world);
    }
    let mut assignment = world.assignment(&script, 4);
    assignment.restore = Some(snapshot);
    let mut process = Process::start(assignment);
    process.running();
    assert_eq!(process.finish(&mut world), None);
    assert_eq!(world.rows("out/plain"), undisturbed(&world, "plain"));
    assert_eq!(world.rows("out/sums"), undisturbed(&world, "sums"));
}

#[test]
fn operators_find_their_state_after_an_edit() {
    let mut world = World::start();
    let script = program(&world);
    let snapshot = snapshot_of(&mut world, &script);
    // Another condition after the window, and an INSERT more.
    let edited = tables(&world, "out", 1_000_000)
        + KEYED
        + PLAIN
        + "INSERT INTO halves SELECT id / 2 FROM numbers WHERE MOD(id, 2) = 0;\n"
        + &sums(10, "SUM(id) > 30000");
    let mut assignment = world.assignment(&edited, 2);
    assignment.restore = Some(snapshot);
    let mut process = Process::start(assignment);
    let (restored, dropped) = process.running();
    assert!(restored.is_some() && dropped.is_empty());
    process.finish(&mut world);

    assert_eq!(world.rows("out/plain"), undisturbed(&world, "plain"));
    // The new INSERT sees what came after the snapshot, once.
    let halves = world.rows("out/halves");
    assert!(!halves.is_empty() && halves.len() < 1500, "{} rows", halves.len());
    let mut once = halves.clone();
    once.dedup();
    assert_eq!(once, halves);
    // Windows that were half full at the snapshot hold what came before it, too.
    let found = world.rows("out/sums");
    let sum = |row: &String| -> u64 {
        let (_, sum) = row.rsplit_once(':').unwrap();
        sum.trim_end_matches('}').trim().parse().unwrap()
    };
    let want = undisturbed(&world, "sums");
    assert!(found.iter().all(|row| want.contains(row)), "a window's values differ");
    let large = |rows: &[String]| -> Vec<String> {
        rows.iter().filter(|row| sum(row) > 30000).cloned().collect()
    };
    assert!(large(&want).len() > 10);
    assert_eq!(large(&found), large(&want));
}

#[test]
fn state_of_another_meaning_is_refused_by_name() {
    let mut world = World::start();
    let script = program(&world);
    let snapshot = snapshot_of(&mut world, &script);
    let edited = tables(&world, "out", 1000) + KEYED + PLAIN + &sums(20, "COUNT(*) > 0");
    for allow_non_restored_state in [false, true] {
        let mut assignment = world.assignment(&edited, 1);
        assignment.restore = Some(snapshot.clone());
        assignment.allow_non_restored_state = allow_non_restored_state;
        let failure = Process::start(assignment).refused();
        assert!(!failure.fault.retry);
        let message = &failure.message;
        assert!(message.contains("does not fit these operators"), "{message}");
        assert!(message.contains("sums") && !message.contains("plain"), "{message}");
    }
}

#[test]
fn state_of_operators_that_are_gone_is_dropped_only_when_allowed() {
    let mut world = World::start();
    let script = program(&world);
    let snapshot = snapshot_of(&mut world, &script);
    let edited = tables(&world, "out", 1_000_000) + PLAIN;
    let mut assignment = world.assignment(&edited, 1);
    assignment.restore = Some(snapshot.clone());
    let failure = Process::start(assignment).refused();
    assert!(!failure.fault.retry);
    let message = &failure.message;
    assert!(message.contains("operators that this program does not have"), "{message}");
    assert!(message.contains("sums") && message.contains("AllowNonRestoredState"), "{message}");
    assert!(!message.contains("plain"), "{message}");

    let mut assignment = world.assignment(&edited, 3);
    assignment.restore = Some(snapshot);
    assignment.allow_non_restored_state = true;
    let mut process = Process::start(assignment);
    let (restored, dropped) = process.running();
    assert!(restored.is_some());
    assert!(!dropped.is_empty() && dropped.iter().all(|name| name.contains("sums")), "{dropped:?}");
    process.finish(&mut world);
    assert_eq!(world.rows("out/plain"), undisturbed(&world, "plain"));
}
