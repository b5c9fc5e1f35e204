//! What an operator that waits for time waits for, in a sentence.

use chrono::{DateTime, SecondsFormat};
use model::waiting::{Activity, HeldFor, Holder, Obstacle, SplitState, Waiting};

/// A split that was silent for less is not called silent.
const SILENT_MS: i64 = 2_000;

/// By how much time has still to advance until something is emitted; `None` = nothing is held, or
/// there is no watermark yet.
pub(crate) fn missing_ms(waiting: &Waiting, at_ms: i64) -> Option<i64> {
    let due = waiting.next_firing?;
    let reached = if waiting.processing_time { at_ms } else { waiting.watermark? };
    Some(due.saturating_sub(reached).max(0))
}

/// Says why the operator has not emitted what it holds. `at_ms`: when the figures were taken.
pub(crate) fn explain(waiting: &Waiting, at_ms: i64) -> String {
    let name = &waiting.name;
    let Some(due) = waiting.next_firing else {
        let watermark = match waiting.watermark {
            Some(i64::MAX) => "its input has ended".to_owned(),
            Some(at) if !waiting.processing_time => format!("its watermark is {}", time(at)),
            Some(_) | None => "it waits for records".to_owned(),
        };
        return format!("{name} holds no record that waits for time: {watermark}.");
    };
    if waiting.processing_time {
        return format!(
            "{name} fires by the clock, next at {}, in {}.{}",
            time(due),
            span(due.saturating_sub(at_ms).max(0)),
            obstacles(waiting)
        );
    }
    let watermark = match waiting.watermark {
        Some(at) => format!("the watermark is {}, {} short", time(at), span(due - at.min(due))),
        None => "there is no watermark yet".to_owned(),
    };
    let cause = match &waiting.held_by {
        None => "; all its sources have ended".to_owned(),
        Some(_) if waiting.sources_watermark.is_some_and(|reached| reached >= due) => {
            "; its sources have sent a watermark that is high enough, which is on its way"
                .to_owned()
        }
        Some(holder) => cause(holder, &waiting.tables, at_ms),
    };
    let when = time(due);
    format!(
        "{name} fires next when the watermark reaches {when}; {watermark}{cause}.{}",
        obstacles(waiting)
    )
}

fn cause(holder: &Holder, tables: &[String], at_ms: i64) -> String {
    let table = &holder.table;
    match holder.reason {
        HeldFor::NoWatermark => {
            format!(": table {table} declares no watermark, so nothing fires before its end")
        }
        HeldFor::SplitsUnknown => format!(
            ", held by table {table}, which has not found out its splits yet (does its outside \
             system answer?)"
        ),
        HeldFor::AllIdle => {
            let all = match tables {
                [only] => format!("all splits of table {only}"),
                several => format!("all splits of the tables {}", several.join(", ")),
            };
            format!(": {all} are idle, and event time goes on with their next record")
        }
        HeldFor::Split => match holder.splits.first() {
            Some(split) => split_holds(holder, split, at_ms),
            None => format!(", held by table {table}"),
        },
    }
}

fn split_holds(holder: &Holder, split: &SplitState, at_ms: i64) -> String {
    let held = format!(", held by split {} of table {}", split.split, holder.table);
    let since = split.last_record_at.unwrap_or(split.found_at);
    let silent_ms = at_ms.saturating_sub(since).max(0);
    if split.last_record_at.is_some() && silent_ms < SILENT_MS {
        let behind = match holder.lag_records {
            0 => String::new(),
            lag => format!(" and has, with the table's other splits, {lag} still to be read"),
        };
        return format!("{held}, which gives records{behind}: it fires as soon as they get there");
    }
    let silence = match split.last_event_time {
        Some(last) => {
            format!(
                "which has had no records for {} (the last one with event time {})",
                span(silent_ms),
                time(last)
            )
        }
        None => format!("which has given no record since it is read, for {}", span(silent_ms)),
    };
    let others = holder.splits.iter().skip(1);
    let as_low =
        others.filter(|it| it.activity == Activity::Active && it.watermark == split.watermark);
    let others = match as_low.count() {
        0 => String::new(),
        _ if split.last_record_at.is_none() => {
            format!(
                " ({} of its {} splits have none)",
                holder.counts.without_records, holder.counts.all
            )
        }
        more => format!(" (and {more} more stand as low)"),
    };
    let help = match holder.idle_timeout_ms {
        Some(timeout) => {
            let left = i64::try_from(timeout).unwrap_or(i64::MAX).saturating_sub(silent_ms).max(0);
            format!("it is left out as idle in {}", span(left))
        }
        None => {
            "set 'table.exec.source.idle-timeout' so that a silent split is left out".to_owned()
        }
    };
    format!("{held}, {silence}{others}; {help}")
}

