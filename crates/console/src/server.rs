//! What is in force: the settings, and the store.

use askama::Template;
use axum::response::Response;
use grantor_http::Stop;
use serde_json::Value;

use crate::here::{Here, Page, stop};
use crate::one::{Facts, facts};
use crate::thing::{Field, text, values};
use crate::value::plain;
use crate::words::Words;

pub(crate) const STORE: &[Field] = &[text("backend"), text("survives"), text("records"), values("move")];

#[derive(Template)]
#[template(path = "server.html")]
struct Server<'a> {
    words: &'a Words,
    version: String,
    dangers: Vec<String>,
    store: Facts<'a>,
    settings: Vec<Setting>,
}

struct Setting {
    key: String,
    value: String,
    from: String,
}

pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    let words = here.words();
    let settings = here.api.get("/api/settings").await.map_err(stop)?;
    let store = here.api.get("/api/store").await.map_err(stop)?;
    let of = |setting: &Value, name: &str| setting.get(name).map(text_of).unwrap_or_default();
    let all = settings.get("settings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let server = Server {
        words,
        version: of(&settings, "version"),
        dangers: dangers(&settings),
        store: facts(STORE, &store, words),
        settings: all
            .iter()
            .map(|s| Setting { key: of(s, "key"), value: of(s, "value"), from: of(s, "from") })
            .collect(),
    };
    Ok(here.page(Page::new("server", words.server.title.as_str()), &server))
}

/// What is risky in what is in force.
pub(crate) fn dangers(settings: &Value) -> Vec<String> {
    settings.get("dangers").and_then(Value::as_array).into_iter().flatten().map(plain).collect()
}

fn text_of(value: &Value) -> String {
    match value.as_array() {
        Some(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        None => plain(value),
    }
}
