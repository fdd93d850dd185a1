//! Several profiles on one store: what one of them gives is worth nothing at any other (V01).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::party::{Party, api, demo};
use crate::http::{Answer, Request, basic};

const LISTEN: &str = "listen = \"127.0.0.1:0\"";
const REDIRECT: &str = "http://127.0.0.1:8090/callback";

/// By listener, by origin and by path; three of the presets twice.
const ALL: &[(&str, &str, &str)] = &[
    ("standard", "standard", ""),
    ("wistia", "wistia", LISTEN),
    ("wistia-two", "wistia", LISTEN),
    ("api-video", "api-video", LISTEN),
    ("video-two", "api-video", LISTEN),
    ("webmaker", "webmaker", LISTEN),
    ("brightcove", "brightcove", LISTEN),
    ("flex", "flex", LISTEN),
    ("named", "flex", "origins = [\"https://named.example.test\"]"),
    ("below", "wistia", "path = \"/below\""),
];

/// What a profile gave, that must be worth nothing elsewhere.
#[derive(Default)]
struct Given {
    access: Vec<String>,
    refresh: Vec<String>,
    codes: Vec<String>,
}

impl Given {
    fn keep(&mut self, answer: &Value) {
        self.access.extend(answer["access_token"].as_str().map(str::to_owned));
        self.refresh.extend(answer["refresh_token"].as_str().map(str::to_owned));
    }
}

fn others<'a>(parties: &'a BTreeMap<String, Party>, of: &'a str) -> impl Iterator<Item = &'a Party> {
    parties.values().filter(move |party| party.name != of)
}

fn assert_refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.body.contains("access_token\":"), "{what}: {}", answer.body);
    assert!(answer.header("location").is_none_or(|to| !to.contains("code=")), "{what}");
}

fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[test]
fn nothing_of_one_profile_is_worth_anything_at_another() {
    let (_world, _server, parties) = demo(ALL);
    let mut given: BTreeMap<&str, Given> = BTreeMap::new();

    // A request that waits at one profile is decided at no other, and waits on.
    for party in parties.values().filter(|party| party.has_pages()) {
        let (mut browser, page) = party.asked();
        for other in others(&parties, &party.name).filter(|other| other.has_pages()) {
            let there = other.endpoint("authorize").unwrap();
            // The request goes along in its query.
            let action = format!("action=\"{}/decision?", party.endpoint("authorize").unwrap());
            assert!(page.body.contains(&action), "{}: {}", party.name, page.body);
            let moved = page.body.replace(&action, &format!("action=\"{there}/decision?"));
            let moved = Answer { body: moved, headers: Vec::new(), ..page };
            browser.base.clone_from(&other.listener);
            for decision in ["deny", "approve"] {
                let answer = browser.submit(&moved, &[("decision", decision)]).unwrap();
                assert_refused(&answer, &format!("{decision} for {} at {}", party.name, other.name));
            }
        }
        browser.base.clone_from(&party.listener);
        let back = browser.submit(&page, &[("decision", "approve")]).unwrap();
        let code = back.parameter("code").unwrap_or_else(|| panic!("{}: {}", party.name, back.body));
        given.entry(&party.name).or_default().codes.push(code);
    }

    // Codes, then what they and the clients themselves get.
    for (name, from) in &given {
        for other in others(&parties, name) {
            from.codes.iter().for_each(|code| code_is_worth_nothing(&parties[*name], code, other));
        }
    }
    for party in parties.values() {
        let mine = given.entry(&party.name).or_default();
        let codes = mine.codes.clone();
        codes.iter().for_each(|code| mine.keep(&party.redeem(code)));
        party.line("token").into_iter().for_each(|token| mine.keep(&party.paste_json(&[token])));
        assert!(!mine.access.is_empty(), "{} gave nothing", party.name);
    }
    assert_eq!(given.values().filter(|given| !given.codes.is_empty()).count(), 5);
    assert!(given.values().filter(|given| !given.refresh.is_empty()).count() >= 6);

    for (name, from) in &given {
        let party = &parties[*name];
        for other in others(&parties, name) {
            client_is_nobody(party, other);
            for token in &from.access {
                access_token_is_worth_nothing(party, token, other);
            }
            for token in &from.refresh {
                refresh_token_is_worth_nothing(party, token, other);
            }
        }
    }

    // And all of it is still worth what it was, where it came from: nobody else has ended it either.
    for (name, from) in &given {
        let party = &parties[*name];
        let (method, path) = api(&party.preset);
        for token in &from.access {
            let header = format!("Bearer {token}");
            let answer =
                party.send(Request::new(method, &party.at(path), b"").header("Authorization", &header));
            assert!(answer.status < 300, "{name}: {} {}", answer.status, answer.body);
        }
        for token in &from.refresh {
            let answer = refresh(party, party, token);
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        }
    }
}

