//! Which checkpoint folders nothing needs: what is left of checkpoints that were never recorded.

use std::collections::BTreeSet;

use model::object_keys::{checkpoint_of_folder, manifest};
use store::Progress;

/// The orphans among the checkpoint folders of an application that were found in the object store.
///
/// A folder that a record knows is none; when that is retired, its folder becomes garbage by
/// itself. Of the others a folder is an orphan when both hold:
/// - Nobody can still record it: its attempt is not the newest any more, or the newest attempt,
///   which writes its checkpoints one after the other, has recorded a later one.
/// - The output of a checkpoint of the same or a higher number is visible. The prepared output of a
///   checkpoint that came to nothing goes on in the next one, whose manifest may point into the
///   folder of the failed one until then.
pub(crate) fn orphans(found: Vec<String>, known: &[String], have: Progress) -> Vec<String> {
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let orphaned = |folder: &String| {
        let Some((number, attempt)) = checkpoint_of_folder(folder) else { return false };
        let settled = attempt < have.attempt
            || (attempt == have.attempt && have.recorded.is_some_and(|newest| number < newest));
        let passed = have
            .committed
            .is_some_and(|newest| number < newest || (number == newest && attempt < have.attempt));
        settled && passed && !known.contains(manifest(folder).as_str())
    };
    found.into_iter().filter(orphaned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(have: (u64, Option<u64>, Option<u64>), known: &[&str], want: &[&str]) {
        let (attempt, recorded, committed) = have;
        let found = ["4-1", "5-1", "6-1", "6-2", "7-2", "8-2", "9-3", "x-1", "notes"];
        let found = found.map(|it| format!("a/checkpoints/{it}")).to_vec();
        let known: Vec<String> =
            known.iter().map(|it| format!("a/checkpoints/{it}/manifest.json")).collect();
        let progress = Progress { attempt, recorded, committed };
        let orphans = orphans(found, &known, progress);
        let names: Vec<&str> = orphans.iter().map(|it| &it["a/checkpoints/".len()..]).collect();
        assert_eq!(names, want, "{have:?}");
    }

    #[test]
    fn what_an_older_attempt_left_unrecorded_goes_once_a_later_checkpoint_is_visible() {
        // Attempt 2 has recorded 7, and 8 is being written; 6-1 is where attempt 1 died.
        let known = ["4-1", "5-1", "7-2"];
        check((2, Some(7), Some(7)), &known, &["6-1", "6-2"]);
        check((2, Some(7), Some(5)), &known, &[]);
        check((2, Some(7), None), &known, &[]);
    }

    #[test]
    fn a_number_that_was_taken_again_goes_only_with_its_dead_attempt() {
        check((2, Some(6), Some(6)), &["4-1", "5-1", "6-2"], &["6-1"]);
    }

    #[test]
    fn what_the_newest_attempt_may_still_record_stays() {
        check((2, None, Some(5)), &["5-1"], &["4-1"]);
        check((2, Some(8), Some(7)), &["5-1", "8-2"], &["4-1", "6-1", "6-2"]);
        check((1, Some(4), Some(9)), &["4-1"], &[]);
    }

    #[test]
    fn what_a_record_or_snapshot_knows_stays_for_ever() {
        let all = ["4-1", "5-1", "6-1", "6-2", "7-2", "8-2"];
        check((3, Some(20), Some(20)), &all, &["9-3"]);
    }
}
