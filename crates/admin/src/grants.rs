//! Grants: who allowed which client what.

use std::sync::Arc;

use axum::extract::State;
use grantor_core::grant::{Grant, GrantFacts, RevocationCause, State as GrantState};
use grantor_core::{ClientId, GrantId};
use grantor_directory::UserName;
use grantor_engine::GrantsOf;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::acts::On;
use crate::api::Rooms;
use crate::ask::{self, Asked, Named};
use crate::caller::Caller;
use crate::list::fill;
use crate::problem::Problem;
use crate::reply::Reply;

/// A grant as an operator sees it: nothing in it opens anything.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    facts: &'a GrantFacts,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<RevocationCause>,
}

impl<'a> Shown<'a> {
    fn of(grant: &'a Grant) -> Self {
        let (state, cause) = match grant.state() {
            GrantState::CodeIssued(_) => ("code_issued", None),
            GrantState::Active(_) => ("active", None),
            GrantState::Revoked(revoked) => ("revoked", Some(revoked.cause)),
        };
        Self { facts: grant.facts(), state, cause }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Of {
    after: Option<String>,
    limit: Option<usize>,
    user: Option<UserName>,
    client: Option<ClientId>,
}

pub(crate) async fn list(State(rooms): State<Arc<Rooms>>, Asked(of): Asked<Of>) -> Result<Reply, Problem> {
    let whose = match (&of.user, &of.client) {
        (Some(user), _) => GrantsOf::Subject(user.subject()),
        (None, Some(client)) => GrantsOf::Client(client),
        (None, None) => GrantsOf::All,
    };
    // Of one person's few, those of one client.
    let fits = |grant: &Grant| of.client.as_ref().is_none_or(|client| grant.facts().client == *client);
    let (after, limit) = (ask::after(of.after.as_deref())?, ask::limit(of.limit)?);
    let (found, next) = fill(after, limit, async |after, limit| {
        let page = rooms.engine.grants(whose, after, limit).await?;
        Ok((page.grants.into_iter().filter(fits).collect(), page.next))
    })
    .await?;
    Reply::page(found.iter().map(Shown::of).collect(), next)
}

pub(crate) async fn show(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<GrantId>,
) -> Result<Reply, Problem> {
    Reply::of(&Shown::of(&rooms.engine.grant(id).await?.ok_or_else(|| none(id))?))
}

pub(crate) async fn revoke(
    State(rooms): State<Arc<Rooms>>,
    by: Caller,
    Named(id): Named<GrantId>,
) -> Result<Reply, Problem> {
    if rooms.engine.grant(id).await?.is_none() {
        return Err(none(id));
    }
    rooms.note(&by, "grant.revoke", On::Grant(id)).await?;
    let ended = rooms.engine.revoke_grant(id, RevocationCause::ByOperator).await?;
    Reply::of(&json!({"id": id, "revoked": ended}))
}

fn none(id: GrantId) -> Problem {
    Problem::not_found(format!("there is no grant {id}"))
}
