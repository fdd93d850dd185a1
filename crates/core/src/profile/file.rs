//! A profile as a TOML file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::field::{ClaimField, TokenField};
use super::rules::{RefreshModeName, RefreshRules, has};
use super::{
    AccessTokenRules, ApprovalRules, AuthorizationRules, ClientRules, Endpoints, ErrorRules, Issuer,
    Lifetimes, ParameterNames, Profile, RefreshMode, RegistrationRules, ResourceRules, TokenRules,
    UserRegistration, UserinfoRules,
};
use crate::client::{AccessTokenFormat, GrantType, ResponseType};
use crate::credential::Formats;
use crate::limits::Limits;
use crate::scope::{ScopeCatalogue, ScopeMeaning};

/// The file, in its order.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    description: String,
    grant_types: BTreeSet<GrantType>,
    response_types: BTreeSet<ResponseType>,
    endpoints: Endpoints,
    clients: ClientRules,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: ParameterNames,
    authorization: AuthorizationRules,
    approval: ApprovalRules,
    token: TokenRules,
    access_token: AccessTokenRules,
    refresh: RefreshRules,
    lifetimes: Lifetimes,
    formats: FormatTexts,
    resource: ResourceRules,
    userinfo: UserinfoRules,
    errors: ErrorRules,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<RegistrationRules>,
    registration_by_users: UserRegistration,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scopes: BTreeMap<String, ScopeMeaning>,
}

/// [`Formats`], as texts.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FormatTexts {
    authorization_code: String,
    access_token: String,
    refresh_token: String,
    jwt_id: String,
    client_id: String,
    client_secret: String,
}

impl Default for FormatTexts {
    fn default() -> Self {
        Self::of(&Formats::default())
    }
}

impl FormatTexts {
    fn of(formats: &Formats) -> Self {
        Self {
            authorization_code: formats.authorization_code.to_string(),
            access_token: formats.access_token.to_string(),
            refresh_token: formats.refresh_token.to_string(),
            jwt_id: formats.jwt_id.to_string(),
            client_id: formats.client_id.to_string(),
            client_secret: formats.client_secret.to_string(),
        }
    }

    fn read(&self) -> Result<Formats, InvalidProfile> {
        let shape = |key: &str, text: &str| {
            text.parse().map_err(|e| InvalidProfile::at(&format!("formats.{key}"), format!("`{text}`: {e}")))
        };
        let formats = Formats {
            authorization_code: shape("authorization_code", &self.authorization_code)?,
            access_token: shape("access_token", &self.access_token)?,
            refresh_token: shape("refresh_token", &self.refresh_token)?,
            jwt_id: shape("jwt_id", &self.jwt_id)?,
            client_id: shape("client_id", &self.client_id)?,
            client_secret: shape("client_secret", &self.client_secret)?,
        };
        match formats.problem() {
            Some((key, why)) => Err(InvalidProfile::at(&format!("formats.{key}"), why)),
            None => Ok(formats),
        }
    }
}

impl Default for File {
    fn default() -> Self {
        Self {
            description: "Plain OAuth 2.0, as the RFCs have it".to_owned(),
            grant_types: [
                GrantType::AuthorizationCode,
                GrantType::RefreshToken,
                GrantType::ClientCredentials,
            ]
            .into(),
            response_types: [ResponseType::Code].into(),
            endpoints: Endpoints::default(),
            clients: ClientRules::default(),
            parameters: ParameterNames::new(),
            authorization: AuthorizationRules::default(),
            approval: ApprovalRules::default(),
            token: TokenRules::default(),
            access_token: AccessTokenRules::default(),
            refresh: RefreshRules::default(),
            lifetimes: Lifetimes::default(),
            formats: FormatTexts::default(),
            resource: ResourceRules::default(),
            userinfo: UserinfoRules::default(),
            errors: ErrorRules::default(),
            registration: None,
            registration_by_users: UserRegistration::default(),
            scopes: BTreeMap::new(),
        }
    }
}

impl File {
    /// The profile, where nothing in the file needs to be checked.
    pub(super) fn into_profile(self, name: &str, issuer: Issuer) -> Profile {
        let (formats, scopes) = (Formats::default(), ScopeCatalogue::default());
        self.with(name, issuer, formats, scopes)
    }

