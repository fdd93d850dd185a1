//! The form for an application: a new one, or one that is changed.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use grantor_core::ClientId;
use grantor_core::client::{AuthMethod, GrantType};
use grantor_core::wire::Parameters;
use grantor_pages::{AppForm, AppPicture, Page, Tick, Wording, Words};

use crate::apps::draft::{Choices, Entered, Mistake};
use crate::apps::own::Own;
use crate::apps::{Outcome, PURPOSE, answer, done_already, logo_of, outcome, path_of, shown};
use crate::browser::{self, Visitor};
use crate::pages::{self, Stop};
use crate::respond;
use crate::web::{App, Shared};

/// Shows an empty form, with what most applications want ticked.
pub(super) async fn new(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/apps/new"));
    };
    if !app.may_register(&visitor) {
        return Err(Stop::NotFound);
    }
    let usual = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    let grants = Choices::of(app.engine.profile(), None).grants;
    let grants = grants.into_iter().filter(|grant| usual.contains(grant)).collect();
    let entered = Entered { grants, is_public: !kinds(&app).0, ..Entered::default() };
    let id = app.engine.new_client_id()?;
    Ok(show(&app, request.headers(), &visitor, About::New(&id), &entered, None))
}

/// What the token of a form for a new application is for: that one, and no second.
fn making(id: &ClientId) -> String {
    format!("{PURPOSE} {id}")
}

/// Registers an application, and shows it with its secret.
pub(super) async fn create(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let fields = browser::page_form(&app, &parts, body).await?;
    let visitor = browser::visitor(&app, &parts.headers).await?.ok_or(Stop::Forged)?;
    let id = fields.get("client_id").and_then(|id| ClientId::parse(id).ok()).ok_or(Stop::Forged)?;
    // No id but one that was drawn for him, so that nobody chooses one.
    if !visitor.posted(&app, &making(&id), &fields) {
        return Err(Stop::Forged);
    }
    if !app.may_register(&visitor) {
        return Err(Stop::NotFound);
    }
    let entered = Entered::read(&fields, &Choices::of(app.engine.profile(), None));
    let words = pages::frame(&app, &parts.headers, "").language.words();
    let again = |problem| show(&app, &parts.headers, &visitor, About::New(&id), &entered, Some(problem));
    let draft = match entered.draft(words) {
        Ok(draft) => draft,
        Err(problem) => return Ok(again(problem)),
    };
    let user = &visitor.session.user;
    let (owner, is_admin) = (user.subject.clone(), user.profile.admin);
    let secret = match outcome(app.engine.register_owned(&owner, is_admin, id.clone(), draft).await)? {
        Outcome::Done(secret) => secret,
        // The page was loaded again.
        Outcome::Invalid(invalid) if invalid.field == "client_id" => {
            return Ok(done_already(&app, &parts.headers, &visitor, &app.path("/apps")));
        }
        Outcome::Invalid(invalid) => return Ok(again(Mistake::of(&invalid, words))),
    };
    let own = Own::called(&app, visitor, &id).await?;
    shown::page(&app, &parts.headers, &own, secret.as_ref()).await
}

/// Shows what an application is.
pub(super) async fn edit(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let own = match Own::of(&app, request.headers(), &named).await? {
        Ok(own) => own,
        Err(login) => return Ok(login),
    };
    let entered = Entered::of(&own.client.metadata);
    Ok(show(&app, request.headers(), &own.visitor, About::Own(&own), &entered, None))
}

