//! Whose a token is, and its end.

use askama::Template;
use axum::extract::Request;
use axum::response::Response;
use grantor_http::Stop;
use serde_json::{Value, json};

use crate::form::{Controls, controls, posted};
use crate::here::{Complaint, Here, Page, Told};
use crate::link::to;
use crate::one::{Facts, facts};
use crate::thing::{Field, flag, of, seconds, text, word};
use crate::value::{Entries, plain};
use crate::words::Words;

/// A token travels in a body and in no URL, which logs keep.
pub(crate) const ASKED: &[Field] = &[text("token").required()];

pub(crate) const SHOWN: &[Field] = &[
    flag("active"),
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
    controls: Controls<'a>,
    told: Told<'a>,
    facts: Facts<'a>,
    /// Where the grants are that it may be of.
    grants: Option<String>,
    said: Option<&'a str>,
}

pub(crate) async fn show(here: Here) -> Result<Response, Stop> {
    Ok(page(&here, &Entries::default(), Ok((Value::Null, None))))
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
                let said = if ended { &words.revoked } else { &words.not_revoked };
                (Value::Null, Some(said.as_str()))
            })
        }
        _ => here.api.post("/api/tokens/introspect", &token).await.map_err(Complaint::of).map(|found| {
            let is_live = found.get("active").is_some_and(|active| *active == true);
            (found, (!is_live).then_some(words.worthless.as_str()))
        }),
    };
    let found = match found {
        Ok(found) => Ok(found),
        Err(complaint) => Err(complaint?),
    };
    Ok(page(&here, &entries, found))
}

fn page(here: &Here, entries: &Entries, found: Result<(Value, Option<&str>), Complaint>) -> Response {
    let words = here.words();
    let (found, said, complaint) = match found {
        Ok((found, said)) => (found, said, None),
        Err(complaint) => (Value::Null, None, Some(complaint)),
    };
    let name = |field: &str| found.get(field).map(plain).unwrap_or_default();
    let (client, user) = (name("client_id"), name("sub"));
    let is_live = found.get("active").is_some_and(|active| *active == true);
    let token = Token {
        words,
        csrf: &here.token("/token"),
        controls: controls(ASKED, entries, complaint.as_ref(), words),
        told: Told::of(complaint.as_ref(), words),
        facts: if is_live { facts(SHOWN, &found, words) } else { Facts::none() },
        grants: is_live.then(|| to("/grants", &[("user", &user), ("client", &client)])),
        said,
    };
    here.page(Page::new("token", words.token.title.as_str()).told(complaint.as_ref()), &token)
}
