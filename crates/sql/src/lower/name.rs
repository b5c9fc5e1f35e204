//! What people read on an operator: `Window[TUMBLE 30 s]`.

use engine::operators::over_aggregate::{Frame, FrameKind, Preceding};
use engine::operators::window::WindowKind;

use crate::plan::{Aggregation, Op, Rel, Windowing};

/// The name of a plan node's operator.
pub(super) fn of(rel: &Rel) -> String {
    match &rel.op {
        Op::Scan(scan) => format!("Source[{}]", scan.table),
        Op::Values(rows) => format!("Values[{}]", rows.len()),
        Op::Named { name, .. } => format!("View[{name}]"),
        Op::Project { expressions, .. } => {
            let all = expressions.iter().zip(&rel.columns).map(|(expression, column)| {
                let text = expression.to_string();
                if text == column.name { text } else { format!("{text} AS {}", column.name) }
            });
            format!("Project[{}]", short(all))
        }
        Op::Filter { predicate, .. } => format!("Filter[{}]", short([predicate.to_string()])),
        Op::Union(inputs) => format!("Union[{}]", inputs.len()),
        Op::WindowAssign { window, .. } => format!("Assign[{}]", kind(window.kind)),
        Op::WindowAggregate { input, window, aggregation, .. } => {
            format!("Window[{}{}]", windowing(window), groups(input, aggregation, rel))
        }
        Op::WindowedAggregate { input, aggregation, .. } => {
            format!("Windowed[{}]", groups(input, aggregation, rel).trim_start_matches(", "))
        }
        Op::GroupAggregate { input, aggregation } => {
            format!("Group[{}]", groups(input, aggregation, rel).trim_start_matches(", "))
        }
        Op::Rank { input, partition, order, ranks, .. } => {
            let name = |index: &usize| input.columns[*index].name.clone();
            let order = order.iter().map(|key| {
                format!("{}{}", name(&key.column), if key.descending { " DESC" } else { "" })
            });
            let ranks = ranks.map_or("all".to_owned(), |(first, last)| format!("{first}..={last}"));
            let by = short(partition.iter().map(name));
            format!("Rank[{ranks} by {by} order {}]", short(order))
        }
        Op::Over { input, window, .. } => {
            let by = window.partition.iter().map(|&key| input.columns[key].name.clone());
            let by = match window.partition.is_empty() {
                true => String::new(),
                false => format!("by {}, ", short(by)),
            };
            let calls = rel.columns[input.columns.len()..].iter().map(|call| call.name.clone());
            format!("Over[{by}{}, {}]", frame(window.frame), short(calls))
        }
        Op::Join { .. } => "Join".to_owned(),
    }
}

fn windowing(window: &Windowing) -> String {
    match window.zone {
        Some(zone) => format!("{} in {zone}", kind(window.kind)),
        None => kind(window.kind),
    }
}

fn groups(input: &Rel, aggregation: &Aggregation, rel: &Rel) -> String {
    let keys = aggregation.keys.iter().map(|&key| input.columns[key].name.clone());
    let first = aggregation.keys.len();
    let calls = &rel.columns[first..first + aggregation.calls.len()];
    let mut text = String::new();
    if first > 0 {
        text.push_str(&format!(", by {}", short(keys)));
    }
    if !calls.is_empty() {
        text.push_str(&format!(", {}", short(calls.iter().map(|call| call.name.clone()))));
    }
    text
}

fn kind(kind: WindowKind) -> String {
    let offset = |offset_ms: i64| match offset_ms {
        0 => String::new(),
        ms => format!(" offset {}", duration(ms)),
    };
    match kind {
        WindowKind::Tumble { size_ms, offset_ms } => {
            format!("TUMBLE {}{}", duration(size_ms), offset(offset_ms))
        }
        WindowKind::Hop { size_ms, slide_ms, offset_ms } => {
            let (size, slide) = (duration(size_ms), duration(slide_ms));
            format!("HOP {size} every {slide}{}", offset(offset_ms))
        }
        WindowKind::Session { gap_ms } => format!("SESSION {}", duration(gap_ms)),
        WindowKind::Cumulate { max_ms, step_ms, offset_ms } => {
            let (max, step) = (duration(max_ms), duration(step_ms));
            format!("CUMULATE {max} by {step}{}", offset(offset_ms))
        }
    }
}

fn frame(frame: Frame) -> String {
    let kind = match frame.kind {
        FrameKind::Rows => "ROWS",
        FrameKind::Range => "RANGE",
    };
    match frame.preceding {
        Preceding::Unbounded => format!("{kind} unbounded"),
        Preceding::Rows(rows) => format!("{kind} {rows} preceding"),
        Preceding::IntervalMs(ms) => format!("{kind} {} preceding", duration(ms)),
    }
}

fn duration(ms: i64) -> String {
    match ms {
        ms if ms % 86_400_000 == 0 => format!("{} d", ms / 86_400_000),
        ms if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 => format!("{} min", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

/// Parts with commas between, cut where it gets long.
fn short(parts: impl IntoIterator<Item = String>) -> String {
    let text = parts.into_iter().collect::<Vec<_>>().join(", ");
    if text.chars().count() <= 160 {
        return text;
    }
    text.chars().take(160).chain(['…']).collect()
}
