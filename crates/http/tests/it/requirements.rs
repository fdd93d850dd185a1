//! What RFCs require and no group of cases asks for.

use axum::body::Body;
use axum::http::Request;
use grantor_core::client::GrantType;
use grantor_core::{Lifetime, Profile};
use grantor_http::{Rate, Settings};

use crate::support::*;

// RFC 6749, section 10.2
#[tokio::test]
async fn a_person_is_shown_who_asks_for_what_and_where_he_will_be_taken() {
    let server = server().await;
    let anonymous = server.get(&authorize_url("web", "https://app.test/cb", &[])).await;
    assert!(anonymous.location().starts_with("/login?"), "who he is comes first");
    let mut browser = Browser::logged_in(&server, "alice").await;
    let asked = [("scope", "read write")];
    let page = browser.get(&authorize_url("web", "https://app.test/cb", &asked)).await;
    for shown in ["The web app", "alice", ">read<", ">write<", "app.test"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    // RFC 9700, section 4.2.4: nothing on it leads, or is fetched from, elsewhere.
    for attribute in ["href=\"", "src=\"", "action=\""] {
        for target in page.body.split(attribute).skip(1) {
            let ours = target.starts_with(['/', '#']) && !target.starts_with("//");
            assert!(ours || target.starts_with("data:,"), "{attribute}{target:.60}");
        }
    }
}

// RFC 6750, section 5.3
#[tokio::test]
async fn a_cookie_holds_no_token() {
    let server = server().await;
    let tokens = server.tokens().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    let answer = browser.approve(&authorize_url("web", "https://app.test/cb", &[])).await;
    let code = answer.parameter("code").unwrap();
    browser.get("/account").await;
    assert!(!browser.cookies.is_empty());
    for value in browser.cookies.values() {
        assert!(!value.contains("gra_at_") && !value.contains("gra_rt_") && !value.contains(&code));
        assert!(!server.is_active(value).await);
    }
    let by_cookie = Request::post("/oauth2/introspect")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", format!("access_token={}", tokens["access_token"].as_str().unwrap()));
    assert_eq!(server.send(by_cookie.body(Body::from("token=x")).unwrap()).await.status, 401);
}

// RFC 7009, section 2; RFC 8414, section 2
#[tokio::test]
async fn every_address_that_is_published_is_the_issuers() {
    let server = server().await;
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    let mut seen = 0;
    for (name, value) in metadata.as_object().unwrap() {
        if name == "issuer" || name.ends_with("_endpoint") || name.ends_with("_uri") {
            let url = value.as_str().unwrap();
            assert!(url == ISSUER || url.starts_with(&format!("{ISSUER}/")), "{name}: {url}");
            assert!(url.starts_with("https://"), "{name}: {url}");
            seen += 1;
        }
    }
    assert_eq!(seen, 6, "{metadata}");
}

// RFC 7009, section 2.1; RFC 7662, section 2.1
#[tokio::test]
async fn a_token_must_be_named_to_be_revoked_or_looked_into() {
    let server = server().await;
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        for fields in [vec![], vec![("token", "")], vec![("token_type_hint", "access_token")]] {
            let answer = server.post_as("web", path, &fields).await;
            assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_request"), "{path}");
        }
    }
}

// RFC 7662, section 2.1
#[tokio::test]
async fn a_hint_of_a_tokens_type_changes_nothing() {
    let server = server().await;
    let tokens = server.tokens().await;
    for kind in ["access_token", "refresh_token"] {
        let token = tokens[kind].as_str().unwrap();
        let plain = server.post_as("web", "/oauth2/introspect", &[("token", token)]).await;
        assert_eq!(plain.json()["active"], true);
        for hint in ["access_token", "refresh_token", "nonsense"] {
            let fields = [("token", token), ("token_type_hint", hint)];
            let hinted = server.post_as("web", "/oauth2/introspect", &fields).await;
            assert_eq!(hinted.body, plain.body, "{kind} as {hint}");
        }
    }
}

// RFC 7009, section 5; RFC 7662, section 4
#[tokio::test]
async fn guesses_at_a_secret_are_counted_at_every_endpoint_together() {
    let settings = Settings {
        client_rate: Some(Rate { count: 2, window: Lifetime::seconds(60) }),
        ..Settings::default()
    };
    let paths = ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"];
    for last in paths {
        let server = server_with(Profile::standard(ISSUER.parse().unwrap()), settings.clone()).await;
        let guess = async |path: &str| {
            let fields = [("grant_type", "client_credentials"), ("token", "x")];
            server.post(path, &[("authorization", &basic("svc", "wrong"))], &fields).await.status.as_u16()
        };
        for path in paths.into_iter().filter(|path| *path != last) {
            assert_eq!(guess(path).await, 401, "{path}");
        }
        assert_eq!(guess(last).await, 429, "{last}");
    }
}

// RFC 8414, sections 3.1 and 3.2
#[tokio::test]
async fn metadata_is_one_json_object_by_get() {
    let server = server().await;
    let path = "/.well-known/oauth-authorization-server";
    let answer = server.get(path).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert!(answer.json().is_object());
    for method in ["POST", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, 405, "{method}");
    }
}

// RFC 9700, section 4.15
#[tokio::test]
async fn a_token_of_a_client_itself_says_so() {
    let server = server().await;
    let mut web = client("both", "https://both.test/cb");
    web.grant_types.insert(GrantType::ClientCredentials);
    let secret = server.engine.register_client(web, None).await.unwrap().unwrap();
    let header = basic("both", secret.expose());
    let told = async |fields: &[(&str, &str)]| {
        let tokens = server.post("/oauth2/token", &[("authorization", &header)], fields).await.json();
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        server.post("/oauth2/introspect", &[("authorization", &header)], &[("token", &token)]).await.json()
    };
    let own = told(&[("grant_type", "client_credentials")]).await;
    assert_eq!((&own["sub"], &own["client_id"]), (&"both".into(), &"both".into()));
    let code = server.code_for("both", "https://both.test/cb").await;
    let of_alice = told(&redemption(&code, "https://both.test/cb")).await;
    assert_eq!((&of_alice["sub"], &of_alice["client_id"]), (&"alice".into(), &"both".into()));
}
