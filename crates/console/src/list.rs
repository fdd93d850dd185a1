//! Lists: what there is, a page at a time.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;
use grantor_http::Stop;
use serde_json::Value;

use crate::form::{self, Controls, Profiles};
use crate::here::{Complaint, Here, Page, Told};
use crate::link::to;
use crate::thing::{Act, Thing};
use crate::value::{Entries, Shown, plain};
use crate::words::Words;

/// How many rows a list has at a time: with the largest brand it stays a light page.
const ROWS: &str = "25";

/// Things in rows.
#[derive(Template)]
#[template(path = "rows.html")]
pub(crate) struct Rows<'a> {
    words: &'a Words,
    /// What they are.
    label: &'a str,
    headings: Vec<&'a str>,
    rows: Vec<Row<'a>>,
    has_acts: bool,
}

struct Row<'a> {
    /// What the acts are about, for who only hears them.
    about: String,
    cells: Vec<Shown>,
    acts: Vec<Link<'a>>,
}

/// Where a link leads, and what it says.
pub(crate) struct Link<'a> {
    pub(crate) href: String,
    pub(crate) text: &'a str,
    /// Whether something ends there.
    pub(crate) ends: bool,
}

impl HtmlSafe for Rows<'_> {}

impl<'a> Rows<'a> {
    /// These items. `of` is whose they are, if they are on the page of one thing.
    pub(crate) fn of(thing: &Thing, items: &Value, of: &str, words: &'a Words) -> Self {
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut rows: Vec<Row<'a>> = items
            .iter()
            .map(|item| Row {
                about: item.get(thing.id).map(plain).unwrap_or_default(),
                cells: thing.columns.iter().map(|field| Shown::brief(field, item, words)).collect(),
                // What has a page of its own has its acts there.
                acts: if thing.has_page() { Vec::new() } else { offered(thing, item, of, words) },
            })
            .collect();
        let mut headings: Vec<_> = thing.columns.iter().map(|field| words.label(field.name)).collect();
        // A column in which nothing stands takes room from the others.
        for column in (0..headings.len()).rev() {
            if rows.iter().all(|row| row.cells.get(column).is_none_or(Shown::is_empty)) {
                headings.remove(column);
                for row in &mut rows {
                    row.cells.remove(column);
                }
            }
        }
        let has_acts = rows.iter().any(|row| !row.acts.is_empty());
        let label = words.thing(thing.name).map_or("", |thing| thing.many.as_str());
        Self { words, label, headings, rows, has_acts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What can be done with one thing, as it is now.
pub(crate) fn offered<'a>(thing: &Thing, item: &Value, of: &str, words: &'a Words) -> Vec<Link<'a>> {
    let id = item.get(thing.id).map(plain).unwrap_or_default();
    let fits = |act: &&Act| act.is_of_one() && act.when.is_none_or(|(field, value)| is(item, field, value));
    let acts = thing.acts.iter().filter(fits);
    acts.map(|act| link(thing, act, &[("id", &id), ("of", of)], words)).collect()
}

fn link<'a>(thing: &Thing, act: &Act, parameters: &[(&str, &str)], words: &'a Words) -> Link<'a> {
    let href = to(&format!("/{}/{}", thing.name, act.name), parameters);
    let text = words.act(thing.name, act.name).map_or("", |act| act.name.as_str());
    Link { href, text, ends: act.ends }
}

/// Whether a field has that value, as a form has it: what is not there, and what is false, is nothing.
fn is(item: &Value, field: &str, value: &str) -> bool {
    let found = match item.get(field) {
        None | Some(Value::Bool(false)) => String::new(),
        Some(Value::Bool(true)) => "on".to_owned(),
        Some(other) => plain(other),
    };
    match value.strip_prefix('!') {
        Some(other) => found != other,
        None => found == value,
    }
}

#[derive(Template)]
#[template(path = "list.html")]
struct List<'a> {
    words: &'a Words,
    title: &'a str,
    action: &'a str,
    links: Vec<Link<'a>>,
    controls: Controls<'a>,
    told: Told<'a>,
    rows: Rows<'a>,
    next: Option<String>,
    beginning: Option<String>,
}

/// Shows a part of all things, or of those that were asked for.
pub(crate) async fn show(thing: &Thing, here: Here) -> Result<Response, Stop> {
    let (words, action) = (here.words(), format!("/{}", thing.name));
    let searches = thing.list.unwrap_or_default();
    let entries = Entries::posted(searches, |name| here.query.get(name));
    // As they were entered, and as the API takes them.
    let entered = searches.iter().map(|field| (field.name, entries.get(field.name).to_owned())).collect();
    let asked = searches.iter().map(|field| (field.name, plain(&entries.value(field))));
    let asked = asked.chain([("limit", ROWS.to_owned())]).collect();
    let after = here.query.get("after").unwrap_or_default();
    let (part, complaint) = match here.api.get(&part_of(thing.api, &asked, after)).await {
        Ok(part) => (part, None),
        Err(problem) => (Value::Null, Some(Complaint::of(problem)?)),
    };
    let title = words.thing(thing.name).map_or(thing.name, |thing| thing.many.as_str());
    let profiles = Profiles::of(searches, &here).await?;
    let list = List {
        words,
        title,
        action: &action,
        links: links(thing, words),
        controls: form::searches(searches, &entries, &profiles, complaint.as_ref(), words),
        told: Told::of(complaint.as_ref(), words),
        rows: Rows::of(thing, part.get("items").unwrap_or(&Value::Null), "", words),
        next: part.get("next").and_then(Value::as_str).map(|next| part_of(&action, &entered, next)),
        beginning: Some(part_of(&action, &entered, "")).filter(|_| !after.is_empty()),
    };
    Ok(here.page(Page::new(thing.name, title).told(complaint.as_ref()), &list))
}

/// Where a part of a list is, after what came before.
fn part_of(path: &str, asked: &Vec<(&str, String)>, after: &str) -> String {
    let asked = asked.iter().map(|(name, value)| (*name, value.as_str()));
    to(path, &asked.chain([("after", after)]).collect::<Vec<_>>())
}

/// What can be done that concerns no thing that is there.
fn links<'a>(thing: &Thing, words: &'a Words) -> Vec<Link<'a>> {
    let new = (!thing.make.is_empty()).then(|| Link {
        href: format!("/{}/new", thing.name),
        text: words.thing(thing.name).map_or("", |thing| thing.new.as_str()),
        ends: false,
    });
    let acts = thing.acts.iter().filter(|act| !act.is_of_one());
    new.into_iter().chain(acts.map(|act| link(thing, act, &[], words))).collect()
}
