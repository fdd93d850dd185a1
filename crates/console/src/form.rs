//! Forms: what is asked, what was entered, and what is wrong with it.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use grantor_core::wire::Parameters;
use grantor_http::Stop;
use serde_json::{Map, Value};

use crate::here::{Complaint, Here, Page, Told, go, stop};
use crate::link::{filled, to};
use crate::thing::{Field, Kind, Thing};
use crate::value::{Entries, plain, tick};
use crate::words::Words;

/// The fields of a form as they stand on a page.
#[derive(Template)]
#[template(path = "controls.html")]
pub(crate) struct Controls<'a> {
    controls: Vec<Control<'a>>,
}

impl HtmlSafe for Controls<'_> {}

impl Controls<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.controls.is_empty()
    }
}

struct Control<'a> {
    name: &'a str,
    label: &'a str,
    hint: Option<&'a str>,
    required: bool,
    problem: Option<&'a Complaint>,
    input: Input<'a>,
}

enum Input<'a> {
    Line { kind: &'static str, value: &'a str, autocomplete: &'static str },
    Area { value: &'a str, rows: usize },
    Choice(Vec<Choice<'a>>),
    Ticks(Vec<Choice<'a>>),
    Tick(bool),
}

struct Choice<'a> {
    /// The value that it gives; of ticks, the name of its element.
    name: String,
    label: &'a str,
    chosen: bool,
}

impl Control<'_> {
    /// What describes it, by the ids of elements.
    fn described(&self) -> String {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let problem = self.problem.map(|_| format!("{}-problem", self.name));
        problem.into_iter().chain(hint).collect::<Vec<_>>().join(" ")
    }
}

/// The profiles there are, for fields in which one is chosen.
pub(crate) struct Profiles(Vec<String>);

impl Profiles {
    /// Asked for only if one of these fields needs them.
    pub(crate) async fn of(fields: &[Field], here: &Here) -> Result<Self, Stop> {
        if !fields.iter().any(|field| matches!(field.kind, Kind::Of("profiles"))) {
            return Ok(Self(Vec::new()));
        }
        let found = here.api.get("/api/profiles").await.map_err(stop)?;
        let all = found.get("items").and_then(Value::as_array).into_iter().flatten();
        Ok(Self(all.filter_map(|profile| profile.get("name")).map(plain).collect()))
    }

    /// All of them, and what a field has by itself or has already.
    fn choices<'a>(&'a self, field: &Field, value: &'a str) -> impl Iterator<Item = &'a str> {
        let known = |name: &&str| !name.is_empty() && !self.0.iter().any(|profile| profile == name);
        let default = Some(field.default).filter(known);
        let chosen = Some(value).filter(known).filter(|value| *value != field.default);
        default.into_iter().chain(self.0.iter().map(String::as_str)).chain(chosen)
    }
}

/// The fields of a search as they stand on a page: what is left empty is not looked at.
pub(crate) fn searches<'a>(
    fields: &[Field],
    entries: &'a Entries,
    profiles: &'a Profiles,
    complaint: Option<&'a Complaint>,
    words: &'a Words,
) -> Controls<'a> {
    with_none(words.page.choose_any.as_str(), fields, entries, profiles, complaint, words)
}

/// The fields as they stand on a page.
pub(crate) fn controls<'a>(
    fields: &[Field],
    entries: &'a Entries,
    profiles: &'a Profiles,
    complaint: Option<&'a Complaint>,
    words: &'a Words,
) -> Controls<'a> {
    with_none(words.page.choose_none.as_str(), fields, entries, profiles, complaint, words)
}

/// The same; `none` is what choosing nothing is called.
fn with_none<'a>(
    none: &'a str,
    fields: &[Field],
    entries: &'a Entries,
    profiles: &'a Profiles,
    complaint: Option<&'a Complaint>,
    words: &'a Words,
) -> Controls<'a> {
    let control = |field: &Field| Control {
        name: field.name,
        label: words.label(field.name),
        hint: words.hint(field.name),
        required: field.required,
        problem: complaint.filter(|complaint| complaint.field.as_deref() == Some(field.name)),
        input: input(none, field, entries, profiles, words),
    };
    Controls { controls: fields.iter().map(control).collect() }
}

