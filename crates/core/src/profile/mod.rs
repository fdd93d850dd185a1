//! A profile: every value that a flow goes by, and every name that the wire has. What differs between two services is a
//! difference of values here, and a profile file says it.

mod danger;
mod field;
mod file;
mod issuer;
mod presets;
mod rules;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use field::{ClaimField, Field, Fields, PersonField, RedirectField, TokenField};
pub use file::InvalidProfile;
pub use issuer::{InvalidIssuer, Issuer};
pub use presets::PRESETS;
pub use rules::{
    AccessTokenRules, ApprovalRules, AuthorizationRules, BodyKind, ClientRules, Endpoints, ErrorRules,
    ErrorStyle, ExpiresIn, JwtKey, ParameterNames, RedirectMatch, Registrants, RegistrationRules,
    ResourceRules, ScopeEncoding, TokenEndpoint, TokenRules, UserRegistration, UserinfoField, UserinfoRules,
};

use crate::client::{GrantType, ResponseType};
use crate::credential::Formats;
use crate::limits::Limits;
use crate::scope::ScopeCatalogue;
use crate::time::Lifetime;

/// How long things live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// An authorization code. RFC 6749, section 4.1.2 allows ten minutes; one is plenty for a redirect.
    pub authorization_code: Lifetime,
    /// An access token. [`Lifetime::FOREVER`] is one that has no end of its own.
    #[serde(with = "crate::time::or_never")]
    pub access_token: Lifetime,
    /// A refresh token from its issue, so a grant that goes unused this long ends. `None` is for ever.
    #[serde(with = "crate::time::optional")]
    pub refresh_token: Option<Lifetime>,
    /// A grant from its approval, however often it is refreshed. `None` is for ever.
    #[serde(with = "crate::time::optional")]
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

/// Every value that a flow goes by, and every name that the wire has.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The profile's name, by which clients belong to it.
    pub name: String,
    /// What it is, for operators.
    pub description: String,
    /// The server's name.
    pub issuer: Issuer,
    /// Where the endpoints are.
    pub endpoints: Endpoints,
    /// The grant types it has.
    pub grant_types: BTreeSet<GrantType>,
    /// The response types it has.
    pub response_types: BTreeSet<ResponseType>,
    /// What may be registered.
    pub clients: ClientRules,
    /// Names of parameters that are not the RFCs'.
    pub parameters: ParameterNames,
    /// The authorization endpoint's ways.
    pub authorization: AuthorizationRules,
    /// Who may approve, and what is asked of him.
    pub approval: ApprovalRules,
    /// The token endpoint's ways.
    pub token: TokenRules,
    /// What access tokens are.
    pub access_token: AccessTokenRules,
    /// What a refresh does.
    pub refresh: RefreshMode,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How credentials are written.
    pub formats: Formats,
    /// What scopes mean.
    pub scopes: ScopeCatalogue,
    /// How tokens are shown at a resource.
    pub resource: ResourceRules,
    /// What is told of a person at the userinfo endpoint.
    pub userinfo: UserinfoRules,
    /// How errors are told.
    pub errors: ErrorRules,
    /// Registration by the service's own interface, if it has one.
    pub registration: Option<RegistrationRules>,
    /// Registration by people, for themselves.
    pub registration_by_users: UserRegistration,
    /// Bounds on outside input.
    pub limits: Limits,
}

impl Profile {
    /// The profile of the RFCs: code with PKCE, refresh with rotation, client credentials. Implicit and password are off,
    /// since RFC 9700 (sections 2.1.2 and 2.4) says so.
    pub fn standard(issuer: Issuer) -> Self {
        file::File::default().into_profile("standard", issuer)
    }

    /// Reads a profile file. What it does not say is as in the standard profile. `overrides` are keys of the file, as in
    /// `lifetimes.access_token`, or a key of its `lifetimes` alone, and win over what the file says.
    ///
    /// # Errors
    /// [`InvalidProfile`] names the line or the key, and says what is wrong with it.
    pub fn from_toml(
        text: &str,
        overrides: &[(String, toml::Value)],
        name: &str,
        issuer: Issuer,
    ) -> Result<Self, InvalidProfile> {
        file::read(text, overrides, name, issuer)
    }

    /// The embedded profile of that name, as the text of its file.
    pub fn preset(name: &str) -> Option<&'static str> {
        PRESETS.iter().find(|(preset, _)| *preset == name).map(|(_, text)| *text)
    }

    /// The embedded profile's own name, where a text is one.
    pub fn preset_name(name: &str) -> Option<&'static str> {
        PRESETS.iter().find(|(preset, _)| *preset == name).map(|(preset, _)| *preset)
    }

    /// The profile as a file: every value, those that are as in the standard profile among them.
    pub fn to_toml(&self) -> String {
        file::write(self)
    }

    /// What is risky in it, each with its reason.
    pub fn dangers(&self) -> Vec<Danger> {
        danger::dangers(self)
    }
}

/// Something that a profile switches on and that is risky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Danger {
    /// The key that switches it on.
    pub key: &'static str,
    /// What can come of it.
    pub why: &'static str,
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}
