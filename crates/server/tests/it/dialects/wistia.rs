//! Wistia, by its page "Authenticating with OAuth2".

use serde_json::{Value, json};

use super::{Served, served, take};
use crate::browser::Browser;
use crate::http::{Answer, Request};
use crate::world::{World, until};

// As the page prints them.
const CLIENT: &str = "10c665d60281648f87d273488b8705bef6b4507c3473bbb1a81e397857962af5";
const SECRET: &str = "f4fa3d09f45c5c5be6e1f9f0a336e24493f9cff9ed310442f4b5270c34be6fc2";
const REDIRECT: &str = "https://localhost/myapp";
const AUTHORIZE: &str = "/oauth/authorize?client_id=10c665d60281648f87d273488b8705bef6b4507c3473bbb1a81e397857962af5\
    &redirect_uri=https%3A%2F%2Flocalhost%2Fmyapp&response_type=code";
const AUTHORIZE_WITH_QUERY: &str = "/oauth/authorize?client_id=10c665d60281648f87d273488b8705bef6b4507c3473bbb1a81e397857962af5\
    &redirect_uri=https%3A%2F%2Flocalhost%2Fmyapp%3Fmyapp_account_id%3D35&response_type=code";
const DENIED: &str =
    "error=access_denied&error_description=The+resource+owner+or+authorization+server+denied+the+request.";

/// Another application, whose scope is written as one text.
const OTHER: &str = "5e7580f112852db6708eac9ce77f6592ffb95a3443e2f038de2ed5a82d7ca8d1";
const PASSWORD: &str = "correct horse battery staple";

fn fixture() -> Value {
    let client = |id: &str| {
        json!({
            "client_id": id, "client_secret": SECRET, "client_name": "My App", "description": "Draws your statistics",
            "profile": "wistia", "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"],
            "scope": "all:read",
        })
    };
    let mut other = client(OTHER);
    other["token_response_scope"] = "text".into();
    other["scope"] = "media:read stats:read".into();
    let user = |name: &str, accounts: &[(&str, &str)]| {
        let accounts: Vec<Value> =
            accounts.iter().map(|(id, role)| json!({"id": id, "role": role})).collect();
        json!({
            "username": name, "password": PASSWORD, "name": format!("{name} Able"), "email": format!("{name}@acme.test"),
            "accounts": accounts,
        })
    };
    let account = |id: &str, name: &str, enabled: bool| json!({"id": id, "name": name, "url": format!("https://{id}.wistia.test"), "oauth_enabled": enabled});
    json!({
        "clients": [client(CLIENT), other],
        "accounts": [account("35", "Acme", true), account("36", "Bolts & Sons", true), account("37", "Cogs", true),
            account("38", "Doors", false)],
        "users": [
            user("ann", &[("35", "manager")]),
            user("bea", &[("35", "manager"), ("36", "owner"), ("37", "viewer"), ("38", "owner")]),
            user("cid", &[]),
            user("dan", &[("37", "viewer")]),
            user("eve", &[("38", "owner")]),
        ],
    })
}

fn wistia(more: &str) -> Served {
    served("wistia", more, &fixture())
}

fn approve(browser: &mut Browser, user: &str, target: &str) -> Answer {
    let page = browser.ask(target, user, PASSWORD);
    if page.status == 303 {
        return page;
    }
    assert!(page.body.contains("name=\"decision\""), "{} {}", page.status, page.body);
    browser.submit(&page, &[("decision", "approve")]).unwrap()
}

fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_else(|| panic!("{} {}", answer.status, answer.body))
}

fn code(browser: &mut Browser, user: &str, target: &str) -> String {
    let back = approve(browser, user, target);
    back.parameter("code").unwrap_or_else(|| panic!("no code: {}", location(&back)))
}

/// The request as the page prints it: all of it in the URL of a POST.
fn printed(client: &str, more: &str) -> Request {
    Request::new("POST", &format!("/oauth/token?client_id={client}&client_secret={SECRET}&{more}"), b"")
}

