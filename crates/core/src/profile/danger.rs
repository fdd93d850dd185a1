//! What is risky in a profile.

use super::{Danger, Profile, RedirectMatch, RefreshMode};
use crate::client::GrantType;
use crate::time::Lifetime;

/// Each rule looks at one value.
type Rule = (&'static str, &'static str, fn(&Profile) -> bool);

const RULES: &[Rule] = &[
    (
        "grant_types = [\"implicit\"]",
        "access tokens travel in URLs, where histories and scripts see them (RFC 9700, section 2.1.2)",
        |p| p.grant_types.contains(&GrantType::Implicit),
    ),
    (
        "grant_types = [\"password\"]",
        "people give their passwords to applications (RFC 9700, section 2.4)",
        |p| p.grant_types.contains(&GrantType::Password),
    ),
    (
        "endpoints.token.danger_parameters_in_url",
        "client secrets, codes and refresh tokens may come in URLs, which end up in logs",
        |p| p.endpoints.token.iter().any(|e| e.danger_parameters_in_url),
    ),
    (
        "endpoints.logout",
        "any site can end a person's session by a link, so he can be made to log in where he need not",
        |p| p.endpoints.logout.is_some(),
    ),
    ("endpoints.token.danger_get", "tokens can be asked for by following a link", |p| {
        p.endpoints.token.iter().any(|e| e.danger_get)
    }),
    (
        "clients.danger_pkce_optional",
        "a stolen code can be used by whoever has the client's secret as well (RFC 9700, section 2.1.1)",
        |p| p.clients.danger_pkce_optional && p.grant_types.contains(&GrantType::AuthorizationCode),
    ),
    (
        "clients.danger_secrets_shown_again",
        "client secrets are kept sealed and not hashed: whoever has the store and the server's key has them all",
        |p| p.clients.danger_secrets_shown_again,
    ),
    (
        "clients.danger_password_without_secret",
        "whoever knows a client's id can try people's passwords in its name",
        |p| p.clients.danger_password_without_secret && p.grant_types.contains(&GrantType::Password),
    ),
    (
        "authorization.redirect_match = \"added_query\"",
        "an answer can be sent to a client's page with parameters of somebody else's choice",
        |p| p.authorization.redirect_match == RedirectMatch::AddedQuery,
    ),
    (
        "refresh.mode = \"reuse\"",
        "a stolen refresh token works until the grant ends, and nobody notices (RFC 9700, section 4.14)",
        |p| p.refresh == RefreshMode::Reuse && p.grant_types.contains(&GrantType::RefreshToken),
    ),
    ("lifetimes.access_token = \"never\"", "a stolen access token works until somebody revokes it", |p| {
        p.lifetimes.access_token == Lifetime::FOREVER
    }),
    (
        "resource.danger_query",
        "access tokens may come in URLs, which end up in logs (RFC 9700, section 4.3.2)",
        |p| !p.resource.danger_query.is_empty(),
    ),
    ("resource.danger_api_key_as_token", "an API key that never ends travels with every request", |p| {
        p.resource.danger_api_key_as_token
    }),
    (
        "resource.act_as_header",
        "a client may act as people who never approved it, unless its registration says as whom",
        |p| p.resource.act_as_header.is_some(),
    ),
];

/// What is on, in the order of a profile file.
pub(super) fn dangers(profile: &Profile) -> Vec<Danger> {
    let on = RULES.iter().filter(|(_, _, is_on)| is_on(profile));
    on.map(|(key, why, _)| Danger { key, why }).collect()
}
