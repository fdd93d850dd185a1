//! api.video, by its page "Authentication" (docs/dialects/api-video.md).

use base64::Engine as _;
use serde_json::{Value, json};

use super::{at, take, world};
use crate::http::{Answer, Held, Request, basic};
use crate::world::{Server, World, until};

const KEY: &str = "MqaqDTAkVbZeaLKbSbZEEwXnFXkzkNtLiPPOjqEeWPZ";
const SANDBOX_KEY: &str = "sandbox-key-of-alice";
const USER: &str = "alice";

fn users() -> Value {
    json!([{"username": USER, "password": "correct horse battery staple"}, {"username": "bob"}])
}

fn production() -> World {
    let keys = json!([{"key": KEY, "profile": "api-video", "owner": USER, "name": "production"}]);
    world(&[("api-video", "api-video", "")], &json!({"users": users(), "api_keys": keys}))
}

/// The same with a resource, `GET /me`, at which alice's key may be shown. Gives the key's id.
fn with_resource(more: &str) -> (World, String) {
    let keys = json!([{"key": KEY, "profile": "api-video", "owner": USER}]);
    let world = world(&[("api-video", "api-video.toml", more)], &json!({"users": users(), "api_keys": keys}));
    let id = world.json(&["api-key", "list"])[0]["id"].as_str().unwrap().to_owned();
    world.json(&["client", "update", &id, "--scope", "me"]);
    (world, id)
}

/// The printed request, with a key in it.
fn by_key(key: &str) -> Request {
    let body = json!({"apiKey": key}).to_string();
    Request::new("POST", "/auth/api-key", body.as_bytes()).header("Content-Type", "application/json")
}

fn by_refresh_token(token: &str) -> Request {
    let body = json!({"refreshToken": token}).to_string();
    Request::new("POST", "/auth/refresh", body.as_bytes()).header("Content-Type", "application/json")
}

/// The tokens of an answer that has all four members, in their order, and nothing else.
fn pair(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (access, refresh) = (answer.text("access_token"), answer.text("refresh_token"));
    let expires_in = answer.json()["expires_in"].as_u64().unwrap();
    let whole = format!(
        r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"{access}","refresh_token":"{refresh}"}}"#
    );
    assert_eq!(answer.body, whole);
    (access, refresh)
}

/// The problem that whatever is wrong with a key or a refresh token is told as.
fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 400);
    // To the letter: a client compares the whole of it.
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        answer.body,
        r#"{"type":"https://docs.api.video/docs/authenticationinvalid_credentials","title":"The user credentials were incorrect.","name":"","status":400}"#
    );
    assert_eq!(answer.header("www-authenticate"), None);
}

fn me(header: &str) -> Request {
    Request::get("/me").header("Authorization", header)
}

fn is_live(world: &World, token: &str) -> bool {
    world.json(&["token", "introspect", token])["active"].as_bool().unwrap()
}