fn redeem(client: &str, code: &str) -> Request {
    printed(
        client,
        &format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Flocalhost%2Fmyapp"),
    )
}

fn refresh(client: &str, token: &str) -> Request {
    printed(client, &format!("grant_type=refresh_token&refresh_token={token}"))
}

fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    (answer.text("access_token"), answer.text("refresh_token"))
}

fn worth(base: &str, client: &str, token: &str) -> Value {
    Request::post("/oauth/introspect", &[("token", token)]).by(client, SECRET).send(base).json()
}

fn is_live(base: &str, client: &str, token: &str) -> bool {
    worth(base, client, token)["active"] == true
}

/// A text in which each run of 64 lower-case hexadecimal digits is an `H`.
fn without_secrets(text: &str) -> String {
    let (mut out, mut run) = (String::new(), String::new());
    // What ends a text ends its last run.
    for c in text.chars().chain(['\0']) {
        if matches!(c, '0'..='9' | 'a'..='f') {
            run.push(c);
            continue;
        }
        out += if run.len() == 64 { "H" } else { &run };
        out.push(c);
        run.clear();
    }
    out.pop();
    out
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, if answer.status == 200 { String::new() } else { answer.text("error") })
}

#[test]
fn the_page_is_followed_as_it_is_printed() {
    let Served { server: _server, world: _world, base } = wistia("");
    let mut browser = Browser::new(&base);
    let page = browser.ask(AUTHORIZE, "ann", PASSWORD);
    for shown in ["My App", "Draws your statistics", "See everything in your account"] {
        assert!(page.body.contains(shown), "the page does not say {shown}: {}", page.body);
    }
    assert!(!page.body.contains("name=\"account\""), "she has only one");
    let back = browser.submit(&page, &[("decision", "approve")]).unwrap();
    assert_eq!(
        without_secrets(location(&back)),
        "https://localhost/myapp?code=H&account_id=35&account_url=https%3A%2F%2F35.wistia.test&account_name=Acme\
         &contact_id=ann&contact_name=ann+Able&contact_email=ann%40acme.test"
    );

    let answer = redeem(CLIENT, &back.parameter("code").unwrap()).send(&base);
    assert_eq!(
        (answer.status, without_secrets(&answer.body).as_str()),
        (
            200,
            r#"{"access_token":"H","token_type":"bearer","expires_in":21600,"refresh_token":"H","scope":["all:read"]}"#
        )
    );
    for (name, value) in
        [("cache-control", "no-store"), ("pragma", "no-cache"), ("content-type", "application/json")]
    {
        assert_eq!(answer.header(name), Some(value));
    }
    let (access, kept) = tokens(&answer);
    assert_eq!(worth(&base, CLIENT, &access)["sub"], "ann");

    // "Your refresh_token will stay the same until the end-user goes through the OAuth flow again."
    for _ in 0..2 {
        let again = refresh(CLIENT, &kept).send(&base);
        assert_eq!(
            without_secrets(&again.body),
            r#"{"access_token":"H","token_type":"bearer","expires_in":21600,"refresh_token":"H","scope":["all:read"]}"#
        );
        let (newer, same) = tokens(&again);
        assert!(newer != access && same == kept);
        assert!(is_live(&base, CLIENT, &newer) && is_live(&base, CLIENT, &access));
    }

    // "If they're already authorized, skip."
    let straight = browser.ask(AUTHORIZE, "ann", PASSWORD);
    assert_eq!(straight.status, 303);
    let code = straight.parameter("code").unwrap();
    assert!(is_live(&base, CLIENT, &access), "until the code is redeemed, it holds what it held");
    assert_eq!(tokens(&refresh(CLIENT, &kept).send(&base)).1, kept);
    let (second, newer) = tokens(&redeem(CLIENT, &code).send(&base));
    assert!(newer != kept && is_live(&base, CLIENT, &second) && is_live(&base, CLIENT, &newer));
    assert!(!is_live(&base, CLIENT, &access) && !is_live(&base, CLIENT, &kept));
    assert_eq!(error(&refresh(CLIENT, &kept).send(&base)), (400, "invalid_grant".to_owned()));
}

