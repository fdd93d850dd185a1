//! Requests to the token, introspection and revocation endpoints.

use super::client_auth::api_key;
use super::{Parameters, client_credentials};
use crate::client::{AuthMethod, GrantType};
use crate::ids::SubjectId;
use crate::pkce::CodeVerifier;
use crate::profile::{BodyKind, Profile, TokenEndpoint};
use crate::refusal::{Reason, Refusal};
use crate::request::{GrantRequest, Presenter, TokenRequest};
use crate::scope::Scope;
use crate::secret::Secret;

/// Reads the parameters of a request to a token endpoint, from wherever the profile takes them, under the RFCs' names.
///
/// # Errors
/// A refusal if there is something in the URL that belongs in the body, or if they are malformed as a whole.
pub fn token_parameters(
    profile: &Profile,
    endpoint: &TokenEndpoint,
    query: Option<&str>,
    body: &[u8],
) -> Result<Parameters, Refusal> {
    let read = match endpoint.body {
        BodyKind::Form => Parameters::read(body, &profile.limits),
        BodyKind::Json => Parameters::read_json(body, &profile.limits),
    };
    let all = if endpoint.danger_parameters_in_url {
        if !profile.clients.authentication.contains(&AuthMethod::ClientSecretPost) {
            // Where the header is the only place for a secret, one in the URL is a mistake that its sender must see.
            refuse_in_url(query, &["client_secret"])?;
        }
        read.and(Parameters::read(query.unwrap_or_default().as_bytes(), &profile.limits))
    } else {
        refuse_credentials_in_url(query)?;
        read
    };
    all.faultless().map(|parameters| parameters.renamed(&profile.parameters))
}

/// Refuses a request whose URL holds what belongs in its body (RFC 6749, section 2.3.1): URLs end up in logs.
///
/// # Errors
/// [`Reason::CredentialInUrl`].
pub fn refuse_credentials_in_url(query: Option<&str>) -> Result<(), Refusal> {
    const IN_BODY_ONLY: [&str; 12] = [
        "client_secret",
        "client_id",
        "client_assertion",
        "grant_type",
        "code",
        "code_verifier",
        "refresh_token",
        "token",
        "access_token",
        "password",
        "username",
        "scope",
    ];
    refuse_in_url(query, &IN_BODY_ONLY)
}

fn refuse_in_url(query: Option<&str>, names: &[&'static str]) -> Result<(), Refusal> {
    let query = query.unwrap_or_default();
    let mut given = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    // Told by our own word for it: what else stands in the URL is whatever its sender put there.
    match given.find_map(|name| names.iter().find(|known| **known == name)) {
        Some(name) => Err(Refusal::from(Reason::CredentialInUrl).saw("in_url", *name)),
        None => Ok(()),
    }
}

/// Reads a request to a token endpoint.
///
/// `verified` is the person whose name and password the request holds, for profiles that have the password grant.
///
/// # Errors
/// A refusal that names the parameter at fault.
pub fn token_request(
    authorization: Option<&str>,
    parameters: &Parameters,
    profile: &Profile,
    endpoint: &TokenEndpoint,
    verified: Option<SubjectId>,
) -> Result<TokenRequest, Refusal> {
    if let Some(fault) = parameters.fault() {
        return Err(fault.clone());
    }
    let client = presenter(authorization, parameters, profile, endpoint)?;
    let grant_type = grant_type(parameters, profile, endpoint)?;
    let scope = || {
        let read = |text: &str| {
            Scope::parse(text).map_err(|_| Refusal::from(Reason::ScopeMalformed).saw("bytes", text.len()))
        };
        parameters.get("scope").map(read).transpose()
    };
    let verifier = |text: &str| {
        let invalid = || Refusal::from(Reason::VerifierInvalid).saw("bytes", text.len());
        CodeVerifier::parse(text).ok_or_else(invalid)
    };
    let grant = match grant_type {
        GrantType::AuthorizationCode => GrantRequest::AuthorizationCode {
            code: Secret::new(parameters.required("code")?),
            redirect_uri: parameters.get("redirect_uri").map(ToOwned::to_owned),
            code_verifier: parameters.get("code_verifier").map(verifier).transpose()?,
        },
        GrantType::RefreshToken => GrantRequest::RefreshToken {
            refresh_token: Secret::new(parameters.required("refresh_token")?),
            scope: scope()?,
        },
        GrantType::ClientCredentials => GrantRequest::ClientCredentials { scope: scope()? },
        GrantType::Password => {
            parameters.required("username")?;
            parameters.required("password")?;
            GrantRequest::Password { subject: verified, scope: scope()? }
        }
        GrantType::ApiKey => GrantRequest::ApiKey,
        // It has no request at this endpoint (RFC 6749, section 4.2).
        GrantType::Implicit => {
            let refusal = Refusal::from(Reason::GrantTypeUnsupported);
            return Err(refusal.saw("grant_type", grant_type.as_str()));
        }
    };
    Ok(TokenRequest { client, grant })
}

fn grant_type(
    parameters: &Parameters,
    profile: &Profile,
    endpoint: &TokenEndpoint,
) -> Result<GrantType, Refusal> {
    let implied = profile.token.code_implies_grant_type && parameters.get("code").is_some();
    let named = match (endpoint.grant_type, parameters.get("grant_type")) {
        (Some(grant_type), _) => Some(grant_type),
        (None, None) if implied => Some(GrantType::AuthorizationCode),
        (None, _) => GrantType::from_name(parameters.required("grant_type")?),
    };
    named.filter(|grant_type| profile.grant_types.contains(grant_type)).ok_or_else(|| {
        let refusal = Refusal::from(Reason::GrantTypeUnsupported);
        refusal.saw("grant_types", profile.grant_types.len())
    })
}

/// Who asks. Where the path says the grant type and clients have API keys, the key is who asks, or the refresh token.
fn presenter(
    authorization: Option<&str>,
    parameters: &Parameters,
    profile: &Profile,
    endpoint: &TokenEndpoint,
) -> Result<Presenter, Refusal> {
    let by_key = profile.clients.authentication.contains(&AuthMethod::ApiKey);
    match endpoint.grant_type.filter(|_| by_key) {
        Some(GrantType::ApiKey) => api_key(authorization, parameters, &profile.limits).map(Presenter::ApiKey),
        Some(GrantType::RefreshToken) => Ok(Presenter::Bearer),
        Some(
            GrantType::AuthorizationCode
            | GrantType::ClientCredentials
            | GrantType::Implicit
            | GrantType::Password,
        )
        | None => client_credentials(authorization, parameters, &profile.limits).map(Presenter::Client),
    }
}

/// The `token` of an introspection or revocation request. A `token_type_hint` may stand beside it and is not needed:
/// our tokens say what they are (RFC 7009, section 2.1; RFC 7662, section 2.1).
///
/// # Errors
/// A refusal if it is missing or the form is malformed.
pub fn token_parameter(parameters: &Parameters) -> Result<Secret, Refusal> {
    if let Some(fault) = parameters.fault() {
        return Err(fault.clone());
    }
    parameters.required("token").map(Secret::new)
}
