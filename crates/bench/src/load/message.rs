//! Requests as bytes, and what must be in their answers.

use std::borrow::Cow;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::http::{Answer, Wrong};
use crate::registrations::Client;

/// Every subject has its endpoints where grantor's standard profile has them.
pub(crate) const AUTHORIZE: &str = "/oauth2/authorize";
pub(crate) const TOKEN: &str = "/oauth2/token";
pub(crate) const INTROSPECT: &str = "/oauth2/introspect";
pub(crate) const REVOKE: &str = "/oauth2/revoke";

/// A form posted by a client that proves itself by Basic authentication.
pub(crate) fn by_client(
    address: SocketAddr,
    path: &str,
    client: &Client,
    fields: &[(&str, &str)],
) -> Vec<u8> {
    let proof = STANDARD.encode(format!("{}:{}", client.id, client.secret));
    post(address, path, &format!("Authorization: Basic {proof}\r\n"), fields)
}

/// A form posted with more headers, each with its line's end.
pub(crate) fn post(address: SocketAddr, path: &str, headers: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A page asked for.
pub(crate) fn get(address: SocketAddr, target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\n{headers}\r\n").into_bytes()
}

/// What endpoints answer in JSON.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    access_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    refresh_token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token_type: Option<Cow<'a, str>>,
    active: Option<bool>,
}

/// Tokens, as they were answered.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
}

/// Tokens of the bearer type, or the run is wrong.
pub(crate) fn tokens(answer: Answer) -> Result<Tokens, Wrong> {
    let answer = answer.must(200)?;
    let told: Told<'_> = read(&answer)?;
    let is_bearer = told.token_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    match told.access_token {
        Some(access) if is_bearer && access.len() >= 16 => {
            Ok(Tokens { access: access.into_owned(), refresh: told.refresh_token.map(Cow::into_owned) })
        }
        Some(_) | None => Err(answer.wrong("wanted a bearer token")),
    }
}

/// The same, of the form of a JWS.
pub(crate) fn signed_token(answer: Answer) -> Result<Tokens, Wrong> {
    let tokens = tokens(answer)?;
    match tokens.access.matches('.').count() {
        2 => Ok(tokens),
        _ => Err(Wrong::new(format!("wanted a JWT, and was given {}", tokens.access))),
    }
}

/// What introspection must say.
pub(crate) fn is_active(answer: Answer, active: bool) -> Result<(), Wrong> {
    let answer = answer.must(200)?;
    let told: Told<'_> = read(&answer)?;
    if told.active == Some(active) { Ok(()) } else { Err(answer.wrong(&format!("wanted active: {active}"))) }
}

fn read<'a>(answer: &'a Answer) -> Result<Told<'a>, Wrong> {
    serde_json::from_slice(&answer.body).map_err(|error| answer.wrong(&format!("wanted JSON ({error})")))
}
