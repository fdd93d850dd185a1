//! Whose a token is, and its end.

use askama::Template;
use axum::extract::Request;
use axum::response::Response;
use grantor_http::Stop;
use serde_json::{Value, json};

use crate::form::{Controls, Profiles, controls, posted};
use crate::here::{Complaint, Here, Page, Told};
use crate::link::to;
use crate::one::{Facts, facts};
use crate::thing::{Field, of, seconds, text, word};
use crate::value::{Entries, plain};
use crate::words::Words;

/// A token travels in a body and in no URL, which logs keep.
pub(crate) const ASKED: &[Field] = &[text("token").required()];

pub(crate) const SHOWN: &[Field] = &[
    of("clients", "client_id"),
    of("users", "sub"),
    text("scope"),
    word("token_type"),
    text("aud"),
    text("iss"),
    seconds("iat"),
    seconds("exp"),
];

#[derive(Template)]
#[template(path = "token.html")]
struct Token<'a> {
    words: &'a Words,
    csrf: &'a str,
    /// The token, while it is asked whether it is to end.
    ending: Option<&'a str>,
    controls: Controls<'a>,
    told: Told<'a>,
    facts: Facts<'a>,
    /// Where the grants are that it may be of.
    grants: Option<String>,
    said: Said<'a>,
}

/// What is said of what was done.
enum Said<'a> {
    Nothing,
    /// That it was done.
    Done(&'a str),
    /// That there was nothing to do.
    Plain(&'a str),
}

/// What came of a form.
struct Found<'a> {
    token: Value,
    ending: bool,
    said: Said<'a>,
}

impl Found<'_> {
    const NOTHING: Found<'static> = Found { token: Value::Null, ending: false, said: Said::Nothing };
}

pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    page(&here, &Entries::default(), Ok(Found::NOTHING)).await
}

pub(crate) async fn submit(here: Here, request: Request) -> Result<Response, Stop> {
    let form = here.form(request, "/token").await?;
    let entries = posted(ASKED, &form);
    let words = &here.words().token;
    let token = json!({"token": entries.get("token").trim()});
    let found = match form.get("do") {
        _ if entries.get("token").trim().is_empty() => {
            Err(Ok(Complaint::about("token", here.words().page.missing.as_str())))
        }
        Some("revoke") => {
            here.api.post("/api/tokens/revoke", &token).await.map_err(Complaint::of).map(|done| {
                let ended = done.get("revoked").is_some_and(|revoked| *revoked == true);
                let said = if ended {
                    Said::Done(words.revoked.as_str())
                } else {
                    Said::Plain(words.not_revoked.as_str())
                };
                Found { said, ..Found::NOTHING }
            })
        }
        // Nothing ends before it was asked whether it should, and before it was seen whose it is.
        what => here.api.post("/api/tokens/introspect", &token).await.map_err(Complaint::of).map(|token| {
            if is_live(&token) {
                Found { token, ending: what == Some("end"), said: Said::Nothing }
            } else {
                Found { said: Said::Plain(words.worthless.as_str()), ..Found::NOTHING }
            }
        }),
    };
    let found = match found {
        Ok(found) => Ok(found),
        Err(complaint) => Err(complaint?),
    };
    page(&here, &entries, found).await
}

fn is_live(token: &Value) -> bool {
    token.get("active").is_some_and(|active| *active == true)
}

async fn page(here: &Here, entries: &Entries, found: Result<Found<'_>, Complaint>) -> Result<Response, Stop> {
    let words = here.words();
    let (found, complaint) = match found {
        Ok(found) => (found, None),
        Err(complaint) => (Found::NOTHING, Some(complaint)),
    };
    let name = |field: &str| found.token.get(field).map(plain).unwrap_or_default();
    let (client, user, is_live) = (name("client_id"), name("sub"), is_live(&found.token));
    let profiles = Profiles::of(ASKED, here).await?;
    let title = if found.ending { &words.token.ask } else { &words.token.title };
    let token = Token {
        words,
        csrf: &here.token("/token"),
        ending: found.ending.then(|| entries.get("token").trim()),
        controls: controls(ASKED, entries, &profiles, complaint.as_ref(), words),
        told: Told::of(complaint.as_ref(), words),
        facts: if is_live { facts(SHOWN, &found.token, words) } else { Facts::none() },
        grants: is_live.then(|| to("/grants", &[("user", &user), ("client", &client)])),
        said: found.said,
    };
    Ok(here.page(Page::new("token", title.as_str()).told(complaint.as_ref()), &token))
}