/// Changes an application.
pub(super) async fn change(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields): (Visitor, Parameters) = browser::own_form(&app, &parts, body, PURPOSE).await?;
    let own = Own::of_visitor(&app, visitor, &named).await?;
    let client = &own.client.metadata;
    let choices = Choices::of(app.engine.profile(), Some(client));
    // Whether it keeps a secret cannot change.
    let entered = Entered { is_public: client.is_public(), ..Entered::read(&fields, &choices) };
    let words = pages::frame(&app, &parts.headers, "").language.words();
    let again = |problem| show(&app, &parts.headers, &own.visitor, About::Own(&own), &entered, Some(problem));
    let draft = match entered.draft(words) {
        Ok(draft) => draft,
        Err(problem) => return Ok(again(problem)),
    };
    let owner = &own.visitor.session.user.subject;
    match outcome(app.engine.update_owned(owner, &client.client_id, draft).await)? {
        Outcome::Done(Some(_)) => respond::see_other(&path_of(&app, &client.client_id, "")),
        Outcome::Done(None) => Err(Stop::NotFound),
        Outcome::Invalid(invalid) => Ok(again(Mistake::of(&invalid, words))),
    }
}

/// Whether there are applications here that keep a secret, and such that keep none.
fn kinds(app: &Shared) -> (bool, bool) {
    let methods = &app.engine.profile().clients.authentication;
    let with_secret = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    (with_secret.iter().any(|method| methods.contains(method)), methods.contains(&AuthMethod::None))
}

/// Which application a form is about.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    /// One that is to be, under this id.
    New(&'a ClientId),
    /// One that is.
    Own(&'a Own),
}

/// The form with what was entered, and what is wrong with it.
pub(super) fn show(
    app: &Shared,
    headers: &HeaderMap,
    visitor: &Visitor,
    about: About<'_>,
    entered: &Entered,
    problem: Option<Mistake>,
) -> Response {
    let (own, new) = match about {
        About::New(id) => (None, Some(id)),
        About::Own(own) => (Some(own), None),
    };
    let profile = app.engine.profile();
    let language = pages::frame(app, headers, "").language;
    let words = language.words();
    let choices = Choices::of(profile, own.map(|own| &own.client.metadata));
    let grants: Vec<Tick<'_>> = choices
        .grants
        .iter()
        .map(|grant| Tick {
            token: grant.as_str(),
            wording: Wording::new(in_words(*grant, words)),
            ticked: entered.grants.contains(grant),
        })
        .collect();
    let scopes = choices.scope.tokens().map(|token| Tick {
        token,
        wording: pages::wording(profile.scopes.describe(token, language.tag())),
        ticked: entered.scope.contains(token),
    });
    let scopes: Vec<Tick<'_>> = scopes.collect();
    let id = own.map(|own| &own.client.metadata.client_id);
    let place = |below| id.map_or_else(|| app.path("/apps"), |id| path_of(app, id, below));
    let (logo, logo_action) = (own.and_then(|own| logo_of(app, &own.client)), place("/logo"));
    let picture = own.map(|_| AppPicture {
        action: &logo_action,
        src: logo.as_deref(),
        most_kilobytes: profile.limits.picture_bytes / 1024,
    });
    let (confidential, public) = kinds(app);
    let view = AppForm {
        action: &if own.is_some() { place("/edit") } else { app.path("/apps/new") },
        cancel: &place(""),
        csrf: &visitor.token(app, &new.map_or_else(|| PURPOSE.to_owned(), making)),
        client_id: new.map(ClientId::as_str),
        is_new: own.is_none(),
        name: &entered.name,
        description: &entered.description,
        home: &entered.home,
        redirect_uris: &entered.redirect_uris,
        choose_kind: own.is_none() && confidential && public,
        is_public: entered.is_public,
        grants: &grants,
        scopes: &scopes,
        problem: problem.as_ref().map(Mistake::shown),
        picture,
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    answer(app, headers, visitor, status, &Page::AppForm(&view))
}

fn in_words(grant: GrantType, words: &Words) -> &str {
    let words = &words.app_form;
    match grant {
        GrantType::AuthorizationCode => words.grant_code.as_str(),
        GrantType::RefreshToken => words.grant_refresh.as_str(),
        GrantType::ClientCredentials => words.grant_credentials.as_str(),
        GrantType::Implicit => words.grant_implicit.as_str(),
        GrantType::Password => words.grant_password.as_str(),
        GrantType::ApiKey => grant.as_str(),
    }
}
