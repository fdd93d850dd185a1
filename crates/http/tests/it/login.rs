//! Groups E (08) and P: login, sessions and cookies.

use grantor_core::{Lifetime, Profile};
use grantor_http::{Rate, Settings};

use crate::support::*;

// E08
#[tokio::test]
async fn a_login_is_taken_from_the_browser_that_fetched_the_form() {
    let server = server().await;
    let mut attacker = Browser::new(&server);
    let token = field(&attacker.get("/login").await.body, "csrf");
    let mut victim = Browser::new(&server);
    let fields = [("csrf", token.as_str()), ("username", "bob"), ("password", PASSWORD)];
    for visited in [false, true] {
        if visited {
            victim.get("/login").await;
        }
        let answer = victim.post("/login", &fields).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    assert_eq!(attacker.post("/login", &fields).await.location(), "/account", "else this shows nothing");
    attacker.headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    assert_eq!(attacker.post("/login", &fields).await.status, 403);
}

// P03
#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    browser.get("/login").await;
    let long = "x".repeat(5000);
    let known = browser.log_in("alice", "wrong").await;
    assert!(known.body.contains("is wrong"));
    for (user, password) in
        [("nobody", "wrong"), ("not a name", "wrong"), ("alice", &long), ("nobody", &long), ("", "")]
    {
        let answer = browser.log_in(user, password).await;
        assert_eq!((answer.status, &answer.body), (known.status, &known.body), "{user}");
        assert_eq!(format!("{:?}", answer.headers), format!("{:?}", known.headers), "{user}");
    }
}

// P01
#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let rate = Some(Rate { count: 3, window: Lifetime::seconds(60) });
    let profile = Profile::standard(ISSUER.parse().unwrap());
    let server = server_with(profile, Settings { login_rate: rate, ..Settings::default() }).await;
    let mut browser = Browser::new(&server);
    for user in ["alice", "nobody"] {
        for _ in 0..3 {
            assert_eq!(browser.log_in(user, "wrong").await.status, 200, "{user}");
        }
        let held = browser.log_in(&user.to_uppercase(), PASSWORD).await;
        assert_eq!(held.status, 429, "{user}");
        held.assert_error_page(user);
        assert!(held.body.contains("Wait a minute, then try again."), "{}", held.body);
        assert!(held.body.contains("<a href=\"/login\">Back to the form</a>"), "{}", held.body);
        assert!((1..=60).contains(&held.header("retry-after").parse::<u64>().unwrap()));
    }
    assert_eq!(browser.log_in("bob", PASSWORD).await.location(), "/account");
    server.clock.pass(60);
    assert_eq!(browser.log_in("alice", PASSWORD).await.location(), "/account");
}

