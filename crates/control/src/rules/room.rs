//! Why a run waits for room.

use store::Room;

/// Why no worker can take `kpus` now; `None` if one can.
pub(crate) fn shortage(kpus: u32, rooms: &[Room]) -> Option<String> {
    if rooms.iter().any(|room| room.free >= i64::from(kpus)) {
        return None;
    }
    let needs = format!("needs {kpus} {}", if kpus == 1 { "KPU" } else { "KPUs" });
    let Some(largest) = rooms.iter().map(|room| room.capacity).max() else {
        return Some(format!("{needs}, no worker is there"));
    };
    let free: i64 = rooms.iter().map(|room| room.free.max(0)).sum();
    let capacity: i64 = rooms.iter().map(|room| i64::from(room.capacity)).sum();
    let workers = match rooms.len() {
        1 => "1 worker".to_owned(),
        number => format!("{number} workers"),
    };
    let mut said = format!("{needs}, workers offer {free} free of {capacity} on {workers}");
    if largest < kpus {
        said.push_str(&format!("; none of them is so large (at most {largest})"));
    } else if free >= i64::from(kpus) {
        let most = rooms.iter().map(|room| room.free).max().unwrap_or(0);
        said.push_str(&format!("; at most {most} of them on one"));
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use model::ids::WorkerId;
    use uuid::Uuid;

    use super::*;

    #[track_caller]
    fn check(kpus: u32, rooms: &[(u32, i64)], want: Option<&str>) {
        let worker = WorkerId(Uuid::nil());
        let rooms: Vec<Room> =
            rooms.iter().map(|&(capacity, free)| Room { worker, capacity, free }).collect();
        assert_eq!(shortage(kpus, &rooms).as_deref(), want);
    }

    #[test]
    fn the_reason_has_the_figures() {
        check(4, &[(4, 0), (4, 4)], None);
        check(4, &[(4, 1), (4, 1)], Some("needs 4 KPUs, workers offer 2 free of 8 on 2 workers"));
        check(
            4,
            &[(4, 2), (4, 3)],
            Some("needs 4 KPUs, workers offer 5 free of 8 on 2 workers; at most 3 of them on one"),
        );
        check(
            9,
            &[(8, 8)],
            Some(
                "needs 9 KPUs, workers offer 8 free of 8 on 1 worker; none of them is so large \
                 (at most 8)",
            ),
        );
        check(1, &[], Some("needs 1 KPU, no worker is there"));
    }
}
