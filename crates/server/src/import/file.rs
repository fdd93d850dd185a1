//! What an import file says, before anything is looked up.
//!
//! **Invariant: no message holds a secret.** Secrets leave an entry before anything else reads it.

use std::collections::BTreeSet;

use grantor_core::client::ClientMetadata;
use grantor_core::{AccountId, ClientId, Digest, Secret};
use grantor_directory::{AccountProfile, NewUser, Profile, UserName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a file says.
pub(super) struct Parsed {
    pub(super) clients: Vec<ClientEntry>,
    pub(super) users: Vec<UserEntry>,
    pub(super) accounts: Vec<AccountEntry>,
    pub(super) api_keys: Vec<ApiKeyEntry>,
    pub(super) registration_keys: Vec<RegistrationKeyEntry>,
    pub(super) session_tokens: Vec<SessionTokenEntry>,
}

/// One client of the file, whichever section it came from.
pub(super) struct ClientEntry {
    pub(super) place: String,
    pub(super) metadata: ClientMetadata,
    pub(super) secret: Option<Secret>,
    pub(super) section: Section,
}

#[derive(Clone, Copy)]
pub(super) enum Section {
    Clients,
    ResourceServers,
}

pub(super) struct UserEntry {
    pub(super) place: String,
    pub(super) new: NewUser,
}

pub(super) struct AccountEntry {
    pub(super) place: String,
    pub(super) id: AccountId,
    pub(super) profile: AccountProfile,
}

/// An API key.
pub(super) struct ApiKeyEntry {
    pub(super) place: String,
    /// The key; of an export, which has none, there is only its id.
    pub(super) key: Result<Secret, ClientId>,
    pub(super) of: Of,
}

/// All but the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    pub(super) profile: String,
    pub(super) owner: Option<UserName>,
    pub(super) name: Option<String>,
    pub(super) id: Option<ClientId>,
}

impl Of {
    /// What is registered of it: its id is not looked at, since the key says that.
    pub(super) fn metadata(&self) -> Result<ClientMetadata, String> {
        let id = ClientId::parse("key").map_err(|e| e.to_string())?;
        Ok(ClientMetadata {
            client_name: self.name.clone(),
            owner: self.owner.as_ref().map(|owner| owner.subject().clone()),
            ..ClientMetadata::new(id)
        })
    }
}

/// A key that guards registration.
pub(super) struct RegistrationKeyEntry {
    pub(super) place: String,
    pub(super) profile: String,
    pub(super) key: Secret,
}

/// A token that acts for its user.
pub(super) struct SessionTokenEntry {
    pub(super) place: String,
    pub(super) profile: String,
    pub(super) user: UserName,
    pub(super) token: Secret,
}

/// Reads what a file says, and finds out what it says twice. Nothing is looked up.
///
/// # Errors
/// A sentence that names the entry, and holds no secret.
pub(super) fn parse(mut whole: Map<String, Value>, profile: &str) -> Result<Parsed, String> {
    let mut section = |name: &str| match whole.remove(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(format!("{name}: expected a list")),
    };
    let mut clients = Vec::new();
    for (at, entry) in section("clients")?.into_iter().enumerate() {
        clients.push(parse_client(format!("clients[{at}]"), entry, profile, Section::Clients)?);
    }
    for (at, entry) in section("resource_servers")?.into_iter().enumerate() {
        clients.push(parse_client(
            format!("resource_servers[{at}]"),
            entry,
            profile,
            Section::ResourceServers,
        )?);
    }
    let users = section("users")?.into_iter().enumerate();
    let users =
        users.map(|(at, entry)| parse_user(format!("users[{at}]"), entry)).collect::<Result<Vec<_>, _>>()?;
    let accounts = section("accounts")?.into_iter().enumerate();
    let accounts = accounts
        .map(|(at, entry)| parse_account(format!("accounts[{at}]"), entry))
        .collect::<Result<Vec<_>, _>>()?;
    let api_keys = parse_api_keys(section("api_keys")?)?;
    let registration_keys = parse_registration_keys(section("registration_keys")?)?;
    let session_tokens = parse_session_tokens(section("session_tokens")?)?;
    if let Some(unknown) = whole.keys().next() {
        return Err(format!(
            "{unknown}: unknown section; there are clients, users, accounts, resource_servers, api_keys, \
             registration_keys and session_tokens"
        ));
    }
    let (mut ids, mut names, mut known) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for client in &clients {
        once(&mut ids, client.metadata.client_id.clone(), &client.place, "client_id")?;
    }
    for user in &users {
        once(&mut names, user.new.username.clone(), &user.place, "username")?;
    }
    for account in &accounts {
        once(&mut known, account.id.clone(), &account.place, "id")?;
    }
    Ok(Parsed { clients, users, accounts, api_keys, registration_keys, session_tokens })
}

fn once<T: Ord + std::fmt::Display>(
    known: &mut BTreeSet<T>,
    name: T,
    place: &str,
    field: &str,
) -> Result<(), String> {
    let shown = name.to_string();
    if known.insert(name) { Ok(()) } else { Err(format!("{place}.{field}: {shown} is in the file twice")) }
}

fn parse_client(
    place: String,
    mut entry: Value,
    profile: &str,
    section: Section,
) -> Result<ClientEntry, String> {
    let secret = take_secret(&mut entry, "client_secret", &place)?;
    let place = named(place, &entry, "client_id");
    let metadata = match section {
        Section::Clients => typed(&place, entry)?,
        Section::ResourceServers => {
            let ResourceServerEntry { client_id, audience, profile: of } = typed(&place, entry)?;
            ClientMetadata {
                audience: Some(audience),
                profile: of.unwrap_or_else(|| profile.to_owned()),
                grant_types: BTreeSet::new(),
                ..ClientMetadata::new(client_id)
            }
        }
    };
    Ok(ClientEntry { place, metadata, secret, section })
}

