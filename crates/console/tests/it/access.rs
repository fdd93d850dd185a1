//! Who gets in, and how he gets out. K09, P01, P05, P06, P07, P20.

use axum::http::Method;
use serde_json::json;

use crate::support::{Browser, HOST, PASSWORD, World};
use crate::walk;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

// P20
#[tokio::test]
async fn who_is_no_administrator_is_refused_by_every_method_of_every_page() {
    let world = World::new().await;
    world.furnish().await;
    let paths = walk::all(&mut Browser::signed_in(&world, "root").await).await;
    assert!(paths.len() > 60, "the walk found {}", paths.len());
    let mut alice = Browser::smuggled(&world, "alice").await;
    let own = ["/login", "/logout"];
    for path in paths.iter().map(String::as_str).chain(["/", "/nothing"]).filter(|path| !own.contains(path)) {
        for method in METHODS {
            let answer = alice.send(method.parse().unwrap(), path, String::new()).await;
            assert_eq!(answer.status, 403, "{method} {path}");
        }
    }
    // He is not at a dead end: whoever administers here may sign in instead.
    alice.get("/").await.assert_shows("<a href=\"/logout\">Sign in as somebody else</a>");
    let asked = alice.get("/logout").await;
    assert_eq!(alice.submit(&asked, &[]).await.location(), "/login");
    // The right name and the right password, of whom it is not for.
    let mut alice = Browser::at_desk(&world);
    let answer = alice.sign_in("alice", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), alice.cookies.contains_key("grantor_desk_session")), (403, false));
}

#[tokio::test]
async fn who_shows_tokens_that_are_worth_nothing_is_sent_away_for_a_while() {
    let world = World::new().await;
    let token = json!({"profile": "admin", "user": "root"});
    let token =
        world.api.post("/api/session-tokens", &token).await.unwrap()["token"].as_str().unwrap().to_owned();
    let mut program = Browser::new(&world.desk);
    let mut ask = async |bearer: &str| {
        program.headers = vec![("authorization", format!("Bearer {bearer}"))];
        program.get("/api/clients").await
    };
    // What is worth something is not counted.
    for _ in 0..40 {
        assert_eq!(ask(&token).await.status, 200);
    }
    for _ in 0..30 {
        assert_eq!(ask("nothing").await.status, 401);
    }
    let held = ask("nothing").await;
    assert_eq!((held.status.as_u16(), held.header("content-type")), (429, "application/problem+json"));
    assert!((1..=60).contains(&held.header("retry-after").parse::<u64>().unwrap()), "{:?}", held.headers);
    held.assert_shows("\"code\":\"too_many\"");
    assert_eq!(
        Browser::new(&world.desk).get("/api/clients").await.status,
        401,
        "who shows none costs nothing"
    );
    // The pages are other people's.
    Browser::signed_in(&world, "root").await;
    world.clock.pass(60);
    assert_eq!(ask(&token).await.status, 200);
}

#[tokio::test]
async fn an_administrator_is_one_for_as_long_as_he_is_one() {
    let world = World::new().await;
    world.user("second", true).await;
    let mut second = Browser::signed_in(&world, "second").await;
    assert_eq!(second.get("/clients").await.status, 200);
    world.api.patch("/api/users/second", &json!({"admin": false})).await.unwrap();
    // His sessions ended with it, and he gets no other.
    assert_eq!(second.get("/clients").await.location(), "/login");
    assert_eq!(second.sign_in("second", PASSWORD).await.status, 403);
    world.api.patch("/api/users/second", &json!({"admin": true})).await.unwrap();
    let mut second = Browser::signed_in(&world, "second").await;
    assert_eq!(second.get("/clients").await.status, 200);
    world.api.post("/api/users/second/disable", &json!({})).await.unwrap();
    assert_eq!(second.get("/clients").await.location(), "/login");
}

// P20
#[tokio::test]
async fn the_last_administrator_stays_one() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for (act, filled) in [("unmake-admin", ""), ("disable", ""), ("delete", "root")] {
        let page = root.get(&format!("/users/{act}?id=root")).await;
        let answer = root.submit(&page, &[("confirm", filled)]).await;
        assert!(answer.status.is_client_error(), "{act}: {}", answer.status);
        answer.assert_shows("role=\"alert\"");
        assert_eq!(root.get("/users/show?id=root").await.status, 200, "{act}");
    }
}

