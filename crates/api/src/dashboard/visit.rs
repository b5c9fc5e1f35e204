//! What a browser gets.

use axum::Json;
use axum::extract::State;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use model::ids::{ApplicationId, ApplicationName};
use serde::Deserialize;

use super::data::DashboardData;
use super::page::{self, Told};
use super::pass::{Kind, Pass};
use super::{Dashboards, Site};
use crate::failure::{Failure, chain};
use crate::request::{Path, Query, current_request_id};
use crate::server::{Server, Shared};

/// The member of a query that carries a ticket.
pub(super) const TICKET: &str = "authToken";

/// The cookie that carries a session.
const SESSION: &str = "weir-dashboard";

/// A ticket in a URL.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Opening {
    #[serde(rename = "authToken")]
    ticket: Option<String>,
}

/// Takes a ticket and begins a session, or shows the page to whoever has one.
pub(super) async fn page(
    shared: Shared,
    State(server): State<Server>,
    Path(name): Path<String>,
    Query(opening): Query<Opening>,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor { shared: &shared, name: &name, headers: &headers };
    match opening.ticket {
        Some(ticket) => visitor.opens(&ticket, server.site()).await,
        None => visitor.looks().await,
    }
}

/// What the page shows, again and again.
pub(super) async fn data(
    shared: Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<DashboardData>, Failure> {
    let over = || {
        let words = "the session is over, or the application is gone; make a new URL";
        Failure::new(StatusCode::FORBIDDEN, "AccessDeniedException", words)
    };
    let pass = session(&shared.dashboards, &headers).ok_or_else(over)?;
    let name: ApplicationName = name.parse()?;
    let data = DashboardData::gather(&shared.control, &name).await;
    // Looked at last: if the name is still that of the application that is meant, all of it is of that one.
    if !shared.control.is_called(pass.application, &name).await? {
        return Err(over());
    }
    Ok(Json(data?))
}

/// The session that a browser shows.
fn session(dashboards: &Dashboards, headers: &HeaderMap) -> Option<Pass> {
    let now = Utc::now();
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs
        .filter(|(name, _)| *name == SESSION)
        .find_map(|(_, text)| Pass::opened_from(text, Kind::Session, &dashboards.keys, now))
}

struct Visitor<'a> {
    shared: &'a Shared,
    name: &'a str,
    headers: &'a HeaderMap,
}

impl Visitor<'_> {
    /// Changes a ticket for a session, and leads to the same page without the ticket in its URL.
    async fn opens(&self, ticket: &str, site: &Site) -> Response {
        let (keys, now) = (&self.shared.dashboards.keys, Utc::now());
        let Some(pass) = Pass::opened_from(ticket, Kind::Ticket, keys, now) else {
            return page::told(StatusCode::FORBIDDEN, Told::Expired);
        };
        if let Err(told) = self.is_of(pass.application).await {
            return told;
        }
        let session = pass.opened(now).sealed(Kind::Session, keys);
        let secure = if site.secure() { "; Secure" } else { "" };
        let cookie = format!(
            "{SESSION}={session}; Path={}/dashboard/{}; Max-Age={}; HttpOnly; SameSite=Strict{secure}",
            site.path(),
            self.name,
            pass.session(),
        );
        let headers = [(SET_COOKIE, cookie), (LOCATION, self.name.to_owned())];
        (StatusCode::SEE_OTHER, headers).into_response()
    }

    async fn looks(&self) -> Response {
        let Some(pass) = session(&self.shared.dashboards, self.headers) else {
            // Whoever followed a link on another site's page comes without cookies; once more from
            // here brings them.
            let from = self.headers.get("sec-fetch-site").and_then(|it| it.to_str().ok());
            let elsewhere = from.is_some_and(|it| it == "cross-site" || it == "same-site");
            if elsewhere && !self.headers.contains_key(COOKIE) {
                return page::told(StatusCode::OK, Told::Again);
            }
            return page::told(StatusCode::FORBIDDEN, Told::Expired);
        };
        match self.is_of(pass.application).await {
            Ok(()) => page::shown(),
            Err(told) => told,
        }
    }

    /// Whether the name of the URL is that of the application that a pass is for.
    async fn is_of(&self, application: ApplicationId) -> Result<(), Response> {
        let Ok(name) = self.name.parse::<ApplicationName>() else {
            return Err(page::told(StatusCode::FORBIDDEN, Told::Expired));
        };
        match self.shared.control.is_called(application, &name).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(page::told(StatusCode::FORBIDDEN, Told::Expired)),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

fn unavailable(error: &control::Error) -> Response {
    let causes = chain(error);
    tracing::error!(request_id = %current_request_id(), causes, "a dashboard could not be shown");
    page::told(StatusCode::SERVICE_UNAVAILABLE, Told::Unavailable)
}