fn input<'a>(
    none: &'a str,
    field: &Field,
    entries: &'a Entries,
    profiles: &'a Profiles,
    words: &'a Words,
) -> Input<'a> {
    let value = entries.get(field.name);
    let area = || Input::Area { value, rows: value.lines().count().clamp(2, 12) };
    let line = |kind, autocomplete| Input::Line { kind, value, autocomplete };
    match field.kind {
        Kind::Long | Kind::Lines | Kind::Ofs(_) | Kind::Members | Kind::Permissions => area(),
        Kind::Flag => Input::Tick(value == "on"),
        Kind::Mail => line("email", "off"),
        // Whatever was entered, it is never shown again.
        Kind::Password => Input::Line { kind: "password", value: "", autocomplete: "new-password" },
        Kind::Time => line("datetime-local", "off"),
        Kind::One(all) => choice(none, field, value, all.iter().copied(), words),
        Kind::Of("profiles") => choice(none, field, value, profiles.choices(field, value), words),
        Kind::Some(all) => Input::Ticks(
            all.iter()
                .map(|word| {
                    let name = tick(field.name, word);
                    let chosen = entries.get(&name) == "on";
                    Choice { name, label: words.value(word), chosen }
                })
                .collect(),
        ),
        Kind::Text
        | Kind::Of(_)
        | Kind::Word
        | Kind::Actor
        | Kind::Seconds
        | Kind::Values
        | Kind::Dangers
        | Kind::Count
        | Kind::Secrets
        | Kind::Ending => line("text", "off"),
    }
}

/// One of these, or none unless one is needed.
fn choice<'a>(
    none: &'a str,
    field: &Field,
    value: &str,
    all: impl Iterator<Item = &'a str>,
    words: &'a Words,
) -> Input<'a> {
    let none = Choice { name: String::new(), label: none, chosen: value.is_empty() };
    let some =
        all.map(|word| Choice { name: word.to_owned(), label: words.value(word), chosen: value == word });
    Input::Choice(Some(none).filter(|_| !field.required).into_iter().chain(some).collect())
}

/// What was entered, as the API takes it, or what is missing.
pub(crate) fn body(
    fields: &[Field],
    entries: &Entries,
    words: &Words,
) -> Result<Map<String, Value>, Complaint> {
    let mut body = Map::new();
    for field in fields {
        let value = entries.value(field);
        if field.required && value.is_null() {
            return Err(Complaint::about(field.name, words.page.missing.as_str()));
        }
        body.insert(field.name.to_owned(), value);
    }
    Ok(body)
}

/// What was posted for these fields.
pub(crate) fn posted(fields: &[Field], form: &Parameters) -> Entries {
    Entries::posted(fields, |name| form.get(name))
}

#[derive(Template)]
#[template(path = "form.html")]
struct Form<'a> {
    words: &'a Words,
    title: &'a str,
    action: &'a str,
    csrf: &'a str,
    tag: &'a str,
    controls: Controls<'a>,
    told: Told<'a>,
    submit: &'a str,
    cancel: &'a str,
}

/// The form for a new thing.
pub(crate) async fn show_new(thing: &Thing, here: Here) -> Result<Response, Stop> {
    page_new(thing, &here, &Entries::new(&thing.asked_new()), None).await
}

/// Makes what was entered.
pub(crate) async fn make(thing: &Thing, here: Here, request: Request) -> Result<Response, Stop> {
    let form = here.form(request, &format!("/{}/new", thing.name)).await?;
    let fields = thing.asked_new();
    let entries = posted(&fields, &form);
    let made = match body(&fields, &entries, here.words()) {
        Ok(body) => here.api.post(thing.api, &Value::Object(body)).await.map_err(Complaint::of),
        Err(missing) => Err(Ok(missing)),
    };
    match made {
        Ok(made) => Ok(after(thing, &here, &made)),
        Err(complaint) => page_new(thing, &here, &entries, Some(&complaint?)).await,
    }
}

/// What follows when something was made: what is told this once, or its page.
fn after(thing: &Thing, here: &Here, made: &Value) -> Response {
    let id = made.get(thing.id).map(plain).unwrap_or_default();
    let list = format!("/{}", thing.name);
    let next = if thing.has_page() { to(&format!("{list}/show"), &[("id", &id)]) } else { list };
    match made.get(thing.once).and_then(Value::as_str) {
        Some(secret) => once(thing, here, &Once { id: &id, field: thing.once, secret, next: &next }),
        None => go(&next),
    }
}

