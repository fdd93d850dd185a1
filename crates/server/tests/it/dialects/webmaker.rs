//! Webmaker's id.webmaker.org, by its page "OAuth" (docs/dialects/webmaker.md).

use serde_json::{Value, json};

use super::{at, world};
use crate::browser::Browser;
use crate::http::{Answer, Request};
use crate::world::{Server, World, until};

/// The page's own.
const ID: &str = "wm_id_BTQNPABtUqqApaDrcsDa";
const SECRET: &str = "wm_secret_iHmAWhvCwBYnuE6aZHcArBEPohanKmmWr8LcyBBPZYRkAxdmuj";
const CALLBACK: &str = "https://buckleysbees.ca/oauth2/callback";
const OTHER: &str = "wm_id_ofAnotherApplication";
const USER: &str = "webmakeruser";
const EMAIL: &str = "User@webmaker.test";
const PASSWORD: &str = "users-pass-phrase";
const AVATAR: &str = "https://secure.gravatar.com/avatar/5410ec660422c8ea12d4a28ef794a23a";

fn webmaker(more: &str) -> World {
    let client = |id: &str, uri: &str, grants: &[&str]| {
        json!({
            "client_id": id, "client_secret": SECRET, "client_name": "Buckley's Bees", "profile": "webmaker",
            "description": "Buckley's Bees sells the best honey in Ontario", "redirect_uris": [uri],
            "grant_types": grants, "scope": "user email projects", "token_endpoint_auth_method": "client_secret_post",
        })
    };
    let file = json!({
        "clients": [
            client(ID, CALLBACK, &["authorization_code", "password"]),
            client(OTHER, "https://other.test/cb?keep=1", &["authorization_code"]),
            client("wm_id_single", "https://buckleysbees.ca/webapp", &["implicit"]),
        ],
        "users": [{"username": USER, "password": PASSWORD, "email": EMAIL, "name": "Web Maker", "avatar": AVATAR}],
    });
    world(&[("webmaker", "webmaker", more)], &file)
}

/// The printed request for a code.
fn authorize(scopes: &str) -> String {
    format!("/login/oauth/authorize?client_id={ID}&response_type=code&scopes={scopes}&state=Nvqfc67z")
}

/// Walks a request to its end: logs in if he must, and accepts if he is asked.
fn walk(browser: &mut Browser, target: &str) -> Answer {
    let mut page = browser.open(target).unwrap();
    if page.body.contains("name=\"password\"") {
        let next = browser.submit(&page, &[("username", USER), ("password", PASSWORD)]).unwrap();
        page = browser.open(next.header("location").unwrap_or_else(|| panic!("{}", next.body))).unwrap();
    }
    if page.status == 200 { browser.submit(&page, &[("decision", "approve")]).unwrap() } else { page }
}

/// A code, by way of the pages.
fn code(base: &str, scopes: &str) -> String {
    let back = walk(&mut Browser::new(base), &authorize(scopes));
    back.parameter("code").unwrap_or_else(|| panic!("{} {:?}", back.status, back.header("location")))
}

/// The printed exchange: it has a state, and no grant type.
fn exchange(code: &str) -> Request {
    let fields = [("client_id", ID), ("state", "Nvqfc67z"), ("client_secret", SECRET), ("code", code)];
    Request::post("/login/oauth/access_token", &fields)
}

fn token(base: &str, scopes: &str) -> String {
    exchange(&code(base, scopes)).send(base).text("access_token")
}

fn by_password(fields: &[(&str, &str)]) -> Request {
    let mut all =
        vec![("client_id", ID), ("state", "Nvqfc67z"), ("grant_type", "password"), ("scopes", "user email")];
    all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
    all.extend(fields.iter().filter(|(_, value)| !value.is_empty()));
    Request::post("/login/oauth/access_token", &all)
}

fn user(token: &str) -> Request {
    Request::get("/user").header("Authorization", &format!("token {token}"))
}

/// The address a browser is sent to, and its query or fragment as pairs.
fn led_to(answer: &Answer, mark: char) -> (String, Vec<(String, String)>) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let location = answer.header("location").unwrap();
    let (place, rest) = location.split_once(mark).unwrap_or((location, ""));
    (place.to_owned(), form_urlencoded::parse(rest.as_bytes()).into_owned().collect())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn is_token(text: &str) {
    let rest = text.strip_prefix("wm_token_").unwrap_or_else(|| panic!("{text}"));
    assert!(rest.len() == 50 && rest.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("error"))
}

