//! How long requests take, by the few names that figures have.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use grantor_core::Profile;
use grantor_core::profile::RegistrationRules;
use grantor_ledger::{Endpoint, Figures};

use crate::router::literal;

/// Who is told how long a request took, and what the routes of this profile are called there.
pub(crate) struct Timing {
    figures: Arc<Figures>,
    routes: Vec<(String, Endpoint)>,
}

impl Timing {
    pub(crate) fn new(figures: Arc<Figures>, profile: &Profile, prefix: &str) -> Self {
        let endpoints = &profile.endpoints;
        let registration = match &profile.registration {
            Some(
                RegistrationRules::Applications { path, .. } | RegistrationRules::Credentials { path, .. },
            ) => [
                (path.clone(), Endpoint::Registration),
                (format!("{path}/{{named}}"), Endpoint::Registration),
            ]
            .to_vec(),
            None => Vec::new(),
        };
        let optional = [
            (&endpoints.introspect, Endpoint::Introspect),
            (&endpoints.revoke, Endpoint::Revoke),
            (&endpoints.userinfo, Endpoint::UserInfo),
            (&endpoints.metadata, Endpoint::Discovery),
            (&endpoints.jwks, Endpoint::Discovery),
        ];
        let optional = optional.into_iter().filter_map(|(path, endpoint)| Some((path.clone()?, endpoint)));
        let tokens = endpoints.token.iter().map(|token| (token.path.clone(), Endpoint::Token));
        let authorize = [endpoints.authorize.clone(), format!("{}/decision", endpoints.authorize)];
        // Literally, but for what was made a pattern here.
        let named = tokens.chain(optional).chain(authorize.map(|path| (path, Endpoint::Authorize)));
        let named = named.map(|(path, endpoint)| (literal(&path), endpoint)).chain(registration);
        let routes = named.map(|(path, endpoint)| (format!("{}{path}", literal(prefix)), endpoint));
        Self { figures, routes: routes.collect() }
    }

    /// What a request was sent to. A route that has no name of its own is a page; what matched none is nothing.
    pub(crate) fn endpoint(&self, request: &Request) -> Endpoint {
        let Some(route) = request.extensions().get::<MatchedPath>() else { return Endpoint::Other };
        let named = self.routes.iter().find(|(path, _)| path == route.as_str());
        match named {
            Some((_, endpoint)) => *endpoint,
            None if route.as_str().contains("/health/") => Endpoint::Other,
            None => Endpoint::Pages,
        }
    }

    pub(crate) fn answered(&self, endpoint: Endpoint, took: Duration) {
        self.figures.answered(endpoint, took);
    }
}
