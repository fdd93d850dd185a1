//! A profile: every value that a flow goes by. What differs between two services is a difference of values here.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::client::{AccessTokenFormat, GrantType, ResponseType};
use crate::limits::Limits;
use crate::scope::ScopeCatalogue;
use crate::time::Lifetime;

/// The server's name: an `https` URL without query or fragment (RFC 8414, section 2), or `http` on a loopback host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer as it is compared and sent: to the letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether people and clients reach it by `https`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// A path of this server as an absolute URL.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Scheme, host and port: what a browser calls its origin.
    pub fn origin(&self) -> String {
        url::Url::parse(&self.0).map(|u| u.origin().ascii_serialization()).unwrap_or_default()
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        let url = url::Url::parse(text).map_err(|_| InvalidIssuer)?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let text = text.strip_suffix('/').unwrap_or(text);
        let whole = url.as_str().strip_suffix('/').unwrap_or(url.as_str());
        if scheme_fits && plain && whole == text { Ok(Self(text.to_owned())) } else { Err(InvalidIssuer) }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidIssuer;

impl fmt::Display for InvalidIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an issuer is an https URL without query or fragment; http is for 127.0.0.1, [::1] and localhost only")
    }
}

impl std::error::Error for InvalidIssuer {}

/// Where the endpoints are, as paths under the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The authorization endpoint (RFC 6749, section 3.1).
    pub authorize: String,
    /// The token endpoint (RFC 6749, section 3.2).
    pub token: String,
    /// The introspection endpoint (RFC 7662).
    pub introspect: String,
    /// The revocation endpoint (RFC 7009).
    pub revoke: String,
    /// The metadata document (RFC 8414).
    pub metadata: String,
    /// The JSON Web Key Set.
    pub jwks: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            authorize: "/oauth2/authorize".to_owned(),
            token: "/oauth2/token".to_owned(),
            introspect: "/oauth2/introspect".to_owned(),
            revoke: "/oauth2/revoke".to_owned(),
            metadata: "/.well-known/oauth-authorization-server".to_owned(),
            jwks: "/.well-known/jwks.json".to_owned(),
        }
    }
}

/// How long things live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code. RFC 6749, section 4.1.2 allows ten minutes; one is plenty for a redirect.
    pub authorization_code: Lifetime,
    /// An access token.
    pub access_token: Lifetime,
    /// A refresh token from its issue, so a grant that goes unused this long ends. `None` is for ever.
    pub refresh_token: Option<Lifetime>,
    /// A grant from its approval, however often it is refreshed. `None` is for ever.
    pub grant: Option<Lifetime>,
    /// An authorization request that waits for a person.
    pub interaction: Lifetime,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authorization_code: Lifetime::seconds(60),
            access_token: Lifetime::seconds(3600),
            refresh_token: Some(Lifetime::seconds(30 * 86_400)),
            grant: Some(Lifetime::seconds(365 * 86_400)),
            interaction: Lifetime::seconds(600),
        }
    }
}

/// What a refresh does to the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshMode {
    /// There are no refresh tokens.
    None,
    /// It stays the same until the next authorization.
    Reuse,
    /// It is replaced. Inside `grace` the old one gives the very same successor again, so a lost answer costs nothing;
    /// after that, or once the successor was used, it is a replay, and the grant ends (RFC 9700, section 4.14.2).
    Rotate {
        /// How long a lost answer can be asked for again. Zero is strict.
        grace: Lifetime,
    },
    /// It is replaced, and the old one is worth nothing, but its use is no offence.
    ReplaceAll,
}

/// Every value that a flow goes by.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The profile's name, by which clients belong to it.
    pub name: String,
    /// The server's name.
    pub issuer: Issuer,
    /// Where the endpoints are.
    pub endpoints: Endpoints,
    /// The grant types it has.
    pub grant_types: BTreeSet<GrantType>,
    /// The response types it has.
    pub response_types: BTreeSet<ResponseType>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// What a refresh does.
    pub refresh: RefreshMode,
    /// What access tokens are where a client does not say.
    pub access_token_format: AccessTokenFormat,
    /// What scopes mean.
    pub scopes: ScopeCatalogue,
    /// Bounds on outside input.
    pub limits: Limits,
}

impl Profile {
    /// The profile of the RFCs: code with PKCE, refresh with rotation, client credentials. Implicit and password are off,
    /// since RFC 9700 (sections 2.1.2 and 2.4) says so.
    pub fn standard(issuer: Issuer) -> Self {
        Self {
            name: "standard".to_owned(),
            issuer,
            endpoints: Endpoints::default(),
            grant_types: BTreeSet::from([
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ]),
            response_types: BTreeSet::from([ResponseType::Code]),
            lifetimes: Lifetimes::default(),
            refresh: RefreshMode::Rotate { grace: Lifetime::seconds(10) },
            access_token_format: AccessTokenFormat::Reference,
            scopes: ScopeCatalogue::default(),
            limits: Limits::DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers() {
        for good in [
            "https://auth.test",
            "https://auth.test/a/b",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:2",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        assert_eq!("https://auth.test/".parse::<Issuer>().unwrap().as_str(), "https://auth.test");
        for bad in [
            "",
            "auth.test",
            "http://auth.test",
            "https://auth.test?x",
            "https://auth.test#x",
            "https://u@auth.test",
            "ftp://localhost",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }
}
