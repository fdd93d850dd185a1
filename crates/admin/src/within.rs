//! The API for somebody within this process: the same requests to the same router, without a network.

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::Service as _;

use crate::caller::Caller;
use crate::problem::Problem;

/// The API for one caller.
#[derive(Clone)]
pub struct Within {
    router: Router,
    caller: Caller,
}

/// What the API answers when it does what is asked. A body can hold a secret, so nothing prints it by itself.
pub struct Answer {
    /// What it says.
    pub body: Value,
    /// By which tag it is told whether the thing changed since, where it can be.
    pub tag: Option<String>,
}

/// The path of a thing of that name, as in `/api/clients/NAME`.
pub fn at(resource: &str, name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    // What stands for a space in forms is a plus in paths.
    format!("/api/{resource}/{}", name.replace('+', "%20"))
}

impl Within {
    pub(crate) fn new(router: Router, caller: Caller) -> Self {
        Self { router, caller }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The problem that the API answers with.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        tag: Option<&str>,
    ) -> Result<Answer, Problem> {
        let mut request = Request::builder().method(method).uri(path).extension(self.caller.clone());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(tag) = tag {
            request = request.header(IF_MATCH, tag);
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from));
        let request = request.map_err(|e| Problem::invalid("path", e.to_string()))?;
        let Ok(response) = self.router.clone().call(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|e| Problem::unavailable(e.to_string()))?.to_bytes();
        let read = |e: serde_json::Error| Problem::unavailable(format!("the answer is no JSON: {e}"));
        if !parts.status.is_success() {
            return Err(serde_json::from_slice(&bytes).map_err(read)?);
        }
        let tag = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Answer { body: serde_json::from_slice(&bytes).map_err(read)?, tag })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// As for [`send`](Within::send).
    pub async fn get(&self, path: &str) -> Result<Value, Problem> {
        Ok(self.send(Method::GET, path, None, None).await?.body)
    }

    /// Makes or does something.
    ///
    /// # Errors
    /// As for [`send`](Within::send).
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        Ok(self.send(Method::POST, path, Some(body.to_string()), None).await?.body)
    }

    /// Changes something.
    ///
    /// # Errors
    /// As for [`send`](Within::send).
    pub async fn patch(&self, path: &str, changes: &Value) -> Result<Value, Problem> {
        Ok(self.send(Method::PATCH, path, Some(changes.to_string()), None).await?.body)
    }

    /// Ends something.
    ///
    /// # Errors
    /// As for [`send`](Within::send).
    pub async fn delete(&self, path: &str) -> Result<Value, Problem> {
        Ok(self.send(Method::DELETE, path, None, None).await?.body)
    }

    /// A list from its beginning to its end, in parts as large as there are. The path may have a query.
    ///
    /// # Errors
    /// As for [`send`](Within::send).
    pub async fn all(&self, path: &str) -> Result<Vec<Value>, Problem> {
        let most = grantor_core::Limits::DEFAULT.list_items;
        let joint = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{joint}limit={most}");
        let (mut items, mut page) = (Vec::new(), first.clone());
        loop {
            let mut answer = self.get(&page).await?;
            if let Some(found) = answer.get_mut("items").and_then(Value::as_array_mut) {
                items.append(found);
            }
            let Some(next) = answer.get("next").and_then(Value::as_str) else { return Ok(items) };
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            page = format!("{first}&after={next}");
        }
    }
}
