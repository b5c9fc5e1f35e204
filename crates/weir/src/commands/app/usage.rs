//! `weir app usage`.

use super::session::{Error, Session, encoded, text};
use super::table::Table;

/// Options of `weir app usage`.
#[derive(Debug, clap::Args)]
pub(super) struct Usage {
    /// Name of one application, which may be gone [default: all]
    name: Option<String>,
    /// First day (UTC), such as 2026-01-31 [default: a month before the last]
    #[arg(long)]
    from: Option<String>,
    /// Last day (UTC) [default: today]
    #[arg(long)]
    to: Option<String>,
}

pub(super) async fn usage(session: &Session, arguments: &Usage) -> Result<(), Error> {
    let given =
        [("application", &arguments.name), ("from", &arguments.from), ("to", &arguments.to)];
    let part = |(key, value): (&str, &Option<String>)| {
        value.as_ref().map(|value| format!("&{key}={}", encoded(value)))
    };
    let query: String = given.into_iter().filter_map(part).collect();
    let answer = session.pages("/v1/usage", &query, "Usage").await?;
    session.show(&answer, |answer| {
        let mut table = Table::new(&["DAY", "APPLICATION", "KPU-SECONDS", "KPU-HOURS"]);
        for row in answer["Usage"].as_array().into_iter().flatten() {
            let seconds = row["KpuSeconds"].as_f64().unwrap_or(0.0);
            table.row(vec![
                text(&row["Day"]),
                text(&row["ApplicationName"]),
                format!("{seconds:.3}"),
                format!("{:.4}", seconds / 3600.0),
            ]);
        }
        table.text("nothing was used")
    });
    Ok(())
}
