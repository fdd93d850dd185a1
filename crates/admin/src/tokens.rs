//! Single tokens. They travel in bodies and in no URL, which logs keep.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::credential::AnyToken;
use grantor_core::flow::Introspection;
use grantor_core::{ClientId, Secret, wire};
use serde_json::{Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{Given, take_secret};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::reply::Reply;

pub(crate) async fn introspect(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let token = token(given)?;
    let mut body = wire::introspection_body(&Introspection::Inactive, "");
    for engine in &rooms.engines {
        let found = engine.look_up(&token).await?;
        if found != Introspection::Inactive {
            body = wire::introspection_body(&found, engine.profile().issuer.as_str());
            break;
        }
    }
    let told: Value = serde_json::from_slice(&body).map_err(|e| Problem::unavailable(e.to_string()))?;
    // Of a token of no use, nobody can say whose it is.
    let client: Option<ClientId> =
        told.get("client_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    rooms.note_look(&by, "token.introspect", client.as_ref().map_or(On::All, On::Client));
    Reply::of(&told)
}

pub(crate) async fn revoke(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let token = token(given)?;
    let read: Vec<_> =
        rooms.engines.iter().map(|e| AnyToken::parse(&e.profile().formats, token.expose())).collect();
    let Some(known) = read.iter().find(|read| read.grant().is_some() || read.jwt.is_some()) else {
        return Err(Problem::invalid("token", "this is no token of this server: it was cut or mistyped"));
    };
    rooms.note(&by, "token.revoke", known.grant().map_or(On::All, On::Grant)).await?;
    for (engine, read) in rooms.engines.iter().zip(&read) {
        if engine.revoke_as_operator(&token).await? {
            // A refresh token takes its grant with it; that it descends from that grant is proven by its being revoked.
            let ended = read.refresh.as_ref().filter(|_| read.access.is_none()).map(|token| token.grant());
            return Reply::of(&json!({"revoked": true, "grant": ended}));
        }
    }
    Reply::of(&json!({"revoked": false, "grant": null}))
}

fn token(mut given: serde_json::Map<String, Value>) -> Result<Secret, Problem> {
    let token = take_secret(&mut given, "token")?.ok_or_else(|| Problem::invalid("token", "missing"))?;
    match given.keys().next() {
        Some(unknown) => Err(Problem::invalid(unknown.as_str(), "unknown field; there is token")),
        None => Ok(token),
    }
}
