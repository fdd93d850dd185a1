//! An application as its owner sees it: its credentials, how to use it, and how much it is used.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use grantor_core::client::GrantType;
use grantor_core::{ClientId, Lifetime, RedirectUri, Secret, Time};
use grantor_engine::GrantsOf;
use grantor_pages::{Bar, Chart, Moment, Overlap, Page, SecretLine, Wording, Words};

use crate::apps::own::Own;
use crate::apps::samples::Writer;
use crate::apps::{Outcome, PURPOSE, answer, done_already, logo_of, outcome, path_of};
use crate::browser;
use crate::pages::{self, Stop};
use crate::web::{App, Shared};

/// How many days of usage are shown.
const DAYS: u32 = 30;
/// How many grants are counted at most: each costs a read.
const COUNTED: usize = 500;

/// Shows an application.
pub(super) async fn show(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    match Own::of(&app, request.headers(), &named).await? {
        Ok(own) => page(&app, request.headers(), &own, None).await,
        Err(login) => Ok(login),
    }
}

/// Gives an application another secret, and shows it.
pub(super) async fn rotate(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, PURPOSE).await?;
    let own = Own::of_visitor(&app, visitor, &named).await?;
    // The page was loaded again, or there is another.
    if fields.get("newest") != Some(newest(&own).as_str()) {
        return Ok(done_already(&app, &parts.headers, &own.visitor, &app.path("/apps")));
    }
    let words = pages::frame(&app, &parts.headers, "").language.words();
    let asked = fields.get("overlap").unwrap_or_default();
    let offered = overlaps(words).into_iter().find(|overlap| overlap.value == asked);
    let overlap: Lifetime = offered.and_then(|o| o.value.parse().ok()).ok_or(Stop::NotFound)?;
    let owner = own.visitor.session.user.subject.clone();
    let id = own.client.metadata.client_id.clone();
    match outcome(app.engine.rotate_owned_secret(&owner, &id, overlap).await)? {
        Outcome::Done(Some(secret)) => {
            let own = Own::of_visitor(&app, own.visitor, &named).await?;
            page(&app, &parts.headers, &own, Some(&secret)).await
        }
        // It has none, and no page of ours offers this.
        Outcome::Done(None) | Outcome::Invalid(_) => Err(Stop::NotFound),
    }
}

/// What tells the newest secret of an application from those it had before and will have.
fn newest(own: &Own) -> String {
    own.client.secrets.first().map(|secret| secret.created_at.unix_millis().to_string()).unwrap_or_default()
}

/// How long old secrets may stay valid.
fn overlaps(words: &Words) -> [Overlap<'_>; 5] {
    let words = &words.app;
    [
        ("7d", &words.overlap_week),
        ("30d", &words.overlap_month),
        ("1d", &words.overlap_day),
        ("1h", &words.overlap_hour),
        ("0", &words.overlap_none),
    ]
    .map(|(value, text)| Overlap { value, text: text.as_str() })
}

/// The page of an application, with its secret if it was just given one.
pub(super) async fn page(
    app: &Shared,
    headers: &HeaderMap,
    own: &Own,
    secret: Option<&Secret>,
) -> Result<Response, Stop> {
    let (profile, client) = (app.engine.profile(), &own.client.metadata);
    let language = pages::frame(app, headers, "").language;
    let words = language.words();
    let id = &client.client_id;
    let writer = Writer::new(profile, client);
    let has_code = client.may_use(GrantType::AuthorizationCode) && !client.redirect_uris.is_empty();
    let in_words = |token| pages::wording(profile.scopes.describe(token, language.tag()));
    let permissions: Vec<Wording<'_>> = client.scope.tokens().map(in_words).collect();
    let redirect_uris: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let secrets: Vec<SecretLine> = own
        .client
        .secrets
        .iter()
        .map(|secret| SecretLine {
            since: moment(secret.created_at),
            until: secret.expires_at.and_then(Time::unless_never).map(moment),
        })
        .collect();
    let (rotate, link) = (path_of(app, id, "/secret"), writer.link());
    let (logo, usage) = (logo_of(app, &own.client), usage(app, id).await?);
    // A secret that the profile shows again is shown again.
    let secret = secret.or(own.client.secret.as_ref());
    let view = grantor_pages::App {
        list: &app.path("/apps"),
        edit: &path_of(app, id, "/edit"),
        delete: &path_of(app, id, "/delete"),
        rotate: (!client.is_public()).then_some(rotate.as_str()),
        csrf: &own.visitor.token(app, PURPOSE),
        name: client.display_name(),
        description: client.description.as_deref(),
        logo: logo.as_deref(),
        client_id: id.as_str(),
        secret: secret.map(Secret::expose),
        newest: &newest(own),
        secrets: &secrets,
        overlaps: &overlaps(words),
        redirect_uris: &redirect_uris,
        permissions: &permissions,
        link: has_code.then_some(link.as_str()),
        needs_pkce: client.needs_pkce(profile),
        samples: &writer.samples(),
        usage: usage.as_ref(),
        grants: &grants(app, id).await?,
    };
    Ok(answer(app, headers, &own.visitor, StatusCode::OK, &Page::App(&view)))
}

/// The tokens of late, if somebody counts them. Whether that can be read or not, the page is shown.
async fn usage(app: &Shared, id: &ClientId) -> Result<Option<Chart>, Stop> {
    let Some(ledger) = &app.ledger else { return Ok(None) };
    let days = ledger.usage(id, DAYS).await.map_err(|fault| {
        tracing::error!(%fault, "the usage of an application cannot be read");
        Stop::Unavailable
    })?;
    let bars = days.iter().map(|day| Bar { day: day.day.to_string(), count: day.total() });
    Ok(Some(Chart::of(bars.collect())))
}

/// How many authorizations are in force, as a text: of very many, that there are as many and more.
pub(super) async fn grants(app: &Shared, id: &ClientId) -> Result<String, Stop> {
    let now = app.engine.now();
    let (mut count, mut looked, mut after) = (0, 0, None);
    while looked < COUNTED {
        let page = app.engine.grants(GrantsOf::Client(id), after, COUNTED - looked).await?;
        looked += page.grants.len();
        let live = page
            .grants
            .iter()
            .filter(|grant| grant.is_active() && grant.keep_until().is_none_or(|end| now < end));
        count += live.count();
        after = page.next;
        if after.is_none() {
            return Ok(count.to_string());
        }
    }
    Ok(format!("{count}+"))
}

fn moment(at: Time) -> Moment {
    Moment::of(&at.to_string())
}
