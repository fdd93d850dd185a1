//! Making clients, users, accounts and credentials what a file says.
//!
//! **Invariant: nothing is applied of a file in which anything is refused.** Every entry is read and checked by the
//! rules that will hold when it is written, before the first is written.

mod api_keys;
mod credentials;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use grantor_core::client::ClientMetadata;
use grantor_core::{AccountId, ClientId, Limits, Secret};
use grantor_directory::{AccountProfile, NewUser, Profile, UserName, UserRefused};
use grantor_engine::Imported;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::api_keys::ApiKeys;
use self::credentials::Credentials;
use crate::acts::On;
use crate::api::Rooms;
use crate::ask::object;
use crate::caller::Caller;
use crate::merge::made_of;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::users::missing_accounts;

/// Where in a file an entry is.
#[derive(Clone)]
struct Place {
    section: &'static str,
    at: usize,
    /// What the entry is called, as far as it says.
    name: Option<String>,
}

/// One client of the file, whichever section it came from.
struct ClientEntry {
    place: Place,
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
    place: Place,
    new: NewUser,
}

struct AccountEntry {
    place: Place,
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
    /// What whoever did it should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
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
}

/// Reads, checks, and then applies the file.
pub(crate) async fn import(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    request: Request,
) -> Result<Reply, Problem> {
    let most = match by {
        // The file lies where he is.
        Caller::Operator => usize::MAX,
        Caller::Admin(_) => Limits::DEFAULT.import_bytes,
    };
    let whole = object(request, most).await?;
    let parsed = parse(whole, &rooms.engine.profile().name)?;
    check_clients(&rooms, &parsed.clients).await?;
    check_users(&rooms, &parsed.users).await?;
    check_accounts(&rooms, &parsed.accounts).await?;
    parsed.api_keys.check(&rooms, &parsed.users).await?;
    parsed.credentials.check(&rooms, &parsed.users).await?;
    rooms.note(&by, "import", On::All).await?;
    Reply::of(&apply(&rooms, parsed).await?)
}

impl Place {
    fn new(section: &'static str, at: usize) -> Self {
        Self { section, at, name: None }
    }

    /// The same, once it is known what the entry is called.
    fn named(self, entry: &Value, field: &str) -> Self {
        let name = entry.get(field).and_then(Value::as_str);
        Self { name: name.map(|name| name.escape_debug().take(80).collect()), ..self }
    }

    /// What is wrong with a field of the entry.
    fn wrong(&self, field: &str, why: impl fmt::Display) -> Problem {
        self.problem(Code::Invalid, &format!(".{field}"), &why)
    }

    /// What is wrong with the entry, where no field of it can be named.
    fn refused(&self, why: impl fmt::Display) -> Problem {
        self.problem(Code::Invalid, "", &why)
    }

    fn problem(&self, code: Code, field: &str, why: &dyn fmt::Display) -> Problem {
        let Self { section, at, name } = self;
        let name = name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let detail = format!("{section}[{at}]{name}{field}: {why}");
        Problem { field: Some(format!("{section}[{at}]{field}")), ..Problem::new(code, detail) }
    }

    /// Says of what befell an entry where that entry is.
    fn of(&self, problem: Problem) -> Problem {
        let field = problem.field.as_ref().map(|field| format!(".{field}")).unwrap_or_default();
        self.problem(problem.code, &field, &problem.detail)
    }
}

