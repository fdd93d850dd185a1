//! What is kept of an access token, and what a JWT says of itself.

use serde::{Deserialize, Serialize};

use crate::credential;
use crate::ids::{ClientId, GrantId, SubjectId};
use crate::record::{Format, Key, Kind, Record};
use crate::scope::Scope;
use crate::time::Time;

/// A reference access token's record. It lies under its grant's id and its own digest, so that finding it proves it.
///
/// One that came of a grant is worth something only while the grant is active. For a JWT such a record exists only once
/// it was revoked by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceToken {
    v: Format<1>,
    /// Whom it speaks for.
    pub basis: Basis,
    /// What it permits.
    pub scope: Scope,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was revoked by itself, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// Whom an access token speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// A subject, by the grant it lies under.
    Grant,
    /// The client itself.
    Client {
        /// The client.
        client_id: ClientId,
        /// Whom the token is for, where the client has an audience.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
    },
}

impl Record for ReferenceToken {
    const KIND: Kind = Kind::AccessToken;
}

impl ReferenceToken {
    /// Where a reference token lies.
    pub fn key(token: &credential::AccessToken) -> Key<ReferenceToken> {
        Key::under(&token.grant().to_string(), &token.digest().to_base64url())
    }

    /// Where the revocation of a JWT lies.
    pub fn key_of_jwt(claims: &AccessTokenClaims) -> Key<ReferenceToken> {
        let slot = claims.grant.map_or_else(|| claims.jti.clone(), |grant| grant.to_string());
        Key::under(&slot, &claims.jti)
    }

    /// A new one.
    pub fn new(basis: Basis, scope: Scope, issued_at: Time, expires_at: Time) -> Self {
        Self { v: Format, basis, scope, issued_at, expires_at, revoked_at: None }
    }

    /// The same, taken back.
    #[must_use]
    pub fn revoked(mut self, now: Time) -> Self {
        self.revoked_at = Some(now);
        self
    }
}

/// What a JWT access token says (RFC 9068, section 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The subject; the client's id where it speaks for itself.
    pub sub: String,
    /// Whom it is for; the issuer where the client has no audience.
    pub aud: String,
    /// The client.
    pub client_id: ClientId,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
    /// Its name.
    pub jti: String,
    /// What it permits.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The grant it came of, by which its revocation is found out. Not of RFC 9068.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
}

/// The `typ` of a JWT access token (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// An access token that was found to be worth something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAccessToken {
    /// The client it was issued to.
    pub client: ClientId,
    /// Whom it speaks for; none where that is the client itself.
    pub subject: Option<SubjectId>,
    /// The account it is about, where there is one.
    pub account: Option<crate::AccountId>,
    /// The grant it came of, if it came of one.
    pub grant: Option<GrantId>,
    /// What it permits.
    pub scope: Scope,
    /// Whom it is for, where the client has an audience.
    pub audience: Option<String>,
    /// When it was issued.
    pub issued_at: Time,
    /// When it ends.
    pub expires_at: Time,
}
