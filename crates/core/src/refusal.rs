//! Refusals: what was refused, by which rule, and what the client is told of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fact::{Fact, Found};
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
    ($($(#[doc = $meaning:literal])+ $name:ident => $code:ident, $text:literal, $clause:literal, $looks_at:literal;)*) => {
        /// Exactly which rule refused: the rule goes by this name in logs, figures, the audit trail and replay bundles, and
        /// keeps it. The client sees [`Reason::code`] and [`Reason::description`], which never tell apart what an attacker
        /// must not tell apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[doc = $meaning])+ $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The rule's name.
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)* }
            }

            /// What the rule says, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($meaning),+).trim(),)* }
            }

            /// The clause that the rule stands on, or that it is `of our own`.
            pub const fn clause(self) -> &'static str {
                match self { $(Reason::$name => $clause,)* }
            }

            /// What the rule looks at. What it found there in one case is [`Refusal::looked_at`].
            pub const fn looks_at(self) -> &'static str {
                match self { $(Reason::$name => $looks_at,)* }
            }

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
    ParameterRepeated => InvalidRequest, "a parameter is given more than once",
        "RFC 6749, 3.1 and 3.2", "how often the parameter is there";
    /// A needed parameter is absent or empty.
    ParameterMissing => InvalidRequest, "a required parameter is missing",
        "RFC 6749, 3.1 and 3.2", "whether the parameter is there and has a value";
    /// A parameter has a value outside its grammar, or is over-long.
    ParameterInvalid => InvalidRequest, "a parameter has an invalid value",
        "RFC 6749, appendix A", "the parameter against its grammar and its bound";
    /// Too many parameters.
    ParametersTooMany => InvalidRequest, "there are too many parameters",
        "of our own", "how many parameters there are";
    /// NUL, or bytes that are not UTF-8.
    ParameterNotText => InvalidRequest, "a parameter is not valid text",
        "RFC 6749, appendix B", "whether the parameter is UTF-8 without NUL";
    /// Not `application/x-www-form-urlencoded`.
    ContentTypeWrong => InvalidRequest, "the body must be application/x-www-form-urlencoded",
        "RFC 6749, appendix B", "the content type of the body";
    /// A secret, code or token in the URL of a request (RFC 6749, section 2.3.1).
    CredentialInUrl => InvalidRequest, "credentials and grants must not be in the URL",
        "RFC 6749, 2.3.1", "which parameters are in the URL";
    /// Two ways of client authentication at once (RFC 6749, section 2.3).
    AuthenticationTwice => InvalidRequest, "the client authenticates in more than one way",
        "RFC 6749, 2.3", "where the client authenticates";
    /// The `client_id` of the body is not that of the `Authorization` header.
    ClientIdsDiffer => InvalidRequest, "two different client_id values are given",
        "RFC 6749, 2.3.1", "the client_id of the header and that of the body";
    /// An `Authorization` header that cannot be read.
    AuthorizationMalformed => InvalidClient, "client authentication failed",
        "RFC 7617, 2", "the Authorization header against its grammar";
    /// No client authentication and no `client_id`.
    ClientUnidentified => InvalidClient, "client authentication failed",
        "RFC 6749, 3.2.1", "whether the request names a client, or the client has proven who it is";
    /// No such client.
    ClientUnknown => InvalidClient, "client authentication failed",
        "RFC 6749, 2.2", "whether a client of this id is registered, and at this profile";
    /// The client is switched off.
    ClientDisabled => InvalidClient, "client authentication failed",
        "of our own", "whether the client is switched off";
    /// None of the client's secrets, or all have expired.
    ClientSecretWrong => InvalidClient, "client authentication failed",
        "RFC 6749, 2.3.1", "the secret against those of the client that are valid now";
    /// Not the method the client is registered with.
    ClientMethodWrong => InvalidClient, "client authentication failed",
        "RFC 6749, 2.3", "the method that was used, and the one the client is registered with";
    /// The profile has no such grant type, or nobody has.
    GrantTypeUnsupported => UnsupportedGrantType, "the grant_type is not supported",
        "RFC 6749, 5.2", "the grant types of the profile";
    /// The client is not registered for this grant type.
    GrantTypeNotAllowed => UnauthorizedClient, "the client may not use this grant_type",
        "RFC 6749, 5.2", "the grant types of the client";
    /// A public client asked for itself (RFC 6749, section 4.4).
    ClientNotConfidential => UnauthorizedClient, "only a confidential client may use this grant_type",
        "RFC 6749, 4.4", "whether the client has a secret";
    /// The profile has no such response type.
    ResponseTypeUnsupported => UnsupportedResponseType, "the response_type is not supported",
        "RFC 6749, 3.1.1", "the response types of the profile";
    /// The client is not registered for this response type.
    ResponseTypeNotAllowed => UnauthorizedClient, "the client may not use this response_type",
        "RFC 6749, 4.1.2.1", "the response types of the client";
    /// A response mode that is not `query`.
    ResponseModeUnsupported => InvalidRequest, "the response_mode is not supported",
        "OAuth 2.0 Multiple Response Type Encoding Practices, 2.1", "the response_mode, and the one that the response_type has";
    /// Parameters as a signed object (RFC 9101): what it says would be passed over, and what stands beside it believed.
    RequestObjectUnsupported => RequestNotSupported, "the request parameter is not supported",
        "RFC 9101, 10", "whether there is a request parameter";
    /// The same by reference.
    RequestUriUnsupported => RequestUriNotSupported, "the request_uri parameter is not supported",
        "RFC 9101, 10", "whether there is a request_uri parameter";
    /// No URI is given where the client has not exactly one.
    RedirectMissing => InvalidRequest, "redirect_uri is required, since the client has not exactly one",
        "RFC 6749, 3.1.2.3", "how many redirect URIs the client has";
    /// Not one of the client's URIs.
    RedirectUnregistered => InvalidRequest, "redirect_uri is not registered for this client",
        "RFC 6749, 3.1.2.3; RFC 9700, 2.1", "the URI against those of the client";
    /// No challenge where one is required.
    ChallengeMissing => InvalidRequest, "code_challenge is required",
        "RFC 7636, 4.4.1", "whether there is a code_challenge, and whether this client needs one";
    /// A challenge that is no SHA-256 in base64url.
    ChallengeInvalid => InvalidRequest, "code_challenge is invalid",
        "RFC 7636, 4.2", "the code_challenge against its grammar";
    /// A method that is not `S256`.
    ChallengeMethodUnsupported => InvalidRequest, "code_challenge_method must be S256",
        "RFC 7636, 4.4.1", "the code_challenge_method";
    /// Scope text outside the grammar.
    ScopeMalformed => InvalidScope, "scope is malformed",
        "RFC 6749, 3.3", "the scope against its grammar";
    /// More than the client is registered for, or unknown.
    ScopeNotAllowed => InvalidScope, "scope exceeds what the client may ask for",
        "RFC 6749, 3.3", "each token of the scope against the scope of the client";
    /// More than was granted (RFC 6749, section 6).
    ScopeWidened => InvalidScope, "scope exceeds what was granted",
        "RFC 6749, 6", "each token of the scope against the scope of the grant";
    /// Not asked for, where the profile wants that it is.
    ScopeMissing => InvalidScope, "scope is required",
        "RFC 6749, 3.3", "whether there is a scope";
    /// A text that is no code of ours.
    CodeMalformed => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 5.2", "the code against its shape and its checksum";
    /// No grant behind it, or another secret part.
    CodeUnknown => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 5.2", "the grant that the code names, and the digest of the code";
    /// Past its lifetime.
    CodeExpired => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 4.1.2", "when the code ends, and the time";
    /// Issued to another client.
    CodeOfAnotherClient => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 4.1.3", "the client of the grant";
    /// Used before, by a request that was right in all else: its grant is revoked now.
    CodeReplayed => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 4.1.2; RFC 9700, 2.1.1", "whether the code was redeemed before";
    /// Its grant is revoked already.
    CodeRevoked => InvalidGrant, "the authorization code is invalid, expired, or was used",
        "RFC 6749, 4.1.2", "whether the grant is over";
    /// Not the URI of the authorization request (RFC 6749, section 4.1.3).
    RedirectDiffers => InvalidGrant, "redirect_uri is not that of the authorization request",
        "RFC 6749, 4.1.3", "the redirect_uri of both requests";
    /// A challenge was made and no verifier came.
    VerifierMissing => InvalidGrant, "code_verifier is required",
        "RFC 7636, 4.5", "whether there is a code_verifier";
    /// The verifier does not meet the challenge.
    VerifierWrong => InvalidGrant, "code_verifier does not match",
        "RFC 7636, 4.6", "the digest of the code_verifier against the code_challenge";
    /// A verifier came though no challenge was made (RFC 9700, section 4.8.2).
    VerifierUnexpected => InvalidRequest, "code_verifier was sent, but no code_challenge",
        "RFC 9700, 4.8.2", "whether a code_challenge was made";
    /// A verifier outside its grammar.
    VerifierInvalid => InvalidRequest, "code_verifier is invalid",
        "RFC 7636, 4.1", "the code_verifier against its grammar";
    /// The person or account behind the grant may have no more tokens.
    SubjectSuspended => InvalidGrant, "the grant is no longer valid",
        "of our own", "the standing of the person";
    /// A text that is no refresh token of ours.
    RefreshTokenMalformed => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 6749, 5.2", "the token against its shape and its checksum";
    /// No grant behind it, or no token of its chain.
    RefreshTokenUnknown => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 6749, 5.2", "the grant that the token names, and whether its chain leads to the current token";
    /// Past its lifetime.
    RefreshTokenExpired => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 6749, 6; RFC 9700, 4.14.2", "when the current token ends, and the time";
    /// Issued to another client.
    RefreshTokenOfAnotherClient => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 6749, 6", "the client of the grant";
    /// Replaced before, and used again: its grant is revoked now.
    RefreshTokenReplayed => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 9700, 4.14.2", "the place of the token in its chain, the last rotation, the grace, and the time";
    /// Replaced before, in a mode where that is no offence.
    RefreshTokenReplaced => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 9700, 4.14.2", "the place of the token in its chain";
    /// Its grant is revoked already.
    RefreshTokenRevoked => InvalidGrant, "the refresh token is invalid, expired, or was used",
        "RFC 6749, 6; RFC 7009, 2.1", "whether the grant is over";
    /// The resource owner's name or password is wrong (RFC 6749, section 4.3).
    PasswordWrong => InvalidGrant, "the user name or password is wrong",
        "RFC 6749, 4.3.2", "whether the password was proven";
    /// The person said no.
    Denied => AccessDenied, "the request was denied",
        "RFC 6749, 4.1.2.1", "what the person decided";
    /// He had approved it before, and took that back while it was being granted anew.
    Withdrawn => AccessDenied, "the request was denied",
        "of our own", "whether what the person approved before still stands";
    /// The person has no account that the grant could be about, or named one that is not his.
    AccountMissing => AccessDenied, "the person has no account for this",
        "of our own", "the accounts of the person, and the one that was named";
    /// Not in the role that may approve.
    RoleNotEnough => AccessDenied, "the person may not approve this for the account",
        "of our own", "the role of the person in the account";
    /// The account has not been opened to applications.
    AccountClosed => AccessDenied, "the account is not open to applications",
        "of our own", "whether the account is open to applications";
    /// The profile has no acting for others, or this client may not act for that person.
    ActingNotAllowed => InsufficientScope, "the client may not act for this person",
        "of our own", "whom the client may act for";
    /// No client has this API key, or not any more.
    ApiKeyWrong => InvalidClient, "client authentication failed",
        "of our own", "the key against those of the client it names, and whether that stands";
    /// The request waits no more: it was decided, expired, or belongs to another browser session.
    InteractionOver => InvalidRequest, "this request was answered already, or has expired; start again at the application",
        "RFC 6749, 4.1.1", "the request that waits: its handle, browser session, person, end, and whether it was decided";
    /// No access token (RFC 6750, section 3).
    TokenMissing => InvalidToken, "an access token is required",
        "RFC 6750, 3", "whether the request shows a token";
    /// Not a token of ours, expired, or revoked.
    TokenInvalid => InvalidToken, "the access token is invalid, expired, or revoked",
        "RFC 6750, 3.1", "the token, its end, its grant, and its client";
    /// More than one token, or one in the wrong place.
    TokenMisplaced => InvalidRequest, "the access token must be given once, in a place where it is taken here",
        "RFC 6750, 2", "where the request shows tokens";
    /// The token does not permit this.
    ScopeInsufficient => InsufficientScope, "the access token does not permit this",
        "RFC 6750, 3.1", "the scope of the token, and the one that is required";
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
    /// What the rule looked at and found: for logs and replays. No secret can be a [`Fact`].
    pub looked_at: Vec<Fact>,
}

impl Refusal {
    /// A refusal for this reason.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, parameter: None, client: None, grant: None, looked_at: Vec::new() }
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

    /// The same, with something that the rule looked at.
    #[must_use]
    pub fn saw(mut self, what: &'static str, found: impl Into<Found>) -> Self {
        self.looked_at.push(Fact { what, found: found.into() });
        self
    }

    /// What the rule looked at and found, in one line for a log; none where the parameter that it is about says it all.
    pub fn told(&self) -> Option<impl fmt::Display> {
        struct Line<'a>(&'a [Fact]);

        impl fmt::Display for Line<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (at, fact) in self.0.iter().enumerate() {
                    write!(f, "{}{fact}", if at == 0 { "" } else { " " })?;
                }
                Ok(())
            }
        }

        (!self.looked_at.is_empty()).then_some(Line(&self.looked_at))
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
