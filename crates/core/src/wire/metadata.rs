//! The metadata document (RFC 8414, section 2): true for what is on, silent about what is off.

use serde::Serialize;

use crate::client::{AuthMethod, GrantType, ResponseType};
use crate::profile::{Profile, RedirectField};

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    /// The one list that is there even if it is empty: it is required (section 2), where others are left out (section 3.2).
    response_types_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response_modes_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    code_challenge_methods_supported: Vec<&'static str>,
    authorization_response_iss_parameter_supported: bool,
}

/// The metadata of a profile.
pub fn metadata(profile: &Profile) -> Metadata {
    let at = |path: &str| profile.issuer.at(path);
    let has_code = profile.response_types.contains(&ResponseType::Code);
    let has_token = profile.response_types.contains(&ResponseType::Token);
    let endpoints = &profile.endpoints;
    let methods = &profile.clients.authentication;
    // An API key is no method of RFC 8414's registry.
    let all: Vec<&str> = methods.iter().filter(|m| **m != AuthMethod::ApiKey).map(|m| m.as_str()).collect();
    let secrets: Vec<&str> = all.iter().copied().filter(|m| *m != AuthMethod::None.as_str()).collect();
    let where_on = |path: &Option<String>, methods: &[&'static str]| match path {
        Some(_) => methods.to_vec(),
        None => Vec::new(),
    };
    let mut modes = Vec::new();
    modes.extend(has_code.then_some("query"));
    modes.extend(has_token.then_some("fragment"));
    Metadata {
        issuer: profile.issuer.as_str().to_owned(),
        authorization_endpoint: (has_code || has_token).then(|| at(&profile.endpoints.authorize)),
        token_endpoint: endpoints.token.first().map(|endpoint| at(&endpoint.path)).unwrap_or_default(),
        jwks_uri: endpoints.jwks.as_deref().map(at),
        scopes_supported: profile.scopes.names().map(ToOwned::to_owned).collect(),
        response_types_supported: profile.response_types.iter().map(|t| t.as_str()).collect(),
        response_modes_supported: modes,
        grant_types_supported: profile.grant_types.iter().copied().map(GrantType::as_str).collect(),
        token_endpoint_auth_methods_supported: all.clone(),
        revocation_endpoint: endpoints.revoke.as_deref().map(at),
        revocation_endpoint_auth_methods_supported: where_on(&endpoints.revoke, &all),
        introspection_endpoint: endpoints.introspect.as_deref().map(at),
        introspection_endpoint_auth_methods_supported: where_on(&endpoints.introspect, &secrets),
        code_challenge_methods_supported: if has_code { vec!["S256"] } else { Vec::new() },
        authorization_response_iss_parameter_supported: profile
            .authorization
            .code_answer
            .iter()
            .any(|field| field.source == RedirectField::Iss),
    }
}
