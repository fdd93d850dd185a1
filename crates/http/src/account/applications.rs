//! What a person authorized, by application: the grants it has, and what he approved and will not be asked for again.

use std::collections::BTreeMap;

use grantor_core::grant::Grant;
use grantor_core::request::Approver;
use grantor_core::{AccountId, ClientId, GrantId, Scope, Time};
use grantor_engine::GrantsOf;
use grantor_pages::{Authorized, AuthorizedFor, Wording};

use crate::authorize;
use crate::pages::{self, Stop};
use crate::web::Shared;

/// How many applications are shown on one page: as many that are remembered, and as many again, or a few more, that have
/// grants. With some words for each, no page is heavy.
const SHOWN: usize = 20;
/// How many grants are read for one page. An application has one for each time it was let in, and what is over is listed
/// until it is purged.
const READ: usize = 500;

/// All that one application was authorized for.
#[derive(Default)]
struct Found {
    grant: Option<GrantId>,
    scopes: BTreeMap<Option<AccountId>, Scope>,
    since: Option<Time>,
    last_used: Option<Time>,
}

impl Found {
    fn add(&mut self, account: Option<AccountId>, scope: &Scope, since: Time) {
        let known = self.scopes.entry(account).or_default();
        *known = known.union(scope);
        self.since = Some(self.since.map_or(since, |known| known.min(since)));
    }

    fn add_grant(&mut self, grant: &Grant) {
        let facts = grant.facts();
        self.add(facts.account.clone(), &facts.scope, facts.created_at);
        self.grant = Some(facts.id);
        self.last_used = self.last_used.max(Some(grant.last_used_at()));
    }
}

/// Some of what a person authorized, in his language, and where to go on. Grants come in no order that means anything, so who has very many
/// applications can find one on two pages.
pub(super) async fn page(
    app: &Shared,
    approver: &Approver,
    language: &str,
    mut after: Option<GrantId>,
) -> Result<(Vec<Authorized>, Option<GrantId>), Stop> {
    let (mut found, mut read) = (BTreeMap::<ClientId, Found>::new(), 0);
    if after.is_none() {
        for approval in app.engine.approvals(&approver.subject, None, SHOWN).await?.approvals {
            found.entry(approval.client).or_default().add(approval.account, &approval.scope, approval.at);
        }
    }
    let remembered = found.len();
    loop {
        let page = app.engine.grants(GrantsOf::Subject(&approver.subject), after, SHOWN).await?;
        for grant in page.grants.iter().filter(|grant| is_live(grant, app.engine.now())) {
            found.entry(grant.facts().client.clone()).or_default().add_grant(grant);
        }
        (read, after) = (read + SHOWN, page.next);
        if after.is_none() || found.len() >= SHOWN + remembered || read >= READ {
            break;
        }
    }
    let mut shown = Vec::with_capacity(found.len());
    for (client, found) in found {
        shown.push(authorized(app, approver, language, client, found).await?);
    }
    Ok((shown, after))
}

/// Whether the application can still do something with it.
fn is_live(grant: &Grant, now: Time) -> bool {
    grant.is_active() && grant.keep_until().is_none_or(|end| now < end)
}

async fn authorized(
    app: &Shared,
    approver: &Approver,
    language: &str,
    id: ClientId,
    found: Found,
) -> Result<Authorized, Stop> {
    // He may belong to it no more, and still see what he once gave away for it.
    let name = |id: &AccountId| {
        let known = approver.account(id).map(authorize::display_name);
        known.unwrap_or(id.as_str()).to_owned()
    };
    let catalogue = &app.engine.profile().scopes;
    let in_words = |scope: &Scope| {
        let words = scope.tokens().map(|token| pages::wording(catalogue.describe(token, language)));
        words.map(Wording::into_owned).collect()
    };
    let parts = found.scopes.iter().map(|(account, scope)| AuthorizedFor {
        account: account.as_ref().map(name),
        scopes: in_words(scope),
    });
    let client = app.engine.client(&id).await?;
    Ok(Authorized {
        client: client.map_or_else(|| id.to_string(), |client| client.display_name().to_owned()),
        client_id: id.to_string(),
        grant: found.grant.map(|grant| grant.to_string()),
        parts: parts.collect(),
        since: found.since.map(day).unwrap_or_default(),
        last_used: found.last_used.map(day),
    })
}

fn day(time: Time) -> String {
    time.to_string().chars().take("2026-01-31".len()).collect()
}