fn part(jwt: &str, at: usize) -> String {
    let part = jwt.split('.').nth(at).unwrap();
    String::from_utf8(base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn the_printed_request_gives_a_pair_of_an_hour() {
    let world = production();
    let server = world.serve(&[]);
    let answer = by_key(KEY).send(at(&server, "api-video"));
    let (access, refresh) = pair(&answer);
    assert_eq!(answer.json()["expires_in"], 3600);
    assert!(refresh.starts_with("def50200") && refresh.len() == 120, "{refresh}");
    assert!(refresh.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{refresh}");
    let header: Value = serde_json::from_str(&part(&access, 0)).unwrap();
    assert_eq!(header["typ"], "JWT");
    let claims = part(&access, 1);
    let mut from = 0;
    for name in ["aud", "jti", "iat", "nbf", "exp", "sub", "scopes"] {
        let found = claims.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}: {claims}"));
        assert!(found >= from, "{name} is out of its order: {claims}");
        from = found;
    }
    let claims: Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_eq!((&claims["sub"], &claims["scopes"]), (&json!(USER), &json!([])));
}

#[test]
fn the_body_is_json_whatever_it_says_it_is() {
    let world = production();
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let body = json!({"apiKey": KEY}).to_string();
    for kind in [
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
        "",
    ] {
        let bare = Request::new("POST", "/auth/api-key", body.as_bytes());
        let request = if kind.is_empty() { bare } else { bare.header("Content-Type", kind) };
        pair(&request.send(base));
    }
    let (_, refresh) = pair(&by_key(KEY).send(base));
    let body = json!({"refreshToken": refresh}).to_string();
    pair(
        &Request::new("POST", "/auth/refresh", body.as_bytes())
            .header("Content-Type", "text/plain")
            .send(base),
    );
    for broken in ["{", "[]", "apiKey=x"] {
        let answer = Request::new("POST", "/auth/api-key", broken.as_bytes()).send(base);
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
    }
}

// A1
#[test]
fn a_key_may_come_in_the_header_and_if_it_comes_twice_it_must_agree() {
    let world = production();
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    pair(&Request::new("POST", "/auth/api-key", b"").header("Authorization", &basic(KEY, "")).send(base));
    pair(&by_key(KEY).header("Authorization", &basic(KEY, "")).send(base));
    // An empty header is none.
    pair(&by_key(KEY).header("Authorization", "").send(base));
    for other in ["another", SANDBOX_KEY] {
        let answer = by_key(KEY).header("Authorization", &basic(other, "")).send(base);
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("authenticationinvalid_request"), "{}", answer.body);
    }
    is_refused(
        &Request::new("POST", "/auth/api-key", b"").header("Authorization", &basic("wrong", "")).send(base),
    );
}

#[test]
fn whatever_is_wrong_is_the_one_problem() {
    let world = production();
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    is_refused(&by_key("wrong").send(base));
    is_refused(&by_refresh_token("wrong").send(base));
    let (access, refresh) = pair(&by_key(KEY).send(base));
    // One thing in the place of another.
    is_refused(&by_key(&refresh).send(base));
    is_refused(&by_refresh_token(KEY).send(base));
    is_refused(&by_refresh_token(&access).send(base));
    let mut changed = refresh.clone();
    changed.replace_range(60..61, if refresh.as_bytes()[60] == b'0' { "1" } else { "0" });
    is_refused(&by_refresh_token(&changed).send(base));
    pair(&by_refresh_token(&refresh).send(base));
    for request in [by_key(""), by_refresh_token("")] {
        let answer = request.send(base);
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
    }
    let answer = Request::get("/auth/api-key").send(base);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

// A2
#[test]
fn a_new_pair_ends_the_refresh_token_before_and_no_access_token() {
    let world = production();
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let (access_1, refresh_1) = pair(&by_key(KEY).send(base));
    let (access_2, refresh_2) = pair(&by_refresh_token(&refresh_1).send(base));
    is_refused(&by_refresh_token(&refresh_1).send(base));
    // A replay is no offence: what came of it goes on.
    let (access_3, refresh_3) = pair(&by_refresh_token(&refresh_2).send(base));
    let (access_4, refresh_4) = pair(&by_key(KEY).send(base));
    for ended in [&refresh_1, &refresh_2, &refresh_3] {
        is_refused(&by_refresh_token(ended).send(base));
    }
    for access in [&access_1, &access_2, &access_3, &access_4] {
        assert!(is_live(&world, access));
    }
    pair(&by_refresh_token(&refresh_4).send(base));
}

/// Lets many requests go at once, and gives the answers.
fn at_once(base: &str, requests: impl Iterator<Item = Request>) -> Vec<Answer> {
    let held: Vec<Held> = requests.map(|request| request.hold(base).unwrap()).collect();
    let sending: Vec<_> =
        held.into_iter().map(|held| std::thread::spawn(move || held.finish().unwrap())).collect();
    sending.into_iter().map(|answer| answer.join().unwrap()).collect()
}

#[test]
fn of_many_at_once_one_refresh_token_is_left() {
    let world = production();
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let (_, before) = pair(&by_key(KEY).send(base));
    let pairs: Vec<_> = at_once(base, std::iter::repeat_n(by_key(KEY), 32)).iter().map(pair).collect();
    assert!(pairs.iter().all(|(access, _)| access.split('.').count() == 3));
    assert!(is_live(&world, &pairs[0].0) && is_live(&world, &pairs[31].0));
    // Asked without using it up.
    let live: Vec<&String> =
        pairs.iter().map(|(_, refresh)| refresh).filter(|refresh| is_live(&world, refresh)).collect();
    assert_eq!(live.len(), 1);
    is_refused(&by_refresh_token(&before).send(base));

    // The same refresh token in 32 places: one of them gets the next.
    let answers = at_once(base, std::iter::repeat_n(by_refresh_token(live[0]), 32));
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    lost.into_iter().for_each(is_refused);
    let (_, next) = pair(won[0]);

    // A refresh and a key at once: whichever came last, one refresh token is live.
    let mixed = (0..16).map(|n| if n % 2 == 0 { by_key(KEY) } else { by_refresh_token(&next) });
    let answers = at_once(base, mixed);
    let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(pair).collect();
    assert!(given.len() >= 8);
    let live = given.iter().filter(|(_, refresh)| is_live(&world, refresh)).count();
    assert_eq!(live, 1);
}

#[test]
fn production_and_sandbox_know_nothing_of_each_other() {
    let keys = json!([
        {"key": KEY, "profile": "production", "owner": USER},
        {"key": SANDBOX_KEY, "profile": "sandbox", "owner": USER},
    ]);
    let profiles = [("production", "api-video", ""), ("sandbox", "api-video.toml", "")];
    let world = world(&profiles, &json!({"users": users(), "api_keys": keys}));
    for key in world.json(&["api-key", "list"]).as_array().unwrap() {
        world.json(&["client", "update", key["id"].as_str().unwrap(), "--scope", "me"]);
    }
    let server = world.serve(&[]);
    let (production, sandbox) = (at(&server, "production"), at(&server, "sandbox"));
    assert_ne!(production, sandbox);
    let (access, refresh) = pair(&by_key(KEY).send(production));
    let (sandbox_access, sandbox_refresh) = pair(&by_key(SANDBOX_KEY).send(sandbox));
    is_refused(&by_key(KEY).send(sandbox));
    is_refused(&by_key(SANDBOX_KEY).send(production));
    is_refused(&by_refresh_token(&refresh).send(sandbox));
    is_refused(&by_refresh_token(&sandbox_refresh).send(production));
    assert_eq!(me(&format!("Bearer {sandbox_access}")).send(sandbox).status, 200);
    assert_eq!(me(&format!("Bearer {access}")).send(sandbox).status, 401);
    assert_eq!(me(&basic(SANDBOX_KEY, "")).send(sandbox).status, 200);
    assert_eq!(me(&basic(KEY, "")).send(sandbox).status, 401);
    // And nothing was spoiled by trying.
    pair(&by_refresh_token(&refresh).send(production));
    pair(&by_refresh_token(&sandbox_refresh).send(sandbox));
}

// A3
#[test]
fn a_resource_takes_the_token_and_the_key() {
    let (world, _) = with_resource("");
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let (access, refresh) = pair(&by_key(KEY).send(base));
    for header in [format!("Bearer {access}"), format!("bearer {access}"), basic(KEY, "")] {
        let answer = me(&header).send(base);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"username":"alice"}"#), "{header}");
    }
    for header in
        [basic("wrong", ""), basic(KEY, "x"), format!("Bearer {refresh}"), format!("token {access}")]
    {
        let answer = me(&header).send(base);
        assert_eq!(answer.status, 401, "{header} {}", answer.body);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm="));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    for nothing in [Request::get("/me"), me("")] {
        let answer = nothing.send(base);
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer realm=\"grantor\""))
        );
    }
    // In a URL, where the profile does not take it.
    assert_eq!(Request::get(&format!("/me?access_token={access}")).send(base).status, 401);
}

