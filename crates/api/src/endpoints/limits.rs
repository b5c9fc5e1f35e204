//! The limits of parameters in the path and the query, as openapi.yaml tells them.

use utoipa::Number;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, Schema};

/// Pattern of AWS's names and ids.
const NAME: &str = "^[a-zA-Z0-9_.-]+$";

/// Adds what each parameter may be.
pub(super) fn describe(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
        {
            limit(&parameter.name, object);
        }
    }
}

fn limit(name: &str, object: &mut Object) {
    let mut text = |most, pattern: Option<&str>| {
        object.min_length = Some(1);
        object.max_length = Some(most);
        object.pattern = pattern.map(str::to_owned);
    };
    match name {
        "name" | "ApplicationName" => text(128, Some(NAME)),
        "snapshot" => text(256, Some(NAME)),
        "group" | "id" => text(50, Some(NAME)),
        "operation" => text(64, Some(NAME)),
        "NextToken" => text(512, None),
        "Operation" => text(64, None),
        "Limit" => between(object, 1, 50),
        "version" => between(object, 1, 999_999_999),
        _ => {}
    }
}

fn between(object: &mut Object, least: isize, most: isize) {
    object.minimum = Some(Number::Int(least));
    object.maximum = Some(Number::Int(most));
}
