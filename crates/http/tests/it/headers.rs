//! Groups E (11), F, K and R: headers, bounds, and what is not said.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use sha2::Digest as _;

use crate::support::*;

/// One of each page, with what it is.
async fn pages(server: &Server) -> Vec<(&'static str, Answer)> {
    let mut browser = Browser::logged_in(server, "alice").await;
    vec![
        ("login", server.get("/login").await),
        ("consent", browser.get(&authorize_url("web", "https://app.test/cb", &[])).await),
        ("account", browser.get("/account").await),
        ("sessions", browser.get("/account/sessions").await),
        ("password", browser.get("/account/password").await),
        ("changed", browser.get("/account/password/changed").await),
        ("logout", browser.get("/logout").await),
        ("error", server.get("/oauth2/authorize").await),
        ("forged", server.post("/login", &[], &[]).await),
        ("unknown", server.get("/nothing/here").await),
        ("method", server.get("/account/revoke").await),
    ]
}

// E11, F01, F02, F03, F05, F06, K02
#[tokio::test]
async fn every_page_has_the_headers_of_pages() {
    let server = server().await;
    for (what, page) in pages(&server).await {
        let policy = page.header("content-security-policy");
        for directive in
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"]
        {
            assert!(policy.contains(directive), "{what}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{what}: {policy}");
        // Chromium applies it to the redirects after a submit, too: to the client's URI, and beyond.
        assert_eq!(!policy.contains("form-action"), ["login", "consent"].contains(&what), "{what}: {policy}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(page.header(name), value, "{what} {name}");
        }
        let style = page.body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{what}: the style is not allowed");
        for forbidden in ["<script", "style=", "onclick", "http-equiv", "src="] {
            assert!(!page.body.contains(forbidden), "{what}: {forbidden}");
        }
        assert!(page.body.contains("width=device-width") && page.body.contains("lang=\"en\""));
    }
}

#[tokio::test]
async fn without_https_nothing_is_said_of_https() {
    let profile = grantor_core::Profile::standard("http://127.0.0.1:8080".parse().unwrap());
    let server = server_with(profile, Default::default()).await;
    assert_eq!(server.get("/login").await.header("strict-transport-security"), "");
}

// G07, K02
#[tokio::test]
async fn a_redirect_that_bears_a_code_is_303_and_tells_the_next_site_nothing() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let answer = browser.approve(&authorize_url("web", "https://app.test/cb", &[])).await;
    assert!(answer.parameter("code").is_some());
    assert_eq!(answer.status, 303);
    assert_eq!(
        (answer.header("cache-control"), answer.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    assert_eq!(answer.body, "");
}

#[tokio::test]
async fn the_public_documents_may_be_kept_and_read_by_anyone() {
    let server = server().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(answer.json().is_object());
    }
    let keys = server.get("/.well-known/jwks.json").await.json();
    assert!(
        keys["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none() && key.get("kid").is_some())
    );
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    for (name, _) in metadata.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_endpoint")) {
        let path = metadata[name].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_ne!(server.get(path).await.status, 404, "{name}");
    }
}

// R03
#[tokio::test]
async fn what_is_too_large_is_refused() {
    let server = server().await;
    let basic = server.basic("svc");
    let large = format!("grant_type=client_credentials&x={}", "a".repeat(64 * 1024));
    assert_eq!(server.post_raw("/oauth2/token", &[("authorization", &basic)], &large).await.status, 413);
    let mut browser = Browser::logged_in(&server, "alice").await;
    assert_eq!(browser.post("/login", &[("username", &large)]).await.status, 413);
    assert_eq!(server.get(&format!("/login?request={}", "a".repeat(8200))).await.status, 414);
    let mut many = Request::get("/login");
    for n in 0..101 {
        many = many.header(format!("x-{n}"), "1");
    }
    assert_eq!(server.send(many.body(Body::empty()).unwrap()).await.status, 431);
    let long = Request::get("/login").header("x-long", "a".repeat(17_000));
    assert_eq!(server.send(long.body(Body::empty()).unwrap()).await.status, 431);
}

// K05
#[tokio::test]
async fn errors_say_nothing_of_the_inside() {
    let server = server().await;
    let mut answers = pages(&server).await;
    answers.push(("token", server.post("/oauth2/token", &[], &[]).await));
    answers.push(("health", server.get("/health/alive").await));
    let mut browser = Browser::logged_in(&server, "alice").await;
    server.faults.always(grantor_store::Fault::LoseAnswer);
    answers.push(("fault", browser.get("/account").await));
    answers.push(("not ready", server.get("/health/ready").await));
    answers.push((
        "token fault",
        server.post_as("svc", "/oauth2/token", &[("grant_type", "client_credentials")]).await,
    ));
    for (what, answer) in answers {
        let all = format!("{:?} {}", answer.headers, answer.body).to_lowercase();
        for inside in [
            "panic",
            "crates/",
            ".rs:",
            "axum",
            "hyper",
            "grantor-",
            "0.1.0",
            "the store",
            "injected",
            "backtrace",
            "\"server\"",
        ] {
            assert!(!all.contains(inside), "{what}: {inside} in {all}");
        }
    }
}
