//! The question whether something really should be done.

use askama::Template;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use grantor_core::wire::Parameters;
use grantor_http::Stop;
use serde_json::{Map, Value};

use crate::form::{Controls, Once, Profiles, body, controls, once, path, posted};
use crate::here::{Complaint, Here, Page, Told, go, stop};
use crate::link::{filled, to};
use crate::one::{Facts, facts};
use crate::thing::{Act, By, Field, Thing, text};
use crate::value::Entries;
use crate::words::Words;

/// The field in which the id is typed again.
const CONFIRM: Field = text("confirm").required();

#[cfg(test)]
pub(crate) const ASKED: &[Field] = &[CONFIRM];

#[derive(Template)]
#[template(path = "sure.html")]
struct Sure<'a> {
    words: &'a Words,
    title: &'a str,
    text: &'a str,
    facts: Facts<'a>,
    action: &'a str,
    csrf: &'a str,
    controls: Controls<'a>,
    told: Told<'a>,
    submit: &'a str,
    ends: bool,
    cancel: &'a str,
}

/// What is asked for: what the act needs, and the id where much is lost.
fn asked(act: &Act) -> Vec<Field> {
    act.fields.iter().copied().chain(act.grave.then_some(CONFIRM)).collect()
}

/// Asks. Nothing is done yet.
pub(crate) async fn ask(thing: &Thing, act: &Act, here: Here) -> Result<Response, Stop> {
    let entries = Entries::new(act.fields);
    page(thing, act, &here, &entries, None).await
}

/// Does it.
pub(crate) async fn act(thing: &Thing, act: &Act, here: Here, request: Request) -> Result<Response, Stop> {
    let form = here.form(request, &purpose(thing, act)).await?;
    let entries = posted(&asked(act), &form);
    match send(act, &here, &form, &entries).await {
        Ok(answer) => match answer.get(act.once).and_then(Value::as_str) {
            Some(secret) => {
                let (id, next) = (here.query.get("id").unwrap_or_default(), next(act, &here));
                Ok(once(thing, &here, &Once { id, field: act.once, secret, next: &next }))
            }
            None => Ok(go(&next(act, &here))),
        },
        Err(complaint) => page(thing, act, &here, &entries, Some(&complaint?)).await,
    }
}

fn purpose(thing: &Thing, act: &Act) -> String {
    format!("/{}/{}", thing.name, act.name)
}

fn next(act: &Act, here: &Here) -> String {
    filled(act.then, |name| here.query.get(name))
}

async fn send(
    act: &Act,
    here: &Here,
    form: &Parameters,
    entries: &Entries,
) -> Result<Value, Result<Complaint, Stop>> {
    let words = here.words();
    if act.grave && form.get(CONFIRM.name).map(str::trim) != here.query.get("id") {
        return Err(Ok(Complaint::about(CONFIRM.name, words.page.not_same.as_str())));
    }
    let given = body(act.fields, entries, words).map_err(Ok)?;
    // Nothing that was left empty is asked for: the API then does as it does by itself.
    let mut given: Map<String, Value> = given.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let method = match act.by {
        By::Post => Method::POST,
        By::Patch => Method::PATCH,
        By::Delete => Method::DELETE,
        By::Setting(field, value) => {
            given.insert(field.to_owned(), value.into());
            Method::PATCH
        }
    };
    let path = filled(act.api, |name| here.query.get(name));
    let body = (!given.is_empty()).then(|| Value::Object(given).to_string());
    let answer = here.api.send(method, &path, body, None).await;
    answer.map(|answer| answer.body).map_err(Complaint::of)
}

async fn page(
    thing: &Thing,
    act: &Act,
    here: &Here,
    entries: &Entries,
    complaint: Option<&Complaint>,
) -> Result<Response, Stop> {
    let (words, id) = (here.words(), here.query.get("id").unwrap_or_default());
    if act.is_of_one() && id.is_empty() {
        return Err(Stop::NotFound);
    }
    // What has a page is shown again: whoever is to decide sees about what.
    let facts = if act.is_of_one() && thing.has_page() {
        facts(thing.columns, &here.api.get(&path(thing, id)).await.map_err(stop)?, words)
    } else {
        Facts::none()
    };
    let asked = asked(act);
    let profiles = Profiles::of(&asked, here).await?;
    let said = words.act(thing.name, act.name).ok_or(Stop::NotFound)?;
    let title = said.ask.plain(&[("id", id)]);
    let purpose = purpose(thing, act);
    let of = here.query.get("of").unwrap_or_default();
    let sure = Sure {
        words,
        title: &title,
        text: said.text.as_str(),
        facts,
        action: &to(&purpose, &[("id", id), ("of", of)]),
        csrf: &here.token(&purpose),
        controls: controls(&asked, entries, &profiles, complaint, words),
        told: Told::of(complaint, words),
        submit: said.name.as_str(),
        ends: act.ends,
        cancel: &cancel(thing, here),
    };
    Ok(here.page(Page::new(thing.name, &title).told(complaint), &sure))
}

/// Where to go if it should not be done.
fn cancel(thing: &Thing, here: &Here) -> String {
    let list = format!("/{}", thing.name);
    match (here.query.get("id"), here.query.get("of")) {
        (_, Some(of)) => to("/users/show", &[("id", of)]),
        (Some(id), None) if thing.has_page() => to(&format!("{list}/show"), &[("id", id)]),
        (_, None) => list,
    }
}
