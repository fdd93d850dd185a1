//! The example of an application that signs people in itself, driven as a browser does.

use axum::http::StatusCode;
use form_urlencoded::byte_serialize;

use crate::support::*;

#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/inside_your_application.rs"]
mod example;

async fn shop() -> Server {
    let router = example::application(ISSUER).await.unwrap();
    Server { router, ..server().await }
}

fn authorize() -> String {
    format!(
        "/oauth2/authorize?response_type=code&client_id=courier&state=s&code_challenge_method=S256&code_challenge={CHALLENGE}"
    )
}

#[tokio::test]
async fn an_application_signs_people_in_and_asks_them_in_its_own_words() {
    let shop = shop().await;
    assert_eq!(shop.get("/").await.body, "Welcome to the shop.\n");

    let sent = shop.get(&authorize()).await;
    let back: String = byte_serialize(authorize().as_bytes()).collect();
    assert_eq!(sent.location(), format!("/sign-in?back={back}"));

    let mut browser = Browser::new(&shop);
    let page = browser.get(sent.location()).await;
    let returned = browser.submit(&page, &[("user", "alice"), ("password", "x")]).await;
    assert_eq!(returned.location(), authorize());
    let asked = browser.get(returned.location()).await;
    assert!(asked.body.contains("May Courier look at your orders, alice?"), "{}", asked.body);
    assert!(asked.body.contains("<title>Authorize Courier? · The Shop</title>"), "{}", asked.body);
    let answer = browser.submit(&asked, &[("decision", "approve")]).await;
    assert!(answer.location().starts_with("https://courier.example/callback?"), "{}", answer.location());
    assert!(answer.parameter("code").is_some());

    let account = browser.get("/account").await;
    assert!(account.body.contains("alice") && !account.body.contains("/logout"), "{}", account.body);
}

// E01, E04, P12
#[tokio::test]
async fn a_form_of_one_session_of_the_application_is_worth_nothing_in_another() {
    let shop = shop().await;
    let mut alice = Browser::new(&shop);
    let page = alice.get("/sign-in").await;
    alice.submit(&page, &[("user", "alice"), ("password", "x")]).await;
    let mut bob = Browser::new(&shop);
    let page = bob.get("/sign-in").await;
    bob.submit(&page, &[("user", "bob"), ("password", "x")]).await;

    let asked = alice.get(&authorize()).await;
    assert_eq!(bob.submit(&asked, &[("decision", "approve")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        alice.submit(&asked, &[("decision", "deny")]).await.parameter("error").as_deref(),
        Some("access_denied")
    );
}

#[tokio::test]
async fn there_are_no_pages_to_sign_in_beside_the_applications_own() {
    let shop = shop().await;
    for path in ["/login", "/signup", "/logout", "/account/sessions", "/account/password"] {
        assert_eq!(shop.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(shop.get("/account").await.location(), "/sign-in?back=%2Faccount");
}
