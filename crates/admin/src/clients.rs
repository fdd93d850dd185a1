//! Clients: their registrations and secrets.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use grantor_core::client::{ClientMetadata, SecretSummary};
use grantor_core::record::{Kind, RecordKey};
use grantor_core::{ClientId, ClientName, Lifetime, Picture, PictureFormat, SubjectId, Time};
use grantor_engine::{Engine, EngineError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{self, Asked, Given, GivenOrNot, IfMatch, Named, take_secret, take_text, typed};
use crate::caller::Caller;
use crate::list::fill;
use crate::merge::{Change, made_of};
use crate::problem::Problem;
use crate::reply::{Reply, tag};

/// A registration, and its secret the one time it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    metadata: &'a ClientMetadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}

/// Which clients.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Of {
    after: Option<String>,
    limit: Option<usize>,
    prefix: Option<String>,
    name: Option<String>,
    owner: Option<SubjectId>,
}

/// All that is asked by holds of whatever is found, and the list is read by what leaves the fewest.
pub(crate) async fn list(State(rooms): State<Arc<Rooms>>, Asked(of): Asked<Of>) -> Result<Reply, Problem> {
    let (engine, after, limit) = (&rooms.engine, of.after.as_deref(), ask::limit(of.limit)?);
    let fits = |client: &ClientMetadata| {
        of.prefix.as_deref().is_none_or(|prefix| client.client_id.as_str().starts_with(prefix))
            && of.name.as_deref().is_none_or(|typed| ClientName::means(client, typed))
    };
    match (&of.owner, &of.name) {
        (Some(owner), _) => {
            let (found, next) = fill(ask::after(after)?, limit, async |after: Option<ClientId>, limit| {
                let page = engine.clients_of(owner, after.as_ref(), limit).await?;
                Ok((page.clients.into_iter().filter(fits).collect(), page.next))
            })
            .await?;
            Reply::page(found, next)
        }
        (None, Some(name)) => {
            if after.is_some_and(|after| RecordKey::from_stored(Kind::ClientName, after).is_none()) {
                return Err(ask::no_next());
            }
            let (found, next) = fill(of.after.clone(), limit, async |after: Option<String>, limit| {
                let page = engine.clients_named(name, after.as_deref(), limit).await?;
                Ok((page.clients.into_iter().filter(fits).collect(), page.next))
            })
            .await?;
            Reply::page(found, next)
        }
        (None, None) => {
            let page = engine.clients(of.prefix.as_deref(), ask::after(after)?.as_ref(), limit).await?;
            Reply::page(page.clients, page.next)
        }
    }
}

pub(crate) async fn create(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let mut given = made_of(given);
    let secret = take_secret(&mut given, "client_secret")?;
    let profile = match given.get("profile") {
        Some(Value::String(name)) => name.clone(),
        Some(_) => return Err(Problem::invalid("profile", "expected a text")),
        None => rooms.engine.profile().name.clone(),
    };
    let engine = rooms.of_profile(&profile)?;
    given.insert("profile".to_owned(), profile.into());
    if !given.contains_key("client_id") {
        given.insert("client_id".to_owned(), engine.new_client_id()?.as_str().into());
    }
    if given.contains_key("audience") && !given.contains_key("grant_types") {
        // A resource server asks about tokens and gets none, unless it says so.
        given.insert("grant_types".to_owned(), json!([]));
    }
    let metadata: ClientMetadata = typed(Value::Object(given))?;
    rooms.note(&by, "client.create", On::Client(&metadata.client_id)).await?;
    let minted = match engine.register_client(metadata.clone(), secret).await {
        Err(EngineError::InvalidClient(invalid)) if invalid.field == "client_id" => {
            return Err(Problem::conflict(invalid.field, invalid.why));
        }
        registered @ (Ok(_) | Err(_)) => registered?,
    };
    let client_secret = minted.as_ref().map(|secret| secret.expose());
    let reply = Reply::of(&Shown { metadata: &metadata, client_secret })?;
    Ok(reply.made().tagged(&tag(&metadata)))
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    let metadata = find(&rooms, &id).await?;
    Ok(Reply::of(&metadata)?.tagged(&tag(&metadata)))
}

