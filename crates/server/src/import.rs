//! `grantor import`: makes clients, users, accounts and credentials what a file says.
//!
//! **Invariant: nothing is applied of a file in which anything is refused.** Every entry is read and checked by the
//! rules that will hold when it is written, before the first is written.

mod api_keys;
mod credentials;

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::client::{AuthMethod, Client, ClientMetadata};
use grantor_core::record::{Kind, RecordKey, decode};
use grantor_core::{AccountId, ClientId, Secret, SecretHash};
use grantor_directory::{
    AccountProfile, Directory, HashCost, NewUser, Profile, Settings, UserName, UserRefused,
};
use grantor_engine::Imported;
use grantor_store::MemoryStore;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::api_keys::ApiKeys;
use self::credentials::Credentials;
use crate::commands::account;
use crate::failure::Failure;
use crate::files::read_text;
use crate::output::{Output, fields};
use crate::profiles;
use crate::wiring::House;

/// One client of the file, whichever section it came from.
struct ClientEntry {
    place: String,
    metadata: ClientMetadata,
    secret: Option<Secret>,
    section: Section,
}

#[derive(Clone, Copy)]
enum Section {
    Clients,
    ResourceServers,
}

struct UserEntry {
    place: String,
    new: NewUser,
}

struct AccountEntry {
    place: String,
    id: AccountId,
    profile: AccountProfile,
}

/// What a file says.
struct Parsed {
    clients: Vec<ClientEntry>,
    users: Vec<UserEntry>,
    accounts: Vec<AccountEntry>,
    api_keys: ApiKeys,
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceServerEntry {
    client_id: ClientId,
    audience: String,
    profile: Option<String>,
}

/// What was done, by section.
#[derive(Default, Serialize)]
struct Report {
    clients: Counts,
    resource_servers: Counts,
    users: Counts,
    accounts: Counts,
    api_keys: Counts,
    registration_keys: Counts,
    session_tokens: Counts,
}

impl Report {
    fn shown(&self) -> String {
        let sections = [
            ("clients", &self.clients),
            ("resource servers", &self.resource_servers),
            ("users", &self.users),
            ("accounts", &self.accounts),
            ("API keys", &self.api_keys),
            ("registration keys", &self.registration_keys),
            ("session tokens", &self.session_tokens),
        ];
        fields(&sections.map(|(name, counts)| (name, Some(counts.shown()))))
    }
}

#[derive(Default, Serialize)]
struct Counts {
    created: usize,
    updated: usize,
    unchanged: usize,
}

impl Counts {
    fn add(&mut self, imported: Imported) {
        match imported {
            Imported::Created => self.created += 1,
            Imported::Updated => self.updated += 1,
            Imported::Unchanged => self.unchanged += 1,
        }
    }

