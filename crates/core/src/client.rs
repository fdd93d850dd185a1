//! Clients: what is registered of them (RFC 7591) and what they may do.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, SubjectId};
use crate::limits::Limits;
use crate::permission::Permissions;
use crate::picture::PictureTag;
use crate::profile::{Profile, ScopeEncoding};
use crate::record::{Format, Key, Kind, Record};
use crate::redirect::RedirectUri;
use crate::scope::Scope;
use crate::secret::SecretHash;
use crate::time::Time;

macro_rules! wire_names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use wire_names;

wire_names! {
    /// A way to get an access token.
    GrantType {
        /// RFC 6749, section 4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749, section 6.
        RefreshToken = "refresh_token",
        /// RFC 6749, section 4.4.
        ClientCredentials = "client_credentials",
        /// RFC 6749, section 4.2; advised against by RFC 9700, section 2.1.2.
        Implicit = "implicit",
        /// RFC 6749, section 4.3; forbidden by RFC 9700, section 2.4.
        Password = "password",
        /// A long-lived key of a person's own, shown for a short-lived token. Of no RFC.
        ApiKey = "api_key",
    }
}

wire_names! {
    /// What an authorization request asks for.
    ResponseType {
        /// An authorization code.
        Code = "code",
        /// An access token, in the fragment.
        Token = "token",
    }
}

wire_names! {
    /// How a client proves who it is (RFC 7591, section 2).
    AuthMethod {
        /// With its secret, by HTTP Basic.
        ClientSecretBasic = "client_secret_basic",
        /// With its secret, in the body.
        ClientSecretPost = "client_secret_post",
        /// Not at all: a public client.
        None = "none",
        /// With an API key, which names the client as well. Of no RFC.
        ApiKey = "api_key",
    }
}

wire_names! {
    /// What an access token is.
    AccessTokenFormat {
        /// A name for a stored record: it can be revoked at once.
        Reference = "reference",
        /// A signed statement (RFC 9068): whoever has the keys can read it, without asking us.
        Jwt = "jwt",
    }
}

/// What is registered of a client, by the names of RFC 7591, section 2. It is what an import file holds, what a listing
/// shows, and has no secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    /// The client's id.
    pub client_id: ClientId,
    /// The name people are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// What the application does, for the people who are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// The profile it belongs to; the standard one if it names none.
    #[serde(default = "standard", skip_serializing_if = "is_standard")]
    pub profile: String,
    /// Where answers to its authorization requests may go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<RedirectUri>,
    /// How it may get tokens; `authorization_code` if it says nothing and is no resource server.
    #[serde(default = "code_grant")]
    pub grant_types: BTreeSet<GrantType>,
    /// What it may ask for; what its grant types need if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types: Option<BTreeSet<ResponseType>>,
    /// The most it may ask for.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// What it gets when it does not say; all it may ask for if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<Scope>,
    /// How it authenticates.
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: AuthMethod,
    /// Whether it must use PKCE. A public client must, whatever stands here.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub require_pkce: bool,
    /// What its access tokens are; what the profile says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_format: Option<AccessTokenFormat>,
    /// Whom its access tokens are for: the `aud` they carry. None if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_audience: Option<String>,
    /// The audience it serves, if it is a resource server: it may introspect tokens made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// How the scope is written in its token answers; what the profile says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_response_scope: Option<ScopeEncoding>,
    /// The people it may act for, where the profile has that; everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_as: Option<BTreeSet<SubjectId>>,
    /// What it may do by itself, on which accounts, where the service has such permissions.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions: Permissions,
    /// The user who registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<SubjectId>,
    /// Whether it is switched off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

fn standard() -> String {
    "standard".to_owned()
}

fn is_standard(profile: &str) -> bool {
    profile == "standard"
}

fn code_grant() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode])
}

