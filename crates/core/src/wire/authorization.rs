//! Requests to the authorization endpoint.

use super::Parameters;
use crate::Reason;
use crate::profile::Profile;
use crate::request::AuthorizationParameters;

/// The parameters of an authorization request, none of them believed yet.
pub fn authorization_parameters(parameters: &Parameters, profile: &Profile) -> AuthorizationParameters {
    AuthorizationParameters {
        client_id: parameters.given("client_id"),
        redirect_uri: parameters.given("redirect_uri"),
        response_type: parameters.given("response_type"),
        response_mode: parameters.given("response_mode"),
        scope: parameters.given("scope"),
        state: parameters.given("state"),
        code_challenge: parameters.given("code_challenge"),
        code_challenge_method: parameters.given("code_challenge_method"),
        page: match &profile.authorization.page_parameter {
            Some(name) => parameters.given(name),
            None => Ok(None),
        },
        others: parameters.fault().map(|fault| fault.reason).or_else(|| unsupported(parameters)),
    }
}

/// What other servers take, and whoever sends it must not believe taken.
fn unsupported(parameters: &Parameters) -> Option<Reason> {
    let is_there = |name| parameters.given(name) != Ok(None);
    if is_there("request") {
        Some(Reason::RequestObjectUnsupported)
    } else if is_there("request_uri") {
        Some(Reason::RequestUriUnsupported)
    } else {
        None
    }
}
