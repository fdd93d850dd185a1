//! Reading a request: names in its path, its query, its body. Each refusal says which field is wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use grantor_core::{Limits, Secret};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{Code, Problem};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many are listed where nobody says how many.
const PAGE: usize = 50;

const NOTHING: &str = "there is nothing of that name, and there cannot be";

/// The one name in the path. What cannot be such a name, nothing has.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || Problem::not_found(NOTHING);
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| nothing())?;
        text.parse().map(Self).map_err(|_| nothing())
    }
}

/// The two names in the path.
pub(crate) struct NamedTwo<A, B>(pub(crate) A, pub(crate) B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for NamedTwo<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || Problem::not_found(NOTHING);
        let names = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = names.map_err(|_| nothing())?;
        Ok(Self(first.parse().map_err(|_| nothing())?, second.parse().map_err(|_| nothing())?))
    }
}

/// The query. An unknown parameter is refused, as one that is given twice is: a filter that does not hold shows too much.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let told = |rejection: QueryRejection| Problem::new(Code::Invalid, rejection.body_text());
        query.map(|Query(asked)| Self(asked)).map_err(told)
    }
}

/// Which part of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    after: Option<String>,
    limit: Option<usize>,
    pub(crate) prefix: Option<String>,
}

impl Part {
    /// Where to go on. It is a name that an earlier part told.
    pub(crate) fn after<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        after(self.after.as_deref())
    }

    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit)
    }
}

pub(crate) fn after<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| no_next())).transpose()
}

pub(crate) fn no_next() -> Problem {
    Problem::invalid("after", "this is no `next` of an earlier answer")
}

pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let most = Limits::DEFAULT.list_items;
    match asked.unwrap_or(PAGE) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(Problem::invalid("limit", format!("a part has 1 to {most} items"))),
    }
}

/// The body: a JSON object.
pub(crate) struct Given(pub(crate) Map<String, Value>);

/// The body: a JSON object, or nothing, which is an empty one.
pub(crate) struct GivenOrNot(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Given {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        object(request, Limits::DEFAULT.body_bytes).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for GivenOrNot {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        object_or_not(request, Limits::DEFAULT.body_bytes).await.map(Option::unwrap_or_default).map(Self)
    }
}

/// The body, of at most so many bytes.
pub(crate) async fn object(request: Request, most: usize) -> Result<Map<String, Value>, Problem> {
    let nothing = || Problem::new(Code::Invalid, "there is no body: send a JSON object");
    object_or_not(request, most).await?.ok_or_else(nothing)
}

async fn object_or_not(request: Request, most: usize) -> Result<Option<Map<String, Value>>, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = collect(body, most).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json(&parts) {
        return Err(Problem::new(Code::WrongType, "send JSON, and `Content-Type: application/json`"));
    }
    // The place, and nothing of what stands there: it could be a secret.
    serde_json::from_slice(&bytes).map(Some).map_err(|e| {
        let (line, column) = (e.line(), e.column());
        Problem::new(Code::Invalid, format!("the body is no JSON object: line {line}, column {column}"))
    })
}

async fn collect(body: Body, most: usize) -> Result<axum::body::Bytes, Problem> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, most).collect()).await {
        Err(_) => Err(Problem::new(Code::TooSlow, "the body did not arrive in time")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("the body has more than {most} bytes")))
        }
        Ok(Err(_)) => Err(Problem::new(Code::Invalid, "the body broke off")),
    }
}

fn is_json(parts: &Parts) -> bool {
    let mut types = parts.headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"].iter().any(|json| essence.eq_ignore_ascii_case(json))
}

/// A thing of JSON; what is wrong with it is told by the field.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => Problem::new(Code::Invalid, error.inner().to_string()),
        path => Problem::invalid(path, error.inner().to_string()),
    })
}

/// Takes a secret out of a body, before anything else reads it, so that no message can quote one.
pub(crate) fn take_secret(given: &mut Map<String, Value>, field: &str) -> Result<Option<Secret>, Problem> {
    match given.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text))),
        Some(_) => Err(Problem::invalid(field, "expected a text that is not empty")),
    }
}

/// Takes out what names a thing: the rest of a body is what may change.
pub(crate) fn take_text<T>(given: &mut Map<String, Value>, field: &str) -> Result<T, Problem>
where
    T: FromStr<Err: fmt::Display>,
{
    match given.remove(field) {
        Some(Value::String(text)) => text.parse().map_err(|e: T::Err| Problem::invalid(field, e.to_string())),
        Some(_) => Err(Problem::invalid(field, "expected a text")),
        None => Err(Problem::invalid(field, "missing")),
    }
}

/// Under which tag a thing must still be for it to be changed (RFC 9110, section 13.1.1). Any, where none is named.
pub(crate) struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IF_MATCH).iter().map(|value| value.to_str());
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(Ok(text)), None) => Ok(Self(Some(text.to_owned()).filter(|text| text != "*"))),
            (Some(_), _) => Err(Problem::invalid("If-Match", "send one tag, as an earlier answer had it")),
        }
    }
}

impl IfMatch {
    /// Refuses what has another tag by now.
    pub(crate) fn check(&self, thing: &impl serde::Serialize) -> Result<(), Problem> {
        match &self.0 {
            Some(tag) if *tag != crate::reply::tag(thing) => {
                Err(Problem::new(Code::Changed, "it was changed since it was read: read it again"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
