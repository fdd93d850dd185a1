//! The sessions of users in their browsers.

use std::sync::Arc;

use axum::extract::State;
use grantor_directory::{SessionId, UserName};
use serde::Serialize;
use serde_json::json;

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{Named, NamedTwo};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::users::none;

#[derive(Serialize)]
struct Shown<T> {
    items: Vec<T>,
    next: Option<String>,
    more: bool,
}

pub(crate) async fn list(
    State(rooms): State<Arc<Rooms>>,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    rooms.directory.user(name.subject()).await?.ok_or_else(|| none(&name))?;
    let found = rooms.directory.sessions(name.subject(), rooms.engine.now()).await?;
    Reply::of(&Shown { items: found.sessions, next: None, more: found.more })
}

pub(crate) async fn end_all(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(name): Named<UserName>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "user.end_sessions", On::User(name.subject())).await?;
    rooms.directory.end_all_sessions(name.subject()).await??;
    Reply::of(&json!({"username": name, "sessions_ended": true}))
}

pub(crate) async fn end(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    NamedTwo(name, id): NamedTwo<UserName, SessionId>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "user.end_session", On::User(name.subject())).await?;
    if !rooms.directory.end_session_of(name.subject(), id).await? {
        return Err(Problem::not_found(format!("{name} has no session {id}")));
    }
    Reply::of(&json!({"id": id, "deleted": true}))
}