/// A refresh at one profile by a client of another, or of the same.
fn refresh(at: &Party, by: &Party, token: &str) -> Answer {
    let (id, secret) = by.client();
    let (path, json) = at.token_paths().into_iter().last().unwrap();
    if json {
        let body = json!({"refreshToken": token}).to_string();
        return at
            .send(Request::new("POST", &path, body.as_bytes()).header("Content-Type", "application/json"));
    }
    at.send(Request::post(&path, &[("grant_type", "refresh_token"), ("refresh_token", token)]).by(id, secret))
}

/// Every way to ask for tokens with these fields: as this client and as that, in the body, in the URL, by GET.
fn ask_for_tokens(at: &Party, from: &Party, fields: &[(&str, &str)], clients: &[(&str, &str)]) {
    for (path, json) in at.token_paths() {
        for (id, secret) in clients {
            let what = format!("{fields:?} of {} at {}{path} as {id}", from.name, at.name);
            let in_body: Vec<_> =
                fields.iter().copied().chain([("client_id", *id), ("client_secret", *secret)]).collect();
            let in_url = format!("{path}?{}", query(fields));
            let whole_url = format!("{path}?{}", query(&in_body));
            let requests = [
                Request::post(&path, fields).by(id, secret),
                Request::post(&path, &in_body),
                Request::post(&in_url, &[]).by(id, secret),
                Request::new("POST", &whole_url, b""),
                Request::get(&in_url).by(id, secret),
                Request::get(&whole_url),
            ];
            requests.into_iter().for_each(|request| assert_refused(&at.send(request), &what));
        }
        if json {
            let named: BTreeMap<&str, &str> = fields.iter().copied().collect();
            let body = serde_json::to_string(&named).unwrap();
            let answer = at.send(Request::new("POST", &path, body.as_bytes()));
            assert_refused(&answer, &format!("{body} of {} at {}{path}", from.name, at.name));
        }
    }
}

fn code_is_worth_nothing(from: &Party, code: &str, at: &Party) {
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
    ask_for_tokens(at, from, &fields, &[at.client(), from.client()]);
}

fn client_is_nobody(from: &Party, at: &Party) {
    let (id, secret) = from.client();
    ask_for_tokens(at, from, &[("grant_type", "client_credentials")], &[(id, secret)]);
    // A key of one is none at another, wherever keys are taken.
    for (path, _) in at.token_paths().iter().filter(|(_, json)| *json) {
        let body = json!({"apiKey": secret}).to_string();
        assert_refused(&at.send(Request::new("POST", path, body.as_bytes())), &format!("key at {}", at.name));
    }
    if at.profile["grant_types"].as_array().unwrap().contains(&json!("password")) {
        let (path, _) = at.token_paths().remove(0);
        let password = at.line("password").unwrap();
        let fields = [("grant_type", "password"), ("uid", "demo"), ("password", password), ("client_id", id)];
        assert_refused(&at.send(Request::post(&path, &fields)), &format!("password at {}", at.name));
    }
    if let Some(path) = at.endpoint("authorize").filter(|_| at.has_pages()) {
        let fields =
            [("response_type", "code"), ("client_id", id), ("redirect_uri", REDIRECT), ("state", "s")];
        let answer = at.send(Request::get(&format!("{path}?{}", query(&fields))));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{id} at {}", at.name);
    }
    for name in ["introspect", "revoke"] {
        if let Some(path) = at.endpoint(name) {
            let answer = at.send(Request::post(&path, &[("token", "x")]).by(id, secret));
            assert_refused(&answer, &format!("{id} at {} {name}", at.name));
        }
    }
}

fn access_token_is_worth_nothing(from: &Party, token: &str, at: &Party) {
    let what = format!("a token of {} at {}", from.name, at.name);
    let (method, path) = api(&at.preset);
    let path = at.at(path);
    let (id, secret) = from.client();
    let headers = [
        format!("Bearer {token}"),
        format!("token {token}"),
        basic(token, ""),
        basic(secret, ""),
        basic(id, secret),
    ];
    for header in &headers {
        let answer = at.send(Request::new(method, &path, b"").header("Authorization", header));
        assert_eq!(answer.status, 401, "{what}: {header}: {}", answer.body);
    }
    for name in ["access_token", "bearer_token", "token"] {
        let answer = at.send(Request::new(method, &format!("{path}?{name}={token}"), b""));
        assert_eq!(answer.status, 401, "{what}: {name}: {}", answer.body);
    }
    told_nothing(from, token, at);
}