#[test]
fn an_access_token_ends_and_the_refresh_token_does_not() {
    let (world, _) = with_resource("set = { access_token = \"2s\" }");
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let answer = by_key(KEY).send(base);
    let (access, refresh) = pair(&answer);
    assert_eq!(answer.json()["expires_in"], 2);
    let header = format!("Bearer {access}");
    until(|| (me(&header).send(base).status == 401).then_some(()));
    let (access, _) = pair(&by_refresh_token(&refresh).send(base));
    assert_eq!(me(&format!("Bearer {access}")).send(base).status, 200);
}

fn nothing_passes(base: &str, access: &str, refresh: &str) {
    is_refused(&by_key(KEY).send(base));
    is_refused(&by_refresh_token(refresh).send(base));
    for header in [format!("Bearer {access}"), basic(KEY, "")] {
        assert_eq!(me(&header).send(base).status, 401, "{header}");
    }
}

#[test]
fn with_a_key_all_it_gave_ends_at_once() {
    let (world, id) = with_resource("");
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let (access, refresh) = pair(&by_key(KEY).send(base));
    assert_eq!(world.json(&["api-key", "delete", &id]), json!({"id": id, "deleted": true}));
    nothing_passes(base, &access, &refresh);
    assert!(!is_live(&world, &access) && !is_live(&world, &refresh));
    assert_eq!(world.json(&["api-key", "list"]), json!([]));
    assert_eq!(world.run(&["api-key", "delete", &id]).code, Some(1));
    // It does not come back by an import either.
    let keys = json!({"api_keys": [{"key": KEY, "profile": "api-video", "owner": USER}]});
    world.write("again.json", &keys.to_string());
    let said = world.run(&["import", "again.json"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("api_keys[0].key: ") && !said.err.contains(KEY), "{}", said.err);
}

#[test]
fn with_its_owner_a_key_is_suspended() {
    let (world, _) = with_resource("");
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    let (access, refresh) = pair(&by_key(KEY).send(base));
    world.json(&["user", "disable", USER]);
    nothing_passes(base, &access, &refresh);
    world.json(&["user", "enable", USER]);
    // The key is good again; what it gave before is not.
    is_refused(&by_refresh_token(&refresh).send(base));
    assert_eq!(me(&format!("Bearer {access}")).send(base).status, 401);
    let (access, refresh) = pair(&by_key(KEY).send(base));
    assert_eq!(me(&format!("Bearer {access}")).send(base).status, 200);
    world.json(&["user", "delete", USER]);
    nothing_passes(base, &access, &refresh);
}

#[test]
fn pages_of_other_origins_may_call() {
    let (world, _) = with_resource("");
    let server = world.serve(&[]);
    let base = at(&server, "api-video");
    for path in ["/auth/api-key", "/auth/refresh", "/me"] {
        let preflight = Request::new("OPTIONS", path, b"")
            .header("Origin", "https://app.test")
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,av-origin-client,av-origin-app",
            );
        let answer = preflight.send(base);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let allowed = answer.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
        for header in [
            "authorization",
            "content-type",
            "content-range",
            "av-origin-client",
            "av-origin-app",
            "av-origin-sdk",
        ] {
            assert!(allowed.split(", ").any(|name| name == header), "{header}: {allowed}");
        }
        assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let origin = |request: Request| request.header("Origin", "https://app.test").send(base);
    let answers = [origin(by_key(KEY)), origin(by_key("wrong")), origin(me("")), origin(me(&basic(KEY, "")))];
    for (answer, status) in answers.iter().zip([200, 400, 401, 200]) {
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, Some("*")));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    // What has cookies is told nothing of it.
    for page in ["/login", "/account"] {
        let answer = origin(Request::get(page));
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{page}");
    }
}

