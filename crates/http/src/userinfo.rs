//! What is known of the person behind an access token: a resource of our own.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::wire::{self, Person, TokenPlaces};
use grantor_core::{Reason, Refusal, Scope};
use grantor_directory::UserState;

use crate::api::{self, ApiStop};
use crate::respond;
use crate::web::{App, Shared};

/// Tells what the token's scope permits of it.
pub(crate) async fn userinfo(State(app): State<App>, request: Request) -> Response {
    api::told_at_resource(&app, answer(&app, request).await)
}

async fn answer(app: &Shared, request: Request) -> Result<Response, ApiStop> {
    let profile = app.engine.profile();
    let (parts, _) = request.into_parts();
    let header = api::authorization(&parts)?;
    let shown = wire::shown_token(profile, TokenPlaces::All, header.as_deref(), parts.uri.query())?;
    // By which scope what is told, the profile says below: none is needed for all of it.
    let live = app.engine.check_shown(shown, Scope::none().into(), None).await?;
    let about = |reason: Reason| ApiStop::from(Refusal::from(reason).by(&live.client));
    // A client that speaks for itself is nobody.
    let Some(subject) = live.subject.as_ref().filter(|_| wire::userinfo_scope(profile, &live.scope)) else {
        return Err(about(Reason::ScopeInsufficient));
    };
    let user = app.users()?.user(subject).await?.filter(|user| match user.state {
        UserState::Active => true,
        UserState::Disabled => false,
    });
    let user = user.ok_or_else(|| about(Reason::TokenInvalid))?;
    let person = Person {
        username: user.subject.as_str().to_owned(),
        subject: user.subject,
        name: user.profile.name,
        email: user.profile.email,
        avatar: user.profile.avatar,
    };
    Ok(respond::json(StatusCode::OK, wire::userinfo_body(profile, &live.scope, &person)))
}