#[test]
fn what_the_client_adds_to_its_redirect_uri_is_kept() {
    let Served { server: _server, world: _world, base } = wistia("");
    let mut browser = Browser::new(&base);
    let page = browser.ask(AUTHORIZE_WITH_QUERY, "ann", PASSWORD);
    let denied = browser.submit(&page, &[("decision", "deny")]).unwrap();
    assert_eq!(location(&denied), format!("https://localhost/myapp?myapp_account_id=35&{DENIED}"));
    let page = browser.ask(&format!("{AUTHORIZE_WITH_QUERY}&state=s%26t"), "ann", PASSWORD);
    let denied = browser.submit(&page, &[("decision", "deny")]).unwrap();
    assert_eq!(
        location(&denied),
        format!("https://localhost/myapp?myapp_account_id=35&{DENIED}&state=s%26t")
    );

    let with_query = "https%3A%2F%2Flocalhost%2Fmyapp%3Fmyapp_account_id%3D35";
    let plain = "https%3A%2F%2Flocalhost%2Fmyapp";
    let exchange = |code: &str, uri: &str| {
        let more = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
        printed(CLIENT, &more).send(&base)
    };
    let back = approve(&mut browser, "ann", &format!("{AUTHORIZE_WITH_QUERY}&state=last"));
    let shown = without_secrets(location(&back));
    assert!(
        shown.starts_with("https://localhost/myapp?myapp_account_id=35&code=H&account_id=35&"),
        "{shown}"
    );
    assert!(shown.ends_with("&contact_email=ann%40acme.test&state=last"), "{shown}");
    let code_ = back.parameter("code").unwrap();
    // W9: the query that was there must be repeated, and no other.
    let other = "https%3A%2F%2Flocalhost%2Fmyapp%3Fmyapp_account_id%3D36";
    let elsewhere = "https%3A%2F%2Flocalhost%2Fmyapp2%3Fmyapp_account_id%3D35";
    for wrong in [plain, other, elsewhere] {
        assert_eq!(error(&exchange(&code_, wrong)), (400, "invalid_grant".to_owned()), "{wrong}");
    }
    tokens(&exchange(&code_, with_query));
    // W10: where there was none, what the answer added to it may come back.
    let code_ = code(&mut browser, "ann", AUTHORIZE);
    tokens(&exchange(&code_, &format!("{plain}%3Fcode%3D{code_}%26state%3Dx")));

    // Nowhere but at the client's own page is anything told.
    for foreign in [
        "https%3A%2F%2Fevil.test%2Fmyapp",
        "https%3A%2F%2Flocalhost%2Fmyapp%2Fx",
        "https%3A%2F%2Flocalhost%2Fmyapp2",
        "https%3A%2F%2Flocalhost%40evil.test%2Fmyapp",
        "https%3A%2F%2Flocalhost%2Fmyapp%23f",
        "http%3A%2F%2Flocalhost%2Fmyapp",
        "https%3A%2F%2Flocalhost%2Fmyapp%3Fa%3D1%0D%0Ab",
        "",
    ] {
        let target = format!("/oauth/authorize?client_id={CLIENT}&redirect_uri={foreign}&response_type=code");
        let answer = browser.ask(&target, "ann", PASSWORD);
        assert_eq!((answer.status, answer.header("location")), (400, None), "{foreign}");
    }
    let unknown = AUTHORIZE.replace(CLIENT, OTHER).replace("5e75", "5e76");
    assert_eq!(browser.ask(&unknown, "ann", PASSWORD).status, 400);
}