fn parse(mut whole: Map<String, Value>, profile: &str) -> Result<Parsed, Problem> {
    let mut section = |name: &str| match whole.remove(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(Problem::invalid(name, format!("{name}: expected a list"))),
    };
    let mut clients = Vec::new();
    for (at, entry) in section("clients")?.into_iter().enumerate() {
        clients.push(parse_client(Place::new("clients", at), entry, profile, Section::Clients)?);
    }
    for (at, entry) in section("resource_servers")?.into_iter().enumerate() {
        clients.push(parse_client(
            Place::new("resource_servers", at),
            entry,
            profile,
            Section::ResourceServers,
        )?);
    }
    let users = section("users")?.into_iter().enumerate();
    let users =
        users.map(|(at, entry)| parse_user(Place::new("users", at), entry)).collect::<Result<Vec<_>, _>>()?;
    let accounts = section("accounts")?.into_iter().enumerate();
    let accounts = accounts
        .map(|(at, entry)| parse_account(Place::new("accounts", at), entry))
        .collect::<Result<Vec<_>, _>>()?;
    let api_keys = ApiKeys::parse(section("api_keys")?)?;
    let credentials = Credentials::parse(section("registration_keys")?, section("session_tokens")?)?;
    if let Some(unknown) = whole.keys().next() {
        let why = format!(
            "{unknown}: unknown section; there are clients, users, accounts, resource_servers, api_keys, \
             registration_keys and session_tokens"
        );
        return Err(Problem::invalid(unknown.as_str(), why));
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

fn once<T: Ord + fmt::Display>(
    known: &mut BTreeSet<T>,
    name: T,
    place: &Place,
    field: &str,
) -> Result<(), Problem> {
    let why = format!("{name} is in the file twice");
    if known.insert(name) { Ok(()) } else { Err(place.wrong(field, why)) }
}

fn parse_client(
    place: Place,
    mut entry: Value,
    profile: &str,
    section: Section,
) -> Result<ClientEntry, Problem> {
    let secret = take_secret(&mut entry, "client_secret", &place)?;
    let place = place.named(&entry, "client_id");
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

fn parse_user(place: Place, mut entry: Value) -> Result<UserEntry, Problem> {
    let password = take_secret(&mut entry, "password", &place)?;
    let place = place.named(&entry, "username");
    let name = take_text(&mut entry, "username", &place)?;
    let username = UserName::parse(&name).map_err(|e| place.wrong("username", e))?;
    let profile: Profile = typed(&place, entry)?;
    Ok(UserEntry { place, new: NewUser { username, password, profile } })
}

fn parse_account(place: Place, mut entry: Value) -> Result<AccountEntry, Problem> {
    let place = place.named(&entry, "id");
    let id = take_text(&mut entry, "id", &place)?;
    let id = AccountId::parse(&id).map_err(|e| place.wrong("id", e))?;
    let profile = typed(&place, entry)?;
    Ok(AccountEntry { place, id, profile })
}

/// Takes out what names an entry: the rest of it is what may change.
fn take_text(entry: &mut Value, field: &str, place: &Place) -> Result<String, Problem> {
    let entry = entry.as_object_mut().ok_or_else(|| place.refused("expected an object"))?;
    match entry.remove(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(place.wrong(field, "expected a text")),
        None => Err(place.wrong(field, "missing")),
    }
}

/// Secrets leave an entry before anything else reads it, so that no message can quote one.
fn take_secret(entry: &mut Value, field: &str, place: &Place) -> Result<Option<Secret>, Problem> {
    let entry = entry.as_object_mut().ok_or_else(|| place.refused("expected an object"))?;
    match entry.remove(field) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text))),
        Some(_) => Err(place.wrong(field, "expected a text that is not empty")),
    }
}

fn typed<T: DeserializeOwned>(place: &Place, entry: Value) -> Result<T, Problem> {
    let mut entry = entry;
    if let Value::Object(members) = &mut entry {
        *members = made_of(std::mem::take(members));
    }
    crate::ask::typed(entry).map_err(|problem| place.of(problem))
}

async fn check_clients(rooms: &Rooms, clients: &[ClientEntry]) -> Result<(), Problem> {
    for ClientEntry { place, metadata, secret, .. } in clients {
        let engine = rooms.of_profile(&metadata.profile).map_err(|problem| place.of(problem))?;
        let checked = engine.check_client_import(metadata.clone(), secret.as_ref()).await;
        checked.map_err(|error| place.of(error.into()))?;
    }
    Ok(())
}

async fn check_users(rooms: &Rooms, users: &[UserEntry]) -> Result<(), Problem> {
    for UserEntry { place, new } in users {
        let checked = rooms.directory.check_user(new).await?;
        checked.map_err(|refused| match refused {
            UserRefused::NameTaken | UserRefused::NameRetired | UserRefused::NoSuchUser => {
                place.wrong("username", refused)
            }
            UserRefused::LastAdministrator
            | UserRefused::InvalidPassword(_)
            | UserRefused::InvalidProfile(_) => place.refused(refused),
        })?;
    }
    Ok(())
}

async fn check_accounts(rooms: &Rooms, accounts: &[AccountEntry]) -> Result<(), Problem> {
    for AccountEntry { place, id, profile } in accounts {
        let checked = rooms.directory.check_account(id, profile).await?;
        checked.map_err(|refused| place.refused(refused))?;
    }
    Ok(())
}

async fn apply(rooms: &Rooms, parsed: Parsed) -> Result<Report, Problem> {
    let Parsed { clients, users, accounts, api_keys, credentials } = parsed;
    let (directory, now) = (&rooms.directory, rooms.engine.now());
    let mut report = Report::default();
    for AccountEntry { place, id, profile } in accounts {
        let put = directory.put_account(&id, &profile, now).await?;
        report.accounts.add(done(put.map_err(|refused| place.refused(refused))?));
    }
    for UserEntry { place, new } in &users {
        let put = directory.put_user(new, now).await?;
        report.users.add(done(put.map_err(|refused| place.refused(refused))?));
    }
    let memberships = users.iter().flat_map(|user| &user.new.profile.accounts);
    report.notes = missing_accounts(rooms, memberships).await?;
    for ClientEntry { place, metadata, secret, section } in clients {
        let imported = rooms.of_profile(&metadata.profile)?.import_client(metadata, secret).await;
        let imported = imported.map_err(|error| place.of(error.into()))?;
        match section {
            Section::Clients => report.clients.add(imported),
            Section::ResourceServers => report.resource_servers.add(imported),
        }
    }
    api_keys.apply(rooms, &mut report).await?;
    credentials.apply(rooms, &mut report).await?;
    Ok(report)
}

fn done(imported: grantor_directory::Imported) -> Imported {
    match imported {
        grantor_directory::Imported::Created => Imported::Created,
        grantor_directory::Imported::Updated => Imported::Updated,
        grantor_directory::Imported::Unchanged => Imported::Unchanged,
    }
}
