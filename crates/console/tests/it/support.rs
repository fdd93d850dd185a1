//! A server's rooms in memory, its two listeners, and a browser that keeps cookies and submits forms as they stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use grantor_admin::{Api, Caller, Within};
use grantor_console::Console;
use grantor_core::{Profile, Secret, ServerKey, SubjectId, Time};
use grantor_directory::{Directory, HashCost, NewUser, Settings, UserName};
use grantor_engine::{Clock, Engine};
use grantor_http::Web;
use grantor_ledger::{Endpoint, Figures, Ledger};
use grantor_store::MemoryStore;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::html::{Form, Page};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const HOST: &str = "127.0.0.1:9090";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What is in the place of names, to see that it is nowhere anything else.
pub(crate) const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}";

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

pub(crate) struct World {
    /// The operators' listener.
    pub(crate) desk: Router,
    /// The one that is for everybody.
    pub(crate) public: Router,
    pub(crate) api: Within,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<TestClock>,
}

impl World {
    /// With `root`, who administers it, and `alice`, who does not.
    pub(crate) async fn new() -> Self {
        Self::at(None).await
    }

    pub(crate) async fn at(origin: Option<&str>) -> Self {
        let (store, key) = (Arc::new(MemoryStore::new()), ServerKey::from_bytes([7; 32]));
        let clock = Arc::new(TestClock::default());
        let profile = Profile::standard("https://auth.test".parse().unwrap());
        let ledger = Ledger::start(store.clone(), clock.clone(), grantor_ledger::Settings::default());
        let figures = Arc::new(Figures::new());
        let builder = Engine::builder(profile, store.clone(), key).clock(clock.clone());
        let builder = builder.observer(Arc::new(ledger.clone()));
        let engine = builder.open().await.unwrap();
        let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let quick = Settings { hash_cost, ..Settings::default() };
        let directory = Arc::new(Directory::new(store, engine.server_key(), quick).unwrap());
        let web = || Web::new(engine.clone()).users(directory.clone());
        let api = Api::new(engine.clone(), directory.clone()).ledger(ledger.clone()).figures(figures.clone());
        for n in 0..3 {
            figures.answered(Endpoint::Token, Duration::from_millis(n));
            figures.sample(clock.now(), true);
        }
        let desk = web().desk(origin);
        let programs = desk.throttled(api.router(), grantor_admin::too_many);
        let desk = Console::new(api.clone(), desk).router().merge(programs);
        let public = web().router();
        let world = Self { desk, public, api: api.within(Caller::Operator), directory, ledger, clock };
        world.user("root", true).await;
        world.user("alice", false).await;
        world
    }

    pub(crate) async fn user(&self, name: &str, admin: bool) {
        let new = NewUser {
            username: UserName::parse(name).unwrap(),
            password: Some(Secret::new(PASSWORD)),
            profile: grantor_directory::Profile { admin, ..Default::default() },
        };
        self.directory.create_user(&new, self.clock.now()).await.unwrap().unwrap();
    }

    /// One of everything, and hostile texts wherever there can be texts.
    pub(crate) async fn furnish(&self) {
        let post = async |path: &str, body: Value| self.api.post(path, &body).await.unwrap();
        post("/api/accounts", json!({"id": "35", "name": HOSTILE, "url": HOSTILE, "oauth_enabled": true}))
            .await;
        post("/api/accounts", json!({"id": "36"})).await;
        let alice = json!({
            "name": HOSTILE, "email": "alice@example.test", "avatar": HOSTILE,
            "accounts": [{"id": "35", "role": HOSTILE}, {"id": "36", "role": "viewer"}],
        });
        self.api.patch("/api/users/alice", &alice).await.unwrap();
        let web = json!({
            "client_id": "<b>../web?x=1&y</b>", "client_name": HOSTILE, "description": HOSTILE, "owner": "alice",
            "redirect_uris": ["https://app.test/cb", "https://app.test/cb2"], "scope": "read write",
        });
        post("/api/clients", web).await;
        let service = json!({"client_id": "svc", "grant_types": ["client_credentials"], "scope": "read"});
        post("/api/clients", service).await;
        let pixel = json!({"picture": PIXEL}).to_string();
        self.api.send(Method::PUT, "/api/clients/svc/logo", Some(pixel), None).await.unwrap();
        self.api.post("/api/clients/svc/rotate-secret", &json!({"overlap": "1d"})).await.unwrap();
        post("/api/registration-keys", json!({"profile": "standard"})).await;
        let token = json!({"profile": "admin", "user": "alice", "expires_in": "7d"});
        post("/api/session-tokens", token).await;
        post("/api/keys/rotate", json!({})).await;
        self.token().await;
        self.ledger.flush().await;
    }

