//! The first page: what an operator should know.

use askama::Template;
use axum::response::Response;
use grantor_admin::Code;
use grantor_http::Stop;
use serde_json::Value;

use crate::catalogue;
use crate::figures::Figures;
use crate::here::{Here, Page, stop};
use crate::link::to;
use crate::list::Rows;
use crate::server::{Dangers, dangers};
use crate::words::Words;

/// How often a browser asks again for live figures, in seconds.
const EVERY: u32 = 10;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    words: &'a Words,
    figures: Option<Figures>,
    dangers: Vec<Dangers>,
    expiring: Option<Rows<'a>>,
    live: bool,
}

/// The first two parts of what ends soon: keys and tokens, and the secrets of the first clients. All of it is a read for
/// each client, and has a page of its own.
async fn expiring(here: &Here) -> Result<Value, Stop> {
    let first = here.api.get("/api/expiring").await.map_err(stop)?;
    let mut all = first.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(next) = first.get("next").and_then(Value::as_str) {
        let second = here.api.get(&to("/api/expiring", &[("after", next)])).await.map_err(stop)?;
        all.extend(second.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    Ok(all.into())
}

pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    let words = here.words();
    let settings = here.api.get("/api/settings").await.map_err(stop)?;
    let expiring = expiring(&here).await?;
    let live = here.query.get("live").is_some();
    let figures = match here.api.get("/api/figures").await {
        Ok(told) => Some(Figures::of(&told, words)),
        Err(problem) if problem.code == Code::NotFound => None,
        Err(problem) => return Err(stop(problem)),
    };
    let overview = Overview {
        words,
        figures,
        dangers: dangers(&settings),
        expiring: catalogue::thing("expiring").map(|thing| Rows::of(thing, &expiring, "", words)),
        live,
    };
    let page = Page { refresh: live.then_some(EVERY), ..Page::new("", words.overview.title.as_str()) };
    Ok(here.page(page, &overview))
}
