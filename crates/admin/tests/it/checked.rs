//! A client that believes nothing: each request it sends and each answer it gets must be as the document says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use grantor_admin::Caller;
use http_body_util::BodyExt as _;
use jsonschema::Validator;
use serde_json::{Value, json};
use tower::Service as _;

pub(crate) struct Checked {
    router: Router,
    document: Value,
    seen: Mutex<BTreeSet<(String, String)>>,
}

/// A request.
pub(crate) struct Ask {
    method: Method,
    path: String,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
    caller: Option<Caller>,
    is_wrong: bool,
}

/// An answer that is as the document says.
pub(crate) struct Sent {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Ask {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        let (path, headers) = (path.to_owned(), Vec::new());
        Self { method, path, body: None, headers, caller: None, is_wrong: false }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn text(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub(crate) fn by(self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self }
    }

    /// It is not as the document says, on purpose.
    pub(crate) fn wrong(self) -> Self {
        Self { is_wrong: true, ..self }
    }

    fn header_of(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl Checked {
    pub(crate) fn new(router: Router) -> Self {
        Self {
            router,
            document: serde_json::from_str(grantor_admin::DOCUMENT).unwrap(),
            seen: Mutex::default(),
        }
    }

    /// The operations that were asked for and went well.
    pub(crate) fn seen(&self) -> BTreeSet<(String, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// Sends a request, and gives its answer if both are as the document says.
    pub(crate) async fn send(&self, ask: Ask) -> Sent {
        let name = format!("{} {}", ask.method, ask.path);
        self.try_send(ask).await.unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    pub(crate) async fn try_send(&self, ask: Ask) -> Result<Sent, String> {
        let operation = self.operation(&ask);
        if !ask.is_wrong {
            self.check_request(operation.as_deref().ok_or("the document has no such operation")?, &ask)?;
        }
        let mut request = Request::builder().method(ask.method.clone()).uri(&ask.path);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(caller) = ask.caller {
            request = request.extension(caller);
        }
        let body = ask.body.map_or_else(Body::empty, Body::from);
        let response = self.router.clone().call(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body =
            serde_json::from_str(&text).map_err(|e| format!("{}, no JSON: {e}: {text}", parts.status))?;
        let sent = Sent { status: parts.status, headers: parts.headers, body };
        match operation {
            Some(operation) => {
                self.check_answer(&operation, &sent)?;
                if sent.status.is_success() {
                    let path = operation.trim_start_matches("/paths/").rsplit_once('/').unwrap().0;
                    let path = path.replace("~1", "/").replace("~0", "~");
                    self.seen.lock().unwrap().insert((ask.method.to_string(), path));
                }
            }
            // What is not there at all is told by a problem as well.
            None => self.check_problem(&sent)?,
        }
        Ok(sent)
    }

    /// The JSON pointer of the operation that a request is.
    fn operation(&self, ask: &Ask) -> Option<String> {
        let path = ask.path.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(w, p)| w.starts_with('{') || w == p)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let path = paths.keys().filter(|path| fits(path)).min_by_key(|path| path.matches('{').count())?;
        let method = ask.method.as_str().to_lowercase();
        let operation = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
        self.document.pointer(&operation).map(|_| operation)
    }

    fn check_request(&self, operation: &str, ask: &Ask) -> Result<(), String> {
        let path = operation.rsplit_once('/').unwrap().0;
        let parameters: Vec<(String, Value)> =
            [format!("{path}/parameters"), format!("{operation}/parameters")]
                .iter()
                .filter_map(|place| self.document.pointer(place)?.as_array())
                .flatten()
                .map(|parameter| self.resolved(parameter))
                .map(|p| (p["name"].as_str().unwrap().to_owned(), p))
                .collect();
        for (name, _) in form_urlencoded::parse(ask.path.split_once('?').map_or("", |(_, q)| q).as_bytes()) {
            if !parameters.iter().any(|(known, p)| *known == name && p["in"] == "query") {
                return Err(format!("the document has no query parameter {name}"));
            }
        }
        let place = format!("{operation}/requestBody");
        match (&ask.body, self.document.pointer(&place)) {
            (None, Some(body)) if body["required"] == true => Err("the document wants a body".to_owned()),
            (None, _) => Ok(()),
            (Some(_), None) => Err("the document has no body here".to_owned()),
            (Some(text), Some(_)) => {
                let kind = ask.header_of(CONTENT_TYPE.as_str()).unwrap_or_default().replace('/', "~1");
                let body: Value = serde_json::from_str(text).map_err(|e| format!("the body: {e}"))?;
                self.check(&format!("{place}/content/{kind}/schema"), &body, "the body")
            }
        }
    }

    fn check_answer(&self, operation: &str, sent: &Sent) -> Result<(), String> {
        let place = format!("{operation}/responses/{}", sent.status.as_u16());
        let response = self.document.pointer(&place);
        let response =
            response.ok_or_else(|| format!("{} is not in the document: {}", sent.status, sent.body))?;
        let place = match response["$ref"].as_str() {
            Some(reference) => reference.trim_start_matches('#').to_owned(),
            None => place,
        };
        let response = self.document.pointer(&place).unwrap();
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header);
            match sent.headers.get(name.to_lowercase().as_str()) {
                Some(value) => self.check_schema(&header["schema"], &json!(value.to_str().unwrap()), name)?,
                None if header["required"] == true => return Err(format!("the header {name} is missing")),
                None => {}
            }
        }
        let kind = content_type(sent).replace('/', "~1");
        self.check(&format!("{place}/content/{kind}/schema"), &sent.body, "the answer")
    }

    fn check_problem(&self, sent: &Sent) -> Result<(), String> {
        if content_type(sent) != "application/problem+json" {
            return Err(format!("{} without a problem document", sent.status));
        }
        self.check("/components/schemas/Problem", &sent.body, "the answer")
    }

    fn resolved(&self, value: &Value) -> Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
            None => value.clone(),
        }
    }

