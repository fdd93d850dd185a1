//! Credentials with permissions on accounts, for the people of these accounts: whoever sends a session token sees and
//! changes the credentials that reach no further than he does.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use grantor_core::client::{ClientMetadata, InvalidClient};
use grantor_core::profile::RegistrationRules;
use grantor_core::wire::Parameters;
use grantor_core::{AccountId, ClientId, Permissions, Secret, SubjectId};
use grantor_directory::User;
use grantor_engine::Registered;
use serde::{Deserialize, Serialize};

use super::permissions::{Asked as AskedPermissions, Told as ToldPermissions};
use super::{Named, Stop, Told, audit, json, let_in, machine, no_content, parts, read, told};
use crate::router::Mount;
use crate::web::{App, Shared};
use crate::{api, form};

pub(super) fn mount(mount: &mut Mount, path: &str) {
    mount.at(path, get(list).post(create));
    mount.below(path, get(show).put(update).delete(delete));
}

/// What is asked for, as JSON or as a form in which `maximum_scope` is JSON. What else there is, is passed over.
#[derive(Deserialize)]
struct Asked {
    r#type: Option<String>,
    maximum_scope: Option<AskedPermissions>,
    name: Option<String>,
    description: Option<String>,
}

/// A credential, with what has no value as null.
#[derive(Serialize)]
struct Shown<'a> {
    redirect_url: (),
    maximum_scope: ToldPermissions<'a>,
    name_html: Option<String>,
    issued_to: Option<String>,
    trusted: (),
    expires_at: (),
    issued_at: String,
    name: Option<&'a str>,
    description_html: Option<String>,
    revoked: (),
    r#type: &'static str,
    client_secret: Option<&'a str>,
    description: Option<&'a str>,
    client_id: &'a ClientId,
    issued_user: Option<NumberOrText<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NumberOrText<'a> {
    Number(u64),
    Text(&'a str),
}

/// The one type there is.
const TYPE: &str = "credential";

/// Who asks, and for which accounts he may act.
struct Person {
    user: User,
    accounts: BTreeSet<AccountId>,
}

impl Person {
    /// Whether he may see and change it: he must be in every account that it reaches. What reaches none is not of this
    /// interface.
    fn sees(&self, client: &ClientMetadata) -> bool {
        !client.permissions.is_empty() && self.may_give(&client.permissions)
    }

    fn may_give(&self, permissions: &Permissions) -> bool {
        permissions.accounts().iter().all(|account| self.accounts.contains(*account))
    }

    fn name(&self) -> &str {
        self.user.subject.as_str()
    }
}

async fn list(State(app): State<App>, request: Request) -> Response {
    let work = async {
        let (parts, _) = parts(request);
        let person = guard(&app, &parts).await?;
        let accounts = match named_accounts(parts.uri.query())? {
            None => person.accounts.clone(),
            Some(named) => named.intersection(&person.accounts).cloned().collect(),
        };
        let found = app.engine.clients_on(&accounts).await?;
        let mut bodies = Vec::new();
        for client in found.iter().filter(|client| person.sees(&client.metadata)) {
            bodies.push(shown(&app, client, None).await?);
        }
        Ok(json(StatusCode::OK, &bodies))
    };
    told(&app, work.await, invalid)
}

async fn create(State(app): State<App>, request: Request) -> Response {
    let work = async {
        let (parts, body) = parts(request);
        let person = guard(&app, &parts).await?;
        let (asked, permissions) = asked(&app, &person, &parts, body).await?;
        let name = asked.name.filter(|name| !name.is_empty()).ok_or_else(|| bad("name is missing"))?;
        let id = app.engine.new_client_id()?;
        let metadata = ClientMetadata {
            client_name: Some(name),
            description: asked.description,
            permissions: permissions.ok_or_else(|| bad("maximum_scope is missing"))?,
            owner: Some(person.user.subject.clone()),
            ..machine(&app, id.clone())
        };
        let secret = app.engine.register_client(metadata, None).await?;
        audit("created", &id, person.name());
        let made = app.engine.registered(&id).await?.ok_or_else(none)?;
        Ok(json(StatusCode::CREATED, &shown(&app, &made, secret.as_ref()).await?))
    };
    told(&app, work.await, invalid)
}

