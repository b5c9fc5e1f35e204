//! Which subtask reads a partition.

/// Java's `String.hashCode`.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// Subtask that reads `partition` of `topic`: the first partition's by a hash of the topic, the
/// others' round robin, as Flink's `KafkaSourceEnumerator.getSplitOwner`.
pub(super) fn owner(topic: &str, partition: i32, parallelism: usize) -> usize {
    let first = java_hash(topic).wrapping_mul(31) & i32::MAX;
    let parallelism = parallelism.max(1);
    (first as usize % parallelism + partition.max(0) as usize) % parallelism
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes and owners computed with Java's and Flink's formulas.
    #[test]
    fn partitions_are_spread_evenly_and_for_ever_alike() {
        assert_eq!(java_hash("orders"), -1_008_770_331);
        assert_eq!(java_hash("hello"), 99_162_322);
        let firsts = |topic| [2, 3, 4, 7].map(|parallelism| owner(topic, 0, parallelism));
        assert_eq!(firsts("orders"), [1, 0, 3, 3]);
        assert_eq!(firsts("sensor-readings"), [0, 0, 2, 1]);
        for parallelism in 1..5 {
            let mut counts = vec![0; parallelism];
            for partition in 0..12 {
                counts[owner("orders", partition, parallelism)] += 1;
            }
            assert!(counts.iter().all(|count| *count == 12 / parallelism), "{counts:?}");
        }
    }
}