    fn checked(self, name: &str, issuer: Issuer) -> Result<Profile, InvalidProfile> {
        let formats = self.formats.read()?;
        let scopes = ScopeCatalogue::new(self.scopes.clone())
            .map_err(|e| InvalidProfile::at("scopes", format!("a name is {e}")))?;
        let profile = self.with(name, issuer, formats, scopes);
        match problem(&profile) {
            Some((key, why)) => Err(InvalidProfile::at(key, why)),
            None => Ok(profile),
        }
    }

    fn with(self, name: &str, issuer: Issuer, formats: Formats, scopes: ScopeCatalogue) -> Profile {
        Profile {
            name: name.to_owned(),
            description: self.description,
            issuer,
            endpoints: self.endpoints,
            grant_types: self.grant_types,
            response_types: self.response_types,
            clients: self.clients,
            parameters: self.parameters,
            authorization: self.authorization,
            approval: self.approval,
            token: self.token,
            access_token: self.access_token,
            refresh: match self.refresh.mode {
                RefreshModeName::None => RefreshMode::None,
                RefreshModeName::Reuse => RefreshMode::Reuse,
                RefreshModeName::Rotate => RefreshMode::Rotate { grace: self.refresh.grace },
                RefreshModeName::ReplaceAll => RefreshMode::ReplaceAll,
            },
            lifetimes: self.lifetimes,
            formats,
            scopes,
            resource: self.resource,
            userinfo: self.userinfo,
            errors: self.errors,
            registration: self.registration,
            registration_by_users: self.registration_by_users,
            limits: Limits::DEFAULT,
        }
    }

    fn of(profile: &Profile) -> Self {
        let profile = profile.clone();
        let (mode, grace) = match profile.refresh {
            RefreshMode::None => (RefreshModeName::None, None),
            RefreshMode::Reuse => (RefreshModeName::Reuse, None),
            RefreshMode::Rotate { grace } => (RefreshModeName::Rotate, Some(grace)),
            RefreshMode::ReplaceAll => (RefreshModeName::ReplaceAll, None),
        };
        Self {
            formats: FormatTexts::of(&profile.formats),
            refresh: RefreshRules { mode, grace: grace.unwrap_or(RefreshRules::default().grace) },
            description: profile.description,
            grant_types: profile.grant_types,
            response_types: profile.response_types,
            endpoints: profile.endpoints,
            clients: profile.clients,
            parameters: profile.parameters,
            authorization: profile.authorization,
            approval: profile.approval,
            token: profile.token,
            access_token: profile.access_token,
            lifetimes: profile.lifetimes,
            resource: profile.resource,
            userinfo: profile.userinfo,
            errors: profile.errors,
            registration: profile.registration,
            registration_by_users: profile.registration_by_users,
            scopes: profile.scopes.meanings().clone(),
        }
    }
}

/// Whether a path can be routed and published as it is.
fn is_plain_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'{' | b'}' | b'"' | b'\\');
    path.starts_with('/') && path.bytes().all(plain)
}

