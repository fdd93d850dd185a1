//! `grantor import`: makes clients, users, accounts and credentials what a file says.
//!
//! **Invariant: nothing is applied of a file in which anything is refused.** Every entry is read and checked by the
//! rules that will hold when it is written, before the first is written.

mod api_keys;
mod credentials;
mod file;

use std::sync::Arc;

use grantor_core::SecretHash;
use grantor_core::client::{AuthMethod, Client};
use grantor_core::record::{Kind, RecordKey, decode};
use grantor_directory::{Directory, HashCost, Settings, UserRefused};
use grantor_engine::Imported;
use grantor_store::MemoryStore;
use serde::Serialize;
use serde_json::{Map, Value};

use self::file::{AccountEntry, ClientEntry, Parsed, Section, UserEntry};
use crate::commands::account;
use crate::failure::Failure;
use crate::files::read_text;
use crate::output::{Output, fields};
use crate::profiles;
use crate::wiring::House;

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
    let parsed = file::parse(whole, &house.engine.profile().name);
    let parsed = parsed.map_err(|why| Failure::failed(format!("{file}: {why}")))?;
    let checked = async {
        check_clients(house, &parsed.clients).await?;
        check_users(house, &parsed.users).await?;
        check_accounts(house, &parsed.accounts).await?;
        api_keys::check(house, &parsed.api_keys, &parsed.users).await?;
        credentials::check(house, &parsed).await
    };
    checked.await.map_err(|why| Failure::failed(format!("{file}: {why}")))?;
    let report = apply(house, parsed).await?;
    output.result(&report, || report.shown())
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
    let Parsed { clients, users, accounts, api_keys, registration_keys, session_tokens } = parsed;
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
    api_keys::apply(house, api_keys, &mut report).await?;
    credentials::apply(house, registration_keys, session_tokens, &mut report).await?;
    Ok(report)
}

fn done(imported: grantor_directory::Imported) -> Imported {
    match imported {
        grantor_directory::Imported::Created => Imported::Created,
        grantor_directory::Imported::Updated => Imported::Updated,
        grantor_directory::Imported::Unchanged => Imported::Unchanged,
    }
}
