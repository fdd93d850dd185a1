//! Ooyala Flex, by its page "OAuth2 App Registration".

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{base, body, deployment, is_uuid, names, refusal, with_json};
use crate::http::{Answer, Request};
use crate::world::{Server, World};

/// As it is printed there.
const KEY: &str = "oVWbQX4kJuez9qrAw9Gl6J45DqCAxfQPNUoNVnI9H7LHKLd6";
const APPLICATIONS: &str = "/api/authentication/applications";
const PATHS: [&str; 2] = ["/oauth/token", "/api/authentication/oauth/token"];
const GRANT: &str = "?grant_type=client_credentials";
const RS: (&str, &str) = ("rs", "the-secret-of-the-resource-server-rs");

fn world() -> World {
    let import = json!({
        "registration_keys": [{"profile": "flex", "key": KEY}],
        "resource_servers": [
            {"client_id": RS.0, "client_secret": RS.1, "audience": "https://flex.test", "profile": "flex"},
        ],
    });
    deployment("flex", "", &import)
}

fn serve(world: &World) -> (Server, String) {
    let server = world.serve(&[]);
    let base = base(&server, "flex");
    (server, base)
}

fn with_key(request: Request) -> Request {
    request.header("X-App-Registration-Key", KEY)
}

fn asked(name: &str) -> String {
    json!({"applicationName": name, "description": "Tool to review media"}).to_string()
}

fn register(base: &str, name: &str) -> Answer {
    with_key(with_json("POST", APPLICATIONS, &asked(name))).send(base)
}

/// The id and secret of an answer that has both.
fn pair(made: &Value) -> (String, String) {
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("clientId"), text("clientSecret"))
}

fn token(base: &str, id: &str, secret: &str) -> Answer {
    Request::get(&format!("/oauth/token{GRANT}")).by(id, secret).send(base)
}

fn access_token(base: &str, id: &str, secret: &str) -> String {
    body(&token(base, id, secret), 200)["access_token"].as_str().unwrap().to_owned()
}

fn is_active(base: &str, token: &str) -> bool {
    let answer = Request::post("/oauth2/introspect", &[("token", token)]).by(RS.0, RS.1).send(base);
    body(&answer, 200)["active"].as_bool().unwrap()
}

