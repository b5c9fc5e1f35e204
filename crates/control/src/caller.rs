//! Who asks.

use std::net::IpAddr;

use model::access::Role;
use model::trace::Traceparent;

/// Which way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The REST API.
    Rest,
    /// The AWS JSON API.
    Aws,
    /// A command on a machine that reaches the database.
    Terminal,
    /// No request: the service itself.
    Service,
}

impl Door {
    /// For the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Aws => "aws",
            Self::Terminal => "terminal",
            Self::Service => "service",
        }
    }
}

/// Who asks for something, as the audit log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The id of a key; `development` where nobody proves who they are; `weir` for the service.
    pub principal: String,
    /// What it may do.
    pub role: Role,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Id of the request.
    pub request_id: String,
    /// Which way it came.
    pub door: Door,
    /// The request in its trace.
    pub traceparent: Option<Traceparent>,
}

impl Caller {
    /// The service itself: what no request asked for.
    pub fn service() -> Self {
        Self {
            principal: "weir".to_owned(),
            role: Role::Admin,
            address: None,
            request_id: String::new(),
            door: Door::Service,
            traceparent: None,
        }
    }

    /// Whoever reaches a server that asks nobody who they are.
    pub fn development(address: Option<IpAddr>, request_id: String, door: Door) -> Self {
        let principal = "development".to_owned();
        Self { principal, role: Role::Admin, address, request_id, door, traceparent: None }
    }

    /// Somebody at a machine that reaches the database.
    pub fn terminal(user: &str) -> Self {
        Self {
            principal: format!("terminal:{user}"),
            role: Role::Admin,
            address: None,
            request_id: uuid::Uuid::new_v4().to_string(),
            door: Door::Terminal,
            traceparent: None,
        }
    }
}
