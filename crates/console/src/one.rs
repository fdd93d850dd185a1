//! The page of one thing.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;
use grantor_admin::Code;
use grantor_http::Stop;
use serde_json::Value;

use crate::catalogue;
use crate::chart::{Chart, Plot, Series, Style};
use crate::form::path;
use crate::here::{Here, Page, stop};
use crate::link::{filled, to};
use crate::list::{Link, Rows, offered};
use crate::logo;
use crate::thing::{Field, Thing};
use crate::value::{Shown, plain};
use crate::words::Words;

/// How many other things are shown beside it.
const FEW: &str = "10";

/// What is known, with what it is.
#[derive(Template)]
#[template(path = "facts.html")]
pub(crate) struct Facts<'a> {
    facts: Vec<(&'a str, Shown)>,
}

impl HtmlSafe for Facts<'_> {}

impl Facts<'_> {
    pub(crate) fn none() -> Self {
        Self { facts: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

/// What is known of a thing, without what is not.
pub(crate) fn facts<'a>(fields: &[Field], thing: &Value, words: &'a Words) -> Facts<'a> {
    let all = fields.iter().map(|field| (words.label(field.name), Shown::of(field, thing, words)));
    Facts { facts: all.filter(|(_, shown)| !shown.is_empty()).collect() }
}

/// Other things that belong to it.
struct Beside<'a> {
    title: &'a str,
    rows: Option<Rows<'a>>,
    /// Where there are all of them.
    all: Option<String>,
}

#[derive(Template)]
#[template(path = "one.html")]
struct One<'a> {
    words: &'a Words,
    title: &'a str,
    notes: Vec<String>,
    facts: Facts<'a>,
    change: Option<String>,
    /// Where its picture is, if it has one, and where it is given one, if it can be.
    image: Option<String>,
    logo: Option<String>,
    acts: Vec<Link<'a>>,
    usage: Option<Chart>,
    beside: Vec<Beside<'a>>,
}

pub(crate) async fn show(thing: &Thing, here: Here) -> Result<Response, Stop> {
    let (words, id) = (here.words(), here.id()?);
    let found = find(thing, &here).await?;
    let title = words.thing(thing.name).map(|thing| thing.about.plain(&[("id", id)]));
    let title = title.as_deref().unwrap_or(id);
    let notes = found.get("notes").and_then(Value::as_array).map(|notes| notes.iter().map(plain).collect());
    let one = One {
        words,
        title,
        notes: notes.unwrap_or_default(),
        facts: facts(thing.shown, &found, words),
        change: (!thing.change.is_empty()).then(|| to(&format!("/{}/change", thing.name), &[("id", id)])),
        image: is_pictured(thing, &found).then(|| logo::image_of(id)),
        logo: thing.pictured.then(|| logo::page_of(id)),
        acts: offered(thing, &found, "", words),
        usage: usage(thing, &here).await?,
        beside: beside(thing, &here).await?,
    };
    Ok(here.page(Page::new(thing.name, title), &one))
}

fn is_pictured(thing: &Thing, found: &Value) -> bool {
    thing.pictured && found.get("has_logo").and_then(Value::as_bool).unwrap_or_default()
}

/// The thing that the page is about, with all that the API tells of it.
async fn find(thing: &Thing, here: &Here) -> Result<Value, Stop> {
    let id = here.id()?;
    let mut found = here.api.get(&path(thing, id)).await.map_err(stop)?;
    if !thing.more.is_empty() {
        let more = here.api.get(&of(thing.more, id)).await.map_err(stop)?;
        if let (Value::Object(found), Value::Object(more)) = (&mut found, more) {
            found.extend(more);
        }
    }
    Ok(found)
}

fn of(path: &str, id: &str) -> String {
    filled(path, |name| (name == "id").then_some(id))
}

/// How many tokens it was issued, day by day, where that is kept.
async fn usage(thing: &Thing, here: &Here) -> Result<Option<Chart>, Stop> {
    if thing.usage.is_empty() {
        return Ok(None);
    }
    let days = match here.api.get(&of(thing.usage, here.id()?)).await {
        Ok(days) => days,
        Err(problem) if problem.code == Code::NotFound => return Ok(None),
        Err(problem) => return Err(stop(problem)),
    };
    let days = days.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let issued = |day: &Value| day.get("issued").and_then(Value::as_object).map(total).unwrap_or_default();
    let values: Vec<u64> = days.iter().map(issued).collect();
    let places: Vec<String> = days.iter().map(|day| day.get("day").map(plain).unwrap_or_default()).collect();
    let (first, last) =
        (places.first().cloned().unwrap_or_default(), places.last().cloned().unwrap_or_default());
    let count = values.iter().sum::<u64>().to_string();
    let words = &here.words().page;
    let said = [("count", &count), ("first", &first), ("last", &last)];
    let plot = Plot {
        said: &words.usage_said.plain(&said),
        up: words.tokens.as_str(),
        along: words.day.as_str(),
        places,
        series: vec![Series {
            name: words.tokens.as_str(),
            note: String::new(),
            values: values.into_iter().map(Some).collect(),
        }],
        marked: None,
        style: Style::Bars,
        number: |value| value.to_string(),
    };
    Ok(Some(plot.draw(here.words())))
}

fn total(issued: &serde_json::Map<String, Value>) -> u64 {
    issued.values().filter_map(Value::as_u64).sum()
}

async fn beside<'a>(thing: &Thing, here: &'a Here) -> Result<Vec<Beside<'a>>, Stop> {
    let (words, id) = (here.words(), here.id()?);
    let mut beside = Vec::new();
    for related in thing.related {
        let Some(other) = catalogue::thing(related.thing) else { continue };
        let title = words.thing(other.name).map_or("", |thing| thing.many.as_str());
        let all = Some(of(related.all, id)).filter(|all| !all.is_empty());
        if related.api.is_empty() {
            beside.push(Beside { title, rows: None, all });
            continue;
        }
        let limit = if related.all.is_empty() { String::new() } else { format!("&limit={FEW}") };
        let part = here.api.get(&(of(related.api, id) + &limit)).await.map_err(stop)?;
        let more = part.get("next").is_some_and(|next| !next.is_null());
        let rows = Rows::of(other, part.get("items").unwrap_or(&Value::Null), id, words);
        beside.push(Beside { title, rows: Some(rows), all: all.filter(|_| more) });
    }
    Ok(beside)
}
