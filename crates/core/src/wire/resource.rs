//! How an access token is shown at a resource (RFC 6750, section 2).

use super::Parameters;
use super::client_auth::{after_scheme, basic_user};
use crate::ids::SubjectId;
use crate::profile::Profile;
use crate::refusal::{ErrorCode, Reason, Refusal};
use crate::scope::Scope;
use crate::secret::Secret;

/// What a request to a resource shows.
#[derive(Clone)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// An access token.
    Token(Secret),
    /// An API key in its place.
    ApiKey(Secret),
}

/// Where a resource takes tokens from, of the places that its profile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlaces {
    /// All of them.
    All,
    /// The query alone.
    QueryOnly,
}

/// Reads what a request to a resource shows, in one of the ways that the profile has. One way, and one way only.
///
/// # Errors
/// A refusal if it shows more than one token, or one in a way that is not taken here.
pub fn shown_token(
    profile: &Profile,
    places: TokenPlaces,
    authorization: Option<&str>,
    query: Option<&str>,
) -> Result<Shown, Refusal> {
    let in_header = match authorization.map(str::trim).filter(|value| !value.is_empty()) {
        None => Shown::Nothing,
        Some(_) if places == TokenPlaces::QueryOnly => {
            return Err(misplaced(1, 0).saw("query_only", true));
        }
        Some(header) => of_header(profile, header)?,
    };
    let in_query = of_query(profile, query)?;
    match (in_header, in_query) {
        (shown, None) => Ok(shown),
        (Shown::Nothing, Some(token)) => Ok(Shown::Token(token)),
        (Shown::Token(_) | Shown::ApiKey(_), Some(_)) => Err(misplaced(1, 1)),
    }
}

/// More than one token, or one where none is taken: how many there are in each place.
fn misplaced(in_header: usize, in_query: usize) -> Refusal {
    Refusal::from(Reason::TokenMisplaced).saw("in_header", in_header).saw("in_query", in_query)
}

fn of_header(profile: &Profile, header: &str) -> Result<Shown, Refusal> {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    let token = profile.resource.schemes.iter().find_map(|scheme| after_scheme(header, scheme));
    match token {
        Some(token) if !token.is_empty() && token.bytes().all(allowed) => {
            Ok(Shown::Token(Secret::new(token)))
        }
        Some(token) => Err(Refusal::from(Reason::TokenInvalid).saw("bytes", token.len())),
        None if profile.resource.danger_api_key_as_token => {
            basic_user(header, &profile.limits).map(Shown::ApiKey).ok_or_else(of_another_scheme)
        }
        None => Err(of_another_scheme()),
    }
}

fn of_another_scheme() -> Refusal {
    Refusal::from(Reason::TokenMissing).saw("scheme_taken", false)
}

/// Of a query everything but the token belongs to the resource: only what stands under the token's names is looked at.
fn of_query(profile: &Profile, query: Option<&str>) -> Result<Option<Secret>, Refusal> {
    let names = &profile.resource.danger_query;
    let mut found = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(name, value)| names.iter().any(|known| *known == *name) && !value.is_empty())
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(misplaced(0, found.count() + 2)),
        (Some(token), None) if token.len() > profile.limits.parameter_bytes => {
            let refusal = Refusal::from(Reason::TokenInvalid).saw("bytes", token.len());
            Err(refusal.saw("bytes_most", profile.limits.parameter_bytes))
        }
        (Some(token), None) => Ok(Some(Secret::new(token))),
    }
}

/// Reads for whom a client says that it acts, from the value of the profile's header.
///
/// # Errors
/// A refusal if that cannot be a person.
pub fn acting_for(value: Option<&str>) -> Result<Option<SubjectId>, Refusal> {
    match value.map(str::trim).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => {
            let nobody = |_| Refusal::from(Reason::ActingNotAllowed).saw("bytes", value.len());
            SubjectId::parse(value).map(Some).map_err(nobody)
        }
    }
}

/// Whether the parameters of a request hold a token under one of the profile's names: for resources that take forms.
pub fn shown_parameter(profile: &Profile, parameters: &Parameters) -> Option<Secret> {
    profile.resource.danger_query.iter().find_map(|name| parameters.get(name)).map(Secret::new)
}

/// What a resource tells whoever it refuses: the refusal as it is answered, which may say less than the one that happened.
///
/// At a resource nobody authenticates as a client: an API key that is wrong there is a token that is wrong, with the status
/// by which clients know to get another.
#[must_use]
pub fn at_resource(refusal: Refusal) -> Refusal {
    match refusal.code() {
        ErrorCode::InvalidClient => Refusal { reason: Reason::TokenInvalid, ..refusal },
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidGrant
        | ErrorCode::UnauthorizedClient
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType
        | ErrorCode::RequestNotSupported
        | ErrorCode::RequestUriNotSupported
        | ErrorCode::InvalidScope
        | ErrorCode::AccessDenied
        | ErrorCode::InvalidToken
        | ErrorCode::InsufficientScope
        | ErrorCode::TemporarilyUnavailable => refusal,
    }
}

