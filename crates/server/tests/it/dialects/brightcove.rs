//! Brightcove's OAuth API, by its overview.

use serde_json::{Value, json};

use super::{base, body, configure, deployment, is_uuid, names, refusal, with_json};
use crate::http::{Answer, Request, basic};
use crate::world::{Server, World};

const ALICE: &str = "alice-session-token-of-forty-eight-characters-00";
const BOB: &str = "bob-session-token-of-forty-eight-characters-0000";
const MALLORY: &str = "mallory-session-token-of-forty-eight-characters0";
const CREDENTIALS: &str = "/v4/client_credentials";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const RS: (&str, &str) = ("rs", "the-secret-of-the-resource-server-rs");

/// Alice acts for 57 and 58 and forty more, Bob for 57 alone, Mallory for none.
fn world(set: &str) -> World {
    let many = (100..140).map(|id| id.to_string());
    let all: Vec<String> = ["57".to_owned(), "58".to_owned()].into_iter().chain(many).collect();
    let member = |ids: &[String]| ids.iter().map(|id| json!({"id": id, "role": "admin"})).collect::<Value>();
    let user = |name: &str, accounts| json!({"username": name, "email": format!("{name}@example.test"), "accounts": accounts});
    let token = |user: &str, token| json!({"profile": "brightcove", "user": user, "token": token});
    let import = json!({
        "accounts": all.iter().map(|id| json!({"id": id})).collect::<Value>(),
        "users": [user("alice", member(&all)), user("bob", member(&all[..1])), user("mallory", json!([]))],
        "session_tokens": [token("alice", ALICE), token("bob", BOB), token("mallory", MALLORY)],
        "resource_servers": [
            {"client_id": RS.0, "client_secret": RS.1, "audience": "https://cms.test", "profile": "brightcove"},
        ],
    });
    deployment("brightcove", set, &import)
}

fn serve(world: &World) -> (Server, String) {
    let server = world.serve(&[]);
    let base = base(&server, "brightcove");
    (server, base)
}

/// The overview's own body, with its doubled `type` and its two account ids.
fn printed(one: &str, other: &str) -> String {
    r#"    {
      "type": "credential",
      "maximum_scope": [
        {
          "identity": {
            "type": "video-cloud-account",
            "type": "perform-account",
            "account-id": account_id1
          },
          "operations": [
            "video-cloud/player/all"
          ]
        },
        {
          "identity": {
          "type": "video-cloud-account",
          "type": "perform-account",
          "account-id": account_id2
        },
        "operations": [
          "video-cloud/player/all"
        ]
        }
      ],
      "name": "AnalyticsClient",
      "description": "My analytics app"
    }
"#
    .replace("account_id1", one)
    .replace("account_id2", other)
}

fn on(accounts: &[&str], operation: &str) -> Value {
    let permission = |account: &&str| json!({"identity": {"type": "video-cloud-account", "account-id": account}, "operations": [operation]});
    accounts.iter().map(permission).collect()
}

fn by(request: Request, token: &str) -> Request {
    request.header("Authorization", &format!("BC_TOKEN {token}"))
}

fn create(base: &str, token: &str, body: &str) -> Answer {
    by(with_json("POST", CREDENTIALS, body), token).send(base)
}

/// A credential of Alice's, and its id and secret.
fn made(base: &str, scope: &Value) -> (String, String) {
    let asked = json!({"type": "credential", "maximum_scope": scope, "name": "App"});
    let made = body(&create(base, ALICE, &asked.to_string()), 201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("client_id"), text("client_secret"))
}

fn ask(base: &str, client: (&str, &str), target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let request =
        Request::new("POST", target, body.as_bytes()).header("Authorization", &basic(client.0, client.1));
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send(base)
}

fn access_token(base: &str, id: &str, secret: &str) -> String {
    let answer = ask(base, (id, secret), "/v4/access_token", &[FORM], "grant_type=client_credentials");
    body(&answer, 200)["access_token"].as_str().unwrap().to_owned()
}

