//! One request to a page: who asks, in which language, and the API in his name.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use grantor_admin::{Caller, Code, Problem, Within};
use grantor_core::wire::Parameters;
use grantor_core::{Limits, PictureFormat};
use grantor_http::{DeskPage, Stop, Visitor};
use grantor_pages::{Language, MenuGroup, MenuItem};

use crate::App;
use crate::words::Words;

/// The pages of the menu, in order, by what they are about: things, and those that stand for themselves.
const MENU: &[(&str, &[&str])] = &[
    ("", &[""]),
    ("people", &["users", "accounts"]),
    ("applications", &["clients", "grants", "token"]),
    ("credentials", &["api-keys", "session-tokens", "registration-keys", "keys"]),
    ("operation", &["profiles", "audit", "expiring", "server"]),
    ("", &["logout"]),
];

pub(crate) struct Here {
    app: App,
    visitor: Visitor,
    language: String,
    pub(crate) api: Within,
    pub(crate) query: Parameters,
}

impl FromRequestParts<App> for Here {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Stop> {
        let visitor = parts.extensions.get::<Visitor>().cloned().ok_or(Stop::Forbidden)?;
        let query = parts.uri.query().unwrap_or_default();
        let query = Parameters::read(query.as_bytes(), &Limits::DEFAULT);
        let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = app.languages.pick(query.get("ui_locales"), accepted).tag().to_owned();
        let api = app.api.within(Caller::Admin(visitor.user().subject.clone()));
        Ok(Self { app: app.clone(), visitor, language, api, query })
    }
}

/// A page to be made.
pub(crate) struct Page<'a> {
    /// The menu's entry that it belongs to.
    pub(crate) place: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'a str,
    pub(crate) copies: bool,
    pub(crate) refresh: Option<u32>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(place: &'a str, title: &'a str) -> Self {
        Self { place, status: StatusCode::OK, title, copies: false, refresh: None }
    }

    /// With the status of a complaint, if there is one.
    pub(crate) fn told(self, complaint: Option<&Complaint>) -> Self {
        Self { status: complaint.map_or(self.status, |complaint| complaint.status), ..self }
    }
}

impl Here {
    pub(crate) fn words(&self) -> &Words {
        self.spoken().words()
    }

    fn spoken(&self) -> &Language<Words> {
        self.app.languages.pick(Some(&self.language), None)
    }

    /// The id of the thing that the page is about.
    pub(crate) fn id(&self) -> Result<&str, Stop> {
        self.query.get("id").ok_or(Stop::NotFound)
    }

    pub(crate) fn token(&self, purpose: &str) -> String {
        self.app.desk.token(&self.visitor, purpose)
    }

    /// The form that was posted, if it is from the page of that purpose.
    pub(crate) async fn form(&self, request: Request, purpose: &str) -> Result<Parameters, Stop> {
        let (parts, body) = request.into_parts();
        self.app.desk.form(&self.visitor, &parts, body, purpose).await
    }

    /// The file in a form that was posted, if it is from the page of that purpose and one was chosen.
    pub(crate) async fn file(
        &self,
        request: Request,
        purpose: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let (parts, body) = request.into_parts();
        self.app.desk.file(&self.visitor, &parts, body, purpose, name).await
    }

    /// A client's picture as an answer.
    pub(crate) fn picture(&self, format: PictureFormat, bytes: Vec<u8>) -> Response {
        self.app.desk.picture(format, bytes)
    }

    /// The page as an answer.
    pub(crate) fn page(&self, page: Page<'_>, main: &impl Template) -> Response {
        let main = match main.render() {
            Ok(main) => main,
            Err(error) => {
                tracing::error!(%error, "a page cannot be made");
                return Stop::Unavailable.into_response();
            }
        };
        self.app.desk.page(&DeskPage {
            status: page.status,
            language: &self.language,
            title: page.title,
            main: &main,
            menu: &self.menu(page.place),
            copies: page.copies,
            refresh: page.refresh,
        })
    }