    fn shown(&self) -> String {
        format!("{} created, {} updated, {} unchanged", self.created, self.updated, self.unchanged)
    }
}

/// Reads, checks, and then applies the file.
pub(crate) async fn run(house: &House, file: &str, output: Output) -> Result<(), Failure> {
    let text = read_text(file)?;
    let whole: Map<String, Value> = serde_json::from_str(text.expose())
        .map_err(|e| Failure::failed(format!("{file}:{}:{}: not a JSON object", e.line(), e.column())))?;
    let parsed = parse(whole, &house.engine.profile().name);
    let parsed = parsed.map_err(|why| Failure::failed(format!("{file}: {why}")))?;
    let checked = async {
        check_clients(house, &parsed.clients).await?;
        check_users(house, &parsed.users).await?;
        check_accounts(house, &parsed.accounts).await?;
        parsed.api_keys.check(house, &parsed.users).await?;
        parsed.credentials.check(house, &parsed.users).await
    };
    checked.await.map_err(|why| Failure::failed(format!("{file}: {why}")))?;
    let report = apply(house, parsed).await?;
    output.result(&report, || report.shown())
}

fn parse(mut whole: Map<String, Value>, profile: &str) -> Result<Parsed, String> {
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
    let api_keys = ApiKeys::parse(section("api_keys")?)?;
    let credentials = Credentials::parse(section("registration_keys")?, section("session_tokens")?)?;
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
    Ok(Parsed { clients, users, accounts, api_keys, credentials })
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

async fn check_clients(house: &House, clients: &[ClientEntry]) -> Result<(), String> {
    for ClientEntry { place, metadata, secret, .. } in clients {
        profiles::check_name(house, &metadata.profile).map_err(|why| format!("{place}.profile: {why}"))?;
        let Some(engine) = house.engine_of(&metadata.profile) else { continue };
        let profile = engine.profile();
        if metadata.token_endpoint_auth_method == AuthMethod::ApiKey {
            return Err(format!("{place}.token_endpoint_auth_method: an API key is given in api_keys"));
        }
        let known = house.engine.store().get(Client::key(&metadata.client_id).raw()).await;
        let known = known.map_err(|e| e.to_string())?;
        let checked = match known {
            Some(stored) => {
                let key = Client::key(&metadata.client_id);
                let client: Client = decode(key.raw(), &stored.body).map_err(|e| e.to_string())?;
                client.update(metadata.clone(), profile)
            }
            None => {
                let hash = secret.as_ref().map(SecretHash::of_strong);
                Client::register(metadata.clone(), hash, profile, house.engine.now())
            }
        };
        if secret.as_ref().is_some_and(|s| s.expose().len() > profile.limits.client_secret_bytes) {
            return Err(format!("{place}.client_secret: too long"));
        }
        checked.map_err(|e| format!("{place}.{}: {}", e.field, e.why))?;
    }
    Ok(())
}

/// The directory's own rules, on a directory that is thrown away.
async fn check_users(house: &House, users: &[UserEntry]) -> Result<(), String> {
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let settings = Settings { hash_cost, ..Settings::default() };
    let rehearsal = Directory::new(Arc::new(MemoryStore::new()), house.engine.server_key(), settings);
    let rehearsal = rehearsal.map_err(|e| e.to_string())?;
    for UserEntry { place, new } in users {
        let made = rehearsal.create_user(new, house.engine.now()).await.map_err(|e| e.to_string())?;
        made.map_err(|e| format!("{place}: {e}"))?;
        let subject = new.username.subject();
        let key = RecordKey::new(Kind::User, subject.as_str(), None);
        let stored = house.engine.store().get(&key).await.map_err(|e| e.to_string())?;
        let known = house.directory.user(subject).await.map_err(|e| e.to_string())?;
        if stored.is_some() && known.is_none() {
            return Err(format!("{place}.username: {}", UserRefused::NameRetired));
        }
    }
    Ok(())
}

async fn check_accounts(house: &House, accounts: &[AccountEntry]) -> Result<(), String> {
    for AccountEntry { place, id, profile } in accounts {
        let checked = house.directory.check_account(id, profile).await.map_err(|e| e.to_string())?;
        checked.map_err(|e| format!("{place}: {e}"))?;
    }
    Ok(())
}

async fn apply(house: &House, parsed: Parsed) -> Result<Report, Failure> {
    let Parsed { clients, users, accounts, api_keys, credentials } = parsed;
    let mut report = Report::default();
    for AccountEntry { place, id, profile } in accounts {
        let put = house.directory.put_account(&id, &profile, house.engine.now()).await?;
        report.accounts.add(done(put.map_err(|e| Failure::failed(format!("{place}: {e}")))?));
    }
    for UserEntry { place, new } in &users {
        let put = house.directory.put_user(new, house.engine.now()).await?;
        report.users.add(done(put.map_err(|e| Failure::failed(format!("{place}: {e}")))?));
    }
    account::tell_missing(house, users.iter().flat_map(|user| &user.new.profile.accounts)).await?;
    for ClientEntry { place, metadata, secret, section } in clients {
        let imported = house.of_profile(&metadata.profile)?.import_client(metadata, secret).await;
        let imported = imported.map_err(|e| Failure::failed(format!("{place}: {e}")))?;
        match section {
            Section::Clients => report.clients.add(imported),
            Section::ResourceServers => report.resource_servers.add(imported),
        }
    }
    api_keys.apply(house, &mut report).await?;
    credentials.apply(house, &mut report).await?;
    Ok(report)
}

fn done(imported: grantor_directory::Imported) -> Imported {
    match imported {
        grantor_directory::Imported::Created => Imported::Created,
        grantor_directory::Imported::Updated => Imported::Updated,
        grantor_directory::Imported::Unchanged => Imported::Unchanged,
    }
}
