//! An application's code by itself: `PUT …/code`.

use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use control::{Change, NewCode, NewContent, Seen, UpdateApplication};
use model::configuration::CodeContentType;
use model::ids::VersionId;
use model::invalid::Invalid;

use crate::failure::{Failure, FailureBody};
use crate::request::{Path, Raw, object};
use crate::server::Shared;
use crate::wire::code::ApplicationCodeConfiguration;
use crate::wire::detail::{self, ApplicationDetailAnswer, Tagged};

/// Replaces the code. The body is a zip file (`application/zip`), a Flink SQL script (`text/plain` or
/// `application/sql`) or AWS's ApplicationCodeConfiguration (`application/json`). `If-Match` may carry the
/// application version that was seen.
#[utoipa::path(put, path = "/v1/applications/{name}/code", tag = "applications",
    operation_id = "PutApplicationCode",
    params(("name" = String, Path, description = "Application name")),
    request_body(content((Vec<u8> = "application/zip"), (String = "text/plain"),
        (String = "application/sql"), (ApplicationCodeConfiguration = "application/json"))),
    responses((status = 200, body = ApplicationDetailAnswer), (status = "4XX", body = FailureBody)))]
pub(super) async fn put(
    shared: Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Tagged, Failure> {
    let code = parse(&headers, body)?;
    let command = UpdateApplication {
        name: name.parse()?,
        seen: seen(&headers)?,
        change: Change { code: Some(code), ..Change::default() },
        run_configuration: None,
    };
    Ok(Tagged(detail::updated(shared.control.update(command).await?)))
}

fn parse(headers: &HeaderMap, body: Vec<u8>) -> Result<NewCode, Failure> {
    let given = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match given.split(';').next().unwrap_or_default().trim() {
        "application/zip" => Ok(NewCode {
            content_type: Some(CodeContentType::Zipfile),
            content: NewContent::Zip(body),
        }),
        "text/plain" | "application/sql" => {
            let text = String::from_utf8(body)
                .map_err(|_| Failure::malformed("a SQL script must be UTF-8 text"))?;
            Ok(NewCode {
                content_type: Some(CodeContentType::Plaintext),
                content: NewContent::Text(text),
            })
        }
        "application/json" => {
            let code: ApplicationCodeConfiguration = object(&body)?;
            Ok(code.parse()?.ok_or_else(|| Invalid::new("CodeContent", "must be given"))?)
        }
        other => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            format!(
                "the header Content-Type must be application/zip, text/plain, application/sql or \
                 application/json, not `{other}`"
            ),
        )),
    }
}

/// `If-Match: 3` (or `"3"`); absent = whichever version is present.
pub(super) fn seen(headers: &HeaderMap) -> Result<Seen, Failure> {
    let Some(given) = headers.get(IF_MATCH) else { return Ok(Seen::Any) };
    if given == "*" {
        return Ok(Seen::Any);
    }
    let number = given.to_str().ok().and_then(|text| text.trim_matches('"').parse::<i64>().ok());
    let number =
        number.ok_or_else(|| Failure::malformed("If-Match must be an application version id"))?;
    Ok(Seen::Match { version: Some(VersionId::try_from(number)?), token: None })
}
