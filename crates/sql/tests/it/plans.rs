//! The graphs of some cases, as text.

use sql::graph_text;

use crate::cases::{Case, plan};
use crate::golden;

#[track_caller]
fn check(name: &str) {
    let graph = plan(&Case::read(name).sql).unwrap_or_else(|error| panic!("{name}: {error}"));
    golden(&format!("{name}.txt"), &graph_text(&graph));
}

#[test]
fn statement_set_shares_its_source() {
    check("statement_set_two_inserts");
}

#[test]
fn legacy_window_in_a_sub_query() {
    check("seed_job_hourly_partitions");
}

#[test]
fn windows_over_windows() {
    check("cascaded_windows");
}

#[test]
fn many_aggregates_share_one_projection() {
    check("tumble_tvf_many_aggregates");
}

#[test]
fn views_and_named_queries() {
    check("views_cte_and_nested");
}

#[test]
fn watermark_on_a_computed_column() {
    check("watermark_on_computed_column");
}

#[test]
fn window_top_n() {
    check("window_top_n");
}

#[test]
fn partial_insert_and_static_partition() {
    check("insert_static_partition");
}

#[test]
fn aggregates_over_the_rows_before() {
    check("over_rows_bounded");
}
