//! Routes of an application behind a `Guard`: who passes, and what the others are told.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use grantor_core::client::{AuthMethod, ClientMetadata, GrantType};
use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest, TokenRequest};
use grantor_core::{ClientId, Profile, Secret, ServerKey};
use grantor_directory::{Directory, HashCost, NewUser, UserName};
use grantor_engine::Engine;
use grantor_http::{Caller, Guard};
use grantor_store::{Fault, FaultLayer, Faults, MemoryStore};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::{ISSUER, TestClock, basic};

/// A service with one of the presets' ways at its resources, and client credentials whatever grants it has.
struct Service {
    engine: Engine,
    directory: Arc<Directory>,
    clock: Arc<TestClock>,
    faults: Faults,
}

struct Answer {
    status: u16,
    body: String,
    challenges: Vec<String>,
    headers: axum::http::HeaderMap,
}

const CLIENT: &str = "svc";

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn caller(Caller(token): Caller) -> String {
    let person = token.acting_as.map(|person| format!(" for {person}")).unwrap_or_default();
    format!("{}{person}", token.client)
}

async fn service(preset: &str) -> Service {
    let text = Profile::preset(preset).unwrap();
    let lines = text.lines().map(|line| match line.starts_with("grant_types = ") {
        true => "grant_types = [\"client_credentials\", \"api_key\", \"refresh_token\"]",
        false if line.starts_with("authentication = ") => {
            "authentication = [\"client_secret_basic\", \"api_key\"]"
        }
        false => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    // How tokens are come by is not what is tried here.
    let no_scope_needed = [("authorization.scope_required".to_owned(), false.into())];
    let profile = Profile::from_toml(&text, &no_scope_needed, preset, ISSUER.parse().unwrap()).unwrap();
    let store = FaultLayer::new(MemoryStore::new());
    let faults = store.faults();
    let store = Arc::new(store);
    let clock = Arc::new(TestClock::default());
    let builder = Engine::builder(profile, store.clone(), ServerKey::from_bytes([7; 32]));
    let engine = builder.clock(clock.clone()).open().await.unwrap();
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let settings = grantor_directory::Settings { hash_cost, ..Default::default() };
    let directory = Arc::new(Directory::new(store, engine.server_key(), settings).unwrap());
    for name in ["alice", "bob"] {
        let username = UserName::parse(name).unwrap();
        let user = NewUser { username, password: None, profile: Default::default() };
        directory.create_user(&user, engine.now()).await.unwrap().unwrap();
    }
    Service { engine, directory, clock, faults }
}

impl Service {
    fn guard(&self) -> Guard {
        Guard::new(self.engine.clone()).users(self.directory.clone())
    }

    fn metadata(&self, id: &str, scope: &str) -> ClientMetadata {
        let mut metadata = ClientMetadata::new(id.parse().unwrap());
        metadata.profile = self.engine.profile().name.clone();
        metadata.grant_types = [GrantType::ClientCredentials].into();
        metadata.scope = scope.parse().unwrap();
        metadata
    }

    /// A token of a client that is made for it.
    async fn token_of(&self, id: &str, scope: &str) -> String {
        let made = self.engine.register_client(self.metadata(id, scope), None).await.unwrap();
        self.issue(id, made.unwrap()).await
    }

    async fn issue(&self, id: &str, secret: Secret) -> String {
        let client: ClientId = id.parse().unwrap();
        let client = ClientCredentials { client, proof: ClientProof::Basic(secret) };
        let grant = GrantRequest::ClientCredentials { scope: None };
        let answer = self.engine.token(TokenRequest { client: client.into(), grant }).await.unwrap();
        answer.access_token.expose().to_owned()
    }

    async fn ask(&self, guard: Guard, target: &str, headers: &[(&str, &str)]) -> Answer {
        let app = Router::new().route("/media", get(caller)).layer(guard.layer());
        ask(app, target, headers).await
    }
}

async fn ask(app: Router, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let challenges = parts.headers.get_all("www-authenticate").iter();
    let challenges = challenges.map(|value| value.to_str().unwrap().to_owned()).collect();
    Answer { status: parts.status.as_u16(), body, challenges, headers: parts.headers }
}

fn error(answer: &Answer) -> (u16, String) {
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status, json["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn each_profile_has_its_ways_and_no_others() {
    for (preset, schemes, names) in [
        ("standard", &["Bearer"][..], &[][..]),
        ("wistia", &["Bearer"][..], &["access_token", "bearer_token"][..]),
        ("api-video", &["Bearer"][..], &[][..]),
        ("webmaker", &["token", "Bearer"][..], &[][..]),
        ("brightcove", &["Bearer"][..], &[][..]),
        ("flex", &["Bearer"][..], &[][..]),
    ] {
        let service = service(preset).await;
        let token = service.token_of(CLIENT, "").await;
        for scheme in ["Bearer", "bearer", "token", "Token", "Basic", "MAC"] {
            let header = format!("{scheme} {token}");
            let answer = service.ask(service.guard(), "/media", &[("authorization", &header)]).await;
            let known = schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme));
            let expected = if known { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{preset} {scheme}: {}", answer.body);
            if known {
                assert_eq!((answer.body.as_str(), answer.header("cache-control")), (CLIENT, "private"));
            }
        }
        for name in ["access_token", "bearer_token", "token"] {
            let target = format!("/media?x=1&{name}={token}");
            let answer = service.ask(service.guard(), &target, &[]).await;
            let expected = if names.contains(&name) { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{preset} {name}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn an_api_key_is_a_token_only_where_the_profile_says_so() {
    for (preset, expected) in [("api-video", 200), ("wistia", 401), ("flex", 401)] {
        let service = service(preset).await;
        let metadata = ClientMetadata {
            token_endpoint_auth_method: AuthMethod::ApiKey,
            owner: Some("alice".parse().unwrap()),
            ..service.metadata("any", "")
        };
        let (id, key) = service.engine.register_api_key(metadata, None).await.unwrap();
        let header = basic(key.unwrap().expose(), "");
        let answer = service.ask(service.guard(), "/media", &[("authorization", &header)]).await;
        assert_eq!(answer.status, expected, "{preset}: {}", answer.body);
        if expected == 200 {
            assert_eq!(answer.body, id.as_str());
            // At a resource a wrong key is 401, by which clients know to renew, whatever the token endpoint says.
            let wrong =
                service.ask(service.guard(), "/media", &[("authorization", &basic("wrong", ""))]).await;
            assert_eq!((wrong.status, wrong.header("content-type")), (401, "application/problem+json"));
            assert!(service.engine.delete_client(&id).await.unwrap());
            let gone = service.ask(service.guard(), "/media", &[("authorization", &header)]).await;
            assert_eq!(gone.status, 401, "{}", gone.body);
        }
    }
}

#[tokio::test]
async fn nothing_wrong_expired_and_revoked_is_401_with_a_challenge() {
    let service = service("webmaker").await;
    let none = service.ask(service.guard(), "/media", &[]).await;
    assert_eq!(error(&none), (401, "invalid_token".to_owned()));
    // Without a token no error is named in the challenge (RFC 6750, section 3.1).
    assert_eq!(none.challenges, ["token realm=\"grantor\"", "Bearer realm=\"grantor\""]);
    let empty = service.ask(service.guard(), "/media", &[("authorization", "")]).await;
    assert_eq!((empty.status, empty.challenges), (401, none.challenges));

    let assert_invalid = |answer: Answer, what: &str| {
        assert_eq!(error(&answer), (401, "invalid_token".to_owned()), "{what}");
        assert!(
            answer.challenges[0].starts_with("token realm=\"grantor\", error=\"invalid_token\""),
            "{what}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
    };
    let service = self::service("standard").await;
    let assert_standard = |answer: Answer, what: &str| {
        assert_eq!(error(&answer), (401, "invalid_token".to_owned()), "{what}");
        assert!(
            answer.challenges[0].starts_with("Bearer realm=\"grantor\", error=\"invalid_token\""),
            "{what}"
        );
    };
    let token = service.token_of(CLIENT, "").await;
    let shown = |token: &str| format!("Bearer {token}");
    for wrong in ["x", token.get(1..).unwrap(), &format!("{token}x"), "a b"] {
        assert_standard(
            service.ask(service.guard(), "/media", &[("authorization", &shown(wrong))]).await,
            wrong,
        );
    }
    let good = service.ask(service.guard(), "/media", &[("authorization", &shown(&token))]).await;
    assert_eq!(good.status, 200);
    assert!(service.engine.revoke_as_operator(&Secret::new(token.clone())).await.unwrap());
    let revoked = service.ask(service.guard(), "/media", &[("authorization", &shown(&token))]).await;
    assert_standard(revoked, "revoked");

    let token = service.token_of("two", "").await;
    service.clock.pass(3599);
    let late = service.ask(service.guard(), "/media", &[("authorization", &shown(&token))]).await;
    assert_eq!(late.status, 200);
    service.clock.pass(1);
    let over = service.ask(service.guard(), "/media", &[("authorization", &shown(&token))]).await;
    assert_standard(over, "expired");

    // A client that is gone takes its tokens with it.
    let service = self::service("webmaker").await;
    let token = service.token_of(CLIENT, "").await;
    assert!(service.engine.delete_client(&CLIENT.parse().unwrap()).await.unwrap());
    let gone = service.ask(service.guard(), "/media", &[("authorization", &format!("token {token}"))]).await;
    assert_invalid(gone, "its client is gone");
}

#[tokio::test]
async fn a_scope_that_is_missing_is_403_and_named() {
    let service = service("wistia").await;
    let guard = || service.guard().require("media:read".parse().unwrap());
    for (id, scope, expected) in [
        ("reads", "media:read", 200),
        ("reads-all", "all:read", 200),
        ("does-all", "all:all", 200),
        ("uploads", "media:upload", 403),
        ("counts", "stats:read", 403),
    ] {
        let token = service.token_of(id, scope).await;
        let header = format!("Bearer {token}");
        let answer = service.ask(guard(), "/media", &[("authorization", &header)]).await;
        assert_eq!(answer.status, expected, "{scope}: {}", answer.body);
        if expected == 403 {
            assert_eq!(error(&answer).1, "insufficient_scope");
            let [challenge] = answer.challenges.as_slice() else { panic!("{:?}", answer.challenges) };
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            assert!(challenge.ends_with("scope=\"media:read\""), "{challenge}");
        }
        let either = guard().or("media:upload".parse().unwrap());
        let answer = service.ask(either, "/media", &[("authorization", &header)]).await;
        assert_eq!(answer.status == 200, scope != "stats:read", "{scope}: {}", answer.body);
    }
}

#[tokio::test]
async fn two_tokens_at_once_are_refused_even_if_both_are_good() {
    let service = service("wistia").await;
    let token = service.token_of(CLIENT, "").await;
    let header = format!("Bearer {token}");
    for (target, headers) in [
        (format!("/media?access_token={token}"), vec![("authorization", header.as_str())]),
        (format!("/media?access_token={token}&bearer_token={token}"), vec![]),
        (format!("/media?access_token={token}&access_token={token}"), vec![]),
        ("/media".to_owned(), vec![("authorization", header.as_str()), ("authorization", header.as_str())]),
    ] {
        let answer = service.ask(service.guard(), &target, &headers).await;
        assert_eq!(error(&answer), (400, "invalid_request".to_owned()), "{target}");
    }
}

#[tokio::test]
async fn a_resource_may_take_the_query_alone() {
    let service = service("wistia").await;
    let token = service.token_of(CLIENT, "").await;
    let header = format!("Bearer {token}");
    let ask = |target: String, headers: Vec<(&'static str, String)>| {
        let guard = service.guard().query_only();
        let service = &service;
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            service.ask(guard, &target, &headers).await.status
        }
    };
    assert_eq!(ask(format!("/media?access_token={token}"), vec![]).await, 200);
    assert_eq!(ask(format!("/media?bearer_token={token}"), vec![]).await, 200);
    assert_eq!(ask("/media".to_owned(), vec![("authorization", header.clone())]).await, 400);
    assert_eq!(ask(format!("/media?access_token={token}"), vec![("authorization", header)]).await, 400);
    assert_eq!(ask("/media".to_owned(), vec![]).await, 401);
    // Where the profile has no query, nothing passes there.
    let standard = self::service("standard").await;
    let token = standard.token_of(CLIENT, "").await;
    for target in ["/media".to_owned(), format!("/media?access_token={token}")] {
        let headers = [("authorization", format!("Bearer {token}"))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_ne!(standard.ask(standard.guard().query_only(), &target, &headers).await.status, 200);
        assert_ne!(standard.ask(standard.guard().query_only(), &target, &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_client_acts_for_people_who_are_there_and_whom_it_may_act_for() {
    let service = service("flex").await;
    let mut picky = service.metadata("picky", "");
    picky.act_as = Some(["alice".parse().unwrap()].into());
    let secret = service.engine.register_client(picky, None).await.unwrap().unwrap();
    let (any, picky) = (service.token_of(CLIENT, "").await, service.issue("picky", secret).await);
    let ask = |token: &str, person: &'static str| {
        let header = format!("Bearer {token}");
        let service = &service;
        async move {
            let headers = [("authorization", header.as_str()), ("actAsUserId", person)];
            let answer = service.ask(service.guard(), "/media", &headers).await;
            (answer.status, answer.body)
        }
    };
    assert_eq!(ask(&any, "alice").await, (200, "svc for alice".to_owned()));
    assert_eq!(ask(&any, "").await, (200, "svc".to_owned()));
    assert_eq!(ask(&picky, "alice").await, (200, "picky for alice".to_owned()));
    for (token, person) in [(&picky, "bob"), (&any, "nobody"), (&picky, "nobody"), (&any, "a\tb")] {
        assert_eq!(ask(token, person).await.0, 403, "{person}");
    }
    // Without a token nobody learns who is there.
    assert_eq!(ask("wrong", "alice").await, ask("wrong", "nobody").await);
    service.directory.disable_user(&"bob".parse().unwrap(), service.engine.now()).await.unwrap().unwrap();
    assert_eq!(ask(&any, "bob").await.0, 403, "disabled");
    let twice =
        [("authorization", &*format!("Bearer {any}")), ("actAsUserId", "alice"), ("actAsUserId", "bob")];
    assert_eq!(service.ask(service.guard(), "/media", &twice).await.status, 403);
    // A profile without the header does not read it.
    let standard = self::service("standard").await;
    let header = format!("Bearer {}", standard.token_of(CLIENT, "").await);
    let headers = [("authorization", header.as_str()), ("actAsUserId", "alice")];
    assert_eq!(standard.ask(standard.guard(), "/media", &headers).await.body, "svc");
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_lets_nobody_pass() {
    let service = service("flex").await;
    let token = service.token_of(CLIENT, "").await;
    let header = format!("Bearer {token}");
    for person in ["", "alice"] {
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer] {
            service.faults.always(fault);
            let headers = [("authorization", header.as_str()), ("actAsUserId", person)];
            let answer = service.ask(service.guard(), "/media", &headers).await;
            assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()), "{person}");
            assert_eq!((answer.header("retry-after"), answer.challenges.len()), ("1", 0));
            service.faults.none();
        }
        // What comes without a token is told so without the store.
        service.faults.always(Fault::Refuse);
        assert_eq!(service.ask(service.guard(), "/media", &[("actAsUserId", person)]).await.status, 401);
        service.faults.none();
    }
    assert_eq!(service.ask(service.guard(), "/media", &[("authorization", &header)]).await.status, 200);
}

#[tokio::test]
async fn a_handler_that_asks_who_calls_fails_where_no_guard_is() {
    let answer = ask(Router::new().route("/media", get(caller)), "/media", &[]).await;
    assert_eq!(answer.status, 500);
}
