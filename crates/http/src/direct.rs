//! The short way to the endpoints that programs ask all day.
//!
//! **Invariant: by the short way or through the router, a request is answered alike.** Both lead to the same functions, behind
//! the same bounds; a router only costs more: it finds a path among patterns, and hands a request on from layer to layer in
//! boxes, which took a fifth of the time of a token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::response::Response;
use grantor_core::profile::TokenEndpoint;
use grantor_ledger::Endpoint;

use crate::api::ApiRequest;
use crate::guard::directly;
use crate::serve::{Answerer, Arriving};
use crate::source::Source;
use crate::web::{App, Shared};
use crate::{introspect, revoke, token};

/// A path, and what is there.
pub(crate) type Way = (String, Short);

/// What a POST to a path asks for.
pub(crate) enum Short {
    Token(TokenEndpoint),
    Introspect,
    Revoke,
}

/// All that a [`Router`] of [`Web`](crate::Web) answers, with a short way to tokens, introspection and revocation. It is served
/// by [`serve`](crate::serve()) alone: whoever needs a router, to merge or to layer it, has it of `Web`.
#[derive(Clone)]
pub struct Direct(Arc<Ways>);

struct Ways {
    app: App,
    short: Vec<Way>,
    router: Router,
}

impl Direct {
    pub(crate) fn new(app: App, router: Router, ways: Vec<Way>) -> Self {
        // What pages of other origins may call has headers more, which the router adds.
        let short = if app.engine.profile().resource.cors_origins.is_empty() { ways } else { Vec::new() };
        Self(Arc::new(Ways { app, short, router }))
    }
}

impl Answerer for Direct {
    async fn answer(&self, request: Arriving, peer: SocketAddr) -> Response {
        let Ways { app, short, router } = &*self.0;
        let path = request.uri().path();
        let way = short.iter().find(|(known, _)| known == path).filter(|_| *request.method() == Method::POST);
        match way {
            Some(way) => go(app, way, request, peer).await,
            None => router.answer(request, peer).await,
        }
    }
}

async fn go(app: &Shared, (path, short): &Way, request: Arriving, peer: SocketAddr) -> Response {
    let (parts, body) = request.into_parts();
    let source = Source::behind(Some(peer), &parts.headers, &app.settings.trusted_proxies);
    match short {
        Short::Token(endpoint) => {
            let read = token::read(app, endpoint, &parts, body, source);
            let answer = async |request| token::answer(app, endpoint, request).await;
            directly(app, (path, Endpoint::Token), &parts, read, answer).await
        }
        Short::Introspect => {
            let read = ApiRequest::read(app, &parts, body, source);
            let answer = async |request| introspect::answer(app, request).await;
            directly(app, (path, Endpoint::Introspect), &parts, read, answer).await
        }
        Short::Revoke => {
            let read = ApiRequest::read(app, &parts, body, source);
            let answer = async |request| revoke::answer(app, request).await;
            directly(app, (path, Endpoint::Revoke), &parts, read, answer).await
        }
    }
}