    /// Holds a value to the schema at a place in the document.
    fn check(&self, place: &str, value: &Value, what: &str) -> Result<(), String> {
        if self.document.pointer(place).is_none() {
            return Err(format!("{what}: the document has nothing at {place}"));
        }
        self.check_schema(
            &json!({"$ref": format!("#{}", place.replace('{', "%7B").replace('}', "%7D"))}),
            value,
            what,
        )
    }

    fn check_schema(&self, schema: &Value, value: &Value, what: &str) -> Result<(), String> {
        let validator = self.validator(schema).map_err(|why| format!("{what}: {why}"))?;
        let wrong: Vec<_> =
            validator.iter_errors(value).map(|e| format!("{} {e}", e.instance_path())).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("{what}: {}: {value}", wrong.join("; "))) }
    }

    /// What holds values to a schema of the document. It is made once: that takes its time.
    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        static MADE: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
        let name = schema.to_string();
        if let Some(known) = MADE.lock().unwrap().get(&name) {
            return Ok(known.clone());
        }
        // The document around it, so that what it refers to is there.
        let mut whole = self.document.clone();
        whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        let made = Arc::new(jsonschema::draft202012::new(&whole).map_err(|e| e.to_string())?);
        MADE.lock().unwrap().insert(name, made.clone());
        Ok(made)
    }
}

fn content_type(sent: &Sent) -> String {
    let value = sent.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
    value.split(';').next().unwrap().to_owned()
}

mod tests {
    use super::*;
    use axum::http::header::ETAG;
    use axum::response::IntoResponse as _;
    use axum::routing::any;

    /// What a server answers to `GET /api/clients/web` that says `body`.
    async fn told(status: u16, kind: &'static str, tag: &'static str, body: Value) -> Result<Sent, String> {
        let answer = move || async move {
            let headers = [(CONTENT_TYPE, kind), (ETAG, tag)];
            (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
        };
        let server = Router::new().route("/api/clients/web", any(answer));
        Checked::new(server).try_send(Ask::new(Method::GET, "/api/clients/web")).await
    }

    fn web() -> Value {
        json!({"client_id": "web", "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"})
    }

    #[tokio::test]
    async fn an_answer_that_is_not_as_the_document_says_is_found() {
        const JSON: &str = "application/json";
        assert!(told(200, JSON, "\"a\"", web()).await.is_ok());
        let with = |name: &str, value: Value| {
            let mut web = web();
            web[name] = value;
            web
        };
        let mut without = web();
        without.as_object_mut().unwrap().remove("grant_types");
        for (told, why) in [
            (told(200, JSON, "\"a\"", without).await, "\"grant_types\" is a required property"),
            (told(200, JSON, "\"a\"", with("secret", json!("s"))).await, "'secret' was unexpected"),
            (told(200, JSON, "\"a\"", with("client_id", json!(1))).await, "/client_id 1 is not of type"),
            (told(200, JSON, "\"a\"", with("grant_types", json!(["x"]))).await, "/grant_types/0"),
            (told(200, JSON, "a", web()).await, "ETag"),
            (told(200, "text/plain", "\"a\"", web()).await, "nothing at"),
            (told(201, JSON, "\"a\"", web()).await, "201 Created is not in the document"),
            (told(404, "application/problem+json", "\"a\"", json!({"status": 404})).await, "is a required"),
        ] {
            let told = told.err().unwrap_or_default();
            assert!(told.contains(why), "{why}: {told}");
        }
    }

    #[tokio::test]
    async fn a_request_that_is_not_as_the_document_says_is_not_sent() {
        let checked = Checked::new(Router::new());
        let changes = |body: Value| Ask::new(Method::PATCH, "/api/clients/web").json(&body);
        for (ask, why) in [
            (Ask::new(Method::GET, "/api/nothing"), "no such operation"),
            (Ask::new(Method::GET, "/api/clients?before=a"), "no query parameter before"),
            (Ask::new(Method::POST, "/api/clients"), "wants a body"),
            (Ask::new(Method::GET, "/api/clients").json(&json!({})), "has no body here"),
            (changes(json!({"secret": 1})), "'secret' was unexpected"),
            (changes(json!({"disabled": "yes"})), "/disabled"),
        ] {
            let told = checked.try_send(ask).await.err().unwrap_or_default();
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}