#[test]
fn who_has_several_accounts_chooses_and_only_managers_and_owners_may_approve() {
    let Served { server: _server, world, base } = wistia("");
    let target = format!("{AUTHORIZE}&state=s1");
    let denied = format!("{REDIRECT}?{DENIED}&state=s1");
    // Who has no account that fits is sent back at once.
    for user in ["cid", "dan", "eve"] {
        let answer = Browser::new(&base).ask(&target, user, PASSWORD);
        assert_eq!((answer.status, location(&answer)), (303, denied.as_str()), "{user}");
    }

    let mut browser = Browser::new(&base);
    for closed in ["37", "38"] {
        let page = browser.ask(&target, "bea", PASSWORD);
        for shown in ["Acme", "Bolts &#38; Sons", "Cogs", "Doors"] {
            assert!(page.body.contains(shown), "{shown} is not offered: {}", page.body);
        }
        let answer = browser.submit(&page, &[("account", closed)]).unwrap();
        assert_eq!((answer.status, location(&answer)), (303, denied.as_str()), "{closed}");
    }
    let page = browser.ask(&target, "bea", PASSWORD);
    assert_eq!(browser.submit(&page, &[("account", "99")]).unwrap().status, 400, "not hers");
    let skipped = browser.submit(&page, &[("decision", "approve")]).unwrap();
    assert_eq!(location(&skipped), denied, "nothing can be approved before it is known for which account");

    let mut held = Vec::new();
    for (account, name, encoded) in [("36", "Bolts &#38; Sons", "Bolts+%26+Sons"), ("35", "Acme", "Acme")] {
        let page = browser.ask(&target, "bea", PASSWORD);
        let consent = browser.submit(&page, &[("account", account)]).unwrap();
        assert_eq!(consent.status, 200);
        assert!(
            consent.body.contains("name=\"decision\"") && consent.body.contains(name),
            "{}",
            consent.body
        );
        // The account is the one that was chosen, whatever the form says now.
        let choice = [("decision", "approve"), ("account", "37")];
        let back = browser.submit(&consent, &choice).unwrap();
        assert_eq!(
            without_secrets(location(&back)),
            format!(
                "{REDIRECT}?code=H&account_id={account}&account_url=https%3A%2F%2F{account}.wistia.test\
                 &account_name={encoded}&contact_id=bea&contact_name=bea+Able&contact_email=bea%40acme.test&state=s1"
            )
        );
        held.push(tokens(&redeem(CLIENT, &back.parameter("code").unwrap()).send(&base)));
    }
    assert!(held.iter().all(|(access, _)| is_live(&base, CLIENT, access)), "a grant for each account");

    // She is asked for the account each time, and for her approval once for each.
    let page = browser.ask(&target, "bea", PASSWORD);
    let straight = browser.submit(&page, &[("account", "36")]).unwrap();
    assert!(straight.parameter("code").is_some(), "{}", location(&straight));

    // Her role is looked at each time.
    world.json(&["user", "update", "bea", "--account", "36:viewer"]);
    let answer = browser.ask(&target, "bea", PASSWORD);
    assert_eq!((answer.status, location(&answer)), (303, denied.as_str()), "remembered or not");
    world.json(&["user", "update", "bea", "--account", "36:owner"]);
    assert!(browser.ask(&target, "bea", PASSWORD).parameter("code").is_some());
    world.json(&["account", "update", "36", "--oauth-enabled", "false"]);
    assert_eq!(location(&browser.ask(&target, "bea", PASSWORD)), denied);
}