/// Whether a text has only characters that an error may have.
fn may_be_told(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// What does not go together, if anything.
fn problem(profile: &Profile) -> Option<(&'static str, &'static str)> {
    let endpoints = &profile.endpoints;
    let paths = endpoints.token.iter().map(|endpoint| endpoint.path.as_str());
    let optional = [
        &endpoints.introspect,
        &endpoints.revoke,
        &endpoints.metadata,
        &endpoints.jwks,
        &endpoints.userinfo,
        &endpoints.logout,
    ];
    let mut paths = paths
        .chain([endpoints.authorize.as_str()])
        .chain(optional.into_iter().filter_map(Option::as_deref))
        .chain(profile.registration.as_ref().map(RegistrationRules::path));
    if !paths.all(is_plain_path) {
        let why = "a path begins with a slash, and has neither query nor fragment (RFC 6749, section 3.1), nor braces, \
                   spaces or anything that is no printable ASCII";
        return Some(("endpoints or registration", why));
    }
    if !profile.errors.code.values().chain(profile.errors.description.values()).all(|text| may_be_told(text))
    {
        let why =
            "a code or description is printable ASCII without quote or backslash (RFC 6749, section 5.2)";
        return Some(("errors", why));
    }
    if profile.endpoints.token.is_empty() {
        return Some(("endpoints.token", "there must be one"));
    }
    if profile.token.answer.iter().all(|field| field.source != TokenField::AccessToken) {
        return Some(("token.answer", "it has no access_token"));
    }
    if !profile.token.token_type.eq_ignore_ascii_case("bearer") && profile.token.token_type != "token" {
        return Some(("token.token_type", "the tokens of this server are bearer tokens"));
    }
    if matches!(profile.refresh, RefreshMode::Rotate { .. }) && !profile.formats.counts_refreshes() {
        let why = "too short for refresh.mode = \"rotate\", which needs room to count: 40 bytes in all";
        return Some(("formats.refresh_token", why));
    }
    let claims = &profile.access_token.claims;
    let needed = [ClaimField::Exp, ClaimField::Jti];
    let names_client = has(claims, ClaimField::ClientId);
    let names_scope = has(claims, ClaimField::Scope) || has(claims, ClaimField::ScopeList);
    if profile.access_token.format == AccessTokenFormat::Jwt
        && !(needed.iter().all(|claim| has(claims, *claim)) && names_client && names_scope)
    {
        return Some((
            "access_token.claims",
            "exp, jti, client_id and scope (or scope[]) must be among them",
        ));
    }
    if let Some(RegistrationRules::Applications { scope, .. }) = &profile.registration {
        if scope.tokens().any(|token| !profile.scopes.knows(token)) {
            return Some(("registration.scope", "it is not in the scope catalogue"));
        }
        if !profile.clients.danger_secrets_shown_again {
            let why = "its answers show secrets again: set clients.danger_secrets_shown_again";
            return Some(("registration.style", why));
        }
    }
    let own = profile.registration_by_users.offered_scope(profile);
    if own.tokens().any(|token| !profile.scopes.knows(token)) {
        return Some(("registration_by_users.scope", "it is not in the scope catalogue"));
    }
    if profile.approval.one_grant && !profile.approval.account && profile.approval.roles.iter().len() > 0 {
        return Some(("approval.roles", "roles are those of an account: set approval.account"));
    }
    None
}

/// Reads the text of a file, with values of it replaced.
pub(super) fn read(
    text: &str,
    overrides: &[(String, toml::Value)],
    name: &str,
    issuer: Issuer,
) -> Result<Profile, InvalidProfile> {
    let file = if overrides.is_empty() {
        // Of the text, so that what is wrong has a line.
        toml::from_str::<File>(text).map_err(|e| InvalidProfile::of(&e, text))?
    } else {
        let mut table: toml::Table = toml::from_str(text).map_err(|e| InvalidProfile::of(&e, text))?;
        for (key, value) in overrides {
            replace(&mut table, key, value.clone())?;
        }
        table.try_into::<File>().map_err(|e| InvalidProfile::of(&e, text))?
    };
    file.checked(name, issuer)
}

fn replace(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<(), InvalidProfile> {
    let known = toml::Table::try_from(File::default()).unwrap_or_default();
    let lifetime =
        known.get("lifetimes").and_then(toml::Value::as_table).is_some_and(|t| t.contains_key(key));
    let whole = if lifetime && key != "access_token" || key == "access_token" && value.is_str() {
        format!("lifetimes.{key}")
    } else {
        key.to_owned()
    };
    let mut at = table;
    let mut path: Vec<&str> = whole.split('.').collect();
    let Some(last) = path.pop() else { return Err(InvalidProfile::at(key, "names nothing")) };
    for part in path {
        let inner = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = inner
            .as_table_mut()
            .ok_or_else(|| InvalidProfile::at(key, format!("{part} has no keys in it")))?;
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

/// The whole profile as a file.
pub(super) fn write(profile: &Profile) -> String {
    // Texts, numbers, lists and tables with text keys: all of it has a form in TOML.
    toml::to_string(&File::of(profile)).unwrap_or_default()
}

/// Why a profile cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProfile {
    /// The line it is at, if it is at one.
    pub line: Option<usize>,
    /// The key it is about, if it is about one.
    pub key: Option<String>,
    /// What is wrong.
    pub why: String,
}

impl InvalidProfile {
    fn at(key: &str, why: impl Into<String>) -> Self {
        Self { line: None, key: Some(key.to_owned()), why: why.into() }
    }

    fn of(error: &toml::de::Error, text: &str) -> Self {
        let line = error.span().map(|span| text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
        Self { line, key: None, why: error.message().replace('\n', " ") }
    }
}

impl fmt::Display for InvalidProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for InvalidProfile {}
