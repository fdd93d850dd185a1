//! The account page: who I am, and the applications I authorized.

pub(crate) mod password;
pub(crate) mod sessions;

mod agent;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::grant::{Grant, RevocationCause};
use grantor_core::request::Approver;
use grantor_core::wire::Parameters;
use grantor_core::{AccountId, GrantId, Time};
use grantor_engine::GrantsOf;
use grantor_pages::{Account, ActsFor, Authorized, Page, Place};

use crate::pages::{self, Forms, Stop};
use crate::web::{App, Shared};
use crate::{authorize, browser, respond};

/// What the revocation form's token is for.
const REVOKE: &str = "account";
/// How many applications are shown on one page: with some words for each, no page is heavy.
const SHOWN: usize = 30;
/// How many grants are read for one page. Most of somebody's may be over, and still be listed until they are purged.
const READ: usize = 500;

/// Shows the page.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for(&app.path("/account")));
    };
    let query = request.uri().query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes(), &app.engine.profile().limits);
    // A place that cannot be one is the beginning.
    let after = parameters.get("after").and_then(|after| after.parse().ok());
    let user = &visitor.session.user;
    let approver = browser::approver(&app, &visitor).await?;
    let (applications, next) = applications(&app, &approver, after).await?;
    let accounts: Vec<_> = approver
        .accounts
        .iter()
        .map(|account| ActsFor {
            name: authorize::display_name(account).to_owned(),
            role: account.role.clone(),
        })
        .collect();
    let change_password = password::path_for(&app, &user.subject).await?;
    let more = next.map(|next| format!("{}?after={next}", app.path("/account")));
    let view = Account {
        revoke: &app.path("/account/revoke"),
        csrf: &visitor.token(&app, REVOKE),
        user: visitor.name(),
        initials: &initials(visitor.name()),
        username: user.subject.as_str(),
        email: user.profile.email.as_deref(),
        password: change_password.as_deref(),
        accounts: &accounts,
        applications: &applications,
        more: more.as_deref(),
    };
    let frame = pages::own_frame(&app, request.headers(), query, &visitor, Some(Place::Account));
    Ok(pages::page(&app, StatusCode::OK, &Page::Account(&view), &frame, Forms::Here))
}

/// The first letters of a name's first and last word: what stands in the place of a picture.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let letters = words.next().into_iter().chain(words.next_back());
    letters.flat_map(char::to_uppercase).collect()
}

/// Some of what a person authorized, and where to go on.
async fn applications(
    app: &Shared,
    approver: &Approver,
    mut after: Option<GrantId>,
) -> Result<(Vec<Authorized>, Option<GrantId>), Stop> {
    let (mut shown, mut left) = (Vec::new(), READ);
    loop {
        let limit = left.min(SHOWN - shown.len());
        let page = app.engine.grants(GrantsOf::Subject(&approver.subject), after, limit).await?;
        for grant in page.grants.iter().filter(|grant| is_live(grant, app.engine.now())) {
            shown.push(authorized(app, approver, grant).await?);
        }
        left -= limit;
        after = page.next;
        if after.is_none() || shown.len() >= SHOWN || left == 0 {
            return Ok((shown, after));
        }
    }
}

/// Whether the application can still do something with it.
fn is_live(grant: &Grant, now: Time) -> bool {
    grant.is_active() && grant.keep_until().is_none_or(|end| now < end)
}

async fn authorized(app: &Shared, approver: &Approver, grant: &Grant) -> Result<Authorized, Stop> {
    let facts = grant.facts();
    // He may belong to it no more, and still see what he once gave away for it.
    let name = |id: &AccountId| {
        let known = approver.account(id).map(authorize::display_name);
        known.unwrap_or(id.as_str()).to_owned()
    };
    let client = app.engine.client(&facts.client).await?;
    let scopes = facts.scope.tokens().map(|token| app.engine.profile().scopes.describe(token).to_owned());
    Ok(Authorized {
        grant: facts.id.to_string(),
        client: client.map_or_else(|| facts.client.to_string(), |client| client.display_name().to_owned()),
        account: facts.account.as_ref().map(name),
        scopes: scopes.collect(),
        since: day(facts.created_at),
        last_used: day(grant.last_used_at()),
    })
}

fn day(time: Time) -> String {
    time.to_string().chars().take("2026-01-31".len()).collect()
}

/// Takes a grant back. One that is somebody else's is none.
pub(crate) async fn revoke(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, REVOKE).await?;
    let id: GrantId = fields.required("grant")?.parse().map_err(|_| Stop::NotFound)?;
    let own = app.engine.grant(id).await?.filter(|g| g.facts().subject == visitor.session.user.subject);
    if own.is_none() {
        return Err(Stop::NotFound);
    }
    app.engine.revoke_grant(id, RevocationCause::BySubject).await?;
    respond::see_other(&app.path("/account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_the_last_word() {
        for (name, letters) in [
            ("alice", "A"),
            ("Ada King Lovelace", "AL"),
            ("«éric» (x)", "ÉX"),
            ("ß", "SS"),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }
}