fn parse_user(place: String, mut entry: Value) -> Result<UserEntry, String> {
    let password = take_secret(&mut entry, "password", &place)?;
    let place = named(place, &entry, "username");
    let name = take_text(&mut entry, "username", &place)?;
    let username = UserName::parse(&name).map_err(|e| format!("{place}.username: {e}"))?;
    let profile: Profile = typed(&place, entry)?;
    Ok(UserEntry { place, new: NewUser { username, password, profile } })
}

fn parse_account(place: String, mut entry: Value) -> Result<AccountEntry, String> {
    let place = named(place, &entry, "id");
    let id = take_text(&mut entry, "id", &place)?;
    let id = AccountId::parse(&id).map_err(|e| format!("{place}.id: {e}"))?;
    let profile = typed(&place, entry)?;
    Ok(AccountEntry { place, id, profile })
}

fn parse_api_keys(entries: Vec<Value>) -> Result<Vec<ApiKeyEntry>, String> {
    let parse = |(at, mut entry)| {
        let place = format!("api_keys[{at}]");
        let key = take_secret(&mut entry, "key", &place)?;
        let of: Of = typed(&place, entry)?;
        let key = match (key, &of.id) {
            (Some(key), _) => Ok(key),
            (None, Some(id)) => Err(id.clone()),
            (None, None) => return Err(format!("{place}.key: missing")),
        };
        Ok(ApiKeyEntry { place, key, of })
    };
    let entries = entries.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, String>>()?;
    let mut known = BTreeSet::new();
    for ApiKeyEntry { place, key, of } in &entries {
        let name = match key {
            Ok(key) => Digest::of(key.expose().as_bytes()).to_base64url(),
            Err(id) => id.to_string(),
        };
        if !known.insert((&of.profile, name)) {
            return Err(format!("{place}.key: it is in the file twice"));
        }
    }
    Ok(entries)
}

fn parse_registration_keys(keys: Vec<Value>) -> Result<Vec<RegistrationKeyEntry>, String> {
    let parse = |(at, mut entry)| {
        let place = format!("registration_keys[{at}]");
        let key = required(&mut entry, "key", &place)?;
        let OfProfile { profile } = typed(&place, entry)?;
        Ok(RegistrationKeyEntry { place, profile, key })
    };
    let keys = keys.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, String>>()?;
    credential_once(keys.iter().map(|entry| (&entry.place, &entry.profile, &entry.key)), "key")?;
    Ok(keys)
}

fn parse_session_tokens(tokens: Vec<Value>) -> Result<Vec<SessionTokenEntry>, String> {
    let parse = |(at, mut entry)| {
        let place = format!("session_tokens[{at}]");
        let token = required(&mut entry, "token", &place)?;
        let OfUser { profile, user } = typed(&place, entry)?;
        Ok(SessionTokenEntry { place, profile, user, token })
    };
    let tokens = tokens.into_iter().enumerate().map(parse).collect::<Result<Vec<_>, String>>()?;
    credential_once(tokens.iter().map(|entry| (&entry.place, &entry.profile, &entry.token)), "token")?;
    Ok(tokens)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceServerEntry {
    client_id: ClientId,
    audience: String,
    profile: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfProfile {
    profile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfUser {
    profile: String,
    user: UserName,
}

fn required(entry: &mut Value, field: &str, place: &str) -> Result<Secret, String> {
    take_secret(entry, field, place)?.ok_or_else(|| format!("{place}.{field}: missing"))
}

/// Takes out what names an entry: the rest of it is what may change.
fn take_text(entry: &mut Value, field: &str, place: &str) -> Result<String, String> {
    let entry = entry.as_object_mut().ok_or_else(|| format!("{place}: expected an object"))?;
    match entry.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{place}.{field}: expected a text")),
        None => Err(format!("{place}.{field}: missing")),
    }
}

/// Secrets leave an entry before anything else reads it, so that no message can quote one.
fn take_secret(entry: &mut Value, field: &str, place: &str) -> Result<Option<Secret>, String> {
    let entry = entry.as_object_mut().ok_or_else(|| format!("{place}: expected an object"))?;
    match entry.remove(field) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text))),
        Some(_) => Err(format!("{place}.{field}: expected a text that is not empty")),
    }
}

fn named(place: String, entry: &Value, field: &str) -> String {
    match entry.get(field).and_then(Value::as_str) {
        Some(name) => format!("{place} ({})", name.escape_debug().take(80).collect::<String>()),
        None => place,
    }
}

fn typed<T: DeserializeOwned>(place: &str, entry: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(entry).map_err(|error| match error.path().to_string() {
        path if path == "." => format!("{place}: {}", error.inner()),
        path => format!("{place}.{path}: {}", error.inner()),
    })
}

/// One credential of a profile twice in a file is a slip, and with two users no order of them would be right.
fn credential_once<'a>(
    entries: impl Iterator<Item = (&'a String, &'a String, &'a Secret)>,
    field: &str,
) -> Result<(), String> {
    let mut known = BTreeSet::new();
    for (place, profile, credential) in entries {
        let digest = Digest::of(credential.expose().as_bytes()).to_base64url();
        if !known.insert((profile, digest)) {
            return Err(format!("{place}.{field}: it is in the file twice"));
        }
    }
    Ok(())
}
