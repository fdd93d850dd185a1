//! Groups B (17), E, P and Q: what pages show, and who may submit them.

use crate::support::*;

const REDIRECT: &str = "https://app.test/cb";

// B17
#[tokio::test]
async fn one_approval_is_one_code() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let page = browser.get(&authorize_url("web", REDIRECT, &[])).await;
    assert!(browser.submit(&page, &[("decision", "approve")]).await.parameter("code").is_some());
    for decision in ["approve", "deny"] {
        browser.submit(&page, &[("decision", decision)]).await.assert_error_page(decision);
    }
}

// E01, E02, P12
#[tokio::test]
async fn a_form_is_taken_from_its_own_session_and_page_only() {
    let server = server().await;
    let mut alice = Browser::logged_in(&server, "alice").await;
    let mut other = Browser::logged_in(&server, "alice").await;
    let mut bob = Browser::logged_in(&server, "bob").await;
    let url = authorize_url("web", REDIRECT, &[]);
    let page = alice.get(&url).await;
    let action = "/oauth2/authorize/decision";
    let handle = field(&page.body, "interaction");
    let foreign = [
        String::new(),
        "x".repeat(43),
        field(&other.get(&url).await.body, "csrf"),
        field(&bob.get(&url).await.body, "csrf"),
        field(&alice.get("/logout").await.body, "csrf"),
        field(&alice.get("/login").await.body, "csrf"),
    ];
    for token in &foreign {
        let fields = [("csrf", token.as_str()), ("interaction", &handle), ("decision", "approve")];
        let answer = alice.post(action, &fields).await;
        assert_eq!(answer.status, 403, "{token}");
        answer.assert_error_page(token);
    }
    // Another session, with a right token of its own, and somebody else's request.
    for browser in [&mut other, &mut bob] {
        let own = field(&browser.get(&url).await.body, "csrf");
        let fields = [("csrf", own.as_str()), ("interaction", &handle), ("decision", "approve")];
        browser.post(action, &fields).await.assert_error_page("another session");
    }
    for headers in [
        vec![("origin", "https://evil.test".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", "http://auth.test".to_owned())],
        vec![("sec-fetch-site", "cross-site".to_owned())],
        vec![("sec-fetch-site", "same-site".to_owned())],
    ] {
        let own = std::mem::replace(&mut alice.headers, headers);
        assert_eq!(alice.submit(&page, &[("decision", "approve")]).await.status, 403, "{:?}", alice.headers);
        alice.headers = own;
    }
    // Nothing of that had an effect; and a browser that says nothing of itself is taken by its token.
    alice.headers.clear();
    assert!(alice.submit(&page, &[("decision", "approve")]).await.parameter("code").is_some());
}

// E01, P07
#[tokio::test]
async fn a_form_of_a_session_that_ended_is_refused() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let page = browser.get(&authorize_url("web", REDIRECT, &[])).await;
    let cookies = browser.cookies.clone();
    let logout = browser.get("/logout").await;
    assert_eq!(browser.submit(&logout, &[]).await.location(), "/login");
    browser.cookies = cookies;
    assert_eq!(browser.submit(&page, &[("decision", "approve")]).await.status, 403);
    assert_eq!(browser.submit(&logout, &[]).await.status, 403);
}

// E04
#[tokio::test]
async fn what_a_form_says_beyond_the_choice_is_ignored() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let page = browser.get(&authorize_url("web", REDIRECT, &[])).await;
    let tampered = [
        ("decision", "approve"),
        ("client_id", "web2"),
        ("scope", "read write"),
        ("redirect_uri", "https://evil.test/cb"),
        ("username", "bob"),
        ("state", "other"),
    ];
    let answer = browser.submit(&page, &tampered).await;
    assert!(answer.location().starts_with(&format!("{REDIRECT}?")));
    assert_eq!(answer.parameter("state").as_deref(), Some("s1"));
    let tokens = server.redeem("web", &answer.parameter("code").unwrap(), REDIRECT).await.json();
    assert_eq!(tokens["scope"], "read");
    let token = [("token", tokens["access_token"].as_str().unwrap())];
    assert_eq!(server.post_as("web", "/oauth2/introspect", &token).await.json()["sub"], "alice");
    // Accounts are his own or none. He is asked, since it is for more than he approved.
    let page = browser.get(&authorize_url("web", REDIRECT, &[("scope", "write")])).await;
    browser.submit(&page, &[("decision", "approve"), ("account", "35")]).await.assert_error_page("account");
    browser.submit(&page, &[("decision", "maybe")]).await.assert_error_page("decision");
}