/// What is told this once.
pub(crate) struct Once<'a> {
    pub(crate) id: &'a str,
    pub(crate) field: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) next: &'a str,
}

#[derive(Template)]
#[template(path = "once.html")]
struct OncePage<'a> {
    words: &'a Words,
    once: &'a Once<'a>,
    label: &'a str,
    id_label: &'a str,
}

pub(crate) fn once(thing: &Thing, here: &Here, once: &Once<'_>) -> Response {
    let words = here.words();
    let (label, id_label) = (words.label(once.field), words.label(thing.id));
    let page = Page { copies: true, ..Page::new(thing.name, words.page.once_title.as_str()) };
    here.page(page, &OncePage { words, once, label, id_label })
}

async fn page_new(
    thing: &Thing,
    here: &Here,
    entries: &Entries,
    complaint: Option<&Complaint>,
) -> Result<Response, Stop> {
    let (words, asked) = (here.words(), thing.asked_new());
    let profiles = Profiles::of(&asked, here).await?;
    let title = words.thing(thing.name).map_or(thing.name, |thing| thing.new.as_str());
    let action = format!("/{}/new", thing.name);
    let form = Form {
        words,
        title,
        action: &action,
        csrf: &here.token(&action),
        tag: "",
        controls: controls(&asked, entries, &profiles, complaint, words),
        told: Told::of(complaint, words),
        submit: title,
        cancel: &format!("/{}", thing.name),
    };
    Ok(here.page(Page::new(thing.name, title).told(complaint), &form))
}

/// The form to change a thing, with what it is.
pub(crate) async fn show_change(thing: &Thing, here: Here) -> Result<Response, Stop> {
    let found = here.api.send(Method::GET, &path(thing, here.id()?), None, None).await.map_err(stop)?;
    let entries = Entries::of(thing.change, &found.body);
    page_change(thing, &here, &entries, found.tag.as_deref().unwrap_or_default(), None).await
}

/// Changes it, if nobody else did since the form was shown.
pub(crate) async fn change(thing: &Thing, here: Here, request: Request) -> Result<Response, Stop> {
    let form = here.form(request, &format!("/{}/change", thing.name)).await?;
    let id = here.id()?;
    let (entries, tag) = (posted(thing.change, &form), form.get("tag"));
    let changed = match body(thing.change, &entries, here.words()) {
        Ok(body) => {
            let body = Some(Value::Object(body).to_string());
            here.api.send(Method::PATCH, &path(thing, id), body, tag).await.map_err(Complaint::of)
        }
        Err(missing) => Err(Ok(missing)),
    };
    match changed {
        Ok(_) => Ok(go(&to(&format!("/{}/show", thing.name), &[("id", id)]))),
        Err(complaint) => {
            page_change(thing, &here, &entries, tag.unwrap_or_default(), Some(&complaint?)).await
        }
    }
}

async fn page_change(
    thing: &Thing,
    here: &Here,
    entries: &Entries,
    tag: &str,
    complaint: Option<&Complaint>,
) -> Result<Response, Stop> {
    let (words, id) = (here.words(), here.id()?);
    let profiles = Profiles::of(thing.change, here).await?;
    let title = words.thing(thing.name).map(|thing| thing.change.plain(&[("id", id)]));
    let purpose = format!("/{}/change", thing.name);
    let form = Form {
        words,
        title: title.as_deref().unwrap_or(id),
        action: &to(&purpose, &[("id", id)]),
        csrf: &here.token(&purpose),
        tag,
        controls: controls(thing.change, entries, &profiles, complaint, words),
        told: Told::of(complaint, words),
        submit: words.page.save.as_str(),
        cancel: &to(&format!("/{}/show", thing.name), &[("id", id)]),
    };
    Ok(here.page(Page::new(thing.name, form.title).told(complaint), &form))
}

/// Where the API has the thing of that id.
pub(crate) fn path(thing: &Thing, id: &str) -> String {
    filled(&format!("{}/{{id}}", thing.api), |name| (name == "id").then_some(id))
}