fn basic() -> AuthMethod {
    AuthMethod::ClientSecretBasic
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl ClientMetadata {
    /// A client of which nothing is registered but its id.
    pub fn new(client_id: ClientId) -> Self {
        Self {
            client_id,
            client_name: None,
            description: None,
            client_uri: None,
            logo_uri: None,
            profile: standard(),
            redirect_uris: Vec::new(),
            grant_types: code_grant(),
            response_types: None,
            scope: Scope::none(),
            default_scope: None,
            token_endpoint_auth_method: basic(),
            require_pkce: true,
            access_token_format: None,
            access_token_audience: None,
            audience: None,
            token_response_scope: None,
            act_as: None,
            permissions: Permissions::none(),
            owner: None,
            disabled: false,
        }
    }

    /// Whether the client has no way to keep a secret (RFC 6749, section 2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// The name for people: the client's own, or its id.
    pub fn display_name(&self) -> &str {
        self.client_name.as_deref().unwrap_or(self.client_id.as_str())
    }

    /// Whether it may use a grant type.
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// Whether it may ask for a response type.
    pub fn may_ask_for(&self, response_type: ResponseType) -> bool {
        let needed = match response_type {
            ResponseType::Code => GrantType::AuthorizationCode,
            ResponseType::Token => GrantType::Implicit,
        };
        self.may_use(needed)
            && self.response_types.as_ref().is_none_or(|types| types.contains(&response_type))
    }

    /// Whether who asks in its name is it, as far as anybody can know: it has a secret, and its answers go to a page of its
    /// own. A native application can be taken for another by whoever is on the same machine (RFC 8252, section 8.6).
    pub fn is_assured(&self, redirect: &str) -> bool {
        !self.is_public() && redirect.starts_with("https://")
    }

    /// Whether it may act for a person.
    pub fn may_act_as(&self, person: &SubjectId) -> bool {
        self.act_as.as_ref().is_none_or(|people| people.contains(person))
    }

    /// Whether its authorization requests need a challenge.
    pub fn needs_pkce(&self, profile: &Profile) -> bool {
        self.is_public() || (self.require_pkce && !profile.clients.danger_pkce_optional)
    }

    /// Checks that its permissions are on no more accounts than a profile allows. Apart from [`validate`], since a bound
    /// that was lowered must not keep anybody from switching off a client that was registered before.
    ///
    /// [`validate`]: ClientMetadata::validate
    ///
    /// # Errors
    /// [`InvalidClient`] says how many there may be.
    pub fn validate_accounts(&self, profile: &Profile) -> Result<(), InvalidClient> {
        let (accounts, most) = (self.permissions.accounts().len(), profile.clients.accounts);
        if accounts <= most {
            return Ok(());
        }
        let why = format!("they are on {accounts} accounts, and one client may have at most {most}");
        Err(InvalidClient { field: "permissions", why })
    }

    /// Checks that a profile can serve such a client.
    ///
    /// # Errors
    /// [`InvalidClient`] names the first field that is wrong, and why.
    pub fn validate(&self, profile: &Profile) -> Result<(), InvalidClient> {
        let limits = &profile.limits;
        let wrong = |field, why: &str| Err(InvalidClient { field, why: why.to_owned() });
        if self.profile != profile.name {
            return wrong("profile", "there is no such profile");
        }
        if self.redirect_uris.len() > limits.redirect_uris {
            return wrong("redirect_uris", "there are too many");
        }
        for (field, text) in [
            ("client_name", &self.client_name),
            ("description", &self.description),
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("access_token_audience", &self.access_token_audience),
            ("audience", &self.audience),
        ] {
            let text = text.as_deref().unwrap_or_default();
            if text.len() > limits.display_text_bytes || text.chars().any(char::is_control) {
                return wrong(field, "it is too long or has control characters");
            }
        }
        for (field, uri) in [("client_uri", &self.client_uri), ("logo_uri", &self.logo_uri)] {
            if uri.as_deref().is_some_and(|u| !url::Url::parse(u).is_ok_and(|u| u.scheme() == "https")) {
                return wrong(field, "it must be an https URL");
            }
        }
        let resource_server = self.audience.is_some();
        if let Some(grant) = self.grant_types.iter().find(|g| !profile.grant_types.contains(g)) {
            return wrong("grant_types", &format!("this profile has no {grant} grant"));
        }
        if self.grant_types.is_empty() && !resource_server {
            return wrong("grant_types", "a client that may use none can do nothing");
        }
        if !profile.clients.authentication.contains(&self.token_endpoint_auth_method) && !resource_server {
            let known = profile.clients.authentication.iter().map(|m| m.as_str()).collect::<Vec<_>>();
            return wrong(
                "token_endpoint_auth_method",
                &format!("this profile's clients use {}", known.join(", ")),
            );
        }
        let redirects = self.may_use(GrantType::AuthorizationCode) || self.may_use(GrantType::Implicit);
        if redirects && self.redirect_uris.is_empty() {
            return wrong("redirect_uris", "the authorization_code and implicit grants need at least one");
        }
        if self.is_public() && self.may_use(GrantType::ClientCredentials) {
            return wrong(
                "grant_types",
                "a public client cannot use client_credentials: it has nothing to prove itself with",
            );
        }
        if self.is_public() && resource_server {
            return wrong("token_endpoint_auth_method", "a resource server must authenticate");
        }
        if let Some(types) = &self.response_types {
            for response_type in types {
                if !profile.response_types.contains(response_type) || !self.may_ask_for(*response_type) {
                    return wrong(
                        "response_types",
                        &format!("{response_type} does not fit the grant types or the profile"),
                    );
                }
            }
        }
        if let Some(token) = self.scope.tokens().find(|t| !profile.scopes.knows(t)) {
            return wrong("scope", &format!("{token} is not in the scope catalogue"));
        }
        if self.default_scope.as_ref().is_some_and(|d| !d.is_within(&self.scope)) {
            return wrong("default_scope", "it must be within scope");
        }
        if let Some(why) = self.permissions.problem(limits) {
            return wrong("permissions", why);
        }
        Ok(())
    }
}

/// A registration that was refused: the `invalid_client_metadata` and `invalid_redirect_uri` of RFC 7591, section 3.2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidClient {
    /// The field that is wrong.
    pub field: &'static str,
    /// Why.
    pub why: String,
}