// E06, R08
#[tokio::test]
async fn nothing_changes_by_get_or_head() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    for path in ["/oauth2/authorize/decision", "/account/revoke"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{path}");
    }
    for (path, allow) in [
        ("/oauth2/token", "POST"),
        ("/oauth2/authorize", "GET,HEAD,POST"),
        ("/login", "GET,HEAD,POST"),
        ("/.well-known/jwks.json", "GET,HEAD"),
    ] {
        for method in ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let request = axum::http::Request::builder().method(method).uri(path);
            let answer = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{method} {path}");
        }
    }
    let url = authorize_url("web", REDIRECT, &[]);
    let before = server.engine.store_info().await.unwrap().records;
    let head = axum::http::Request::head(&url).body(axum::body::Body::empty()).unwrap();
    assert_eq!(server.send(head).await.status, 405);
    assert_eq!(server.engine.store_info().await.unwrap().records, before);
    browser.get(&url).await;
    assert_ne!(
        server.engine.store_info().await.unwrap().records,
        before,
        "else the line above shows nothing"
    );
}

// E12, P07
#[tokio::test]
async fn logout_is_asked_for_and_kills_the_session() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let cookies = browser.cookies.clone();
    let page = browser.get("/logout").await;
    assert!(page.body.contains("alice"));
    assert_eq!(browser.get("/account").await.status, 200, "kept until confirmed");
    assert_eq!(browser.submit(&page, &[]).await.location(), "/login");
    assert!(!browser.cookies.keys().any(|name| name.contains("session")));
    assert_eq!(browser.get("/account").await.location(), "/login");
    browser.cookies = cookies;
    assert_eq!(browser.get("/account").await.location(), "/login", "a replayed cookie is nobody's");
}

#[tokio::test]
async fn who_is_not_meant_signs_out_and_the_other_answers_the_same_request() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let url = authorize_url("web", "https://app.test/cb", &[("state", "\"<é>& 1"), ("ui_locales", "de")]);
    let consent = browser.get(&url).await;
    let not_you = consent.body.rsplit("<a href=\"").next().unwrap().split('"').next().unwrap();
    assert!(not_you.starts_with("/logout?request=client_id%3Dweb"), "{not_you}");
    // As long as nobody has confirmed it, nobody is signed out.
    let asked = browser.get(not_you).await;
    assert!(asked.body.contains("lang=\"de\""), "{}", asked.body);
    assert_eq!(browser.get("/account").await.status, 200);
    let login = browser.submit(&asked, &[]).await;
    let page = browser.get(login.location()).await;
    let back = browser.submit(&page, &[("username", "bob"), ("password", PASSWORD)]).await;
    assert_eq!(back.location(), url);
    let consent = browser.get(&url).await;
    assert!(consent.body.contains(">bob<") && !consent.body.contains("alice"), "{}", consent.body);
    let answer = browser.submit(&consent, &[("decision", "approve")]).await;
    assert_eq!(answer.parameter("state").as_deref(), Some("\"<é>& 1"));
    assert!(answer.parameter("code").is_some());
    // Whoever is signed out already is not asked whether to.
    browser.cookies.clear();
    assert_eq!(browser.get(not_you).await.location(), login.location());
}

