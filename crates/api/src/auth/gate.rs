//! What every request goes through before its handler: who asks, may they, not too often.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::Utc;
use control::{Caller, Control, Door};
use model::access::Role;

use super::Access;
use super::known::{Keys, Known};
use super::limit::Limits;
use super::refused::Refused;
use super::roles;
use super::sigv4::{RequestHead, Scope, Signed, hex_sha256};
use crate::aws;
use crate::endpoints::LARGEST_CODE_BODY;
use crate::request::current_request_id;
use crate::server::Peer;

/// AWS's name of the service in signatures.
const SERVICE: &str = "kinesisanalytics";

/// Bodies larger than this are hashed on a thread of their own.
const LARGE: usize = 1 << 18;

/// Decides who may pass.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    control: Control,
    /// `None` = nobody is asked.
    keys: Option<Arc<Keys>>,
    limits: Arc<Limits>,
}

impl Gate {
    pub(crate) fn new(control: Control, access: Access, rate: u32) -> Self {
        let keys = match access {
            Access::Development => None,
            Access::Keys(master) => Some(Arc::new(Keys::new(control.clone(), master))),
        };
        Self { control, keys, limits: Arc::new(Limits::new(rate)) }
    }

    /// Who asks; the request comes back with its body, which a signature needs.
    async fn authenticate(&self, request: Request) -> Result<(Request, Arc<Known>), Refused> {
        let Some(keys) = &self.keys else { return Err(Refused::Missing) };
        let given = request.headers().get(header::AUTHORIZATION);
        let given = given.and_then(|it| it.to_str().ok()).ok_or(Refused::Missing)?;
        let (request, known) = match given.split_once(' ') {
            Some((scheme, shown)) if scheme.eq_ignore_ascii_case("bearer") => {
                let known = keys.bearer(shown.trim()).await?;
                (request, known)
            }
            _ => self.signed(keys, request).await?,
        };
        keys.used(&known).await?;
        Ok((request, known))
    }

    async fn signed(
        &self,
        keys: &Keys,
        request: Request,
    ) -> Result<(Request, Arc<Known>), Refused> {
        let scope = Scope { region: self.control.region(), service: SERVICE };
        let signed = Signed::read(request.headers(), scope, Utc::now())?;
        let known = keys.access(&signed.access_key).await?;
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST_CODE_BODY).await.map_err(|error| {
            let cause = std::error::Error::source(&error);
            let large = cause.is_some_and(|it| it.to_string().contains("limit"));
            if large { Refused::TooLarge } else { Refused::Body }
        })?;
        let hash = if body.len() > LARGE {
            let body = body.clone();
            let hashed = tokio::task::spawn_blocking(move || hex_sha256(&body)).await;
            hashed.map_err(|_| Refused::Body)?
        } else {
            hex_sha256(&body)
        };
        let head = RequestHead {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
        };
        signed.verify(&head, &hash, &known.signing(&signed.date, scope))?;
        Ok((Request::from_parts(parts, Body::from(body)), known))
    }

    /// Refuses a caller whose role is too low, and notes it.
    async fn permit(&self, caller: &Caller, name: &str, asked: &Asked) -> Result<(), Refused> {
        let Some(least) = asked.least.filter(|least| caller.role < *least) else { return Ok(()) };
        tracing::warn!(key = caller.principal, action = asked.action, "denied");
        let by = self.control.by(caller.clone());
        if let Err(error) = by.denied(&asked.action, asked.application.as_deref()).await {
            tracing::error!(%error, "a denied request could not be put into the audit log");
        }
        Err(Refused::Role(match caller.door {
            Door::Aws => format!(
                "User: {}:user/{name} is not authorized to perform: {SERVICE}:{action} because no \
                 identity-based policy allows the {SERVICE}:{action} action",
                self.control.users(),
                action = asked.action,
            ),
            Door::Rest | Door::Terminal | Door::Service => {
                format!("the role {} may not do this; it takes {least}", caller.role)
            }
        }))
    }
}

/// What a request asks for.
struct Asked {
    door: Door,
    action: String,
    application: Option<String>,
    /// `None` = no key is needed.
    least: Option<Role>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let (method, path) = (request.method(), request.uri().path());
        if method == Method::POST && path == "/" {
            let target = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok());
            let action = target.and_then(|it| it.rsplit_once('.')).map_or("", |(_, name)| name);
            let least = Some(aws::least_role(action));
            return Self { door: Door::Aws, action: action.to_owned(), application: None, least };
        }
        let matched = request.extensions().get::<MatchedPath>();
        let least = match matched {
            Some(matched) => roles::of_endpoint(method, matched.as_str()),
            // Nothing is there; who has a key may know.
            None => Some(Role::Viewer),
        };
        let application =
            path.strip_prefix("/v1/applications/").and_then(|it| it.split('/').next());
        Self {
            door: Door::Rest,
            action: format!("{method} {}", matched.map_or(path, MatchedPath::as_str)),
            application: application.map(str::to_owned),
            least,
        }
    }
}

/// Lets a request pass in the name of its caller, or answers it.
pub(crate) async fn identify(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let address = peer.map(|ConnectInfo(Peer(address))| address.ip());
    let asked = Asked::of(&request);
    let id = current_request_id();
    let (door, open) = (asked.door, asked.least.is_none());
    if gate.keys.is_none() && foreign(&request) {
        return Refused::Foreign.answer(door);
    }
    if gate.keys.is_none() || open {
        let caller = Caller::development(address, id, door);
        let role = if open { Role::Viewer } else { caller.role };
        return pass(request, next, Caller { role, ..caller }).await;
    }
    let admitted = async {
        let (request, known) = gate.authenticate(request).await?;
        if !gate.limits.admits(&known.id, Instant::now()) {
            return Err(Refused::TooFast);
        }
        let (principal, role) = (known.id.clone(), known.role);
        let traceparent = None;
        let caller = Caller { principal, role, address, request_id: id, door, traceparent };
        gate.permit(&caller, &known.name, &asked).await?;
        Ok((request, caller))
    };
    match admitted.await {
        Ok((request, caller)) => pass(request, next, caller).await,
        Err(refused) => refused.answer(door),
    }
}

/// Whether a web page of another place asks, in the browser of somebody who works here.
fn foreign(request: &Request) -> bool {
    let text = |name| request.headers().get(name).and_then(|it| it.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    let host = text(header::HOST).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, from)| from != host)
}

async fn pass(mut request: Request, next: Next, caller: Caller) -> Response {
    let traceparent = request.extensions().get().copied();
    request.extensions_mut().insert(Caller { traceparent, ..caller });
    next.run(request).await
}