fn refresh_token_is_worth_nothing(from: &Party, token: &str, at: &Party) {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("refreshToken", token)];
    ask_for_tokens(at, from, &fields, &[at.client(), from.client()]);
    told_nothing(from, token, at);
}

/// Whoever asks elsewhere learns nothing of a token, and cannot end it.
fn told_nothing(from: &Party, token: &str, at: &Party) {
    let (id, secret) = at.client();
    if let Some(path) = at.endpoint("introspect") {
        let answer = at.send(Request::post(&path, &[("token", token)]).by(id, secret));
        if at.line("introspect").is_some() && answer.status == 200 {
            assert_eq!(answer.json(), json!({"active": false}), "{} at {}", from.name, at.name);
        }
    }
    if let Some(path) = at.endpoint("revoke") {
        // That it is still alive is seen at the end.
        let answer = at.send(Request::post(&path, &[("token", token)]).by(id, secret));
        assert!(answer.status == 200 || answer.status == 401, "{} {}", answer.status, answer.body);
    }
}

#[test]
fn what_one_profile_allows_the_others_refuse() {
    let (_world, _server, parties) = demo(ALL);
    let grant = [("grant_type", "client_credentials")];
    for party in parties.values() {
        let (id, secret) = party.client();
        let is = |preset: &str| party.preset == preset;
        let (path, _) = party.token_paths().remove(0);
        // A GET gives tokens at Flex alone.
        let answer = party.send(Request::get(&format!("{path}?{}", query(&grant))).by(id, secret));
        assert_eq!(answer.status == 200, is("flex"), "GET at {}: {}", party.name, answer.body);
        assert!(is("flex") || answer.status == 405, "GET at {}: {}", party.name, answer.status);
        // Parameters in the URL of a POST.
        let in_url = Request::new("POST", &format!("{path}?{}", query(&grant)), b"").by(id, secret);
        let answer = party.send(in_url);
        let takes = is("flex") || is("brightcove");
        assert_eq!(answer.status == 200, takes, "URL at {}: {}", party.name, answer.body);
        // The implicit grant is Webmaker's alone.
        if let Some(path) = party.endpoint("authorize").filter(|_| party.has_pages()) {
            let fields = [
                ("response_type", "token"),
                ("client_id", id),
                ("redirect_uri", REDIRECT),
                ("state", "s"),
                ("scope", "stats:read"),
            ];
            let answer = party.send(Request::get(&format!("{path}?{}", query(&fields))));
            let error = answer.header("location").is_some_and(|to| to.contains("error=un"));
            assert!(error, "implicit at {}: {} {:?}", party.name, answer.status, answer.header("location"));
        }
        // A password is taken by Webmaker alone.
        let password = party.line("password").unwrap();
        let fields = [
            ("grant_type", "password"),
            ("username", "demo"),
            ("uid", "demo"),
            ("password", password),
            ("client_id", id),
            ("scopes", "user"),
        ];
        if !is("webmaker") {
            assert_refused(
                &party.send(Request::post(&path, &fields)),
                &format!("password at {}", party.name),
            );
        }
        // A key in the place of a token is api.video's alone; a secret never is one.
        let (method, path) = api(&party.preset);
        let by_key = Request::new(method, &party.at(path), b"").header("Authorization", &basic(secret, ""));
        let answer = party.send(by_key);
        assert_eq!(answer.status, if is("api-video") { 200 } else { 401 }, "key at {}", party.name);
    }
}

