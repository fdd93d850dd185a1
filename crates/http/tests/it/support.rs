//! A server in memory, and a browser that keeps cookies and submits forms as they stand in the page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::{Profile, RedirectUri, Secret, ServerKey, Time};
use grantor_directory::{Directory, HashCost, NewUser, UserName};
use grantor_engine::{Clock, Engine};
use grantor_http::{Settings, Web};
use grantor_store::{FaultLayer, Faults, MemoryStore};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://auth.test";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_unix_millis(1_700_000_040_000 + self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) faults: Faults,
    pub(crate) secrets: BTreeMap<String, String>,
}

pub(crate) async fn server() -> Server {
    server_with(Profile::standard(ISSUER.parse().unwrap()), Settings::default()).await
}

pub(crate) async fn server_with(profile: Profile, settings: Settings) -> Server {
    let mut server = bare_server(profile, settings).await;
    server.furnish_clients().await;
    server
}

/// A server of any profile, with users and no clients.
pub(crate) async fn bare_server(profile: Profile, settings: Settings) -> Server {
    let store = FaultLayer::new(MemoryStore::new());
    let faults = store.faults();
    let store = Arc::new(store);
    let clock = Arc::new(TestClock::default());
    let builder = Engine::builder(profile, store.clone(), ServerKey::from_bytes([7; 32]));
    let engine = builder.clock(clock.clone()).open().await.unwrap();
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let quick = grantor_directory::Settings { hash_cost, ..Default::default() };
    let directory = Arc::new(Directory::new(store, engine.server_key(), quick).unwrap());
    let router = Web::new(engine.clone()).users(directory.clone()).settings(settings).router();
    let secrets = BTreeMap::new();
    let server = Server { router, engine, directory, clock, faults, secrets };
    server.furnish_users().await;
    server
}

pub(crate) fn client(id: &str, redirect: &str) -> ClientMetadata {
    let mut client = ClientMetadata::new(id.parse().unwrap());
    client.client_name = Some(format!("The {id} app"));
    client.redirect_uris = vec![RedirectUri::parse(redirect).unwrap()];
    client.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
    client.scope = "read write".parse().unwrap();
    client
}

impl Server {
    async fn furnish_clients(&mut self) {
        let mut rs = ClientMetadata::new("rs1".parse().unwrap());
        rs.grant_types.clear();
        rs.audience = Some("https://api.test".to_owned());
        let mut svc = ClientMetadata::new("svc".parse().unwrap());
        svc.grant_types = [GrantType::ClientCredentials].into();
        svc.scope = "read".parse().unwrap();
        let public = |id, redirect| ClientMetadata {
            token_endpoint_auth_method: AuthMethod::None,
            ..client(id, redirect)
        };
        let post = ClientMetadata {
            token_endpoint_auth_method: AuthMethod::ClientSecretPost,
            ..client("post", "https://post.test/cb")
        };
        let legacy = ClientMetadata { require_pkce: false, ..client("legacy", "https://legacy.test/cb") };
        let mut two = client("two", "https://two.test/a");
        two.redirect_uris.push(RedirectUri::parse("https://two.test/b").unwrap());
        for metadata in [
            client("web", "https://app.test/cb"),
            client("web2", "https://app2.test/cb"),
            client("tenant", "https://app.test/cb?tenant=a"),
            public("spa", "https://spa.test/cb"),
            public("spa2", "https://spa2.test/cb"),
            public("cli", "http://127.0.0.1/cb"),
            public("cli6", "http://[::1]/cb"),
            public("native", "com.example.app:/cb"),
            post,
            legacy,
            two,
            rs,
            svc,
        ] {
            let id = metadata.client_id.to_string();
            let secret = self.engine.register_client(metadata, None).await.unwrap();
            self.secrets.extend(secret.map(|secret| (id, secret.expose().to_owned())));
        }
    }

    async fn furnish_users(&self) {
        for name in ["alice", "bob"] {
            let user = NewUser {
                username: UserName::parse(name).unwrap(),
                password: Some(Secret::new(PASSWORD)),
                profile: Default::default(),
            };
            self.directory.create_user(&user, self.engine.now()).await.unwrap().unwrap();
        }
    }

    /// A client's secret; for whoever has none, something that could be one.
    pub(crate) fn secret(&self, client: &str) -> &str {
        self.secrets.get(client).map_or("a client secret of some length", String::as_str)
    }

