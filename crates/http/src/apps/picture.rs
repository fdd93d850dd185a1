//! The picture of an application, taken from its owner.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use grantor_core::Picture;

use crate::apps::draft::{Entered, Mistake};
use crate::apps::form::{self, About};
use crate::apps::own::Own;
use crate::apps::{PURPOSE, path_of};
use crate::browser;
use crate::pages::{self, Stop};
use crate::respond;
use crate::web::App;

/// Takes a picture, or takes it away if there is none in the form.
pub(super) async fn change(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, body) = request.into_parts();
    let form = browser::page_file(&app, &parts, body, "picture").await?;
    let visitor = browser::visitor(&app, &parts.headers).await?.ok_or(Stop::Forged)?;
    if !visitor.sent(&app, PURPOSE, &form.csrf) {
        return Err(Stop::Forged);
    }
    let own = Own::of_visitor(&app, visitor, &named).await?;
    let picture = match form.file {
        None => None,
        Some(bytes) => match Picture::parse(bytes, &app.engine.profile().limits) {
            Ok(picture) => Some(picture),
            Err(invalid) => {
                let words = pages::frame(&app, &parts.headers, "").language.words();
                let problem = Mistake::of_picture(invalid, words);
                let entered = Entered::of(&own.client.metadata);
                let (visitor, problem) = (&own.visitor, Some(problem));
                return Ok(form::show(&app, &parts.headers, visitor, About::Own(&own), &entered, problem));
            }
        },
    };
    let (owner, id) = (&own.visitor.session.user.subject, &own.client.metadata.client_id);
    app.engine.set_owned_logo(owner, id, picture).await?;
    respond::see_other(&path_of(&app, id, "/edit"))
}