#[test]
fn permissions_are_those_that_were_approved() {
    let Served { server: _server, world, base } = wistia("");
    let mut browser = Browser::new(&base);
    let wider = browser.ask(&format!("{AUTHORIZE}&scope=all%3Aall&state=s1"), "ann", PASSWORD);
    // A request that is wrong is told so before anybody is asked.
    let wrong = format!(
        "{REDIRECT}?error=invalid_scope&error_description=The+requested+scope+is+invalid%2C+unknown%2C+or+malformed.&state=s1"
    );
    assert_eq!((wider.status, location(&wider)), (303, wrong.as_str()));
    let narrow = code(&mut browser, "ann", &format!("{AUTHORIZE}&scope=stats%3Aread"));
    let answer = redeem(CLIENT, &narrow).send(&base);
    assert_eq!(answer.json()["scope"], json!(["stats:read"]));
    let (_, kept) = tokens(&answer);
    let widened = printed(CLIENT, &format!("grant_type=refresh_token&refresh_token={kept}&scope=all%3Aread"));
    assert_eq!(error(&widened.send(&base)), (400, "invalid_scope".to_owned()));

    // More than was approved is asked for; what that includes is not.
    let page = browser.ask(AUTHORIZE, "ann", PASSWORD);
    assert_eq!(page.status, 200, "all:read is more than stats:read");
    let back = browser.submit(&page, &[("decision", "approve")]).unwrap();
    let (access, kept) = tokens(&redeem(CLIENT, &back.parameter("code").unwrap()).send(&base));
    assert!(
        browser.ask(&format!("{AUTHORIZE}&scope=media%3Aread"), "ann", PASSWORD).parameter("code").is_some()
    );

    // "Changing Application permissions will not update the permissions for already existing access tokens."
    world.json(&["client", "update", CLIENT, "--scope", "media:read media:upload"]);
    assert_eq!(worth(&base, CLIENT, &access)["scope"], "all:read");
    let renewed = refresh(CLIENT, &kept).send(&base);
    assert_eq!(renewed.json()["scope"], json!(["all:read"]));
    // "The end-user will need to revalidate if those permissions change."
    let page = browser.ask(AUTHORIZE, "ann", PASSWORD);
    assert!(page.body.contains("Upload media"), "{} {}", page.status, page.body);
    let back = browser.submit(&page, &[("decision", "approve")]).unwrap();
    let answer = redeem(CLIENT, &back.parameter("code").unwrap()).send(&base);
    assert_eq!(answer.json()["scope"], json!(["media:read", "media:upload"]));
    assert!(!is_live(&base, CLIENT, &access));
    let unknown = world.run(&["client", "update", CLIENT, "--scope", "media:write"]);
    assert_eq!(unknown.code, Some(1), "a permission that there is not");

    // One text for clients that take no list: by the import file, and by hand.
    let other = AUTHORIZE.replace(CLIENT, OTHER);
    let code_ = code(&mut browser, "ann", &other);
    assert_eq!(redeem(OTHER, &code_).send(&base).json()["scope"], "media:read stats:read");
    let shown = world.json(&["client", "update", OTHER, "--token-response-scope", "list"]);
    assert_eq!(shown["token_response_scope"], "list");
    let code_ = code(&mut browser, "ann", &other);
    assert_eq!(redeem(OTHER, &code_).send(&base).json()["scope"], json!(["media:read", "stats:read"]));
    let made = world.json(&[
        "client",
        "create",
        "--profile",
        "wistia",
        "--redirect-uri",
        REDIRECT,
        "--token-response-scope",
        "text",
    ]);
    assert_eq!(made["token_response_scope"], "text");
    for name in ["client_id", "client_secret"] {
        assert_eq!(without_secrets(made[name].as_str().unwrap()), "H", "{name}");
    }
}