impl fmt::Display for InvalidClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

impl std::error::Error for InvalidClient {}

/// One of a client's secrets. A client has several while it rotates them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSecret {
    /// What is kept of it.
    pub hash: SecretHash,
    /// Since when it is valid.
    pub created_at: Time,
    /// Until when; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The secret itself under seal, where the profile's secrets can be shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedSecret>,
}

/// A client secret as it lies in the store where it can be shown again: worth nothing without the server's key. The core
/// neither makes nor opens one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(String);

impl SealedSecret {
    /// What whoever has the key sealed.
    pub fn new(sealed: String) -> Self {
        Self(sealed)
    }

    /// For whoever has the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What may be known of a secret beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretSummary {
    /// Since when it is valid.
    pub created_at: Time,
    /// Until when; for ever if absent.
    pub expires_at: Option<Time>,
}

/// What is kept of a new secret.
#[derive(Clone)]
pub struct KeptSecret {
    /// By what it is recognised.
    pub hash: SecretHash,
    /// By what it is shown again, where it is.
    pub sealed: Option<SealedSecret>,
}

impl From<SecretHash> for KeptSecret {
    fn from(hash: SecretHash) -> Self {
        Self { hash, sealed: None }
    }
}

/// A client's record.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    v: Format<1>,
    /// What is registered of it.
    pub metadata: ClientMetadata,
    /// Its secrets, the newest first. Never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<ClientSecret>,
    /// When it was registered.
    pub created_at: Time,
    /// Which picture it has, if it has one. No part of what is registered: no import file takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logo: Option<PictureTag>,
    /// When it was deleted. The record stays, so that nobody is given its id and inherits its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Time>,
}

impl Record for Client {
    const KIND: Kind = Kind::Client;
}

impl Client {
    /// Where a client lies.
    pub fn key(id: &ClientId) -> Key<Client> {
        Key::of(id.as_str())
    }

    /// Registers a client, with a secret unless it is public.
    ///
    /// # Errors
    /// [`InvalidClient`] if the profile cannot serve it, or if it is confidential and has no secret.
    pub fn register(
        metadata: ClientMetadata,
        secret: Option<impl Into<KeptSecret>>,
        profile: &Profile,
        now: Time,
    ) -> Result<Self, InvalidClient> {
        metadata.validate_accounts(profile)?;
        let client =
            Self { v: Format, metadata, secrets: Vec::new(), created_at: now, logo: None, deleted_at: None };
        let client = match secret {
            Some(secret) => client.with_new_secret(secret, now, now, &profile.limits),
            None => client,
        };
        client.checked(profile)
    }

