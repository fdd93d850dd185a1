//! What happened: the audit trail, the usage of clients, and the figures of this process.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use grantor_core::{ClientId, SubjectId, Time};
use grantor_ledger::{Actor, EntryKind, Filter, Kept, Ledger};
use serde::{Deserialize, Serialize};

use crate::api::Rooms;
use crate::ask::{self, Asked, Named};
use crate::clients;
use crate::problem::Problem;
use crate::reply::Reply;

/// Which entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Of {
    after: Option<String>,
    limit: Option<usize>,
    kind: Option<EntryKind>,
    client: Option<ClientId>,
    subject: Option<SubjectId>,
    by: Option<Actor>,
    since: Option<i64>,
    until: Option<i64>,
}

#[derive(Serialize)]
struct Trail {
    items: Vec<Kept>,
    next: Option<String>,
    unreadable: usize,
}

pub(crate) async fn trail(State(rooms): State<Arc<Rooms>>, Asked(of): Asked<Of>) -> Result<Reply, Problem> {
    let Of { after, limit, kind, client, subject, by, since, until } = of;
    let (after, limit) = (ask::after(after.as_deref())?, ask::limit(limit)?);
    let [since, until] = [since, until].map(|at| at.map(Time::from_unix_millis));
    let filter = Filter { kind, client, subject, by, since, until };
    let ledger = rooms.kept()?;
    if after.is_none() {
        // Whoever looks after something was done here finds it. What takes longer is read the next time.
        let _ = tokio::time::timeout(LONGEST_FLUSH, ledger.flush()).await;
    }
    let page = ledger.trail(&filter, after, limit).await?;
    let next = page.next.map(|id| id.to_string());
    Reply::of(&Trail { items: page.entries, next, unreadable: page.unreadable })
}

/// How long the newest page waits for what is about to be written.
const LONGEST_FLUSH: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    days: Option<u32>,
}

/// Of so many days, where nobody says how many.
const DAYS: u32 = 30;
/// The most that are told of.
const MOST_DAYS: u32 = 62;

pub(crate) async fn usage(
    State(rooms): State<Arc<Rooms>>,
    Named(id): Named<ClientId>,
    Asked(of): Asked<Days>,
) -> Result<Reply, Problem> {
    let days = of.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::invalid("days", format!("there are 1 to {MOST_DAYS} days to tell of")));
    }
    clients::find(&rooms, &id).await?;
    Reply::page(rooms.kept()?.usage(&id, days).await?, None::<&str>)
}

pub(crate) async fn figures(State(rooms): State<Arc<Rooms>>) -> Result<Reply, Problem> {
    let figures = rooms.figures.as_ref().ok_or_else(|| Problem::not_found("no figures are kept here"))?;
    Reply::of(&figures.series())
}

impl Rooms {
    fn kept(&self) -> Result<&Ledger, Problem> {
        self.ledger.as_ref().ok_or_else(|| Problem::not_found("no audit trail and no usage is kept here"))
    }
}