#[test]
fn keys_are_made_shown_and_kept_without_the_key() {
    let world = world(&[("api-video", "api-video", "")], &json!({"users": users()}));
    let made = world.json(&["api-key", "create", "--owner", USER, "--name", "ci"]);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(
        id.starts_with("key_") && key.len() == 43 && key.bytes().all(|b| b.is_ascii_alphanumeric()),
        "{made}"
    );
    let known = json!({"id": id, "profile": "api-video", "owner": USER, "name": "ci"});
    assert_eq!(world.json(&["api-key", "show", id]), known);
    assert_eq!(world.json(&["api-key", "list", "--profile", "api-video"]), json!([known]));
    assert_eq!(world.json(&["api-key", "list", "--profile", "other"]), json!([]));
    assert_eq!(world.run(&["api-key", "create", "--owner", "nobody"]).code, Some(1));
    assert_eq!(world.run(&["api-key", "show", "key_none"]).code, Some(1));

    let said = world.run(&["client", "rotate-secret", id]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("an API key has no secret beside itself"), "{}", said.err);
    let said = world.run(&["client", "update", id, "--owner", "bob"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    let said =
        world.run(&["client", "create", "mine", "--auth-method", "api_key", "--grant-type", "api_key"]);
    assert!(said.code == Some(1) && said.err.contains("api-key create"), "{}", said.err);

    let exported = world.run(&["export"]);
    assert!(!exported.out.contains(key));
    let whole: Value = serde_json::from_str(&exported.out).unwrap();
    assert_eq!((&whole["api_keys"], &whole["clients"]), (&json!([known]), &json!([])));
    let again = world.run_with(&["--json", "import", "-"], &exported.out).json();
    assert_eq!(again["api_keys"], json!({"created": 0, "updated": 0, "unchanged": 1}));
    // Elsewhere there is no key that it could be.
    let elsewhere = super::world(&[("api-video", "api-video", "")], &json!({"users": users()}));
    let said = elsewhere.run_with(&["import", "-"], &exported.out);
    assert!(said.code == Some(1) && said.err.contains("api_keys[0].key: missing"), "{}", said.err);

    let server = world.serve(&[]);
    pair(&by_key(key).send(at(&server, "api-video")));
    drop(server);
    let at_rest: Vec<u8> = std::fs::read_dir(world.path("grantor-data"))
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    let is_at_rest = |text: &str| at_rest.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_at_rest(id) && !is_at_rest(key));
}

/// Changes the keys of a file.
type Change = fn(&mut Value);

#[test]
fn the_same_keys_twice_change_nothing_and_a_bad_one_refuses_the_file() {
    let world = production();
    let file = |change: Change| {
        let mut file =
            json!({"api_keys": [{"key": KEY, "profile": "api-video", "owner": USER, "name": "production"}]});
        change(&mut file["api_keys"]);
        world.run_with(&["--json", "import", "-"], &file.to_string())
    };
    assert_eq!(file(|_| ()).json()["api_keys"], json!({"created": 0, "updated": 0, "unchanged": 1}));
    let renamed = file(|keys| keys[0]["name"] = json!("other"));
    assert_eq!(renamed.json()["api_keys"], json!({"created": 0, "updated": 1, "unchanged": 0}));
    let refused: [(Change, &str); 5] = [
        (|keys| keys[0]["owner"] = json!("nobody"), "api_keys[0].owner: there is no user nobody"),
        (|keys| keys[0]["owner"] = json!("bob"), "api_keys[0].owner: that of an API key cannot change"),
        (|keys| keys[0]["profile"] = json!("sandbox"), "api_keys[0].profile: there is no such profile"),
        (|keys| keys[0]["x"] = json!(1), "api_keys[0].x: unknown field"),
        (|keys| *keys = json!([keys[0], keys[0]]), "api_keys[1].key: it is in the file twice"),
    ];
    for (change, says) in refused {
        let said = file(change);
        assert_eq!(said.code, Some(1), "{says}");
        assert!(said.err.contains(says) && !said.err.contains(KEY), "{says}: {}", said.err);
    }
    // A key of the same file's own user.
    take(
        &world,
        &json!({
            "users": [{"username": "carol"}],
            "api_keys": [{"key": "carols-own-key", "profile": "api-video", "owner": "carol"}],
        }),
    );
    let server: Server = world.serve(&[]);
    let (access, _) = pair(&by_key("carols-own-key").send(at(&server, "api-video")));
    let claims: Value = serde_json::from_str(&part(&access, 1)).unwrap();
    assert_eq!(claims["sub"], "carol");
}