async fn show(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        let person = guard(&app, &parts(request).0).await?;
        let found = find(&app, &person, id).await?;
        Ok(json(StatusCode::OK, &shown(&app, &found, None).await?))
    };
    told(&app, work.await, invalid)
}

/// What is not given stays as it is: leaving something out must neither widen nor narrow anything.
async fn update(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        let (parts, body) = parts(request);
        let person = guard(&app, &parts).await?;
        let id = find(&app, &person, id).await?.metadata.client_id;
        let (asked, permissions) = asked(&app, &person, &parts, body).await?;
        let change = |metadata: &mut ClientMetadata| {
            if let Some(name) = asked.name.as_ref().filter(|name| !name.is_empty()) {
                metadata.client_name = Some(name.clone());
            }
            if let Some(description) = &asked.description {
                metadata.description = Some(description.clone());
            }
            if let Some(permissions) = &permissions {
                metadata.permissions = permissions.clone();
            }
        };
        app.engine.update_client(&id, change).await?.ok_or_else(none)?;
        audit("updated", &id, person.name());
        let changed = app.engine.registered(&id).await?.ok_or_else(none)?;
        Ok(json(StatusCode::OK, &shown(&app, &changed, None).await?))
    };
    told(&app, work.await, invalid)
}

async fn delete(State(app): State<App>, id: Named, request: Request) -> Response {
    let work = async {
        let person = guard(&app, &parts(request).0).await?;
        let id = find(&app, &person, id).await?.metadata.client_id;
        if !app.engine.delete_client(&id).await? {
            return Err(none().into());
        }
        audit("deleted", &id, person.name());
        Ok(no_content())
    };
    told(&app, work.await, invalid)
}

async fn guard(app: &Shared, parts: &Parts) -> Result<Person, Stop> {
    let profile = app.engine.profile();
    let Some(RegistrationRules::Credentials { scheme, .. }) = &profile.registration else {
        return Err(none().into());
    };
    let header = api::authorization(parts).ok().flatten();
    let token = header.as_deref().and_then(|header| header.trim().split_once(' '));
    let token = token
        .filter(|(found, _)| found.eq_ignore_ascii_case(scheme))
        .map(|(_, token)| Secret::new(token.trim()));
    let user = let_in(app, parts, token, |token| async move {
        app.users()?.session_token_user(&profile.name, &token, app.engine.now()).await
    });
    let Some(user) = user.await? else {
        return Err(Told { challenge: Some(scheme.clone()), ..denied() }.into());
    };
    let accounts = app.users()?.accounts_of(&user).await?;
    Ok(Person { user, accounts: accounts.into_iter().map(|acts_for| acts_for.account.id).collect() })
}

/// Reads what is asked, and refuses what this person may not give.
async fn asked(
    app: &Shared,
    person: &Person,
    parts: &Parts,
    body: Body,
) -> Result<(Asked, Option<Permissions>), Stop> {
    let profile = app.engine.profile();
    let bytes = read(app, body).await?;
    let mut asked = if form::is_form(parts) { of_form(app, &bytes)? } else { of_json(&bytes)? };
    if asked.r#type.as_deref().is_some_and(|given| given != TYPE) {
        return Err(bad(&format!("type must be {TYPE}")).into());
    }
    let Some(given) = asked.maximum_scope.take() else { return Ok((asked, None)) };
    let Some(RegistrationRules::Credentials { account_types, .. }) = &profile.registration else {
        return Err(none().into());
    };
    let permissions =
        given.into_permissions(account_types).map_err(|why| bad(&format!("maximum_scope: {why}")))?;
    if permissions.is_empty() {
        return Err(bad("maximum_scope is empty").into());
    }
    // Said before whose the accounts are, and also where nothing would change: nobody is to go on with too many unawares.
    let metadata = ClientMetadata { permissions, ..machine(app, app.engine.new_client_id()?) };
    metadata.validate_accounts(profile).map_err(Stop::Invalid)?;
    if !person.may_give(&metadata.permissions) {
        return Err(denied().into());
    }
    Ok((asked, Some(metadata.permissions)))
}