#[test]
fn whoever_revokes_ends_all_of_it_and_is_asked_again() {
    let Served { server: _server, world, base } = wistia("");
    let mut browser = Browser::new(&base);
    let account = |browser: &mut Browser| browser.open("/account").unwrap();
    let grant = |browser: &mut Browser| {
        let code = code(browser, "ann", AUTHORIZE);
        tokens(&redeem(CLIENT, &code).send(&base))
    };
    let mut ended = Vec::new();
    let revoke: [&dyn Fn(&mut Browser); 2] = [
        &|browser| {
            let page = account(browser);
            assert!(page.body.contains("My App") && page.body.contains("Acme"), "{}", page.body);
            assert_eq!(browser.submit(&page, &[]).unwrap().status, 303);
            assert!(!account(browser).body.contains("My App"));
        },
        &|_| {
            let grants = world.json(&["grant", "list", "--user", "ann", "--client", CLIENT]);
            let id = grants[0]["id"].as_str().unwrap();
            assert_eq!(world.json(&["grant", "revoke", id])["revoked"], true);
        },
    ];
    for revoke in revoke {
        let (access, kept) = grant(&mut browser);
        assert!(browser.ask(AUTHORIZE, "ann", PASSWORD).parameter("code").is_some(), "not asked");
        assert!(is_live(&base, CLIENT, &access));
        revoke(&mut browser);
        assert_eq!(error(&refresh(CLIENT, &kept).send(&base)), (400, "invalid_grant".to_owned()));
        ended.extend([access, kept]);
        assert!(ended.iter().all(|token| !is_live(&base, CLIENT, token)));
        let page = browser.ask(AUTHORIZE, "ann", PASSWORD);
        assert!(page.body.contains("name=\"decision\""), "asked again: {} {}", page.status, page.body);
    }
    // Approved anew, nothing of before comes back.
    let (access, kept) = grant(&mut browser);
    assert!(is_live(&base, CLIENT, &access) && is_live(&base, CLIENT, &kept));
    assert!(ended.iter().all(|token| !is_live(&base, CLIENT, token)));
}

#[test]
fn what_is_wrong_with_a_token_request_is_told_as_doorkeeper_tells_it() {
    const CLIENT_TEXT: &str = "Client authentication failed due to unknown client, no client authentication included, or \
        unsupported authentication method.";
    const GRANT_TEXT: &str = "The provided authorization grant is invalid, expired, revoked, does not match the redirection \
        URI used in the authorization request, or was issued to another client.";
    let Served { server: _server, world: _world, base } = wistia("");
    let mut browser = Browser::new(&base);
    let code_ = code(&mut browser, "ann", AUTHORIZE);
    let form = |client: &str, secret: &str, code: &str| {
        let fields = [("client_id", client), ("client_secret", secret), ("grant_type", "authorization_code")];
        let more = [("code", code), ("redirect_uri", REDIRECT)];
        Request::post("/oauth/token", &[&fields[..], &more[..]].concat())
    };
    let is = |answer: &Answer, status: u16, error: &str, text: &str| {
        let expected = json!({"error": error, "error_description": text}).to_string();
        assert_eq!((answer.status, answer.body.as_str()), (status, expected.as_str()));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    };
    let none = "0".repeat(64);
    for (client, secret) in [(CLIENT, none.as_str()), (none.as_str(), SECRET), ("x", SECRET)] {
        is(&form(client, secret, &code_).send(&base), 401, "invalid_client", CLIENT_TEXT);
    }
    is(&form(OTHER, SECRET, &code_).send(&base), 400, "invalid_grant", GRANT_TEXT);
    is(&form(CLIENT, SECRET, &none).send(&base), 400, "invalid_grant", GRANT_TEXT);
    is(&form(CLIENT, SECRET, "nonsense").send(&base), 400, "invalid_grant", GRANT_TEXT);
    let unsupported = "The authorization grant type is not supported by the authorization server.";
    is(&printed(CLIENT, "grant_type=password").send(&base), 400, "unsupported_grant_type", unsupported);
    // The same in two places is one; two values are none.
    let twice = |query: &str, fields: &[(&str, &str)]| {
        Request::post(&format!("/oauth/token?{query}"), fields).send(&base)
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code_),
        ("redirect_uri", REDIRECT),
        ("client_id", CLIENT),
    ];
    for (query, at) in [
        (format!("client_secret={SECRET}&code={none}"), "two codes"),
        (format!("client_secret={SECRET}&client_id={OTHER}"), "two clients"),
        (format!("client_secret={SECRET}&client_secret={none}"), "two secrets"),
        (format!("client_secret={SECRET}&redirect_uri=https%3A%2F%2Fevil.test"), "two places"),
    ] {
        assert_eq!(error(&twice(&query, &fields)), (400, "invalid_request".to_owned()), "{at}");
    }
    let both = Request::post(&format!("/oauth/token?client_secret={SECRET}"), &fields).by(CLIENT, SECRET);
    assert_eq!(error(&both.send(&base)), (400, "invalid_request".to_owned()), "two ways to authenticate");
    let get = Request::get(&format!(
        "/oauth/token?client_id={CLIENT}&client_secret={SECRET}&grant_type=authorization_code&code={code_}"
    ));
    assert_eq!(get.send(&base).status, 405);
    // None of that has spent the code.
    let (access, kept) = tokens(&twice(&format!("client_secret={SECRET}&client_id={CLIENT}"), &fields));
    is(&refresh(OTHER, &kept).send(&base), 400, "invalid_grant", GRANT_TEXT);
    assert_eq!(worth(&base, OTHER, &access), json!({"active": false}));
    tokens(&refresh(CLIENT, &kept).send(&base));
    // A code that comes again ends what it gave.
    is(&form(CLIENT, SECRET, &code_).send(&base), 400, "invalid_grant", GRANT_TEXT);
    assert!(!is_live(&base, CLIENT, &access));
    is(&refresh(CLIENT, &kept).send(&base), 400, "invalid_grant", GRANT_TEXT);

    // By Basic, too.
    let code_ = code(&mut browser, "ann", AUTHORIZE);
    let fields = [("grant_type", "authorization_code"), ("code", &code_), ("redirect_uri", REDIRECT)];
    tokens(&Request::post("/oauth/token", &fields).by(CLIENT, SECRET).send(&base));
}