// K09
#[tokio::test]
async fn nothing_of_it_is_on_the_public_listener_or_open_to_strangers() {
    let world = World::new().await;
    world.furnish().await;
    let paths = walk::all(&mut Browser::signed_in(&world, "root").await).await;
    let (mut public, mut stranger) = (Browser::smuggled(&world, "root").await, Browser::at_desk(&world));
    public.router = &world.public;
    let shared = |path: &str| ["/", "/login", "/logout"].contains(&path.split('?').next().unwrap());
    for path in paths.iter().filter(|path| !shared(path)) {
        assert_eq!(public.get(path).await.status, 404, "{path}");
        assert_eq!(stranger.get(path).await.location(), "/login", "{path}");
        assert_eq!(stranger.post(path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(public.get("/api/clients").await.status, 404);
    assert_eq!(stranger.get("/api/clients").await.status, 401);
    assert_eq!(stranger.get("/nothing").await.location(), "/login", "not even which pages there are");
}

// P05, P06, P07
#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_dead_after_sign_out() {
    let world = World::new().await;
    let mut browser = Browser::at_desk(&world);
    let page = browser.get("/login").await;
    let planted = Browser::smuggled(&world, "alice").await.cookies["grantor_desk_session"].clone();
    browser.cookies.insert("grantor_desk_session".to_owned(), planted.clone());
    let answer = browser.submit(&page, &[("username", "root"), ("password", PASSWORD)]).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("grantor_desk_session=gra_ss_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_ne!(browser.cookies["grantor_desk_session"], planted);
    let cookies = browser.cookies.clone();
    let page = browser.get("/logout").await;
    assert_eq!(browser.submit(&page, &[]).await.location(), "/login");
    browser.cookies = cookies;
    assert_eq!(browser.get("/").await.location(), "/login");
}

// P06
#[tokio::test]
async fn behind_https_the_cookies_are_of_this_host_alone() {
    let world = World::at(Some("https://admin.test")).await;
    let mut browser = Browser::at_desk(&world);
    browser.headers = vec![("origin", "https://admin.test".to_owned())];
    let answer = browser.get("/login").await;
    assert!(answer.header("set-cookie").starts_with("__Host-grantor_desk_browser="));
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    let answer = browser.sign_in("root", PASSWORD).await;
    assert!(answer.header("set-cookie").contains("; Secure"), "{}", answer.header("set-cookie"));
    // What it is called by whoever asks counts for nothing once it is known.
    browser.headers = vec![("origin", format!("http://{HOST}"))];
    assert_eq!(browser.sign_in("root", PASSWORD).await.status, 403);
}

// P01, P03
#[tokio::test]
async fn guessing_is_held_up_and_tells_nobody_who_there_is() {
    let world = World::new().await;
    let mut browser = Browser::at_desk(&world);
    let wrong = browser.sign_in("root", "wrong").await;
    let nobody = browser.sign_in("nobody", "wrong").await;
    assert_eq!((wrong.status, &wrong.body), (nobody.status, &nobody.body));
    for _ in 0..9 {
        browser.sign_in("root", "wrong").await;
    }
    assert_eq!(browser.sign_in("root", PASSWORD).await.status, 429);
    world.clock.pass(60);
    assert_eq!(browser.sign_in("root", PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn a_page_has_no_method_but_those_it_is_for() {
    let world = World::new().await;
    let mut root = Browser::signed_in(&world, "root").await;
    for (path, allow) in
        [("/clients", "GET,HEAD"), ("/clients/new", "GET,HEAD,POST"), ("/login", "GET,HEAD,POST")]
    {
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let answer = root.send(method.parse::<Method>().unwrap(), path, String::new()).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{method} {path}");
        }
    }
    assert_eq!(root.get("/nothing").await.status, 404);
    assert_eq!(root.get("/clients/show?id=nothing").await.status, 404);
    assert_eq!(root.get("/clients/show").await.status, 404);
}