    /// An access token of alice's, who approves a client's request in a browser that says hostile things of itself.
    pub(crate) async fn token(&self) -> String {
        let shop = json!({
            "client_id": "shop", "redirect_uris": ["https://shop.test/cb"], "scope": "read", "client_name": "Shop",
            "token_endpoint_auth_method": "client_secret_post",
        });
        let secret = self.api.post("/api/clients", &shop).await.unwrap()["client_secret"].clone();
        let mut alice = Browser::new(&self.public);
        alice.headers.push(("user-agent", HOSTILE.replace('\u{202e}', "")));
        alice.headers.push(("origin", "https://auth.test".to_owned()));
        let page = alice.get("/login").await;
        alice.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await.location();
        let page = alice.get(&shop_asks()).await;
        let answer = alice.submit(&page, &[("decision", "approve")]).await;
        let query = answer.location().split_once('?').unwrap().1.to_owned();
        let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").unwrap().1;
        let redeemed = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", "https://shop.test/cb"),
            ("code_verifier", VERIFIER),
            ("client_id", "shop"),
            ("client_secret", secret.as_str().unwrap()),
        ];
        let answer = Browser::new(&self.public).post("/oauth2/token", &redeemed).await;
        let tokens: Value = serde_json::from_str(&answer.body).unwrap();
        tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
    }
}

/// A picture of one pixel.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";

/// Where a browser goes for the client `shop`.
pub(crate) fn shop_asks() -> String {
    let asked = encoded(&[
        ("client_id", "shop"),
        ("redirect_uri", "https://shop.test/cb"),
        ("response_type", "code"),
        ("scope", "read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    format!("/oauth2/authorize?{asked}")
}

pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location")
    }

    pub(crate) fn page(&self) -> Page {
        Page::read(&self.body)
    }

    /// The one form that is posted.
    #[track_caller]
    pub(crate) fn form(&self) -> Form {
        let mut forms = self.page().forms();
        forms.retain(|form| form.method == "post");
        assert_eq!(forms.len(), 1, "{} {}", self.status, self.body);
        forms.remove(0)
    }

    #[track_caller]
    pub(crate) fn assert_shows(&self, text: &str) {
        assert!(self.body.contains(text), "{text} is not in {}", self.body);
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) router: &'a Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(router: &'a Router) -> Self {
        Self { router, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// At the desk, as browsers are.
    pub(crate) fn at_desk(world: &'a World) -> Self {
        let mut browser = Self::new(&world.desk);
        browser.headers.push(("origin", format!("http://{HOST}")));
        browser.headers.push(("sec-fetch-site", "same-origin".to_owned()));
        browser
    }

    pub(crate) async fn signed_in(world: &'a World, name: &str) -> Self {
        let mut browser = Self::at_desk(world);
        assert_eq!(browser.sign_in(name, PASSWORD).await.location(), "/");
        browser
    }

    /// Somebody whose session is one of the public listener's: its cookie is put where the desk looks for its own.
    pub(crate) async fn smuggled(world: &'a World, name: &str) -> Self {
        let subject = SubjectId::parse(name).unwrap();
        let (user, now) = (world.directory.user(&subject).await.unwrap().unwrap(), world.clock.now());
        let lifetime = grantor_core::Lifetime::seconds(3600);
        let begun = world.directory.start_session(&user, None, None, now, lifetime).await.unwrap();
        let mut browser = Self::at_desk(world);
        browser.cookies.insert("grantor_desk_session".to_owned(), begun.1.expose().to_owned());
        browser
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let page = self.get("/login").await;
        self.submit(&page, &[("username", name), ("password", password)]).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, encoded(fields)).await
    }

    /// Submits the form of a page with what is filled in; an empty text takes a field away.
    #[track_caller]
    pub(crate) fn submit(
        &mut self,
        page: &Answer,
        filled: &[(&str, &str)],
    ) -> impl Future<Output = Answer> + use<'_, 'a> {
        let form = page.form();
        let filled: Vec<_> = filled.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        async move { self.submit_form(form, &filled).await }
    }

    pub(crate) async fn submit_form(&mut self, form: Form, filled: &[(String, String)]) -> Answer {
        let mut fields = form.fields;
        for (name, value) in filled {
            fields.retain(|(n, _)| n != name);
            if !value.is_empty() {
                fields.push((name.clone(), value.clone()));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if form.in_parts {
            self.post_parts(&form.action, &fields).await
        } else {
            self.post(&form.action, &fields).await
        }
    }

    /// Posts a form as a browser does that has a file in it.
    async fn post_parts(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = fields.iter().map(part).collect();
        self.send_as(Method::POST, path, "multipart/form-data; boundary=b", format!("{body}--b--").into())
            .await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, body: String) -> Answer {
        self.send_as(method, path, "application/x-www-form-urlencoded", body.into()).await
    }

    /// The same for a body of another type.
    pub(crate) async fn send_as(&mut self, method: Method, path: &str, of: &str, body: Vec<u8>) -> Answer {
        let cookies = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", HOST);
        request = request.header("cookie", cookies);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if method == Method::POST {
            request = request.header("content-type", of);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        // A picture is no text.
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        for cookie in parts.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }
}