#[test]
fn an_application_is_registered_read_changed_and_deleted_as_printed() {
    let world = world();
    let (_server, base) = serve(&world);
    let answer = register(&base, "Reviewer");
    let made = body(&answer, 201);
    let (id, secret) = pair(&made);
    assert!(is_uuid(&id) && secret.len() == 24 && secret.bytes().all(|b| b.is_ascii_alphanumeric()));
    let created = format!(
        r#"{{"id":1,"clientId":"{id}","clientSecret":"{secret}","applicationName":"Reviewer","description":"Tool to review media"}}"#
    );
    assert_eq!(answer.body, created);
    let one = format!("{APPLICATIONS}/1");
    let read = with_key(Request::get(&one)).send(&base);
    body(&read, 200);
    let shown = format!(
        r#"{{"id":1,"applicationName":"Reviewer","description":"Tool to review media","clientId":"{id}","secret":"{secret}"}}"#
    );
    assert_eq!(read.body, shown);
    let change = r#"{"applicationName": "Viewer", "description": "Tool to view media"}"#;
    let changed = with_key(with_json("PUT", &one, change)).send(&base);
    body(&changed, 200);
    assert_eq!(changed.body, format!(r#"{{"id":1,"clientId":"{id}","clientSecret":"{secret}"}}"#));
    // The list has everything but the secrets, with and without the slash.
    for path in [APPLICATIONS.to_owned(), format!("{APPLICATIONS}/")] {
        let list = with_key(Request::get(&path)).send(&base);
        body(&list, 200);
        let listed = format!(
            r#"[{{"id":1,"applicationName":"Viewer","description":"Tool to view media","clientId":"{id}"}}]"#
        );
        assert_eq!(list.body, listed);
    }
    let access = access_token(&base, &id, &secret);
    assert!(is_active(&base, &access));
    let gone = with_key(Request::new("DELETE", &one, b"")).send(&base);
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(refusal(&token(&base, &id, &secret)), (401, "invalid_client".to_owned()));
    assert!(!is_active(&base, &access));
    for request in [Request::get(&one), with_json("PUT", &one, change), Request::new("DELETE", &one, b"")] {
        assert_eq!(refusal(&with_key(request).send(&base)).0, 404);
    }
    // Its number is never given again.
    assert_eq!(body(&register(&base, "Next"), 201)["id"], 2);
}

#[test]
fn a_token_is_asked_for_and_answered_as_printed() {
    let world = world();
    let (_server, base) = serve(&world);
    let (id, secret) = pair(&body(&register(&base, "Reviewer"), 201));
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for path in PATHS {
        let in_url = format!("{path}{GRANT}");
        for request in [
            Request::get(&in_url),
            Request::get(&in_url).header(form.0, form.1),
            Request::new("POST", &in_url, b""),
            Request::post(path, &[("grant_type", "client_credentials")]),
            Request::get(&format!("{in_url}&scope=client_credentials_default_scope")),
        ] {
            let answer = request.by(&id, &secret).send(&base);
            let told = body(&answer, 200);
            assert_eq!(names(&answer.body), ["access_token", "token_type", "expires_in", "scope", "jti"]);
            assert_eq!(
                (&told["token_type"], &told["scope"]),
                (&json!("bearer"), &json!("client_credentials_default_scope"))
            );
            // What is left when it is answered: an hour only if that was at a whole second.
            assert!(matches!(told["expires_in"].as_u64(), Some(3599 | 3600)), "{told}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let parts: Vec<&str> = told["access_token"].as_str().unwrap().split('.').collect();
            assert_eq!(parts[0], "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "as printed");
            let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
            let exp = serde_json::from_str::<Value>(&claims).unwrap()["exp"].as_i64().unwrap();
            let jti = told["jti"].as_str().unwrap();
            assert!(is_uuid(jti), "{jti}");
            let printed = format!(
                r#"{{"scope":["client_credentials_default_scope"],"exp":{exp},"jti":"{jti}","client_id":"{id}"}}"#
            );
            assert_eq!(claims, printed);
        }
    }
}

#[test]
fn a_token_is_refused_to_whoever_shows_no_secret_in_the_header() {
    let world = world();
    let (_server, base) = serve(&world);
    let (id, secret) = pair(&body(&register(&base, "Reviewer"), 201));
    let at = format!("/oauth/token{GRANT}");
    let error = |status: u16, error: &str| (status, error.to_owned());
    assert_eq!(refusal(&Request::get(&at).send(&base)), error(401, "invalid_client"));
    assert_eq!(refusal(&Request::get(&at).by(&id, "wrong").send(&base)), error(401, "invalid_client"));
    assert_eq!(refusal(&Request::get(&at).by("nobody", &secret).send(&base)), error(401, "invalid_client"));
    assert_eq!(refusal(&Request::get(&at).by(RS.0, RS.1).send(&base)), error(400, "unauthorized_client"));
    let more = format!("{at}&scope=more");
    assert_eq!(refusal(&Request::get(&more).by(&id, &secret).send(&base)), error(400, "invalid_scope"));
    let none = Request::get("/oauth/token").by(&id, &secret).send(&base);
    assert_eq!(refusal(&none), error(400, "invalid_request"));
    // Never in a URL, by whatever method, and even beside the right header.
    let in_url = format!("{at}&client_id={id}&client_secret={secret}");
    for request in [Request::get(&in_url), Request::new("POST", &in_url, b"")] {
        assert_eq!(refusal(&request.clone().send(&base)), error(400, "invalid_request"));
        assert_eq!(refusal(&request.by(&id, &secret).send(&base)), error(400, "invalid_request"));
    }
    let fields = [("grant_type", "client_credentials"), ("client_id", &*id), ("client_secret", &*secret)];
    assert_eq!(refusal(&Request::post("/oauth/token", &fields).send(&base)), error(401, "invalid_client"));
    let head = Request::new("HEAD", &at, b"").by(&id, &secret).send(&base);
    assert_eq!((head.status, head.body.as_str()), (405, ""));
}

#[test]
fn only_the_key_lets_in() {
    let world = world();
    let (_server, base) = serve(&world);
    let made = body(&register(&base, "Reviewer"), 201);
    let (id, secret) = pair(&made);
    let access = access_token(&base, &id, &secret);
    let (one, all) = (format!("{APPLICATIONS}/1"), format!("{APPLICATIONS}/"));
    let header = "X-App-Registration-Key";
    for values in [vec![], vec![""], vec!["wrong"], vec![KEY, KEY], vec![&access], vec![&secret]] {
        for request in [
            Request::get(&all),
            with_json("POST", APPLICATIONS, &asked("Another")),
            Request::get(&one),
            with_json("PUT", &one, &asked("Another")),
            Request::new("DELETE", &one, b""),
        ] {
            let request = values.iter().fold(request, |request, value| request.header(header, value));
            let answer = request.send(&base);
            assert_eq!(refusal(&answer), (401, "unauthorized".to_owned()));
            let why = "Full authentication is required to access this resource";
            assert_eq!(answer.text("error_description"), why);
        }
    }
    let list = body(&with_key(Request::get(&all)).send(&base), 200);
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(list[0]["applicationName"], "Reviewer");
}

#[test]
fn both_fields_are_mandatory_and_a_refusal_costs_no_number() {
    let world = world();
    let (_server, base) = serve(&world);
    register(&base, "Reviewer");
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"applicationName":"a"}"#,
        r#"{"description":"d"}"#,
        r#"{"applicationName":"","description":"d"}"#,
        r#"{"applicationName":null,"description":"d"}"#,
        r#"{"applicationName":7,"description":"d"}"#,
        r#"{"applicationName":"a\u0000","description":"d"}"#,
        r#"{"applicationName":"a","applicationName":"b","description":"d"}"#,
    ] {
        for (method, path) in [("POST", APPLICATIONS.to_owned()), ("PUT", format!("{APPLICATIONS}/1"))] {
            let answer = with_key(with_json(method, &path, bad)).send(&base);
            assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()), "{method} {bad}");
        }
    }
    for id in ["0", "2", "-1", "+1", "1x", "x", "99999999999999999999999", "%31%00", "%ff"] {
        let answer = with_key(Request::get(&format!("{APPLICATIONS}/{id}"))).send(&base);
        assert_eq!(answer.status, 404, "{id}");
    }
    assert_eq!(body(&register(&base, "Next"), 201)["id"], 2);
}