#[tokio::test]
async fn a_guesser_waits_for_the_page_that_sends_him_away() {
    let rate = Some(Rate { count: 1, window: Lifetime::seconds(60) });
    let profile = Profile::standard(ISSUER.parse().unwrap());
    let settings = Settings { login_rate: rate, client_rate: rate, ..Settings::default() };
    let server = server_with(profile, settings).await;
    let mut browser = Browser::new(&server);
    let page = browser.get("/login").await;
    let filled = [("username", "alice"), ("password", "wrong")];
    let wrong = [("authorization", &*basic("svc", "wrong"))];
    let fields = [("grant_type", "client_credentials")];
    assert_eq!(browser.submit(&page, &filled).await.status, 200);
    assert_eq!(server.post("/oauth2/token", &wrong, &fields).await.status, 401);
    // From here on no other thread is waited for, and time passes only where somebody sleeps.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    assert_eq!(server.post("/oauth2/token", &wrong, &fields).await.status, 429);
    assert_eq!(begun.elapsed().as_millis(), 0, "a program holds a place for requests");
    assert_eq!(browser.submit(&page, &filled).await.status, 429);
    assert!((500..510).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_is_held_up_is_told_how_long_and_comes_back_to_what_he_wanted() {
    let rate = Some(Rate { count: 1, window: Lifetime::seconds(600) });
    let profile = Profile::standard(ISSUER.parse().unwrap());
    let server = server_with(profile, Settings { login_rate: rate, ..Settings::default() }).await;
    let mut browser = Browser::new(&server);
    let wanted = browser.get(&authorize_url("web", "https://app.test/cb", &[])).await.location().to_owned();
    let page = browser.get(&wanted).await;
    let filled = [("username", "alice"), ("password", "wrong")];
    assert_eq!(browser.submit(&page, &filled).await.status, 200);
    let held = browser.submit(&page, &filled).await;
    let minutes = held.header("retry-after").parse::<u64>().unwrap().div_ceil(60);
    assert!(minutes > 1 && held.body.contains(&format!("Wait {minutes} minutes")), "{}", held.body);
    let back = format!("<a href=\"{wanted}\">Back to the form</a>");
    assert!(held.body.contains(&back), "{}", held.body);
    // The same for a form that has expired.
    browser.cookies.clear();
    let forged = browser.submit(&page, &filled).await;
    assert!(forged.status == 403 && forged.body.contains(&back), "{}", forged.body);
    assert!(browser.get("/nothing").await.body.contains("<a href=\"/account\">Your account</a>"));
}

// P05
#[tokio::test]
async fn every_login_has_a_new_session_and_ends_the_old() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let name = "__Host-grantor_session";
    let first = browser.cookies[name].clone();
    assert_eq!(browser.log_in("alice", PASSWORD).await.location(), "/account");
    assert_ne!(browser.cookies[name], first);
    browser.cookies.insert(name.to_owned(), first);
    assert_eq!(browser.get("/account").await.location(), "/login");
    // A value that somebody planted is not adopted.
    let mut victim = Browser::new(&server);
    let planted = "gra_ss_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcVa4rT";
    victim.cookies.insert(name.to_owned(), planted.to_owned());
    victim.log_in("alice", PASSWORD).await;
    assert_ne!(victim.cookies[name], planted);
}

// P06
#[tokio::test]
async fn cookies_are_the_browsers_alone() {
    let cookies = async |issuer: &str| {
        let server = server_with(Profile::standard(issuer.parse().unwrap()), Settings::default()).await;
        let mut browser = Browser::new(&server);
        browser.headers = vec![("origin", issuer.to_owned())];
        let page = browser.get("/login").await;
        let login = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(login.location(), "/account");
        [page.header("set-cookie").to_owned(), login.header("set-cookie").to_owned()]
    };
    for cookie in cookies(ISSUER).await {
        assert!(cookie.starts_with("__Host-grantor_"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }
    for cookie in cookies("http://127.0.0.1:8080").await {
        assert!(cookie.starts_with("grantor_"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    }
}

#[tokio::test]
async fn whoever_asked_for_a_page_of_his_own_comes_to_it_and_to_nothing_else() {
    let server = server().await;
    for page in ["/account", "/account/sessions", "/account/password", "/apps"] {
        let mut browser = Browser::new(&server);
        let login = browser.get(page).await.location().to_owned();
        let form = browser.get(&login).await;
        let answer = browser.submit(&form, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), page);
        assert_eq!(browser.get(page).await.status, 200, "{page}");
    }
    for elsewhere in ["/logout", "//evil.example", "/apps/../logout", "https://evil.example/", "/account?x=1"]
    {
        let mut browser = Browser::new(&server);
        let request: String = form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
        let form = browser.get(&format!("/login?request={request}")).await;
        let answer = browser.submit(&form, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert!(answer.location().starts_with("/oauth2/authorize?"), "{elsewhere}: {}", answer.location());
    }
}

// P13
#[tokio::test]
async fn a_session_ends_on_the_server() {
    let settings = Settings { session: Lifetime::seconds(100), ..Settings::default() };
    let server = server_with(Profile::standard(ISSUER.parse().unwrap()), settings).await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    server.clock.pass(99);
    assert_eq!(browser.get("/account").await.status, 200);
    server.clock.pass(1);
    assert_eq!(browser.get("/account").await.location(), "/login");
}

// P12
#[tokio::test]
async fn another_user_in_the_same_browser_cannot_answer_for_the_first() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let url = authorize_url("web", "https://app.test/cb", &[]);
    let page = browser.get(&url).await;
    browser.log_in("bob", PASSWORD).await;
    assert_eq!(browser.submit(&page, &[("decision", "approve")]).await.status, 403);
    let csrf = field(&browser.get(&url).await.body, "csrf");
    browser.submit(&page, &[("decision", "approve"), ("csrf", &csrf)]).await.assert_error_page("bob");
}
