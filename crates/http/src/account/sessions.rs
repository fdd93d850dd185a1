//! The sessions page: where I am signed in, and how to end it there.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use grantor_core::Time;
use grantor_directory::{SessionId, SessionSummary};
use grantor_pages::{Moment, Page, Place, SessionRow, Sessions};

use crate::account::{agent, password};
use crate::pages::{self, Forms, Stop};
use crate::web::App;
use crate::{browser, respond};

/// What the form's token is for.
const SESSIONS: &str = "sessions";
/// How many sessions are shown. Whoever has more can end them all at once.
const SHOWN: usize = 40;

/// Shows the page.
pub(crate) async fn show(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let Some(visitor) = browser::visitor(&app, request.headers()).await? else {
        return respond::see_other(&app.login_for("/account/sessions"));
    };
    let (user, here) = (&visitor.session.user.subject, SessionId::of(visitor.cookie()));
    let mut list = app.users()?.sessions(user, app.engine.now()).await?;
    // The one in use comes first, and is shown however many are newer.
    list.sessions.sort_by_key(|session| session.id != here);
    let rows: Vec<_> = list.sessions.iter().take(SHOWN).map(|session| row(session, here)).collect();
    let change = password::path_for(&app, user).await?;
    let view = Sessions {
        action: &app.path("/account/sessions"),
        csrf: &visitor.token(&app, SESSIONS),
        sessions: &rows,
        more: list.more || list.sessions.len() > SHOWN,
        password: change.as_deref(),
    };
    let query = request.uri().query().unwrap_or_default();
    let frame = pages::own_frame(&app, request.headers(), query, &visitor, Some(Place::Sessions));
    Ok(pages::page(&app, StatusCode::OK, &Page::Sessions(&view), &frame, Forms::Here))
}

fn row(session: &SessionSummary, here: SessionId) -> SessionRow {
    let (browser, system) = agent::names(session.user_agent.as_deref());
    let moment = |time: Time| Moment::of(&time.to_string());
    SessionRow {
        id: session.id.to_string(),
        browser,
        system,
        begun: moment(session.authenticated_at),
        last_seen: moment(session.last_seen),
        ends: moment(session.expires_at),
        here: session.id == here,
    }
}

/// Ends what the pressed button names: one session, all others, or all. One that is somebody else's is none.
pub(crate) async fn end(State(app): State<App>, request: Request) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let (visitor, fields) = browser::own_form(&app, &parts, body, SESSIONS).await?;
    let (users, user) = (app.users()?, &visitor.session.user.subject);
    let is_over_here = match fields.required("end")? {
        "all" => {
            // Where only this one is known, it is all.
            if !users.end_all_sessions(user).await? {
                users.end_session(visitor.cookie()).await?;
            }
            true
        }
        "others" => {
            users.end_other_sessions(user, visitor.cookie(), app.engine.now()).await?;
            false
        }
        id => {
            let id: SessionId = id.parse().map_err(|_| Stop::NotFound)?;
            if !users.end_session_of(user, id).await? {
                return Err(Stop::NotFound);
            }
            id == SessionId::of(visitor.cookie())
        }
    };
    if !is_over_here {
        return respond::see_other(&app.path("/account/sessions"));
    }
    let mut response = respond::see_other(&app.path("/login"))?;
    app.cookies.clear_session(&mut response);
    Ok(response)
}
