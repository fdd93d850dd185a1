//! The picture of an application, taken from its owner.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use grantor_core::Picture;

use crate::apps::draft::{Entered, Mistake};
use crate::apps::form;
use crate::apps::multipart::Multipart;
use crate::apps::own::Own;
use crate::apps::{PURPOSE, path_of};
use crate::browser;
use crate::form::{self as body, FormFault};
use crate::pages::{self, Stop};
use crate::respond;
use crate::web::App;

/// Takes a picture, or takes it away if there is none in the form.
pub(super) async fn change(
    State(app): State<App>,
    Path(named): Path<String>,
    request: Request,
) -> Result<Response, Stop> {
    let (parts, stream) = request.into_parts();
    browser::refuse_foreign(&app, &parts.headers)?;
    let boundary = Multipart::boundary(&parts.headers).ok_or(Stop::Form(FormFault::WrongType))?;
    let bytes = body::read_any(&app, stream).await?;
    let form = Multipart::read(&bytes, &boundary).ok_or(Stop::Form(FormFault::Broken))?;
    let visitor = browser::visitor(&app, &parts.headers).await?.ok_or(Stop::Forged)?;
    let token = form.text("csrf").unwrap_or_default();
    if !app.csrf.check(&visitor.session.csrf, PURPOSE, token) {
        return Err(Stop::Forged);
    }
    let own = Own::of_visitor(&app, visitor, &named).await?;
    let picture = match form.bytes("picture") {
        None => None,
        Some(bytes) => match Picture::parse(bytes.to_vec(), &app.engine.profile().limits) {
            Ok(picture) => Some(picture),
            Err(invalid) => {
                let words = pages::frame(&app, &parts.headers, "").language.words();
                let text = &words.app_form.wrong_picture;
                let problem = Mistake::new("picture", text, Some(invalid.to_string()));
                let entered = Entered::of(&own.client.metadata);
                let (visitor, problem) = (&own.visitor, Some(problem));
                return Ok(form::show(&app, &parts.headers, visitor, Some(&own), &entered, problem));
            }
        },
    };
    let (owner, id) = (&own.visitor.session.user.subject, &own.client.metadata.client_id);
    app.engine.set_owned_logo(owner, id, picture).await?;
    respond::see_other(&path_of(&app, id, "/edit"))
}