#[test]
fn two_that_register_at_once_never_share_a_number() {
    let world = world();
    let (_server, base) = serve(&world);
    let made: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let base = &base;
                scope.spawn(move || body(&register(base, &format!("Application {n}")), 201))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let numbers: BTreeSet<u64> = made.iter().map(|made| made["id"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=8).collect());
    // Each number is that of the application it was given for.
    for made in &made {
        let shown = with_key(Request::get(&format!("{APPLICATIONS}/{}", made["id"]))).send(&base);
        let shown = body(&shown, 200);
        assert_eq!((&shown["clientId"], &shown["secret"]), (&made["clientId"], &made["clientSecret"]));
        assert_eq!(shown["applicationName"], made["applicationName"]);
    }
}

#[test]
fn guesses_at_the_key_are_slowed_down() {
    let world = world();
    let (_server, base) = serve(&world);
    let guess = |key: &str| Request::get(APPLICATIONS).header("X-App-Registration-Key", key).send(&base);
    let statuses: Vec<u16> =
        (0..31).map(|n| guess(&format!("a guess of the key, number {n}")).status).collect();
    assert_eq!(statuses[..30], [401; 30]);
    assert_eq!(statuses[30], 429);
}

/// Whether any file that the server or a command wrote holds a text.
fn is_on_disk(world: &World, text: &str) -> bool {
    fn holds(path: &std::path::Path, text: &[u8]) -> bool {
        if path.is_dir() {
            return std::fs::read_dir(path).unwrap().any(|entry| holds(&entry.unwrap().path(), text));
        }
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text))
    }
    holds(&world.path(""), text.as_bytes())
}

#[test]
fn a_secret_is_shown_again_and_lies_nowhere_in_clear() {
    let world = world();
    let (server, base) = serve(&world);
    let made = body(&register(&base, "Reviewer"), 201);
    let (id, secret) = pair(&made);
    let shown = |base: &str| {
        let answer = with_key(Request::get(&format!("{APPLICATIONS}/1"))).send(base);
        body(&answer, 200)["secret"].as_str().unwrap().to_owned()
    };
    access_token(&base, &id, &secret);
    server.stop("-TERM");
    assert!(is_on_disk(&world, &id), "the test looks where things are");
    assert!(!is_on_disk(&world, &secret));
    for command in
        [vec!["export"], vec!["client", "list"], vec!["client", "show", &id], vec!["--json", "export"]]
    {
        let said = world.run(&command);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.contains(&id) && !said.out.contains(&secret) && !said.out.contains("sealed"));
    }
    let (server, base) = serve(&world);
    assert_eq!(shown(&base), secret, "after a restart");
    // A new secret is the one that is shown, and the one that opens.
    let rotated = world.json(&["client", "rotate-secret", &id, "--overlap", "0"]);
    let rotated = rotated["client_secret"].as_str().unwrap().to_owned();
    assert_ne!(rotated, secret);
    assert_eq!(shown(&base), rotated);
    access_token(&base, &id, &rotated);
    assert_eq!(refusal(&token(&base, &id, &secret)).0, 401);
    server.stop("-TERM");
    // And so is one that an operator chose. The same file twice changes nothing.
    let chosen = "a secret of the operator's own";
    let mut exported: Value = serde_json::from_str(&world.run(&["export"]).out).unwrap();
    let client =
        exported["clients"].as_array_mut().unwrap().iter_mut().find(|c| c["client_id"] == id.as_str());
    client.unwrap()["client_secret"] = chosen.into();
    world.write("again.json", &exported.to_string());
    let import = || world.json(&["import", "again.json"])["clients"].clone();
    assert_eq!(import()["updated"], 1);
    assert_eq!(import()["unchanged"], 1);
    std::fs::remove_file(world.path("again.json")).unwrap();
    let (server, base) = serve(&world);
    assert_eq!(shown(&base), chosen);
    server.stop("-TERM");
    assert!(!is_on_disk(&world, chosen) && !is_on_disk(&world, &rotated));
}
