//! Refusals: what was refused, by which rule, and what the client is told of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, GrantId};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// The error codes of OAuth, as the wire names them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorCode { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl ErrorCode {
            /// The code as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// The HTTP status of an answer that is no redirect.
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// RFC 6749, sections 4.1.2.1 and 5.2.
    InvalidRequest = "invalid_request", 400;
    /// RFC 6749, section 5.2.
    InvalidClient = "invalid_client", 401;
    /// RFC 6749, section 5.2.
    InvalidGrant = "invalid_grant", 400;
    /// RFC 6749, sections 4.1.2.1 and 5.2.
    UnauthorizedClient = "unauthorized_client", 400;
    /// RFC 6749, section 5.2.
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// RFC 6749, section 4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// RFC 6749, sections 4.1.2.1 and 5.2.
    InvalidScope = "invalid_scope", 400;
    /// RFC 6749, section 4.1.2.1.
    AccessDenied = "access_denied", 400;
    /// RFC 6750, section 3.1.
    InvalidToken = "invalid_token", 401;
    /// RFC 6750, section 3.1.
    InsufficientScope = "insufficient_scope", 403;
    /// OpenID Connect Core 1.0, section 3.1.2.6; RFC 9101, section 10.
    RequestNotSupported = "request_not_supported", 400;
    /// OpenID Connect Core 1.0, section 3.1.2.6; RFC 9101, section 10.
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// RFC 6749, section 4.1.2.1. Also what a fault looks like from outside.
    TemporarilyUnavailable = "temporarily_unavailable", 503;
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $code:ident, $text:literal;)*) => {
        /// Exactly which rule refused. For logs and audit; the client sees [`Reason::code`] and [`Reason::description`],
        /// which never tell apart what an attacker must not tell apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The code the client sees.
            pub const fn code(self) -> ErrorCode {
                match self { $(Reason::$name => ErrorCode::$code,)* }
            }

            /// The `error_description` the client sees: ASCII without quote or backslash (RFC 6749, section 5.2).
            pub const fn description(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// A parameter appears twice (RFC 6749, sections 3.1 and 3.2).
    ParameterRepeated => InvalidRequest, "a parameter is given more than once";
    /// A needed parameter is absent or empty.
    ParameterMissing => InvalidRequest, "a required parameter is missing";
    /// A parameter has a value outside its grammar, or is over-long.
    ParameterInvalid => InvalidRequest, "a parameter has an invalid value";
    /// Too many parameters.
    ParametersTooMany => InvalidRequest, "there are too many parameters";
    /// NUL, or bytes that are not UTF-8.
    ParameterNotText => InvalidRequest, "a parameter is not valid text";
    /// Not `application/x-www-form-urlencoded`.
    ContentTypeWrong => InvalidRequest, "the body must be application/x-www-form-urlencoded";
    /// A secret, code or token in the URL of a request (RFC 6749, section 2.3.1).
    CredentialInUrl => InvalidRequest, "credentials and grants must not be in the URL";
    /// Two ways of client authentication at once (RFC 6749, section 2.3).
    AuthenticationTwice => InvalidRequest, "the client authenticates in more than one way";
    /// The `client_id` of the body is not that of the `Authorization` header.
    ClientIdsDiffer => InvalidRequest, "two different client_id values are given";
    /// An `Authorization` header that cannot be read.
    AuthorizationMalformed => InvalidClient, "client authentication failed";
    /// No client authentication and no `client_id`.
    ClientUnidentified => InvalidClient, "client authentication failed";
    /// No such client.
    ClientUnknown => InvalidClient, "client authentication failed";
    /// The client is switched off.
    ClientDisabled => InvalidClient, "client authentication failed";
    /// None of the client's secrets, or all have expired.
    ClientSecretWrong => InvalidClient, "client authentication failed";
    /// Not the method the client is registered with.
    ClientMethodWrong => InvalidClient, "client authentication failed";
    /// The profile has no such grant type, or nobody has.
    GrantTypeUnsupported => UnsupportedGrantType, "the grant_type is not supported";
    /// The client is not registered for this grant type.
    GrantTypeNotAllowed => UnauthorizedClient, "the client may not use this grant_type";
    /// A public client asked for itself (RFC 6749, section 4.4).
    ClientNotConfidential => UnauthorizedClient, "only a confidential client may use this grant_type";
    /// The profile has no such response type.
    ResponseTypeUnsupported => UnsupportedResponseType, "the response_type is not supported";
    /// The client is not registered for this response type.
    ResponseTypeNotAllowed => UnauthorizedClient, "the client may not use this response_type";
    /// A response mode that is not `query`.
    ResponseModeUnsupported => InvalidRequest, "the response_mode is not supported";
    /// Parameters as a signed object (RFC 9101): what it says would be passed over, and what stands beside it believed.
    RequestObjectUnsupported => RequestNotSupported, "the request parameter is not supported";
    /// The same by reference.
    RequestUriUnsupported => RequestUriNotSupported, "the request_uri parameter is not supported";
    /// No URI is given where the client has not exactly one.
    RedirectMissing => InvalidRequest, "redirect_uri is required, since the client has not exactly one";
    /// Not one of the client's URIs.
    RedirectUnregistered => InvalidRequest, "redirect_uri is not registered for this client";
    /// No challenge where one is required.
    ChallengeMissing => InvalidRequest, "code_challenge is required";
    /// A challenge that is no SHA-256 in base64url.
    ChallengeInvalid => InvalidRequest, "code_challenge is invalid";
    /// A method that is not `S256`.
    ChallengeMethodUnsupported => InvalidRequest, "code_challenge_method must be S256";
    /// Scope text outside the grammar.
    ScopeMalformed => InvalidScope, "scope is malformed";
    /// More than the client is registered for, or unknown.
    ScopeNotAllowed => InvalidScope, "scope exceeds what the client may ask for";
    /// More than was granted (RFC 6749, section 6).
    ScopeWidened => InvalidScope, "scope exceeds what was granted";
    /// Not asked for, where the profile wants that it is.
    ScopeMissing => InvalidScope, "scope is required";
    /// A text that is no code of ours.
    CodeMalformed => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// No grant behind it, or another secret part.
    CodeUnknown => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// Past its lifetime.
    CodeExpired => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// Issued to another client.
    CodeOfAnotherClient => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// Used before, by a request that was right in all else: its grant is revoked now.
    CodeReplayed => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// Its grant is revoked already.
    CodeRevoked => InvalidGrant, "the authorization code is invalid, expired, or was used";
    /// Not the URI of the authorization request (RFC 6749, section 4.1.3).
    RedirectDiffers => InvalidGrant, "redirect_uri is not that of the authorization request";
    /// A challenge was made and no verifier came.
    VerifierMissing => InvalidGrant, "code_verifier is required";
    /// The verifier does not meet the challenge.
    VerifierWrong => InvalidGrant, "code_verifier does not match";
    /// A verifier came though no challenge was made (RFC 9700, section 4.8.2).
    VerifierUnexpected => InvalidRequest, "code_verifier was sent, but no code_challenge";
    /// A verifier outside its grammar.
    VerifierInvalid => InvalidRequest, "code_verifier is invalid";
    /// The person or account behind the grant may have no more tokens.
    SubjectSuspended => InvalidGrant, "the grant is no longer valid";
    /// A text that is no refresh token of ours.
    RefreshTokenMalformed => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// No grant behind it, or no token of its chain.
    RefreshTokenUnknown => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// Past its lifetime.
    RefreshTokenExpired => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// Issued to another client.
    RefreshTokenOfAnotherClient => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// Replaced before, and used again: its grant is revoked now.
    RefreshTokenReplayed => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// Replaced before, in a mode where that is no offence.
    RefreshTokenReplaced => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// Its grant is revoked already.
    RefreshTokenRevoked => InvalidGrant, "the refresh token is invalid, expired, or was used";
    /// The resource owner's name or password is wrong (RFC 6749, section 4.3).
    PasswordWrong => InvalidGrant, "the user name or password is wrong";
    /// The person said no.
    Denied => AccessDenied, "the request was denied";
    /// He had approved it before, and took that back while it was being granted anew.
    Withdrawn => AccessDenied, "the request was denied";
    /// The person has no account that the grant could be about, or named one that is not his.
    AccountMissing => AccessDenied, "the person has no account for this";
    /// Not in the role that may approve.
    RoleNotEnough => AccessDenied, "the person may not approve this for the account";
    /// The account has not been opened to applications.
    AccountClosed => AccessDenied, "the account is not open to applications";
    /// The profile has no acting for others, or this client may not act for that person.
    ActingNotAllowed => InsufficientScope, "the client may not act for this person";
    /// No client has this API key, or not any more.
    ApiKeyWrong => InvalidClient, "client authentication failed";
    /// The request waits no more: it was decided, expired, or belongs to another browser session.
    InteractionOver => InvalidRequest, "this request was answered already, or has expired; start again at the application";
    /// No access token (RFC 6750, section 3).
    TokenMissing => InvalidToken, "an access token is required";
    /// Not a token of ours, expired, or revoked.
    TokenInvalid => InvalidToken, "the access token is invalid, expired, or revoked";
    /// More than one token, or one in the wrong place.
    TokenMisplaced => InvalidRequest, "the access token must be given once, in a place where it is taken here";
    /// The token does not permit this.
    ScopeInsufficient => InsufficientScope, "the access token does not permit this";
}

/// A request that was refused. A value, not a fault: the server did its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule refused.
    pub reason: Reason,
    /// The parameter it is about, where there is one.
    pub parameter: Option<&'static str>,
    /// The client it is about, for logs, once there is known to be one: what a request only claims as its client can be a
    /// secret in the wrong place.
    pub client: Option<ClientId>,
    /// The grant it is about, where it is known: for logs.
    pub grant: Option<GrantId>,
}

impl Refusal {
    /// A refusal for this reason.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, parameter: None, client: None, grant: None }
    }

    /// The same, about a parameter.
    #[must_use]
    pub fn of(mut self, parameter: &'static str) -> Self {
        self.parameter = Some(parameter);
        self
    }

    /// The same, about a client.
    #[must_use]
    pub fn by(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// The same, about a grant.
    #[must_use]
    pub fn on(mut self, grant: GrantId) -> Self {
        self.grant = Some(grant);
        self
    }

    /// The code the client sees.
    pub const fn code(&self) -> ErrorCode {
        self.reason.code()
    }

    /// The `error_description` the client sees.
    pub fn description(&self) -> String {
        match self.parameter {
            Some(parameter) => format!("{}: {parameter}", self.reason.description()),
            None => self.reason.description().to_owned(),
        }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.description(), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_to_the_characters_of_rfc_6749() {
        for reason in Reason::ALL {
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(reason.description().bytes().all(allowed), "{reason:?}");
        }
    }
}