fn obstacles(waiting: &Waiting) -> String {
    let one = |obstacle: &Obstacle| match obstacle {
        Obstacle::Barrier { operator, checkpoint, for_ms } => format!(
            " {operator} has waited {} for the barrier of checkpoint {checkpoint} on some of its \
             inputs and reads the others no further until it comes.",
            span(i64::try_from(*for_ms).unwrap_or(i64::MAX))
        ),
        Obstacle::BackPressure { operator, for_ms: 0, permille } => format!(
            " {operator} is under back-pressure: it waits for room downstream {} % of the time.",
            permille / 10
        ),
        Obstacle::BackPressure { operator, for_ms, .. } => format!(
            " {operator} is under back-pressure: it has waited for room downstream for {}.",
            span(i64::try_from(*for_ms).unwrap_or(i64::MAX))
        ),
    };
    waiting.obstacles.iter().map(one).collect()
}

fn time(ms: i64) -> String {
    match DateTime::from_timestamp_millis(ms) {
        Some(at) => at.to_rfc3339_opts(SecondsFormat::Millis, true),
        None => format!("{ms} ms"),
    }
}

/// A length of time, rounded to what people care about.
fn span(ms: i64) -> String {
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        172_800_000.. => format!("{} d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use model::waiting::SplitCounts;

    use super::*;

    /// 2026-01-01T12:00:00Z
    const NOON: i64 = 1_767_268_800_000;

    fn split(watermark: Option<i64>, last_record_at: Option<i64>) -> SplitState {
        SplitState {
            split: "readings/2".to_owned(),
            watermark,
            last_event_time: last_record_at.map(|_| NOON + 23_000),
            last_record_at,
            found_at: NOON,
            activity: Activity::Active,
        }
    }

    fn held(split: SplitState) -> Waiting {
        let counts = SplitCounts { all: 3, without_records: 1, ..SplitCounts::default() };
        Waiting {
            name: "Window[TUMBLE 30 s]".to_owned(),
            watermark: Some(NOON + 21_000),
            next_firing: Some(NOON + 29_999),
            tables: vec!["sensor".to_owned()],
            sources_watermark: Some(NOON + 21_000),
            held_by: Some(Holder {
                table: "sensor".to_owned(),
                operator_id: "source:sensor".to_owned(),
                subtask: 0,
                watermark: Some(NOON + 21_000),
                reason: HeldFor::Split,
                splits: vec![split],
                counts,
                idle_timeout_ms: None,
                lag_records: 0,
            }),
            ..Waiting::default()
        }
    }

    const FIRES: &str = "Window[TUMBLE 30 s] fires next when the watermark reaches \
        2026-01-01T12:00:29.999Z; the watermark is 2026-01-01T12:00:21.000Z, 8.9 s short";

    #[test]
    fn a_silent_split_is_named_with_what_helps() {
        let mut waiting = held(split(Some(NOON + 21_000), Some(NOON + 26_000)));
        let at = NOON + 40_000;
        let silent = "held by split readings/2 of table sensor, which has had no records for \
            14.0 s (the last one with event time 2026-01-01T12:00:23.000Z)";
        let set = "set 'table.exec.source.idle-timeout' so that a silent split is left out";
        assert_eq!(explain(&waiting, at), format!("{FIRES}, {silent}; {set}."));
        assert_eq!(missing_ms(&waiting, at), Some(8_999));
        waiting.held_by.as_mut().unwrap().idle_timeout_ms = Some(20_000);
        let soon = "it is left out as idle in 6.0 s";
        assert_eq!(explain(&waiting, at), format!("{FIRES}, {silent}; {soon}."));
    }

    #[test]
    fn a_split_without_any_record_is_told_apart() {
        let mut waiting = held(split(None, None));
        (waiting.watermark, waiting.sources_watermark) = (None, None);
        let text = explain(&waiting, NOON + 300_000);
        assert!(text.contains("there is no watermark yet, held by split readings/2"), "{text}");
        assert!(text.contains("has given no record since it is read, for 5 min; set"), "{text}");
        assert_eq!(missing_ms(&waiting, NOON), None);
    }

    #[test]
    fn a_split_that_flows_needs_no_help() {
        let mut waiting = held(split(Some(NOON + 21_000), Some(NOON + 39_500)));
        waiting.held_by.as_mut().unwrap().lag_records = 7;
        let text = explain(&waiting, NOON + 40_000);
        assert!(text.contains("which gives records and has, with"), "{text}");
        assert!(text.contains("7 still to be read"), "{text}");
        assert!(!text.contains("idle-timeout"), "{text}");
    }

    #[test]
    fn what_is_on_its_way_is_told_with_its_obstacles() {
        let mut waiting = held(split(Some(NOON + 90_000), Some(NOON + 39_500)));
        waiting.sources_watermark = Some(NOON + 90_000);
        let operator = "Source[sensor]".to_owned();
        waiting.obstacles = vec![
            Obstacle::Barrier { operator: "Union[2]".to_owned(), checkpoint: 7, for_ms: 3_000 },
            Obstacle::BackPressure { operator: operator.clone(), for_ms: 0, permille: 900 },
            Obstacle::BackPressure { operator, for_ms: 4_000, permille: 900 },
        ];
        assert_eq!(
            explain(&waiting, NOON + 40_000),
            format!(
                "{FIRES}; its sources have sent a watermark that is high enough, which is on its \
                 way. Union[2] has waited 3.0 s for the barrier of checkpoint 7 on some of its \
                 inputs and reads the others no further until it comes. Source[sensor] is under \
                 back-pressure: it waits for room downstream 90 % of the time. Source[sensor] is \
                 under back-pressure: it has waited for room downstream for 4.0 s."
            )
        );
    }

    #[test]
    fn other_causes_are_told_apart() {
        let because = |reason: HeldFor| {
            let mut waiting = held(split(None, None));
            waiting.held_by.as_mut().unwrap().reason = reason;
            explain(&waiting, NOON)
        };
        let idle = because(HeldFor::AllIdle);
        assert!(idle.contains("all splits of table sensor are idle"), "{idle}");
        let unknown = because(HeldFor::SplitsUnknown);
        assert!(unknown.contains("has not found out its splits yet"), "{unknown}");
        let none = because(HeldFor::NoWatermark);
        assert!(none.contains("table sensor declares no watermark"), "{none}");
        let ended = explain(&Waiting { held_by: None, ..held(split(None, None)) }, NOON);
        assert!(ended.contains("all its sources have ended"), "{ended}");
    }

    #[test]
    fn the_clock_and_no_window_at_all() {
        let clock = Waiting { processing_time: true, held_by: None, ..held(split(None, None)) };
        assert_eq!(
            explain(&clock, NOON + 20_000),
            "Window[TUMBLE 30 s] fires by the clock, next at 2026-01-01T12:00:29.999Z, in 9.9 s."
        );
        assert_eq!(missing_ms(&clock, NOON + 20_000), Some(9_999));
        let empty = Waiting { next_firing: None, ..held(split(None, None)) };
        assert_eq!(
            explain(&empty, NOON),
            "Window[TUMBLE 30 s] holds no record that waits for time: its watermark is \
             2026-01-01T12:00:21.000Z."
        );
    }
}