#[test]
fn the_paths_of_one_are_404_at_the_others() {
    let (_world, _server, parties) = demo(ALL);
    // Pages that every profile has.
    let shared = ["/login", "/logout", "/account"];
    let paths = |party: &Party| {
        let mut all: Vec<String> = party.token_paths().into_iter().map(|(path, _)| path).collect();
        let named = ["authorize", "introspect", "revoke", "metadata", "jwks", "userinfo", "logout"];
        // An authorization endpoint that nothing could be asked for is off.
        let on = |name: &&&str| **name != "authorize" || party.line("authorize").is_some();
        all.extend(named.iter().filter(on).filter_map(|name| party.endpoint(name)));
        all.push(party.at(api(&party.preset).1));
        all
    };
    let mut asked = 0;
    for party in parties.values() {
        for other in others(&parties, &party.name) {
            let theirs = paths(other);
            // Of profiles on one listener the path decides: what is not below a path is not asked of who is there.
            let reaches = |path: &String| {
                let below = other.listener == parties["below"].listener && path.starts_with("/below/");
                other.host.is_none() && (below || !path.starts_with(&other.prefix))
            };
            for path in paths(party).iter().filter(|path| !theirs.contains(path) && !reaches(path)) {
                if shared.iter().any(|page| path == page) {
                    continue;
                }
                for method in ["GET", "POST"] {
                    let answer = other.send(Request::new(method, path, b""));
                    assert_eq!(answer.status, 404, "{method} {path} of {} at {}", party.name, other.name);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 200, "{asked}");
}

#[test]
fn a_host_header_reaches_no_other_profile() {
    let (_world, server, parties) = demo(ALL);
    let public = server.public();
    let host = |listener: &str, host: &str, target: &str| {
        Request::get(target).header("Host", host).send(listener).status
    };
    let (named, wistia) = (&parties["named"], &parties["wistia"]);
    // Only its own host leads to the profile that has one, on the listener it is on.
    assert_eq!(host(public, "named.example.test", "/api/whoami"), 401);
    assert_eq!(host(public, "NAMED.example.test", "/api/whoami"), 401);
    for other in
        ["named.example.test.evil.test", "evil.test", "named.example.test:81", "example.test", "*", ""]
    {
        assert_eq!(host(public, other, "/api/whoami"), 404, "{other}");
    }
    // Its host leads to nothing but it: neither to who is there by path, nor to who is there by default.
    for target in ["/below/v1/medias.json", "/demo/resource"] {
        assert_eq!(host(public, "named.example.test", target), 404, "{target}");
    }
    assert_eq!(host(public, "evil.test", "/below/v1/medias.json"), 401);
    assert_eq!(host(public, "evil.test", "/below/../api/whoami"), 404);
    assert_eq!(host(public, "evil.test", "/belowx/v1/medias.json"), 404);
    assert_eq!(host(public, "evil.test", "/v1/medias.json"), 404);
    // A listener of one's own is one's own, whatever a request says.
    for name in ["named.example.test", "evil.test"] {
        assert_eq!(host(&wistia.listener, name, "/api/whoami"), 404);
        assert_eq!(host(&wistia.listener, name, "/v1/medias.json"), 401);
    }
    // What is told never comes from the header.
    let metadata = |listener: &str, host: &str, path: &str| {
        Request::get(path).header("Host", host).send(listener).json()["issuer"].clone()
    };
    let path = "/.well-known/oauth-authorization-server";
    assert_eq!(metadata(public, "evil.test", path), *public);
    assert_eq!(metadata(public, "named.example.test", path), "https://named.example.test");
    assert_eq!(metadata(&wistia.listener, "evil.test", path), wistia.listener.as_str());
    assert_eq!(named.host.as_deref(), Some("named.example.test"));
    // An absolute target counts for more than the header (RFC 9112, section 3.2.2).
    let absolute = Request::get("http://named.example.test/api/whoami").header("Host", "evil.test");
    assert_eq!(absolute.send(public).status, 401);
}

#[test]
fn each_metadata_document_lists_what_is_on_and_nothing_else() {
    let (_world, _server, parties) = demo(ALL);
    for party in parties.values() {
        let Some(path) = party.endpoint("metadata") else {
            let answer = party.send(Request::get(&party.at("/.well-known/oauth-authorization-server")));
            assert_eq!(answer.status, 404, "{}", party.name);
            continue;
        };
        let metadata = party.send(Request::get(&path)).json();
        assert_eq!(metadata["grant_types_supported"], party.profile["grant_types"], "{}", party.name);
        assert_eq!(metadata["response_types_supported"], party.profile["response_types"], "{}", party.name);
        let issuer = metadata["issuer"].as_str().unwrap().to_owned();
        let code = !party.profile["response_types"].as_array().unwrap().is_empty();
        for (name, at, is_on) in [
            ("authorization_endpoint", "authorize", code),
            ("introspection_endpoint", "introspect", true),
            ("revocation_endpoint", "revoke", true),
            ("jwks_uri", "jwks", true),
        ] {
            let expected = party.endpoint(at).filter(|_| is_on);
            let told = metadata[name].as_str().map(|url| url.strip_prefix(&issuer).unwrap_or(url).to_owned());
            assert_eq!(told.map(|path| party.at(&path)), expected, "{} {name}", party.name);
            if let Some(path) = expected {
                assert_ne!(party.send(Request::get(&path)).status, 404, "{} {path}", party.name);
            }
        }
        let token = metadata["token_endpoint"].as_str().unwrap().strip_prefix(&issuer).unwrap().to_owned();
        assert_eq!(party.at(&token), party.token_paths()[0].0, "{}", party.name);
    }
}
