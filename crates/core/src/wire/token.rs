//! Requests to the token, introspection and revocation endpoints.

use super::{Parameters, client_credentials};
use crate::client::GrantType;
use crate::ids::SubjectId;
use crate::pkce::CodeVerifier;
use crate::profile::Profile;
use crate::refusal::{Reason, Refusal};
use crate::request::{GrantRequest, TokenRequest};
use crate::scope::Scope;
use crate::secret::Secret;

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
    let query = query.unwrap_or_default();
    let found =
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| IN_BODY_ONLY.contains(&name.as_ref()));
    if found { Err(Reason::CredentialInUrl.into()) } else { Ok(()) }
}

/// Reads a request to the token endpoint from its form.
///
/// `verified` is the person whose name and password the form holds, for profiles that have the password grant.
///
/// # Errors
/// A refusal that names the parameter at fault.
pub fn token_request(
    authorization: Option<&str>,
    parameters: &Parameters,
    profile: &Profile,
    verified: Option<SubjectId>,
) -> Result<TokenRequest, Refusal> {
    if let Some(fault) = parameters.fault() {
        return Err(fault.clone());
    }
    let client = client_credentials(authorization, parameters, &profile.limits)?;
    let grant_type = GrantType::from_name(parameters.required("grant_type")?)
        .filter(|t| profile.grant_types.contains(t))
        .ok_or_else(|| Refusal::from(Reason::GrantTypeUnsupported))?;
    let scope = || {
        let parsed = parameters.get("scope").map(Scope::parse).transpose();
        parsed.map_err(|_| Refusal::from(Reason::ScopeMalformed))
    };
    let grant = match grant_type {
        GrantType::AuthorizationCode => GrantRequest::AuthorizationCode {
            code: Secret::new(parameters.required("code")?),
            redirect_uri: parameters.get("redirect_uri").map(ToOwned::to_owned),
            code_verifier: parameters
                .get("code_verifier")
                .map(|text| CodeVerifier::parse(text).ok_or_else(|| Refusal::from(Reason::VerifierInvalid)))
                .transpose()?,
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
        // It has no request at this endpoint (RFC 6749, section 4.2).
        GrantType::Implicit => return Err(Reason::GrantTypeUnsupported.into()),
    };
    Ok(TokenRequest { client, grant })
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