fn introspected(base: &str, token: &str) -> Value {
    Request::post("/oauth2/introspect", &[("token", token)]).by(RS.0, RS.1).send(base).json()
}

fn listed(base: &str, token: &str, query: &str) -> Vec<String> {
    let answer = by(Request::get(&format!("{CREDENTIALS}{query}")), token).send(base);
    let list = body(&answer, 200);
    let ids = list.as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn a_token_is_asked_for_and_answered_as_printed() {
    let world = world("");
    let (_server, base) = serve(&world);
    let (id, secret) = made(&base, &on(&["57"], "video-cloud/player/all"));
    assert!(is_uuid(&id) && secret.len() == 86, "{id} {secret}");
    let plain = "grant_type=client_credentials";
    let query = "?grant_type=client_credentials";
    for (path, query, headers, sent) in [
        ("/v4/access_token", "", vec![FORM], plain),
        (
            "/v4/access_token",
            "",
            vec![("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")],
            plain,
        ),
        ("/v4/access_token", query, vec![FORM], ""),
        ("/v4/access_token", query, vec![], ""),
        ("/v4/access_token", query, vec![("Content-Type", "application/json")], ""),
        ("/v4/access_token", query, vec![FORM], plain),
        ("/v3/access_token", query, vec![], ""),
    ] {
        let answer = ask(&base, (&id, &secret), &format!("{path}{query}"), &headers, sent);
        let token = body(&answer, 200)["access_token"].as_str().unwrap().to_owned();
        let printed = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":300}}"#);
        assert_eq!(answer.body, printed);
        assert!(token.len() == 396 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn every_refusal_of_a_token_is_json() {
    let world = world("");
    let (_server, base) = serve(&world);
    let (id, secret) = made(&base, &on(&["57"], "video-cloud/player/all"));
    let right = (id.as_str(), secret.as_str());
    let (path, grant) = ("/v4/access_token", "grant_type=client_credentials");
    let refused =
        |client, target: &str, headers: &[_], sent| refusal(&ask(&base, client, target, headers, sent));
    let error = |status: u16, error: &str| (status, error.to_owned());
    assert_eq!(refused((&id, "wrong"), path, &[FORM], grant), error(400, "invalid_client"));
    assert_eq!(refused(("nobody", &secret), path, &[FORM], grant), error(400, "invalid_client"));
    assert_eq!(refused(right, path, &[FORM], ""), error(400, "invalid_request"));
    assert_eq!(refused(right, path, &[FORM], "grant_type=password"), error(400, "unsupported_grant_type"));
    assert_eq!(refused(right, path, &[], grant), error(400, "invalid_request"));
    assert_eq!(
        refused(right, path, &[("Content-Type", "application/json")], "{}"),
        error(400, "invalid_request")
    );
    let both = format!("{path}?grant_type=authorization_code");
    assert_eq!(refused(right, &both, &[FORM], grant), error(400, "invalid_request"));
    let scope = format!("{grant}&scope=more");
    assert_eq!(refused(right, path, &[FORM], &scope), error(400, "invalid_scope"));
    // By Basic and by nothing else, and never in a URL.
    let post = format!("{grant}&client_id={id}&client_secret={secret}");
    let none = Request::new("POST", path, post.as_bytes()).header(FORM.0, FORM.1).send(&base);
    assert_eq!(refusal(&none), error(400, "invalid_client"));
    let url = format!("{path}?{post}");
    assert_eq!(refusal(&Request::new("POST", &url, b"").send(&base)), error(400, "invalid_request"));
    assert_eq!(refusal(&Request::get(&format!("{path}?{grant}")).by(&id, &secret).send(&base)).0, 405);
    let long = format!("{path}?x={}", "x".repeat(9000));
    assert_eq!(refusal(&Request::new("POST", &long, b"").send(&base)), error(414, "invalid_request"));
}

#[test]
fn a_credential_is_made_from_the_printed_body() {
    let world = world("");
    let (_server, base) = serve(&world);
    let answer = create(&base, ALICE, &printed("57", "\"58\""));
    let made = body(&answer, 201);
    let fields = [
        "redirect_url",
        "maximum_scope",
        "name_html",
        "issued_to",
        "trusted",
        "expires_at",
        "issued_at",
        "name",
        "description_html",
        "revoked",
        "type",
        "client_secret",
        "description",
        "client_id",
        "issued_user",
    ];
    assert_eq!(names(&answer.body), fields);
    // As a number or a text, as it was sent.
    let account = |id| json!({"identity": {"type": "video-cloud-account", "account-id": id}, "operations": ["video-cloud/player/all"]});
    assert_eq!(made["maximum_scope"], json!([account(json!(57)), account(json!("58"))]));
    assert_eq!(
        (&made["name"], &made["description"]),
        (&json!("AnalyticsClient"), &json!("My analytics app"))
    );
    assert_eq!((&made["type"], &made["issued_to"]), (&json!("credential"), &json!("alice@example.test")));
    for absent in ["redirect_url", "trusted", "expires_at", "revoked"] {
        assert!(made[absent].is_null(), "{absent}");
    }
    let issued_at = made["issued_at"].as_str().unwrap();
    assert!(issued_at.len() == "2015-10-02T13:59:07Z".len() && issued_at.ends_with('Z'), "{issued_at}");
    let (id, secret) = (made["client_id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    assert!(is_uuid(id) && secret.len() == 86);
    access_token(&base, id, secret);
    // Its secret is never shown again; all else is.
    let again = by(Request::get(&format!("{CREDENTIALS}/{id}")), ALICE).send(&base);
    assert_eq!(names(&again.body), fields);
    let mut expected = made.clone();
    expected["client_secret"] = Value::Null;
    assert_eq!(body(&again, 200), expected);
    assert_eq!(body(&by(Request::get(CREDENTIALS), ALICE).send(&base), 200), json!([expected]));
}

#[test]
fn a_form_does_as_well() {
    let world = world("");
    let (_server, base) = serve(&world);
    let scope = on(&["57"], "video-cloud/video/read").to_string();
    let fields = [("name", "A & <B>"), ("maximum_scope", scope.as_str())];
    let made = body(&by(Request::post(CREDENTIALS, &fields), ALICE).send(&base), 201);
    assert_eq!((&made["name"], &made["name_html"]), (&json!("A & <B>"), &json!("A &amp; &lt;B&gt;")));
    assert_eq!(made["maximum_scope"].to_string(), scope);
    assert!(made["description"].is_null());
}

#[test]
fn only_a_session_token_of_this_profile_lets_in() {
    let world = world("");
    let (_server, base) = serve(&world);
    let scope = on(&["57"], "video-cloud/player/all");
    let (id, secret) = made(&base, &scope);
    let token = access_token(&base, &id, &secret);
    let asked = json!({"maximum_scope": scope, "name": "n"}).to_string();
    let one = format!("{CREDENTIALS}/{id}");
    let headers = [
        None,
        Some(String::new()),
        Some("BC_TOKEN".to_owned()),
        Some("BC_TOKEN nonsense".to_owned()),
        Some(format!("Bearer {ALICE}")),
        Some(format!("BC_TOKEN {token}")),
        Some(basic(&id, &secret)),
    ];
    for header in headers {
        for request in [
            Request::get(CREDENTIALS),
            with_json("POST", CREDENTIALS, &asked),
            Request::get(&one),
            with_json("PUT", &one, &asked),
            Request::new("DELETE", &one, b""),
        ] {
            let request = header.iter().fold(request, |r, header| r.header("Authorization", header));
            let answer = request.send(&base);
            assert_eq!(refusal(&answer), (401, "access_denied".to_owned()));
            let why = "The request does not carry authentication credentials sufficient to authorize the requested \
                       access.";
            assert_eq!(answer.text("error_description"), why);
            assert_eq!(answer.header("www-authenticate"), Some("BC_TOKEN"));
        }
    }
    assert_eq!(listed(&base, ALICE, ""), [id]);
    assert_eq!(world.run(&["user", "disable", "alice"]).code, Some(0));
    assert_eq!(refusal(&by(Request::get(CREDENTIALS), ALICE).send(&base)).0, 401);
}

#[test]
fn a_credential_is_seen_by_who_is_in_all_its_accounts() {
    let world = world("");
    let (_server, base) = serve(&world);
    let (one, _) = made(&base, &on(&["57"], "video-cloud/player/all"));
    let (both, _) = made(&base, &on(&["57", "58"], "video-cloud/player/all"));
    let (other, _) = made(&base, &on(&["58"], "video-cloud/player/all"));
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed(&base, ALICE, ""), sorted(&[&one, &both, &other]));
    assert_eq!(listed(&base, ALICE, "?origin_account_ids=57"), sorted(&[&one, &both]));
    assert_eq!(listed(&base, ALICE, "?origin_account_ids=57,58"), sorted(&[&one, &both, &other]));
    assert_eq!(listed(&base, ALICE, "?origin_account_ids=100"), Vec::<String>::new());
    assert_eq!(listed(&base, BOB, ""), std::slice::from_ref(&one));
    assert_eq!(listed(&base, BOB, "?origin_account_ids=57,58"), std::slice::from_ref(&one));
    assert_eq!(listed(&base, MALLORY, ""), Vec::<String>::new());
    // What he may not see is not there for him, and he cannot reach into it.
    for id in [&both, &other, &"00000000-0000-4000-8000-000000000000".to_owned(), &RS.0.to_owned()] {
        let one = format!("{CREDENTIALS}/{id}");
        for request in [Request::get(&one), with_json("PUT", &one, "{}"), Request::new("DELETE", &one, b"")] {
            assert_eq!(refusal(&by(request, BOB).send(&base)), (404, "RESOURCE_NOT_FOUND".to_owned()));
        }
    }
    // Nor can he make one, or widen his own, beyond his accounts.
    let beyond =
        json!({"name": "n", "maximum_scope": on(&["57", "58"], "video-cloud/player/all")}).to_string();
    assert_eq!(refusal(&create(&base, BOB, &beyond)), (401, "access_denied".to_owned()));
    let widen = with_json("PUT", &format!("{CREDENTIALS}/{one}"), &beyond);
    assert_eq!(refusal(&by(widen, BOB).send(&base)), (401, "access_denied".to_owned()));
    assert_eq!(listed(&base, BOB, ""), [one]);
}

#[test]
fn a_change_holds_at_once_for_tokens_that_are_out() {
    let world = world("");
    let (_server, base) = serve(&world);
    let (id, secret) = made(&base, &on(&["57", "58"], "video-cloud/player/all"));
    let token = access_token(&base, &id, &secret);
    let details = introspected(&base, &token)["authorization_details"].clone();
    let detail = |account: &str, action: &str| json!({"type": "video-cloud-account", "identifier": account, "actions": [action]});
    let all = "video-cloud/player/all";
    assert_eq!(details, json!([detail("57", all), detail("58", all)]));
    let one = format!("{CREDENTIALS}/{id}");
    // What is not given stays.
    let renamed = body(&by(with_json("PUT", &one, r#"{"name":"Renamed"}"#), ALICE).send(&base), 200);
    assert_eq!((&renamed["name"], &renamed["client_secret"]), (&json!("Renamed"), &Value::Null));
    assert_eq!(introspected(&base, &token)["authorization_details"], details);
    let narrow = json!({"maximum_scope": on(&["57"], "video-cloud/player/read")}).to_string();
    body(&by(with_json("PUT", &one, &narrow), ALICE).send(&base), 200);
    let left = introspected(&base, &token)["authorization_details"].clone();
    assert_eq!(left, json!([detail("57", "video-cloud/player/read")]));
    assert_eq!(listed(&base, ALICE, "?origin_account_ids=58"), Vec::<String>::new());
    let gone = by(Request::new("DELETE", &one, b""), ALICE).send(&base);
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(introspected(&base, &token), json!({"active": false}));
    let refused = ask(&base, (&id, &secret), "/v4/access_token", &[FORM], "grant_type=client_credentials");
    assert_eq!(refusal(&refused), (400, "invalid_client".to_owned()));
    assert_eq!(refusal(&by(Request::get(&one), ALICE).send(&base)).0, 404);
    assert_eq!(refusal(&by(Request::new("DELETE", &one, b""), ALICE).send(&base)).0, 404);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let world = world("");
    let (_server, base) = serve(&world);
    let scope = |identity: &str, operations: &str| {
        format!(r#"{{"name":"n","maximum_scope":[{{"identity":{identity},"operations":{operations}}}]}}"#)
    };
    let right = r#"{"type":"perform-account","account-id":57}"#;
    assert_eq!(create(&base, ALICE, &scope(right, r#"["a/b"]"#)).status, 201);
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"name":"n"}"#,
        r#"{"name":"n","maximum_scope":[]}"#,
        r#"{"name":"n","maximum_scope":{}}"#,
        &scope(right, r#"["a/b"]"#).replace("\"n\"", "\"\""),
        &scope(right, r#"["a/b"]"#).replace("{\"name\"", "{\"type\":\"key\",\"name\""),
        &scope(right, r#"["all"]"#),
        &scope(right, "[7]"),
        &scope(r#"{"type":"other","account-id":57}"#, r#"["a/b"]"#),
        &scope(r#"{"type":"perform-account"}"#, r#"["a/b"]"#),
        &scope(r#"{"type":"perform-account","account-id":57,"account-id":58}"#, r#"["a/b"]"#),
    ] {
        assert_eq!(refusal(&create(&base, ALICE, bad)), (400, "BAD_VALUE".to_owned()), "{bad}");
    }
    assert_eq!(refusal(&create(&base, ALICE, &scope(right, "[]"))), (409, "VALIDATION_ERROR".to_owned()));
    assert_eq!(listed(&base, ALICE, "").len(), 1);
}

#[test]
fn thirty_accounts_are_the_most_and_more_are_never_hidden() {
    let many: Vec<String> = (100..131).map(|id| id.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let world = world("set = { clients = { accounts = 31 } }\n");
    let (server, base) = serve(&world);
    let (id, secret) = made(&base, &on(&many, "video-cloud/player/all"));
    server.stop("-TERM");
    configure(&world, "brightcove", "");
    let (_server, base) = serve(&world);
    let scope =
        |count: usize| json!({"name": "n", "maximum_scope": on(&many[..count], "video-cloud/player/all")});
    assert_eq!(create(&base, ALICE, &scope(30).to_string()).status, 201);
    let refused = create(&base, ALICE, &scope(31).to_string());
    assert_eq!(refusal(&refused), (409, "VALIDATION_ERROR".to_owned()));
    let why = "maximum_scope: they are on 31 accounts, and one client may have at most 30";
    assert_eq!(refused.text("error_description"), why);
    // One that has more from before is seen, gives tokens, can be renamed, and cannot be given as many again.
    assert_eq!(listed(&base, ALICE, "").len(), 2);
    access_token(&base, &id, &secret);
    let one = format!("{CREDENTIALS}/{id}");
    body(&by(with_json("PUT", &one, r#"{"name":"Still here"}"#), ALICE).send(&base), 200);
    let put = |count| refusal(&by(with_json("PUT", &one, &scope(count).to_string()), ALICE).send(&base));
    assert_eq!(put(31), (409, "VALIDATION_ERROR".to_owned()));
    assert_eq!(put(30).0, 200);
}
