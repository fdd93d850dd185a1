//! Groups B, C and L: what comes of a code, and what tokens are worth.

use crate::support::*;

const REDIRECT: &str = "https://app.test/cb";

// B01
#[tokio::test]
async fn a_code_is_redeemed_once_and_its_replay_ends_everything() {
    let server = server().await;
    let code = server.code_for("web", REDIRECT).await;
    let tokens = server.redeem("web", &code, REDIRECT).await.json();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(server.is_active(access).await && server.is_active(refresh).await);
    let again = server.redeem("web", &code, REDIRECT).await;
    assert_eq!((again.status.as_u16(), again.error().as_str()), (400, "invalid_grant"));
    assert!(!server.is_active(access).await && !server.is_active(refresh).await);
}

// B06, B08, B09, C02, C03, C08
#[tokio::test]
async fn a_wrong_redemption_gets_nothing() {
    let server = server().await;
    let short = "a".repeat(42);
    let long = "a".repeat(129);
    for (change, status, errors) in [
        (("redirect_uri", "https://app.test/other"), 400, vec!["invalid_grant"]),
        (("redirect_uri", ""), 400, vec!["invalid_grant", "invalid_request"]),
        (("code_verifier", ""), 400, vec!["invalid_grant", "invalid_request"]),
        (("code_verifier", CHALLENGE), 400, vec!["invalid_grant"]),
        (("code_verifier", &short), 400, vec!["invalid_request"]),
        (("code_verifier", &long), 400, vec!["invalid_request"]),
        (("code_verifier", "dBjftJeZ4CVP+mB92K27uhbUJU1p1r/wW1gFWFOEj=k"), 400, vec!["invalid_request"]),
        (("code_verifier", "dBjftJeZ4CVP\0mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), 400, vec!["invalid_request"]),
        (("code", "gra_ac_nonsense"), 400, vec!["invalid_grant"]),
    ] {
        let code = server.code_for("web", REDIRECT).await;
        let mut fields = redemption(&code, REDIRECT).to_vec();
        fields.retain(|(name, _)| *name != change.0);
        fields.push(change);
        let answer = server.post_as("web", "/oauth2/token", &fields).await;
        assert_eq!(answer.status, status, "{change:?}");
        assert!(errors.contains(&answer.error().as_str()), "{change:?} {}", answer.error());
        assert!(!answer.body.contains("access_token"));
    }
    let code = server.code_for("web", REDIRECT).await;
    let stolen = server.redeem("web2", &code, REDIRECT).await;
    assert_eq!((stolen.status.as_u16(), stolen.error().as_str()), (400, "invalid_grant"));
    let mut unproven = redemption(&code, REDIRECT).to_vec();
    unproven.push(("client_id", "web"));
    let answer = server.post("/oauth2/token", &[], &unproven).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_client"));
    assert_eq!(server.redeem("web", &code, REDIRECT).await.status, 200, "the code was not consumed");
}

// C04
#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_downgrade() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let redirect = "https://legacy.test/cb";
    let url = authorize_url("legacy", redirect, &[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = browser.approve(&url).await.parameter("code").unwrap();
    assert_eq!(server.redeem("legacy", &code, redirect).await.error(), "invalid_request");
}

// C12
#[tokio::test]
async fn two_tabs_are_two_requests() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let first = browser.get(&authorize_url("web", REDIRECT, &[])).await;
    let other = "A".repeat(43);
    let second = browser.get(&authorize_url("web", REDIRECT, &[("code_challenge", &other)])).await;
    let code = browser.submit(&first, &[("decision", "approve")]).await.parameter("code").unwrap();
    let other = browser.submit(&second, &[("decision", "approve")]).await.parameter("code").unwrap();
    assert_eq!(server.redeem("web", &other, REDIRECT).await.error(), "invalid_grant");
    assert_eq!(server.redeem("web", &code, REDIRECT).await.status, 200);
}

// B14, J05, J09, K06
#[tokio::test]
async fn nothing_is_taken_from_the_url() {
    let server = server().await;
    let code = server.code_for("web", REDIRECT).await;
    let query = form(&redemption(&code, REDIRECT));
    let get = server.get(&format!("/oauth2/token?{query}")).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST"));
    let post = server.post_as("web", &format!("/oauth2/token?{query}"), &[]).await;
    assert_eq!((post.status.as_u16(), post.error().as_str()), (400, "invalid_request"));
    for name in ["client_secret", "access_token", "scope"] {
        let answer =
            server.post_as("web", &format!("/oauth2/token?{name}=x"), &redemption(&code, REDIRECT)).await;
        assert_eq!(answer.status, 400, "{name}");
    }
    assert_eq!(server.redeem("web", &code, REDIRECT).await.status, 200, "the code was not consumed");
}

// L01, L02, L13
#[tokio::test]
async fn introspection_tells_whom_it_concerns_and_nobody_else() {
    let server = server().await;
    let tokens = server.tokens().await;
    let fields = [("token", tokens["access_token"].as_str().unwrap())];
    let ask = async |id: &str, secret: &str| {
        server.post("/oauth2/introspect", &[("authorization", &basic(id, secret))], &fields).await
    };
    for own in ["web", "rs1"] {
        let answer = ask(own, server.secret(own)).await.json();
        assert_eq!((&answer["active"], &answer["sub"]), (&true.into(), &"alice".into()));
        assert!(answer["exp"].is_number() && answer["scope"] == "read" && answer["client_id"] == "web");
    }
    assert_eq!(ask("web2", server.secret("web2")).await.body, r#"{"active":false}"#);
    for (id, secret) in [("web", "wrong"), ("nobody", "wrong")] {
        let answer = ask(id, secret).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_client"));
    }
    assert_eq!(server.post("/oauth2/introspect", &[], &fields).await.status, 401);
    assert_eq!(server.post_as("web", "/oauth2/introspect", &[]).await.error(), "invalid_request");
}

// L03, L04, L05
#[tokio::test]
async fn a_client_revokes_its_own_tokens_and_no_others() {
    let server = server().await;
    let tokens = server.tokens().await;
    let access = tokens["access_token"].as_str().unwrap();
    server.post_as("web2", "/oauth2/revoke", &[("token", access)]).await;
    assert!(server.is_active(access).await);
    let unknown = server.post_as("web", "/oauth2/revoke", &[("token", "nonsense")]).await;
    assert_eq!(unknown.status, 200);
    let hint = [("token", access), ("token_type_hint", "refresh_token")];
    assert_eq!(server.post_as("web", "/oauth2/revoke", &hint).await.status, 200);
    assert!(!server.is_active(access).await);

    let redirect = "https://spa.test/cb";
    let code = server.code_for("spa", redirect).await;
    let mut fields = redemption(&code, redirect).to_vec();
    fields.push(("client_id", "spa"));
    let tokens = server.post("/oauth2/token", &[], &fields).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let renew = async || {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "spa")];
        server.post("/oauth2/token", &[], &fields).await.status.as_u16()
    };
    server.post("/oauth2/revoke", &[], &[("token", refresh), ("client_id", "spa2")]).await;
    assert_eq!(renew().await, 200);
    server.post("/oauth2/revoke", &[], &[("token", refresh), ("client_id", "spa")]).await;
    assert_eq!(renew().await, 400);
}

// K01, Q06, R08
#[tokio::test]
async fn every_answer_of_an_endpoint_is_json_that_nobody_keeps() {
    let server = server().await;
    for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"] {
        let good = [("grant_type", "client_credentials"), ("token", "x")];
        let accept = [("accept", "text/html"), ("authorization", &server.basic("svc"))];
        for answer in [
            server.post(path, &accept, &good).await,
            server.post(path, &[("accept", "text/html")], &[]).await,
            server.get(path).await,
        ] {
            assert_eq!(answer.header("content-type"), "application/json", "{path} {}", answer.status);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("pragma"), "no-cache");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
        assert_eq!(server.post(path, &accept, &good).await.status, 200, "{path}");
    }
}

// INV-4
#[tokio::test]
async fn a_store_that_fails_is_503_and_never_an_answer_about_the_token() {
    let server = server().await;
    let code = server.code_for("web", REDIRECT).await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    server.faults.always(grantor_store::Fault::Refuse);
    for answer in [
        server.redeem("web", &code, REDIRECT).await,
        server.post_as("web", "/oauth2/introspect", &[("token", "x")]).await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (503, "temporarily_unavailable"));
        assert_eq!(answer.header("retry-after"), "1");
    }
    for path in ["/account", "/health/ready", &authorize_url("web", REDIRECT, &[])] {
        assert_eq!(browser.get(path).await.status, 503, "{path}");
    }
    assert_eq!(server.get("/health/alive").await.status, 200);
    server.faults.none();
    assert_eq!(server.get("/health/ready").await.status, 200);
    assert_eq!(server.redeem("web", &code, REDIRECT).await.status, 200);
}