// G04
#[tokio::test]
async fn signing_out_leads_to_nowhere_but_the_page_that_signs_in() {
    let server = server().await;
    for evil in [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "x\r\nLocation: https://evil.test",
        "\"><script>",
    ] {
        let mut browser = Browser::logged_in(&server, "alice").await;
        let asked = browser.get(&format!("/logout?{}", form(&[("request", evil)]))).await;
        assert!(!asked.body.contains("<script") && !asked.body.contains("href=\"//"), "{}", asked.body);
        let left = browser.submit(&asked, &[]).await;
        let (page, carried) = left.location().split_once('?').unwrap();
        assert_eq!((page, carried), ("/login", form(&[("request", evil)]).as_str()));
        let page = browser.get(left.location()).await;
        let answer = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert!(answer.location().starts_with("/oauth2/authorize?"), "{}", answer.location());
    }
    // A request that is too long for an address is not cut.
    let mut browser = Browser::logged_in(&server, "alice").await;
    let long = authorize_url(
        "web",
        "https://app.test/cb",
        &[("state", &"\"<é>&".repeat(300)), ("ui_locales", "de")],
    );
    let consent = browser.get(&long).await;
    assert!(consent.body.contains("<a href=\"/logout\">"), "{}", consent.body);
    assert_eq!(form_of(&consent.body).0, "/oauth2/authorize/decision?ui_locales=de");
}

// P18, L08, E09
#[tokio::test]
async fn a_person_sees_and_revokes_his_own_grants_only() {
    let server = server().await;
    let tokens = server.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    let mut alice = Browser::logged_in(&server, "alice").await;
    let mut bob = Browser::logged_in(&server, "bob").await;
    let page = alice.get("/account").await;
    assert!(
        page.body.contains("The web app")
            && page.body.contains("<li>read</li>")
            && page.body.contains("2023-11-14")
    );
    assert!(!bob.get("/account").await.body.contains("The web app"));
    let grant = field(&page.body, "grant");
    // Bob has a grant of his own, so that he has a form, and a token, to try it with.
    let code =
        bob.approve(&authorize_url("web2", "https://app2.test/cb", &[])).await.parameter("code").unwrap();
    server.redeem("web2", &code, "https://app2.test/cb").await;
    let own = bob.get("/account").await;
    let missing = bob.submit(&own, &[("grant", "AAAAAAAAAAAAAAAAAAAAAA")]).await;
    let foreign = bob.submit(&own, &[("grant", &grant)]).await;
    assert_eq!((foreign.status.as_u16(), &foreign.body), (404, &missing.body));
    assert_eq!(alice.submit(&page, &[("csrf", &field(&own.body, "csrf"))]).await.status, 403);
    assert!(server.is_active(access).await);
    assert_eq!(alice.submit(&page, &[]).await.location(), "/account");
    assert!(!server.is_active(access).await);
    assert!(!alice.get("/account").await.body.contains("The web app"));
}

// Q01, Q02, Q04
#[tokio::test]
async fn what_others_wrote_is_text_in_every_page() {
    let server = server().await;
    let payload = "\"><img src=x onerror=alert(1)><script>alert(1)</script>'";
    let mut metadata = client("web", REDIRECT);
    metadata.client_name = Some(payload.to_owned());
    metadata.description = Some(payload.to_owned());
    server.engine.update_client(&"web".parse().unwrap(), |m| m.clone_from(&metadata)).await.unwrap();
    let alice = "alice".parse().unwrap();
    server.directory.update_user(&alice, |p| p.name = Some(payload.to_owned())).await.unwrap().unwrap();
    let mut browser = Browser::logged_in(&server, "alice").await;
    let url = authorize_url(
        "web",
        REDIRECT,
        &[("state", payload), ("login_hint", payload), ("ui_locales", payload)],
    );
    let consent = browser.get(&url).await;
    let code = browser.submit(&consent, &[("decision", "approve")]).await.parameter("code").unwrap();
    server.redeem("web", &code, REDIRECT).await;
    let encoded = form(&[("request", payload), ("error", payload)]);
    for (what, page) in [
        ("consent", consent),
        ("account", browser.get("/account").await),
        ("logout", browser.get("/logout").await),
        ("login", browser.get(&format!("/login?{encoded}")).await),
        ("error", server.get(&authorize_url("web", payload, &[("error", payload)])).await),
        ("path", server.get("/%3Cscript%3Ealert(1)%3C/script%3E").await),
    ] {
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{what}: {}", page.body);
    }
    assert!(browser.get("/account").await.body.matches("&#60;script").count() >= 2, "the payload was there");
}