fn of_json(bytes: &[u8]) -> Result<Asked, Told> {
    serde_json::from_slice(bytes)
        .map_err(|e| bad(&format!("the body cannot be read at line {}: {}", e.line(), kind(&e))))
}

fn of_form(app: &Shared, bytes: &[u8]) -> Result<Asked, Stop> {
    let form = Parameters::read(bytes, &app.engine.profile().limits);
    let form = form.faultless().map_err(crate::api::ApiStop::from)?;
    let text = |name| form.get(name).map(ToOwned::to_owned);
    let permissions = form.get("maximum_scope").map(serde_json::from_str).transpose();
    let permissions = permissions.map_err(|e| bad(&format!("maximum_scope cannot be read: {}", kind(&e))))?;
    Ok(Asked {
        r#type: text("type"),
        maximum_scope: permissions,
        name: text("name"),
        description: text("description"),
    })
}

/// What is wrong with JSON, without quoting it.
fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "a member is missing, twice, or not what it must be",
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => "it is not JSON",
    }
}

/// `origin_account_ids=a,b`, if it is there.
fn named_accounts(query: Option<&str>) -> Result<Option<BTreeSet<AccountId>>, Told> {
    let query = query.unwrap_or_default();
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "origin_account_ids");
    let Some((_, first)) = found.next() else { return Ok(None) };
    let all = std::iter::once(first).chain(found.map(|(_, value)| value)).collect::<Vec<_>>().join(",");
    let ids = all.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids = ids.map(AccountId::parse).collect::<Result<_, _>>();
    ids.map(Some).map_err(|_| bad("origin_account_ids must be account ids, parted by commas"))
}

async fn find(app: &Shared, person: &Person, id: Named) -> Result<Registered, Stop> {
    let Some(id) = id.ok().and_then(|id| ClientId::parse(&id.0).ok()) else { return Err(none().into()) };
    let found = app.engine.registered(&id).await?;
    // What he may not see is not there.
    Ok(found.filter(|client| person.sees(&client.metadata)).ok_or_else(none)?)
}

async fn shown<'a>(
    app: &Shared,
    client: &'a Registered,
    secret: Option<&'a Secret>,
) -> Result<Shown<'a>, Stop> {
    let metadata = &client.metadata;
    let owner = match &metadata.owner {
        Some(subject) => app.users()?.user(subject).await?,
        None => None,
    };
    let at = client.registered_at.to_string();
    let issued_at = at.split_once('.').map_or(at.clone(), |(seconds, _)| format!("{seconds}Z"));
    let number_or_text = |subject: &'a SubjectId| match subject.as_str().parse() {
        Ok(number) => NumberOrText::Number(number),
        Err(_) => NumberOrText::Text(subject.as_str()),
    };
    Ok(Shown {
        redirect_url: (),
        maximum_scope: ToldPermissions(&metadata.permissions),
        name_html: metadata.client_name.as_deref().map(as_html),
        issued_to: owner.and_then(|owner| owner.profile.email),
        trusted: (),
        expires_at: (),
        issued_at,
        name: metadata.client_name.as_deref(),
        description_html: metadata.description.as_deref().map(as_html),
        revoked: (),
        r#type: TYPE,
        client_secret: secret.map(Secret::expose),
        description: metadata.description.as_deref(),
        client_id: &metadata.client_id,
        issued_user: metadata.owner.as_ref().map(number_or_text),
    })
}

/// Text that means the same in HTML.
fn as_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

fn denied() -> Told {
    let why =
        "The request does not carry authentication credentials sufficient to authorize the requested access.";
    Told::new(StatusCode::UNAUTHORIZED, "access_denied", why)
}

fn bad(why: &str) -> Told {
    Told::new(StatusCode::BAD_REQUEST, "BAD_VALUE", why)
}

fn none() -> Told {
    Told::new(
        StatusCode::NOT_FOUND,
        "RESOURCE_NOT_FOUND",
        "there is no such credential, or none that you may see",
    )
}

fn invalid(why: &InvalidClient) -> Told {
    let field = match why.field {
        "permissions" => "maximum_scope",
        "client_name" => "name",
        other => other,
    };
    Told::new(StatusCode::CONFLICT, "VALIDATION_ERROR", format!("{field}: {}", why.why))
}