fn started(more: &str) -> (World, Server) {
    let world = webmaker(more);
    let server = world.serve(&[]);
    (world, server)
}

#[test]
fn the_printed_code_flow_is_answered_as_printed() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let back = walk(&mut Browser::new(base), &authorize("user"));
    let (place, parameters) = led_to(&back, '?');
    let code = back.parameter("code").unwrap();
    assert_eq!(place, CALLBACK);
    assert_eq!(parameters, pairs(&[("client_id", ID), ("code", &code), ("state", "Nvqfc67z")]));
    let rest = code.strip_prefix("wm_code_").unwrap();
    assert!(rest.bytes().all(|b| b.is_ascii_alphanumeric()), "{code}");

    let answer = exchange(&code).send(base);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.text("access_token");
    is_token(&token);
    assert_eq!(answer.body, format!(r#"{{"access_token":"{token}","scope":"user","token_type":"bearer"}}"#));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // With the grant type that the table has.
    let code = self::code(base, "user");
    let fields =
        [("client_id", ID), ("client_secret", SECRET), ("grant_type", "authorization_code"), ("code", &code)];
    assert_eq!(Request::post("/login/oauth/access_token", &fields).send(base).status, 200);
}

#[test]
fn the_printed_user_is_told_by_scope() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let whole = format!(r#"{{"username":"{USER}","id":"{USER}","email":"{EMAIL}","avatar":"{AVATAR}"}}"#);
    let both = token(base, "user%20email");
    for scheme in ["token", "Token", "Bearer"] {
        let answer = Request::get("/user").header("Authorization", &format!("{scheme} {both}")).send(base);
        assert_eq!((answer.status, answer.body.as_str()), (200, whole.as_str()), "{scheme}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let only_email = user(&token(base, "email")).send(base);
    assert_eq!((only_email.status, only_email.body), (200, format!(r#"{{"email":"{EMAIL}"}}"#)));
    let only_user = user(&token(base, "user")).send(base);
    assert_eq!(only_user.body, whole.replace(&format!(r#""email":"{EMAIL}","#), ""));
    let neither = user(&token(base, "projects")).send(base);
    assert_eq!(error(&neither), (403, "insufficient_scope".to_owned()));
    assert!(neither.header("www-authenticate").unwrap().contains("error=\"insufficient_scope\""));
    // The token that the page prints is none of ours.
    let unknown = user("wkcuSD213409XCvdssd3RZX8324rtBThnzW").send(base);
    assert_eq!(error(&unknown), (401, "invalid_token".to_owned()));
    assert!(unknown.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    for nothing in [Request::get("/user"), Request::get("/user").header("Authorization", "Basic YTpi")] {
        let answer = nothing.send(base);
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer realm=\"grantor\""))
        );
    }
    assert_eq!(Request::get(&format!("/user?access_token={both}")).send(base).status, 401);
    // A page of another origin may ask.
    let answer = user(&both).header("Origin", "https://app.test").send(base);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let preflight = Request::new("OPTIONS", "/user", b"")
        .header("Origin", "https://app.test")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization");
    let answer = preflight.send(base);
    assert_eq!((answer.status, answer.header("access-control-allow-headers")), (204, Some("Authorization")));
}

#[test]
fn the_printed_implicit_flow_is_answered_as_printed() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let target = "/login/oauth/authorize?client_id=wm_id_single&response_type=token&scopes=user";
    let mut browser = Browser::new(base);
    let back = walk(&mut browser, target);
    let (place, parameters) = led_to(&back, '#');
    assert_eq!((place.as_str(), parameters.len()), ("https://buckleysbees.ca/webapp", 1));
    assert_eq!(parameters[0].0, "token");
    is_token(&parameters[0].1);
    assert_eq!(user(&parameters[0].1).send(base).status, 200);
    // With the state that the table has; and he is not asked again.
    let back = browser.open(&format!("{target}&state=a%26b")).unwrap();
    let (place, parameters) = led_to(&back, '#');
    assert_eq!(place, "https://buckleysbees.ca/webapp");
    assert_eq!(parameters[1..], pairs(&[("state", "a&b")]));
    // A client that is not for it, and one that is for nothing else.
    let refused = browser.open(&authorize("user").replace("=code", "=token")).unwrap();
    let (place, parameters) = led_to(&refused, '#');
    assert_eq!((place.as_str(), parameters[0].1.as_str()), (CALLBACK, "unauthorized_client"));
    let refused = browser.open(&format!("{}&state=s", target.replace("=token", "=code"))).unwrap();
    assert_eq!(refused.parameter("error").unwrap(), "unauthorized_client");
}

#[test]
fn the_printed_password_request_is_for_clients_that_were_approved() {
    let (world, server) = started("");
    let base = at(&server, "webmaker");
    // Name or e-mail address, in any spelling of it.
    for uid in [USER, EMAIL, "user@WEBMAKER.test"] {
        let answer = by_password(&[("uid", uid), ("password", PASSWORD)]).send(base);
        assert_eq!(answer.status, 200, "{uid} {}", answer.body);
        let token = answer.text("access_token");
        is_token(&token);
        assert_eq!(
            answer.body,
            format!(r#"{{"access_token":"{token}","scope":"email user","token_type":"bearer"}}"#)
        );
        assert_eq!(user(&token).send(base).json()["username"], USER);
    }
    for (uid, password) in
        [(USER, "wrong"), ("nobody", PASSWORD), ("nobody@webmaker.test", PASSWORD), (EMAIL, "wrong")]
    {
        let answer = by_password(&[("uid", uid), ("password", password)]).send(base);
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "{uid}");
        assert_eq!(answer.json()["error_description"], "the user name or password is wrong");
    }
    let good = [("uid", USER), ("password", PASSWORD)];
    let with = |more: (&'static str, &'static str)| by_password(&[good[0], good[1], more]).send(base);
    assert_eq!(error(&with(("client_id", OTHER))), (400, "unauthorized_client".to_owned()));
    assert_eq!(error(&with(("client_id", "wm_id_nobodys"))), (401, "invalid_client".to_owned()));
    // A secret need not be there; one that is there must be right.
    assert_eq!(error(&with(("client_secret", "wrong"))), (401, "invalid_client".to_owned()));
    assert_eq!(with(("client_secret", SECRET)).status, 200);
    assert_eq!(error(&with(("scopes", ""))), (400, "invalid_scope".to_owned()));
    // The page's own placeholder: names that nobody knows.
    assert_eq!(error(&with(("scopes", "required scopes"))), (400, "invalid_scope".to_owned()));
    assert_eq!(error(&by_password(&[("uid", USER)]).send(base)), (400, "invalid_request".to_owned()));
    world.json(&["user", "disable", USER]);
    assert_eq!(error(&by_password(&good).send(base)), (400, "invalid_grant".to_owned()));
}

#[test]
fn guessing_passwords_is_held_up() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let tries = (0..12).map(|_| by_password(&[("uid", USER), ("password", "wrong")]).send(base).status);
    assert!(tries.collect::<Vec<_>>().contains(&429));
}

#[test]
fn the_printed_logout_ends_the_session_and_leads_back() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let mut browser = Browser::new(base);
    walk(&mut browser, &authorize("user"));
    assert!(browser.open("/account").unwrap().body.contains(USER));
    // Who is unknown ends nothing, and without a client it is asked first.
    for wrong in
        ["/logout?client_id=wm_id_nobodys", "/logout?client_id=%00", "/logout?client_id=a&client_id=b"]
    {
        assert_eq!(browser.open(wrong).unwrap().status, 400, "{wrong}");
    }
    let asks = browser.open("/logout").unwrap();
    assert!(asks.status == 200 && asks.body.contains("<form"));
    assert!(browser.open("/account").unwrap().body.contains(USER));
    assert_eq!(Request::new("HEAD", &format!("/logout?client_id={ID}"), b"").send(base).status, 405);

    let logged_in = |cookie: &String| {
        Request::get("/account").header("Cookie", &format!("grantor_session={cookie}")).send(base).status
            == 200
    };
    let cookie = browser.held.iter().find(|held| logged_in(held)).unwrap().clone();
    let left = browser.open(&format!("/logout?client_id={ID}")).unwrap();
    assert_eq!(left.header("location"), Some(format!("{CALLBACK}?logout=true").as_str()));
    assert_eq!(left.header("cache-control"), Some("no-cache"));
    assert!(browser.open("/account").unwrap().body.contains("name=\"password\""));
    // P07
    assert!(!logged_in(&cookie), "the session is over in this browser only");
    // A query of the registered URI is kept; and who was not logged in is led back all the same.
    let left = Browser::new(base).open(&format!("/logout?client_id={OTHER}")).unwrap();
    assert_eq!(left.header("location"), Some("https://other.test/cb?keep=1&logout=true"));
    // The ordinary way is still there.
    walk(&mut browser, &authorize("user"));
    let page = browser.open("/logout").unwrap();
    assert!(!page.body.contains("name=\"password\""), "he is not logged in");
    assert_eq!(browser.submit(&page, &[]).unwrap().status, 303);
    assert!(browser.open("/account").unwrap().body.contains("name=\"password\""));
}

#[test]
fn state_and_scopes_are_wanted_and_the_page_is_chosen() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let refused = |target: &str| {
        let (place, parameters) = led_to(&Browser::new(base).open(target).unwrap(), '?');
        assert_eq!(place, CALLBACK, "{target}");
        parameters.into_iter().find(|(name, _)| name == "error").unwrap().1
    };
    let whole = authorize("user");
    assert_eq!(refused(&whole.replace("&state=Nvqfc67z", "")), "invalid_request");
    assert_eq!(refused(&whole.replace("&scopes=user", "")), "invalid_scope");
    assert_eq!(refused(&whole.replace("=user", "=required%20scopes")), "invalid_scope");
    assert_eq!(refused(&format!("{whole}&action=other")), "invalid_request");
    assert_eq!(refused(&whole.replace("=code", "=id_token")), "unsupported_response_type");
    for (unknown, why) in [
        (whole.replace(ID, "wm_id_nobodys"), "client"),
        (format!("{whole}&redirect_uri=https://evil.test/"), "uri"),
    ] {
        let answer = Browser::new(base).open(&unknown).unwrap();
        assert_eq!((answer.status, answer.header("location")), (400, None), "{why}");
    }
    for (action, title) in [("", "Sign in"), ("&action=signin", "Sign in"), ("&action=signup", "Sign up")] {
        let page = Browser::new(base).open(&format!("{whole}{action}")).unwrap();
        assert!(page.status == 200 && page.body.contains(&format!("<h1>{title}</h1>")), "{action}");
    }
}

// M8, M9, M11
#[test]
fn what_real_clients_add_is_taken_or_passed_over() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let callback: String = form_urlencoded::byte_serialize(CALLBACK.as_bytes()).collect();
    let scope_of = |target: String| {
        let back = walk(&mut Browser::new(base), &target);
        exchange(&back.parameter("code").unwrap()).send(base).text("scope")
    };
    assert_eq!(scope_of(format!("{}&scope=openid%20profile%20email", authorize("user"))), "user");
    assert_eq!(scope_of(authorize("user").replace("scopes=", "scope=")), "user");
    assert_eq!(scope_of(authorize("user%20openid%20projects")), "projects user");

    // It named none at the authorization endpoint: one of its own may be repeated, whatever was added, and no other.
    let redeem = |given: &str| {
        let fields = [
            ("client_id", ID),
            ("client_secret", SECRET),
            ("redirect_uri", given),
            ("grant_type", "authorization_code"),
            ("code", &code(base, "user")),
        ];
        Request::post("/login/oauth/access_token", &fields).send(base)
    };
    assert_eq!(redeem(CALLBACK).status, 200);
    assert_eq!(redeem(&format!("{CALLBACK}?code=x&state=y")).status, 200);
    assert_eq!(error(&redeem("https://buckleysbees.ca/other")), (400, "invalid_grant".to_owned()));
    assert_eq!(error(&redeem("https://evil.test/oauth2/callback")), (400, "invalid_grant".to_owned()));
    // It named one: then that is what it must be.
    let back = walk(&mut Browser::new(base), &format!("{}&redirect_uri={callback}", authorize("user")));
    let code = back.parameter("code").unwrap();
    assert_eq!(error(&exchange(&code).send(base)), (400, "invalid_grant".to_owned()));
    let fields = [("client_id", ID), ("client_secret", SECRET), ("code", &code), ("redirect_uri", CALLBACK)];
    assert_eq!(Request::post("/login/oauth/access_token", &fields).send(base).status, 200);
}

#[test]
fn a_code_is_its_clients_and_works_once() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let code = code(base, "user");
    let as_ = |id: &str, secret: &str| {
        let fields = [("client_id", id), ("client_secret", secret), ("code", &code)];
        Request::post("/login/oauth/access_token", &fields)
    };
    assert_eq!(error(&as_(OTHER, SECRET).send(base)), (400, "invalid_grant".to_owned()));
    assert_eq!(error(&as_(ID, "wrong").send(base)), (401, "invalid_client".to_owned()));
    // Without a person's password the secret is not left out.
    assert_eq!(error(&as_(ID, "").send(base)), (401, "invalid_client".to_owned()));
    assert_eq!(
        error(&exchange("wm_code_LWQAxCBsrKs7PJCG4cHj").send(base)),
        (400, "invalid_grant".to_owned())
    );
    let fields = [
        ("client_id", ID),
        ("client_secret", SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
    ];
    let refresh = Request::post("/login/oauth/access_token", &fields).send(base);
    assert_eq!(error(&refresh), (400, "unsupported_grant_type".to_owned()));

    let token = exchange(&code).send(base).text("access_token");
    assert_eq!(user(&token).send(base).status, 200);
    assert_eq!(error(&exchange(&code).send(base)), (400, "invalid_grant".to_owned()));
    // Somebody had the code twice: what it gave ends.
    assert_eq!(user(&token).send(base).status, 401);
}

#[test]
fn a_code_and_a_token_end_where_they_are_given_an_end() {
    let (_world, server) = started("set = { authorization_code = \"1s\", access_token = \"2s\" }");
    let base = at(&server, "webmaker");
    let old = code(base, "user");
    let answer = exchange(&code(base, "user")).send(base);
    // Told behind what is printed.
    let token = answer.text("access_token");
    let whole =
        format!(r#"{{"access_token":"{token}","scope":"user","token_type":"bearer","expires_in":2}}"#);
    assert_eq!(answer.body, whole);
    until(|| (user(&token).send(base).status == 401).then_some(()));
    assert_eq!(error(&exchange(&old).send(base)), (400, "invalid_grant".to_owned()));
}

// M12
#[test]
fn who_accepted_is_not_asked_again_until_more_is_wanted() {
    let (world, server) = started("");
    let base = at(&server, "webmaker");
    let mut browser = Browser::new(base);
    let first = walk(&mut browser, &authorize("user%20email"));
    let token = exchange(&first.parameter("code").unwrap()).send(base).text("access_token");
    for less in ["user%20email", "user", "email"] {
        let back = browser.open(&authorize(less)).unwrap();
        assert!(back.parameter("code").is_some(), "{less} {}", back.body);
    }
    let asked = browser.open(&authorize("user%20projects")).unwrap();
    assert!(asked.status == 200 && asked.body.contains("Change your projects"), "{}", asked.body);
    let denied = browser.submit(&asked, &[("decision", "deny")]).unwrap();
    let (place, parameters) = led_to(&denied, '?');
    assert_eq!(place, CALLBACK);
    assert_eq!(parameters[0], ("error".to_owned(), "access_denied".to_owned()));
    assert_eq!(parameters.last().unwrap().1, "Nvqfc67z");
    // Another application is another question.
    let asked = browser.open(&authorize("user").replace(ID, OTHER)).unwrap();
    assert_eq!(asked.status, 200);
    world.json(&["user", "disable", USER]);
    assert_eq!(user(&token).send(base).status, 401);
}

#[test]
fn a_person_signs_up_on_his_way_and_goes_on() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let mut browser = Browser::new(base);
    let target = format!("{}&action=signup", authorize("user%20email"));
    let page = browser.open(&target).unwrap();
    let entered =
        [("username", "NewMaker"), ("email", "new@webmaker.test"), ("password", "a long pass phrase")];
    let next = browser.submit(&page, &entered).unwrap();
    assert_eq!(next.status, 303, "{}", next.body);
    let consent = browser.open(next.header("location").unwrap()).unwrap();
    let back = browser.submit(&consent, &[("decision", "approve")]).unwrap();
    let token = exchange(&back.parameter("code").unwrap()).send(base).text("access_token");
    let who = json!({"username": "newmaker", "id": "newmaker", "email": "new@webmaker.test", "avatar": Value::Null});
    assert_eq!(user(&token).send(base).json(), who);
    let login = by_password(&[("uid", "new@webmaker.test"), ("password", "a long pass phrase")]);
    assert_eq!(login.send(base).status, 200);
}

// P03
#[test]
fn a_name_that_cannot_be_had_is_told_alike_whatever_the_reason() {
    let (world, server) = started("");
    let base = at(&server, "webmaker");
    world.json(&["user", "create", "buried"]);
    world.json(&["user", "delete", "buried"]);
    world.json(&["user", "create", "disabled"]);
    world.json(&["user", "disable", "disabled"]);
    let sign_up = |username: &str, email: &str, password: &str| {
        let mut browser = Browser::new(base);
        let page = browser.open("/signup").unwrap();
        browser.submit(&page, &[("username", username), ("email", email), ("password", password)]).unwrap()
    };
    let problem = |answer: &Answer| {
        assert_eq!(answer.status, 200);
        assert!(!answer.body.contains("pass phrase"), "a password is shown again");
        let text = answer
            .body
            .split("role=\"alert\" id=\"problem\">")
            .nth(1)
            .unwrap_or_else(|| panic!("{}", answer.body));
        text.split('<').next().unwrap().to_owned()
    };
    let (email, password) = ("x@webmaker.test", "a long pass phrase");
    let told: Vec<_> = [USER, "WebmakerUser", "buried", "disabled", "a b", "", "somebody@else.test"]
        .map(|name| problem(&sign_up(name, email, password)))
        .into();
    assert!(told.iter().all(|text| *text == told[0]) && told[0].contains("user name"), "{told:?}");
    assert!(problem(&sign_up("fresh", email, "1234567")).contains("at least 8 characters"));
    for wrong in ["", "x", "@", "x@", "a b@c"] {
        assert!(problem(&sign_up("fresh", wrong, password)).contains("e-mail address"), "{wrong}");
    }
    assert_eq!(world.run(&["user", "show", "fresh"]).code, Some(1));
    // An address that is another's takes nothing from him.
    assert_eq!(sign_up("mallory", EMAIL, password).status, 303);
    let as_mallory = by_password(&[("uid", EMAIL), ("password", password)]).send(base);
    assert_eq!(error(&as_mallory), (400, "invalid_grant".to_owned()));
    assert_eq!(by_password(&[("uid", EMAIL), ("password", PASSWORD)]).send(base).status, 200);
}

#[test]
fn signing_up_is_the_browsers_own_doing_and_held_up_when_overdone() {
    let (_world, server) = started("");
    let base = at(&server, "webmaker");
    let fields = [("username", "x"), ("email", "x@webmaker.test"), ("password", "a long pass phrase")];
    assert_eq!(Request::post("/signup", &fields).send(base).status, 403);
    let foreign = Request::post("/signup", &fields).header("Origin", "https://evil.test");
    assert_eq!(foreign.send(base).status, 403);
    let mut browser = Browser::new(base);
    let page = browser.open("/signup").unwrap();
    let tries = (0..12).map(|_| {
        let entered = [("username", USER), ("email", "x@webmaker.test"), ("password", "a long pass phrase")];
        browser.submit(&page, &entered).unwrap().status
    });
    assert!(tries.collect::<Vec<_>>().contains(&429));
}

#[test]
fn who_has_no_page_for_signing_up_has_none() {
    let world = world(&[("plain", "standard", "")], &json!({}));
    let server = world.serve(&[]);
    let base = at(&server, "plain");
    assert_eq!(Request::get("/signup").send(base).status, 404);
    assert_eq!(Request::get("/user").send(base).status, 404);
    assert!(!Request::get("/login").send(base).body.contains("signup"));
}

#[test]
fn what_is_minted_looks_as_printed_and_what_is_dangerous_is_named() {
    let world = webmaker("");
    let made = world.json(&[
        "client",
        "create",
        "--profile",
        "webmaker",
        "--redirect-uri",
        CALLBACK,
        "--scope",
        "user",
    ]);
    for (name, prefix, length) in [("client_id", "wm_id_", 20), ("client_secret", "wm_secret_", 50)] {
        let rest = made[name].as_str().unwrap().strip_prefix(prefix).unwrap();
        assert!(rest.len() == length && rest.bytes().all(|b| b.is_ascii_alphanumeric()), "{made}");
    }
    let dangers = world.json(&["check-config"])["dangers"].to_string();
    for named in
        ["implicit", "password", "endpoints.logout", "danger_password_without_secret", "access_token"]
    {
        assert!(dangers.contains(named), "{named}: {dangers}");
    }
}

#[test]
fn an_address_leads_to_whoever_has_it_now() {
    let (world, server) = started("");
    let base = at(&server, "webmaker");
    let login = |uid: &str| by_password(&[("uid", uid), ("password", PASSWORD)]).send(base).status;
    world.json(&["user", "update", USER, "--email", "o'brien@webmaker.test"]);
    assert_eq!((login(EMAIL), login("O'Brien@webmaker.test"), login(USER)), (400, 200, 200));
    world.json(&["user", "update", USER, "--email", EMAIL]);
    assert_eq!((login(EMAIL), login("o'brien@webmaker.test")), (200, 400));
}
