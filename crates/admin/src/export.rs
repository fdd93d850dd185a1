//! Everything of a deployment that an import takes, in its shape and without its secrets.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::client::ClientMetadata;
use grantor_core::{AccountId, ClientId, SubjectId};
use serde_json::{Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::api_keys::{Shown, is_api_key};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::reply::Reply;

/// How many are read at a time.
const PART: usize = 200;

pub(crate) async fn export(State(rooms): State<Arc<Rooms>>, by: Caller) -> Result<Reply, Problem> {
    rooms.note_look(&by, "export", On::All);
    let (keys, clients): (Vec<_>, Vec<_>) = clients(&rooms).await?.into_iter().partition(is_api_key);
    let keys: Vec<_> = keys.into_iter().map(Shown::of).collect();
    let (servers, clients): (Vec<_>, Vec<_>) = clients.into_iter().partition(is_plain_resource_server);
    let servers: Vec<Value> = servers
        .iter()
        .map(|server| {
            json!({"client_id": server.client_id, "audience": server.audience, "profile": server.profile})
        })
        .collect();
    let whole = json!({
        "clients": clients, "users": users(&rooms).await?, "accounts": accounts(&rooms).await?, "api_keys": keys,
        "resource_servers": servers,
    });
    Reply::of(&whole)
}

async fn clients(rooms: &Rooms) -> Result<Vec<ClientMetadata>, Problem> {
    let (mut all, mut after) = (Vec::new(), None::<ClientId>);
    loop {
        let page = rooms.engine.clients(None, after.as_ref(), PART).await?;
        all.extend(page.clients);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn users(rooms: &Rooms) -> Result<Vec<Value>, Problem> {
    let (mut all, mut after) = (Vec::new(), None::<SubjectId>);
    loop {
        let page = rooms.directory.users(None, after.as_ref(), PART).await?;
        all.extend(page.users.iter().map(|user| {
            let of = &user.profile;
            json!({
                "username": user.subject, "email": of.email, "name": of.name, "avatar": of.avatar,
                "admin": of.admin, "accounts": of.accounts,
            })
        }));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn accounts(rooms: &Rooms) -> Result<Vec<Value>, Problem> {
    let (mut all, mut after) = (Vec::new(), None::<AccountId>);
    loop {
        let page = rooms.directory.accounts(None, after.as_ref(), PART).await?;
        all.extend(page.accounts.iter().map(|account| {
            json!({
                "id": account.id, "name": account.name, "url": account.url,
                "oauth_enabled": account.oauth_enabled,
            })
        }));
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Whether the section `resource_servers` can say all there is of it.
fn is_plain_resource_server(client: &ClientMetadata) -> bool {
    let Some(audience) = &client.audience else { return false };
    let plain = ClientMetadata {
        audience: Some(audience.clone()),
        profile: client.profile.clone(),
        grant_types: Default::default(),
        ..ClientMetadata::new(client.client_id.clone())
    };
    *client == plain
}