pub(crate) async fn update(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
    expected: IfMatch,
    Given(changes): Given,
) -> Result<Reply, Problem> {
    if changes.contains_key("client_secret") {
        let why = "a new one is made by rotate-secret, and none is set";
        return Err(Problem::invalid("client_secret", why));
    }
    let known = find(&rooms, &id).await?;
    rooms.note(&by, "client.update", On::Client(&id)).await?;
    let change = Change::new(&expected, &changes);
    let made = |metadata: &mut ClientMetadata| {
        change.make(metadata);
    };
    let changed = rooms.of_profile(&known.profile)?.update_client(&id, made).await?;
    change.made()?;
    let metadata = changed.ok_or_else(|| none(&id))?;
    Ok(Reply::of(&metadata)?.tagged(&tag(&metadata)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    #[serde(default)]
    overlap: Option<Lifetime>,
}

pub(crate) async fn rotate_secret(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
    GivenOrNot(given): GivenOrNot,
) -> Result<Reply, Problem> {
    let Rotation { overlap } = typed(Value::Object(given))?;
    let client = find(&rooms, &id).await?;
    let engine = rooms.of_profile(&client.profile)?;
    rooms.note(&by, "client.rotate_secret", On::Client(&id)).await?;
    let secret = engine.rotate_client_secret(&id, overlap.unwrap_or(Lifetime::ZERO)).await?;
    let secret = secret.ok_or_else(|| none(&id))?;
    Reply::of(&json!({"client_id": id, "client_secret": secret.expose()}))
}

pub(crate) async fn end(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "client.delete", On::Client(&id)).await?;
    if !rooms.engine.delete_client(&id).await? {
        return Err(none(&id));
    }
    Reply::of(&json!({"client_id": id, "deleted": true}))
}

/// What is known of a client beside its registration.
#[derive(Serialize)]
struct Details {
    client_id: ClientId,
    registered_at: Time,
    secrets: Vec<Secret>,
    has_logo: bool,
}

#[derive(Serialize)]
struct Secret {
    created_at: Time,
    expires_at: Option<Time>,
}

pub(crate) async fn details(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    let client = find(&rooms, &id).await?;
    let found = rooms.of_profile(&client.profile)?.registered(&id).await?.ok_or_else(|| none(&id))?;
    let secret = |s: &SecretSummary| Secret { created_at: s.created_at, expires_at: s.expires_at };
    let secrets = found.secrets.iter().map(secret).collect();
    let (registered_at, has_logo) = (found.registered_at, found.logo.is_some());
    Reply::of(&Details { client_id: id, registered_at, secrets, has_logo })
}

/// A client's picture. It is not large, so it is a text in a document like any other.
#[derive(Serialize)]
struct Logo<'a> {
    client_id: &'a ClientId,
    #[serde(rename = "type")]
    format: PictureFormat,
    width: u32,
    height: u32,
    picture: String,
}

pub(crate) async fn logo(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    let client = find(&rooms, &id).await?;
    let picture = rooms.of_profile(&client.profile)?.logo(&id).await?;
    let picture = picture.ok_or_else(|| Problem::not_found(format!("the client {id} has no picture")))?;
    let (format, width, height) = (picture.format(), picture.width(), picture.height());
    Reply::of(&Logo { client_id: &id, format, width, height, picture: BASE64.encode(picture.bytes()) })
}

pub(crate) async fn set_logo(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
    Given(mut given): Given,
) -> Result<Reply, Problem> {
    let encoded: String = take_text(&mut given, "picture")?;
    if let Some(other) = given.keys().next() {
        return Err(Problem::invalid(other.as_str(), "unknown field"));
    }
    let invalid = |why: String| Problem::invalid("picture", why);
    let bytes = BASE64.decode(encoded).map_err(|e| invalid(format!("expected base64: {e}")))?;
    let client = find(&rooms, &id).await?;
    let engine = rooms.of_profile(&client.profile)?;
    let picture = Picture::parse(bytes, &engine.profile().limits).map_err(|e| invalid(e.to_string()))?;
    rooms.note(&by, "client.set_logo", On::Client(&id)).await?;
    show_logo(engine, id, Some(picture)).await
}

pub(crate) async fn end_logo(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<ClientId>,
) -> Result<Reply, Problem> {
    let client = find(&rooms, &id).await?;
    let engine = rooms.of_profile(&client.profile)?;
    rooms.note(&by, "client.delete_logo", On::Client(&id)).await?;
    show_logo(engine, id, None).await
}

async fn show_logo(engine: &Engine, id: ClientId, picture: Option<Picture>) -> Result<Reply, Problem> {
    let has_logo = picture.is_some();
    if !engine.set_logo(&id, picture).await? {
        return Err(none(&id));
    }
    Reply::of(&json!({"client_id": id, "has_logo": has_logo}))
}

pub(crate) async fn find(rooms: &Rooms, id: &ClientId) -> Result<ClientMetadata, Problem> {
    rooms.engine.client(id).await?.ok_or_else(|| none(id))
}

fn none(id: &ClientId) -> Problem {
    Problem::not_found(format!("there is no client {id}"))
}