    /// The same client with other metadata, under the same rules as at registration. Its id cannot change.
    ///
    /// # Errors
    /// [`InvalidClient`] if the profile cannot serve it so.
    pub fn update(mut self, metadata: ClientMetadata, profile: &Profile) -> Result<Self, InvalidClient> {
        if self.is_deleted() {
            let why = "this client was deleted, and its id is never given again".to_owned();
            return Err(InvalidClient { field: "client_id", why });
        }
        if metadata.client_id != self.metadata.client_id {
            return Err(InvalidClient { field: "client_id", why: "it cannot change".to_owned() });
        }
        let keyed = |m: &ClientMetadata| m.token_endpoint_auth_method == AuthMethod::ApiKey;
        if keyed(&self.metadata) != keyed(&metadata) {
            let why = "an API key is its client's name as well: a client has one from the first or never"
                .to_owned();
            return Err(InvalidClient { field: "token_endpoint_auth_method", why });
        }
        if keyed(&metadata) && metadata.owner != self.metadata.owner {
            // Its tokens speak for the owner, and those that are out would go on to speak for the old one.
            let why = "that of an API key cannot change; delete the key and make another".to_owned();
            return Err(InvalidClient { field: "owner", why });
        }
        if metadata.permissions != self.metadata.permissions {
            metadata.validate_accounts(profile)?;
        }
        self.metadata = metadata;
        self.checked(profile)
    }

    fn checked(mut self, profile: &Profile) -> Result<Self, InvalidClient> {
        self.metadata.validate(profile)?;
        if !profile.clients.danger_secrets_shown_again {
            // It may have been so once.
            self.secrets.iter_mut().for_each(|secret| secret.sealed = None);
        }
        if self.metadata.is_public() {
            self.secrets.clear();
        } else if self.secrets.is_empty() {
            let why = "a client that is not public needs one; use token_endpoint_auth_method none for a public client";
            return Err(InvalidClient { field: "client_secret", why: why.to_owned() });
        }
        Ok(self)
    }

    /// The same client, deleted: nothing is left of it but its id.
    #[must_use]
    pub fn deleted(mut self, now: Time) -> Self {
        self.secrets.clear();
        self.logo = None;
        self.metadata = ClientMetadata {
            profile: self.metadata.profile,
            disabled: true,
            ..ClientMetadata::new(self.metadata.client_id)
        };
        self.deleted_at = Some(now);
        self
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// Adds a secret. The older ones end at `others_until`, or earlier if they would have; what has ended, and what
    /// exceeds the limit, is dropped, the oldest first.
    #[must_use]
    pub fn with_new_secret(
        mut self,
        secret: impl Into<KeptSecret>,
        now: Time,
        others_until: Time,
        limits: &Limits,
    ) -> Self {
        for secret in &mut self.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(others_until, |at| at.min(others_until)));
        }
        self.secrets.retain(|s| s.expires_at.is_none_or(|at| at > now));
        let KeptSecret { hash, sealed } = secret.into();
        self.secrets.insert(0, ClientSecret { hash, created_at: now, expires_at: None, sealed });
        self.secrets.truncate(limits.secrets_per_client);
        self
    }

    /// The hashes of the secrets that are valid now, the newest first.
    pub fn valid_secrets(&self, now: Time) -> impl Iterator<Item = &SecretHash> {
        self.secrets.iter().filter(move |s| s.expires_at.is_none_or(|at| at > now)).map(|s| &s.hash)
    }

    /// How many secrets are kept, those among them that have expired.
    pub(crate) fn secrets_kept(&self) -> usize {
        self.secrets.len()
    }

    /// What may be known of the secrets that are valid now, the newest first.
    pub fn secrets(&self, now: Time) -> Vec<SecretSummary> {
        let valid = self.secrets.iter().filter(|s| s.expires_at.is_none_or(|at| at > now));
        valid.map(|s| SecretSummary { created_at: s.created_at, expires_at: s.expires_at }).collect()
    }

    /// Which picture it has, if it has one.
    pub fn logo(&self) -> Option<&PictureTag> {
        self.logo.as_ref()
    }

    /// The same client with this picture, or none.
    #[must_use]
    pub fn with_logo(self, logo: Option<PictureTag>) -> Self {
        Self { logo, ..self }
    }

    /// The newest secret under seal, if it is kept so.
    pub fn sealed_secret(&self) -> Option<&SealedSecret> {
        self.secrets.first().and_then(|newest| newest.sealed.as_ref())
    }

    /// The client's id.
    pub fn id(&self) -> &ClientId {
        &self.metadata.client_id
    }
}
