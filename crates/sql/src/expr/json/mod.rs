//! JSON functions: Flink's `SqlJsonUtils` with the paths of Jayway JsonPath.

mod construct;
mod path;
mod query;
mod value;
mod write;

pub(super) use construct::json_string;
pub use construct::{json_array, json_object};
pub use query::{is_json, json_exists, json_query, json_value};
pub(super) use value::{Json, write_text};
