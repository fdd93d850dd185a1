//! The account page: who I am, and the applications I authorized.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::grant::{Grant, RevocationCause};
use grantor_core::request::Approver;
use grantor_core::{AccountId, GrantId, Time};
use grantor_engine::GrantsOf;
use grantor_pages::{Account, Authorized, Page, Place};

use crate::pages::{self, Forms, Stop};
use crate::web::{App, Shared};
use crate::{authorize, browser, respond};

/// What the revocation form's token is for.
const REVOKE: &str = "account";
/// How many grants are read at a time.
const PAGE: usize = 100;
/// How many applications are shown. Whoever has more sees the rest as he revokes some.
const SHOWN: usize = 500;

/// Shows the page.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.path("/login"));
    };
    let user = &visitor.session.user;
    let approver = browser::approver(&app, &visitor).await?;
    let applications = applications(&app, &approver).await?;
    let view = Account {
        revoke: &app.path("/account/revoke"),
        csrf: &visitor.token(&app, REVOKE),
        user: visitor.name(),
        username: user.subject.as_str(),
        email: user.profile.email.as_deref(),
        applications: &applications,
    };
    let query = request.uri().query().unwrap_or_default();
    let frame = pages::own_frame(&app, request.headers(), query, &visitor, Some(Place::Account));
    Ok(pages::page(&app, StatusCode::OK, &Page::Account(&view), &frame, Forms::Here))
}

async fn applications(app: &Shared, approver: &Approver) -> Result<Vec<Authorized>, Stop> {
    let (mut shown, mut after) = (Vec::new(), None);
    loop {
        let page = app.engine.grants(GrantsOf::Subject(&approver.subject), after, PAGE).await?;
        for grant in page.grants.iter().filter(|grant| is_live(grant, app.engine.now())) {
            shown.push(authorized(app, approver, grant).await?);
        }
        after = page.next;
        if after.is_none() || shown.len() >= SHOWN {
            return Ok(shown);
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
        since: facts.created_at.to_string().chars().take("2026-01-31".len()).collect(),
    })
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
