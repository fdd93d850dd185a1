//! The metadata document (RFC 8414, section 2): true for what is on, silent about what is off.

use serde::Serialize;

use crate::client::{GrantType, ResponseType};
use crate::profile::Profile;

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint: String,
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
    let secrets = vec!["client_secret_basic", "client_secret_post"];
    let mut all = secrets.clone();
    all.push("none");
    let mut modes = Vec::new();
    modes.extend(has_code.then_some("query"));
    modes.extend(has_token.then_some("fragment"));
    Metadata {
        issuer: profile.issuer.as_str().to_owned(),
        authorization_endpoint: (has_code || has_token).then(|| at(&profile.endpoints.authorize)),
        token_endpoint: at(&profile.endpoints.token),
        jwks_uri: at(&profile.endpoints.jwks),
        scopes_supported: profile.scopes.names().map(ToOwned::to_owned).collect(),
        response_types_supported: profile.response_types.iter().map(|t| t.as_str()).collect(),
        response_modes_supported: modes,
        grant_types_supported: profile.grant_types.iter().copied().map(GrantType::as_str).collect(),
        token_endpoint_auth_methods_supported: all.clone(),
        revocation_endpoint: at(&profile.endpoints.revoke),
        revocation_endpoint_auth_methods_supported: all,
        introspection_endpoint: at(&profile.endpoints.introspect),
        introspection_endpoint_auth_methods_supported: secrets,
        code_challenge_methods_supported: if has_code { vec!["S256"] } else { Vec::new() },
        authorization_response_iss_parameter_supported: true,
    }
}