    fn menu(&self, place: &str) -> Vec<MenuGroup<'_>> {
        let words = self.words();
        let item = |name: &&'static str| MenuItem {
            href: format!("/{name}"),
            text: match *name {
                "" => words.page.overview.as_str(),
                "token" => words.token.title.as_str(),
                "server" => words.server.title.as_str(),
                "logout" => words.page.sign_out.as_str(),
                name => words.thing(name).map_or(name, |thing| thing.many.as_str()),
            },
            here: *name == place,
        };
        let group = |(name, items): &(&'static str, &[&'static str])| MenuGroup {
            name: words.group(name),
            items: items.iter().map(item).collect(),
        };
        MENU.iter().map(group).collect()
    }
}

/// Leads on, so that a form that was posted is not posted again.
pub(crate) fn go(to: &str) -> Response {
    Redirect::to(to).into_response()
}

/// What is wrong with what was entered, in the API's words or in ours.
pub(crate) struct Complaint {
    pub(crate) status: StatusCode,
    /// The field, by its name in the form.
    pub(crate) field: Option<String>,
    pub(crate) text: String,
    /// Whether it is in the API's language.
    pub(crate) english: bool,
}

impl Complaint {
    pub(crate) fn about(field: &str, text: &str) -> Self {
        let (field, text) = (Some(field.to_owned()), text.to_owned());
        Self { status: StatusCode::BAD_REQUEST, field, text, english: false }
    }

    /// What the API complains of; what nobody who fills in a form could mend ends the request.
    pub(crate) fn of(problem: Problem) -> Result<Self, Stop> {
        match problem.code {
            Code::Invalid | Code::Conflict | Code::Changed | Code::Forbidden | Code::NotFound => {}
            Code::Unauthenticated
            | Code::MethodNotAllowed
            | Code::TooSlow
            | Code::TooMany
            | Code::TooLarge
            | Code::WrongType
            | Code::Unavailable => return Err(stop(problem)),
        }
        let root = |field: String| field.split(['.', '[']).next().unwrap_or_default().to_owned();
        Ok(Self {
            status: StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST),
            field: problem.field.map(root),
            text: problem.detail,
            english: true,
        })
    }
}

/// A complaint at the top of a page, where the focus is set; it leads to its field.
#[derive(Template)]
#[template(path = "complaint.html")]
pub(crate) struct Told<'a> {
    complaint: Option<&'a Complaint>,
    words: &'a Words,
}

impl HtmlSafe for Told<'_> {}

impl<'a> Told<'a> {
    pub(crate) fn of(complaint: Option<&'a Complaint>, words: &'a Words) -> Self {
        Self { complaint, words }
    }
}

/// How a page ends whose thing the API does not tell.
pub(crate) fn stop(problem: Problem) -> Stop {
    match problem.code {
        Code::NotFound => Stop::NotFound,
        Code::Unauthenticated | Code::Forbidden => Stop::Forbidden,
        Code::MethodNotAllowed
        | Code::Invalid
        | Code::Conflict
        | Code::Changed
        | Code::TooSlow
        | Code::TooMany
        | Code::TooLarge
        | Code::WrongType
        | Code::Unavailable => {
            tracing::warn!(%problem, "the API did not answer a page");
            Stop::Unavailable
        }
    }
}

/// What the menu and the catalogue both name.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{THINGS, thing};

    #[test]
    fn the_menu_leads_to_every_list() {
        let names: Vec<&str> = MENU.iter().flat_map(|(_, items)| *items).copied().collect();
        let lists = THINGS.iter().filter(|thing| thing.list.is_some());
        for thing in lists {
            assert!(names.contains(&thing.name), "{}", thing.name);
        }
        for name in names.iter().filter(|name| !["", "token", "server", "logout"].contains(name)) {
            assert!(thing(name).is_some_and(|thing| thing.list.is_some()), "{name}");
        }
    }

    #[test]
    fn what_belongs_together_has_a_name_in_every_language() {
        for language in Words::ours().iter() {
            for (name, _) in MENU.iter().filter(|(name, _)| !name.is_empty()) {
                assert_ne!(language.words().group(name), "", "{name}");
            }
        }
    }
}