/// What stands in `WWW-Authenticate` beside a resource's refusal (RFC 6750, section 3): one challenge for each scheme of the
/// profile, with the scope that was needed where a token had too little.
pub fn challenges(profile: &Profile, refusal: &Refusal, needed: &Scope) -> Vec<String> {
    let mut rest = "realm=\"grantor\"".to_owned();
    // Without a token there is no error to name (section 3.1).
    if refusal.reason != Reason::TokenMissing {
        let (code, why) = (refusal.code().as_str(), refusal.description());
        rest.push_str(&format!(", error=\"{code}\", error_description=\"{why}\""));
    }
    if refusal.code() == ErrorCode::InsufficientScope && !needed.is_empty() {
        rest.push_str(&format!(", scope=\"{needed}\""));
    }
    let schemes: Vec<&str> = profile.resource.schemes.iter().map(String::as_str).collect();
    // A 401 without any challenge is none (RFC 9110, section 15.5.2).
    let schemes = if schemes.is_empty() { vec!["Bearer"] } else { schemes };
    schemes.into_iter().map(|scheme| format!("{scheme} {rest}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(
        profile: &Profile,
        places: TokenPlaces,
        header: Option<&str>,
        query: &str,
    ) -> Result<String, Reason> {
        match shown_token(profile, places, header, Some(query)) {
            Ok(Shown::Nothing) => Ok(String::new()),
            Ok(Shown::Token(token)) => Ok(format!("token {}", token.expose())),
            Ok(Shown::ApiKey(key)) => Ok(format!("key {}", key.expose())),
            Err(refusal) => Err(refusal.reason),
        }
    }

    fn profile(name: &str) -> Profile {
        let issuer = "https://auth.test".parse().unwrap();
        Profile::from_toml(Profile::preset(name).unwrap(), &[], name, issuer).unwrap()
    }

    #[test]
    fn the_standard_profile_takes_the_header_alone() {
        let standard = profile("standard");
        let shown = |header, query| shown(&standard, TokenPlaces::All, header, query);
        assert_eq!(shown(None, "access_token=t"), Ok(String::new()));
        assert_eq!(shown(Some("bearer abc.DEF-_~+/="), ""), Ok("token abc.DEF-_~+/=".to_owned()));
        assert_eq!(shown(Some("Basic abc"), ""), Err(Reason::TokenMissing));
        assert_eq!(shown(Some("Bearer a b"), ""), Err(Reason::TokenInvalid));
        assert_eq!(shown(Some("token abc"), ""), Err(Reason::TokenMissing));
    }

    #[test]
    fn each_service_has_its_own_ways() {
        let (wistia, webmaker, video) = (profile("wistia"), profile("webmaker"), profile("api-video"));
        let all = TokenPlaces::All;
        assert_eq!(shown(&wistia, all, None, "x=1&bearer_token=t"), Ok("token t".to_owned()));
        assert_eq!(shown(&wistia, all, Some("Bearer t"), "access_token=t"), Err(Reason::TokenMisplaced));
        assert_eq!(shown(&wistia, all, None, "access_token=t&bearer_token=t"), Err(Reason::TokenMisplaced));
        assert_eq!(shown(&wistia, TokenPlaces::QueryOnly, Some("Bearer t"), ""), Err(Reason::TokenMisplaced));
        assert_eq!(shown(&wistia, TokenPlaces::QueryOnly, None, "access_token=t"), Ok("token t".to_owned()));
        assert_eq!(shown(&webmaker, all, Some("Token t"), ""), Ok("token t".to_owned()));
        assert_eq!(shown(&webmaker, all, Some("Bearer t"), "access_token=u"), Ok("token t".to_owned()));
        // `Basic base64("key:")`
        assert_eq!(shown(&video, all, Some("Basic a2V5Og=="), ""), Ok("key key".to_owned()));
        assert_eq!(shown(&video, all, Some("Basic !"), ""), Err(Reason::TokenMissing));
    }

    #[test]
    fn a_challenge_names_each_scheme_the_error_and_the_scope_that_was_needed() {
        let told = |name: &str, reason: Reason| {
            challenges(&profile(name), &at_resource(reason.into()), &"media:read".parse().unwrap())
        };
        assert_eq!(told("standard", Reason::TokenMissing), ["Bearer realm=\"grantor\""]);
        let invalid = "realm=\"grantor\", error=\"invalid_token\", \
                       error_description=\"the access token is invalid, expired, or revoked\"";
        assert_eq!(
            told("webmaker", Reason::TokenInvalid),
            [format!("token {invalid}"), format!("Bearer {invalid}")]
        );
        assert_eq!(told("api-video", Reason::ApiKeyWrong), [format!("Bearer {invalid}")]);
        let [little] = told("wistia", Reason::ScopeInsufficient).try_into().unwrap();
        assert!(
            little.contains("insufficient_scope") && little.ends_with(", scope=\"media:read\""),
            "{little}"
        );
        let [bare] = {
            let mut none = profile("wistia");
            none.resource.schemes.clear();
            challenges(&none, &Reason::TokenMissing.into(), &Scope::none())
        }
        .try_into()
        .unwrap();
        assert_eq!(bare, "Bearer realm=\"grantor\"");
    }
}