    /// The header by which a client authenticates.
    pub(crate) fn basic(&self, client: &str) -> String {
        basic(client, self.secret(client))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(!parts.status.is_server_error() || parts.status == 503, "{} {body}", parts.status);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The status, the headers and the body of what is no text.
    pub(crate) async fn bytes(&self, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response =
            self.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form to an endpoint as a client that authenticates by Basic.
    pub(crate) async fn post_as(&self, client: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(path, &[("authorization", &self.basic(client))], fields).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        self.post_raw(path, headers, &form(fields)).await
    }

    pub(crate) async fn post_raw(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Logs alice in, approves a request for everything and gives the code.
    pub(crate) async fn code_for(&self, client: &str, redirect: &str) -> String {
        let mut browser = Browser::logged_in(self, "alice").await;
        browser.approve(&authorize_url(client, redirect, &[])).await.parameter("code").unwrap()
    }

    pub(crate) async fn redeem(&self, client: &str, code: &str, redirect: &str) -> Answer {
        self.post_as(client, "/oauth2/token", &redemption(code, redirect)).await
    }

    /// Tokens for `web` and alice.
    pub(crate) async fn tokens(&self) -> serde_json::Value {
        let code = self.code_for("web", "https://app.test/cb").await;
        let answer = self.redeem("web", &code, "https://app.test/cb").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let answer = self.post_as("web", "/oauth2/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["active"].as_bool().unwrap()
    }
}

pub(crate) fn redemption<'a>(code: &'a str, redirect: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A right request, with parameters replaced (a value) or taken away (an empty one).
pub(crate) fn authorize_url(client: &str, redirect: &str, changes: &[(&str, &str)]) -> String {
    format!("/oauth2/authorize?{}", authorize_query(client, redirect, changes))
}

pub(crate) fn authorize_query(client: &str, redirect: &str, changes: &[(&str, &str)]) -> String {
    let mut fields = BTreeMap::from([
        ("client_id", client),
        ("redirect_uri", redirect),
        ("response_type", "code"),
        ("scope", "read"),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(changes.iter().copied());
    form(&fields.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>())
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location")
    }

    /// A parameter of the redirect's query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.location().split_once('?').map_or("", |(_, query)| query);
        let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.into_owned());
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// ERRPAGE of the security cases.
    #[track_caller]
    pub(crate) fn assert_error_page(&self, what: &str) {
        assert!(self.status.is_client_error(), "{what}: {}", self.status);
        assert!(!self.headers.contains_key("location"), "{what}");
        assert!(self.header("content-type").starts_with("text/html"), "{what}");
        assert!(!self.body.contains("http-equiv") && !self.body.contains("<script"), "{what}");
    }

    /// REDIR(e) of the security cases.
    #[track_caller]
    pub(crate) fn assert_redirected(&self, redirect: &str, error: &[&str], what: &str) {
        assert!(self.location().starts_with(redirect), "{what}: {}", self.location());
        let told = self.parameter("error").unwrap_or_default();
        assert!(error.contains(&told.as_str()), "{what}: {told}");
        assert_eq!(self.parameter("iss").as_deref(), Some(ISSUER), "{what}");
        assert_eq!(self.parameter("code"), None, "{what}");
    }
}

/// A browser with its cookies, and the page it shows.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let headers = vec![("origin", ISSUER.to_owned()), ("sec-fetch-site", "same-origin".to_owned())];
        Self { server, cookies: BTreeMap::new(), headers }
    }

    pub(crate) async fn logged_in(server: &'a Server, user: &str) -> Self {
        let mut browser = Self::new(server);
        let answer = browser.log_in(user, PASSWORD).await;
        assert_eq!(answer.location(), "/account");
        browser
    }

    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        let page = self.get("/login").await;
        self.submit(&page, &[("username", user), ("password", password)]).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, form(fields)).await
    }

    /// Submits the first form of a page with what is filled in.
    pub(crate) async fn submit(&mut self, page: &Answer, filled: &[(&str, &str)]) -> Answer {
        let (action, mut fields) = form_of(&page.body);
        for (name, value) in filled {
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post(&action, &fields).await
    }

    /// Follows an authorization request to the consent page and approves; to its end, if that was approved before.
    pub(crate) async fn approve(&mut self, url: &str) -> Answer {
        let page = self.get(url).await;
        if page.status == 303 {
            return page;
        }
        assert_eq!(page.status, 200, "{}", page.body);
        self.submit(&page, &[("decision", "approve")]).await
    }

    async fn send(&mut self, method: Method, path: &str, body: String) -> Answer {
        let cookies = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
        let mut request = Request::builder().method(method.clone()).uri(path).header("cookie", cookies);
        if method == Method::POST {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in &self.headers {
                request = request.header(*name, value);
            }
        }
        let answer = self.server.send(request.body(Body::from(body)).unwrap()).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The action and the fields of the first form of a page.
pub(crate) fn form_of(page: &str) -> (String, Vec<(String, String)>) {
    let form = page.split("<form").nth(1).unwrap_or_else(|| panic!("no form: {page}"));
    let form = form.split("</form>").next().unwrap();
    let fields = form
        .split("<input")
        .skip(1)
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
    (attribute(form, "action").unwrap(), fields.collect())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next().unwrap();
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let mut text = value.to_owned();
    for (entity, character) in
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
    {
        text = text.replace(entity, character);
    }
    Some(text)
}

/// A field of the first form of a page.
pub(crate) fn field(page: &str, name: &str) -> String {
    let (_, fields) = form_of(page);
    fields.into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}: {page}")).1
}
