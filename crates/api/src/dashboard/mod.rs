//! The dashboard: a page that shows one application, for whoever opens a URL that was made for it.
//!
//! A **ticket** in the URL opens it for three minutes. In its place the browser gets a cookie with a
//! **session**. Both are signed, nothing of them is kept: any API server with the same master keys
//! takes them. [`pass`] signs and checks, [`visit`] answers, [`data`] gathers what is shown.

mod base;
mod data;
mod page;
mod pass;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use control::{DashboardGrant, MasterKeys};
use model::ids::ApplicationName;

pub use base::PublicUrl;
pub(crate) use base::{Base, Site};

use crate::server::Server;
use pass::{Kind, Pass};

/// What signs passes.
#[derive(Debug, Clone)]
pub(crate) struct Dashboards {
    keys: Arc<MasterKeys>,
}

impl Dashboards {
    pub(crate) fn new(keys: MasterKeys) -> Self {
        Self { keys: Arc::new(keys) }
    }

    /// A URL that opens a dashboard.
    pub(crate) fn url(&self, base: &Base, name: &ApplicationName, grant: DashboardGrant) -> String {
        let ticket = self.ticket(grant, Utc::now());
        format!("{base}/dashboard/{name}?{}={ticket}", visit::TICKET)
    }

    fn ticket(&self, grant: DashboardGrant, now: DateTime<Utc>) -> String {
        Pass::new(grant.application, now, grant.session).sealed(Kind::Ticket, &self.keys)
    }
}

/// The pages of all dashboards.
pub(crate) fn routes() -> Router<Server> {
    Router::new()
        .route("/dashboard/{application}", get(visit::page))
        .route("/dashboard/{application}/data", get(visit::data))
        .layer(axum::middleware::map_response(page::guarded))
}