#[test]
fn what_has_expired_is_worth_nothing() {
    let more = "set = { authorization_code = \"1s\", access_token = \"2s\" }\n";
    let Served { server: _server, world: _world, base } = wistia(more);
    let mut browser = Browser::new(&base);
    let fresh = code(&mut browser, "ann", AUTHORIZE);
    let answer = redeem(CLIENT, &fresh).send(&base);
    assert_eq!(answer.json()["expires_in"], 2);
    let (access, kept) = tokens(&answer);
    let late = code(&mut browser, "ann", AUTHORIZE);
    let (renewed, _) = tokens(&refresh(CLIENT, &kept).send(&base));
    // What was issued after the code and lives longer is over, and so is the code.
    until(|| (!is_live(&base, CLIENT, &renewed)).then_some(()));
    assert!(!is_live(&base, CLIENT, &access));
    assert_eq!(error(&redeem(CLIENT, &late).send(&base)), (400, "invalid_grant".to_owned()));
    assert_eq!(tokens(&refresh(CLIENT, &kept).send(&base)).1, kept, "it has no end of its own");
}

#[test]
fn both_paths_and_all_pages_are_on_every_host() {
    let world = World::new();
    let origins = ["https://app.wistia.test", "https://api.wistia.test"];
    let profile = "[[profile]]\nname = \"wistia\"\npreset = \"wistia\"\n";
    world.write("grantor.toml", &format!("{profile}origins = [\"{}\", \"{}\"]\n", origins[0], origins[1]));
    take(&world, &fixture());
    let server = world.serve(&[]);
    let base = server.public();
    for (pages, api) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
        let mut browser = Browser::new(base);
        browser.origin = Some(origins[pages].to_owned());
        let code = code(&mut browser, "ann", AUTHORIZE);
        let host = origins[api].strip_prefix("https://").unwrap();
        let (_, kept) = tokens(&redeem(CLIENT, &code).header("Host", host).send(base));
        assert_eq!(tokens(&refresh(CLIENT, &kept).header("Host", host).send(base)).1, kept);
    }
    // The page of one host is not the other's, nor anybody else's.
    let unknown = Request::get("/login").header("Host", "evil.wistia.test").send(base);
    assert_eq!(unknown.status, 404);
    let foreign = Request::post("/login", &[("username", "ann"), ("password", PASSWORD)])
        .header("Host", "app.wistia.test")
        .header("Origin", "https://evil.test")
        .send(base);
    assert_eq!(foreign.status, 403);
}
