//! Accounts that users act for.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::AccountId;
use grantor_directory::AccountProfile;
use serde_json::{Value, json};

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{Asked, Given, IfMatch, Named, Part, take_text, typed};
use crate::caller::Caller;
use crate::merge::{Change, made_of};
use crate::problem::Problem;
use crate::reply::{Reply, tag};

pub(crate) async fn list(
    State(rooms): State<Arc<Rooms>>,
    Asked(part): Asked<Part>,
) -> Result<Reply, Problem> {
    let page =
        rooms.directory.accounts(part.prefix.as_deref(), part.after()?.as_ref(), part.limit()?).await?;
    Reply::page(page.accounts, page.next)
}

pub(crate) async fn create(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let mut given = made_of(given);
    let id: AccountId = take_text(&mut given, "id")?;
    let profile: AccountProfile = typed(Value::Object(given))?;
    rooms.note(&by, "account.create", On::Account(&id)).await?;
    let account = rooms.directory.create_account(&id, &profile, rooms.engine.now()).await??;
    Ok(Reply::of(&account)?.made().tagged(&tag(&account.profile())))
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<AccountId>,
) -> Result<Reply, Problem> {
    let found = rooms.directory.account(&id).await?;
    let account = found.ok_or_else(|| Problem::not_found(format!("there is no account {id}")))?;
    Ok(Reply::of(&account)?.tagged(&tag(&account.profile())))
}

pub(crate) async fn update(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<AccountId>,
    expected: IfMatch,
    Given(changes): Given,
) -> Result<Reply, Problem> {
    rooms.note(&by, "account.update", On::Account(&id)).await?;
    let change = Change::new(&expected, &changes);
    let changed = rooms
        .directory
        .update_account(&id, |profile| {
            change.make(profile);
        })
        .await?;
    change.made()?;
    let account = changed?;
    Ok(Reply::of(&account)?.tagged(&tag(&account.profile())))
}

pub(crate) async fn end(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<AccountId>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "account.delete", On::Account(&id)).await?;
    rooms.directory.delete_account(&id, rooms.engine.now()).await??;
    Reply::of(&json!({"id": id, "deleted": true}))
}
