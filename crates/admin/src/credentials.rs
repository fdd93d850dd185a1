//! What guards the registration resources of profiles, and this API: session tokens of users, and registration keys.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::Lifetime;
use grantor_directory::{CredentialId, RegistrationKey, SessionToken, UserName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::PROFILE;
use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{self, Asked, Given, Named, typed};
use crate::caller::Caller;
use crate::list::fill;
use crate::problem::Problem;
use crate::reply::Reply;

/// A token's record, and the token, which is shown this one time.
#[derive(Serialize)]
struct MadeToken<'a> {
    #[serde(flatten)]
    made: &'a SessionToken,
    token: &'a str,
}

/// A key's record, and the key, which is shown this one time.
#[derive(Serialize)]
struct MadeKey<'a> {
    #[serde(flatten)]
    made: &'a RegistrationKey,
    key: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfTokens {
    after: Option<String>,
    limit: Option<usize>,
    user: Option<UserName>,
    profile: Option<String>,
}

pub(crate) async fn tokens(
    State(rooms): State<Arc<Rooms>>,
    Asked(of): Asked<OfTokens>,
) -> Result<Reply, Problem> {
    let (user, now) = (of.user.as_ref().map(UserName::subject), rooms.engine.now());
    let fits = |token: &SessionToken| of.profile.as_ref().is_none_or(|profile| token.profile == *profile);
    let (after, limit) = (ask::after(of.after.as_deref())?, ask::limit(of.limit)?);
    let (found, next) = fill(after, limit, async |after, limit| {
        let page = rooms.directory.session_tokens(user, after, limit, now).await?;
        Ok((page.tokens.into_iter().filter(fits).collect(), page.next))
    })
    .await?;
    Reply::page(found, next)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    profile: String,
    user: UserName,
    expires_in: Option<Lifetime>,
}

pub(crate) async fn create_token(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let NewToken { profile, user, expires_in } = typed(Value::Object(given))?;
    rooms.check_token_profile(&profile)?;
    rooms.note(&by, "session_token.create", On::User(user.subject())).await?;
    let now = rooms.engine.now();
    let made = rooms.directory.create_session_token(&profile, user.subject(), now, expires_in).await?;
    let (made, token) = made?;
    Ok(Reply::of(&MadeToken { made: &made, token: token.expose() })?.made())
}

pub(crate) async fn end_token(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<CredentialId>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "session_token.delete", On::Other(&id)).await?;
    if !rooms.directory.end_session_token(id, rooms.engine.now()).await? {
        return Err(Problem::not_found(format!("there is no session token {id}")));
    }
    Reply::of(&json!({"id": id, "deleted": true}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfKeys {
    after: Option<String>,
    limit: Option<usize>,
    profile: Option<String>,
}

pub(crate) async fn keys(
    State(rooms): State<Arc<Rooms>>,
    Asked(of): Asked<OfKeys>,
) -> Result<Reply, Problem> {
    let now = rooms.engine.now();
    let fits = |key: &RegistrationKey| of.profile.as_ref().is_none_or(|profile| key.profile == *profile);
    let (after, limit) = (ask::after(of.after.as_deref())?, ask::limit(of.limit)?);
    let (found, next) = fill(after, limit, async |after, limit| {
        let page = rooms.directory.registration_keys(after, limit, now).await?;
        Ok((page.keys.into_iter().filter(fits).collect(), page.next))
    })
    .await?;
    Reply::page(found, next)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    profile: String,
}

pub(crate) async fn create_key(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Given(given): Given,
) -> Result<Reply, Problem> {
    let NewKey { profile } = typed(Value::Object(given))?;
    rooms.of_profile(&profile)?;
    rooms.note(&by, "registration_key.create", On::Other(&profile)).await?;
    let (made, key) = rooms.directory.create_registration_key(&profile, rooms.engine.now()).await??;
    Ok(Reply::of(&MadeKey { made: &made, key: key.expose() })?.made())
}

pub(crate) async fn end_key(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<CredentialId>,
) -> Result<Reply, Problem> {
    rooms.note(&by, "registration_key.delete", On::Other(&id)).await?;
    if !rooms.directory.end_registration_key(id, rooms.engine.now()).await? {
        return Err(Problem::not_found(format!("there is no registration key {id}")));
    }
    Reply::of(&json!({"id": id, "deleted": true}))
}

impl Rooms {
    /// Refuses a profile that no session token could be of any use at.
    pub(crate) fn check_token_profile(&self, profile: &str) -> Result<(), Problem> {
        if profile == PROFILE { Ok(()) } else { self.of_profile(profile).map(drop) }
    }
}
