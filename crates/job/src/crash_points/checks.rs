//! What must hold after every call, and what in the end.

use std::collections::{BTreeMap, BTreeSet};

use connectors::filesystem::Prepared;
use engine::stash::attempt_of;
use model::manifest::Manifest;

use super::actor::{FILES, FOLDER, KAFKA};
use super::objects::{SUCCESS, TABLE};
use super::plane::Recorded;
use super::scenarios::Scenario;
use super::world::Inner;

/// After every call: what is visible is past its commit point, and stays as it is.
pub(super) fn always(world: &mut Inner) {
    if world.violation.is_none() {
        world.violation = world.objects.rewritten.take();
    }
    if world.violation.is_none() {
        world.violation = in_the_topic(world).or_else(|| in_files(world));
    }
}

/// The topic holds the output of the first recorded checkpoints, whole and in their order, at
/// least of those that count as committed.
fn in_the_topic(world: &Inner) -> Option<String> {
    let topic = &world.kafka.topic;
    let mut rest = topic.as_slice();
    for recorded in &world.plane.checkpoints {
        let output = output_of(recorded);
        if let Some(behind) = rest.strip_prefix(output.as_slice()) {
            rest = behind;
        } else if recorded.committed || !rest.is_empty() {
            let number = recorded.number;
            return Some(format!(
                "the topic is {topic:?}, but checkpoint {number} is {output:?} (committed: {})",
                recorded.committed
            ));
        }
    }
    (!rest.is_empty()).then(|| format!("{rest:?} is in the topic and in no recorded checkpoint"))
}

fn output_of(recorded: &Recorded) -> Vec<u8> {
    (recorded.from..recorded.to).map(|record| u8::try_from(record).unwrap()).collect()
}

/// Every visible file is of a recorded checkpoint, every file of a committed one is visible, and
/// a partition is not marked before the files of a checkpoint are.
fn in_files(world: &Inner) -> Option<String> {
    let files = &world.objects.files;
    let mut promised = BTreeSet::new();
    let mut complete = BTreeSet::new();
    for recorded in &world.plane.checkpoints {
        let prepared = &recorded.files;
        let missing = prepared.iter().find(|(key, _)| !files.contains_key(*key));
        match missing {
            Some((key, _)) if recorded.committed => {
                let number = recorded.number;
                return Some(format!("`{key}` of committed checkpoint {number} is not visible"));
            }
            Some(_) => {}
            None => complete.extend(prepared.values().cloned()),
        }
        promised.extend(prepared.keys());
    }
    for key in files.keys() {
        match key.strip_suffix(SUCCESS) {
            None if !promised.contains(key) => {
                return Some(format!("`{key}` is visible and of no recorded checkpoint"));
            }
            Some(folder) if !complete.contains(folder) => {
                return Some(format!("`{key}` is there, but not the files of a checkpoint"));
            }
            None | Some(_) => {}
        }
    }
    None
}

/// Keys of the files that a manifest promises, with their folders.
pub(super) fn files_of(manifest: &Manifest) -> BTreeMap<String, String> {
    let committables = manifest.operators.get(FILES).map(|it| it.committables.clone());
    let file = |text: &String| match serde_json::from_str(text).unwrap() {
        Prepared::S3(upload) => Some((upload.key, format!("{TABLE}{}/", upload.partition))),
        Prepared::Local(_) | Prepared::Progress(_) => None,
    };
    committables.unwrap_or_default().iter().filter_map(file).collect()
}

/// When everything has ended and nothing is to come.
pub(super) fn in_the_end(world: &mut Inner, scenario: &Scenario) {
    if world.violation.is_none() {
        world.violation = finally(world, scenario).err();
    }
}

fn finally(world: &Inner, scenario: &Scenario) -> Result<(), String> {
    let plane = &world.plane;
    if plane.start_failed {
        return Err("it could not be started any more".to_owned());
    }
    let all: Vec<u8> = (0..scenario.records).map(|it| u8::try_from(it).unwrap()).collect();
    let recorded: Vec<u8> = plane.checkpoints.iter().flat_map(output_of).collect();
    if !scenario.forced && recorded != all {
        return Err(format!("recorded is {recorded:?}"));
    }
    for pair in plane.checkpoints.windows(2) {
        if pair[0].job.run == pair[1].job.run && pair[0].to != pair[1].from {
            return Err(format!("run {} does not go on where it was", pair[0].job.run));
        }
    }
    if plane.checkpoints.last().map(|it| it.to) != Some(scenario.records) {
        return Err("the last run has not read everything".to_owned());
    }
    if plane.checkpoints.iter().any(|it| !it.committed) {
        return Err("a checkpoint is not committed".to_owned());
    }
    if world.kafka.topic != recorded {
        return Err(format!("the topic is {:?}, not {recorded:?}", world.kafka.topic));
    }
    let data = |(key, _): &(&String, &Vec<u8>)| !key.ends_with(SUCCESS);
    let mut visible: Vec<u8> =
        world.objects.files.iter().filter(data).flat_map(|(_, bytes)| bytes.clone()).collect();
    let mut expected = recorded;
    visible.sort_unstable();
    expected.sort_unstable();
    if visible != expected {
        return Err(format!("the files hold {visible:?}, not {expected:?}"));
    }
    for key in world.objects.files.keys() {
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !world.objects.files.contains_key(&format!("{folder}/{SUCCESS}")) {
            return Err(format!("`{folder}` is not marked"));
        }
    }
    left_over(world)
}

/// Nothing is left of what died, but what the last attempt sent last, which stays until the next is
/// sent (or the next attempt sweeps).
fn left_over(world: &Inner) -> Result<(), String> {
    if let Some((records, _)) = &world.kafka.open {
        return Err(format!("a transaction with {records:?} is open"));
    }
    if let [key, ..] = world.objects.unfinished()[..] {
        return Err(format!("the upload of `{key}` is open"));
    }
    let sent = world.plane.checkpoints.iter().rev().find_map(|recorded| {
        let manifest = &world.objects.objects[&recorded.manifest];
        let manifest: Manifest = serde_json::from_slice(manifest).unwrap();
        let committables = manifest.operators.get(KAFKA)?.committables.concat();
        (!committables.is_empty()).then_some(committables)
    });
    let sent = sent.unwrap_or_default();
    for key in world.objects.objects.keys() {
        let Some(name) = key.strip_prefix(&format!("{FOLDER}/output/")) else { continue };
        if attempt_of(name).is_none() || !sent.contains(name) {
            return Err(format!("`{name}` is left in the stash"));
        }
    }
    Ok(())
}
