//! Signing keys. Each verb ends with the keys as they are then.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::Lifetime;
use grantor_engine::{Algorithm, Engine};
use serde::Deserialize;
use serde_json::Value;

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{GivenOrNot, Named, typed};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::reply::Reply;

pub(crate) async fn list(State(rooms): State<Arc<Rooms>>) -> Result<Reply, Problem> {
    all(&rooms).await
}

async fn all(rooms: &Rooms) -> Result<Reply, Problem> {
    // There are a few, which are one record.
    Reply::page(rooms.engine.keys().await?, None::<&str>)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    algorithm: Option<String>,
    ahead: Option<Lifetime>,
}

pub(crate) async fn rotate(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    GivenOrNot(given): GivenOrNot,
) -> Result<Reply, Problem> {
    let Rotation { algorithm, ahead } = typed(Value::Object(given))?;
    let read = |name: String| {
        let read = name.parse::<Algorithm>();
        read.map_err(|e| Problem::invalid("algorithm", e.to_string()))
    };
    let algorithm = algorithm.map(read).transpose()?;
    rooms.note(&by, "key.rotate", On::All).await?;
    rooms.engine.rotate_keys(algorithm, ahead.unwrap_or(Engine::KEY_AHEAD)).await?;
    all(&rooms).await
}

pub(crate) async fn retire(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(kid): Named<String>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "key.retire", On::Other(&kid)).await?;
    rooms.engine.retire_key(&kid).await?;
    all(&rooms).await
}
