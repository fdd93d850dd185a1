//! Groups A, C, D and G: the authorization endpoint.

use grantor_core::grant::RevocationCause;

use crate::support::*;

// A01, A02, A04, A05, A11
#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_to_the_letter_is_an_error_page() {
    let server = server().await;
    for uri in [
        "https://evil.test/cb",
        "https://app.test/cb/",
        "https://app.test/cbx",
        "https://app.test/cb/x",
        "https://app.test/CB",
        "https://app.test.evil.test/cb",
        "https://xapp.test/cb",
        "https://app.test/cb/../cb",
        "https://app.test/x/%2e%2e/cb",
        "https://app.test/x/%252e%252e/cb",
        "https://app.test/cb/..;/evil",
        "https://app.test//cb",
        "https://app.test/./cb",
        "HTTPS://app.test/cb",
        "https://APP.test/cb",
        "https://app.test:443/cb",
        "https://app.test:8443/cb",
        "https://app.test./cb",
        "https://app.test/cb#f",
        "javascript:alert(1)",
        "\"><script>alert(1)</script>",
    ] {
        server.get(&authorize_url("web", uri, &[])).await.assert_error_page(uri);
    }
}

// A06
#[tokio::test]
async fn the_query_of_a_redirect_uri_is_part_of_it_and_is_kept() {
    let server = server().await;
    let base = "https://app.test/cb";
    for query in ["?tenant=a&x=1", "?x=1&tenant=a", "?tenant=A", "", "?tenant=a&"] {
        server.get(&authorize_url("tenant", &format!("{base}{query}"), &[])).await.assert_error_page(query);
    }
    let mut browser = Browser::logged_in(&server, "alice").await;
    let answer = browser.approve(&authorize_url("tenant", "https://app.test/cb?tenant=a", &[])).await;
    assert_eq!(answer.parameter("tenant").as_deref(), Some("a"));
    assert!(answer.parameter("code").is_some());
}

// A08, A15
#[tokio::test]
async fn native_redirect_uris_are_taken_where_rfc_8252_says_so() {
    let server = server().await;
    let mut browser = Browser::logged_in(&server, "alice").await;
    for (client, uri) in [
        ("cli", "http://127.0.0.1:49152/cb"),
        ("cli6", "http://[::1]:49152/cb"),
        ("native", "com.example.app:/cb"),
    ] {
        let answer = browser.approve(&authorize_url(client, uri, &[])).await;
        assert!(answer.location().starts_with(&format!("{uri}?code=")), "{}", answer.location());
    }
    for uri in ["com.example.app://cb", "com.example.app:/cb/..", "COM.example.app:/cb"] {
        server.get(&authorize_url("native", uri, &[])).await.assert_error_page(uri);
    }
}

// A12, A13, G01
#[tokio::test]
async fn without_one_client_and_one_redirect_uri_there_is_nobody_to_tell() {
    let server = server().await;
    let right = authorize_url("web", "https://app.test/cb", &[]);
    for (what, url) in [
        ("redirect_uri twice", format!("{right}&redirect_uri=https%3A%2F%2Fapp.test%2Fcb")),
        ("another redirect_uri", format!("{right}&redirect_uri=https%3A%2F%2Fevil.test%2Fcb")),
        ("client_id twice", format!("{right}&client_id=web")),
        ("another client_id", format!("{right}&client_id=web2")),
        ("unknown client", authorize_url("nobody", "https://app.test/cb", &[])),
        ("no client", authorize_url("", "https://app.test/cb", &[])),
        ("no uri of two", authorize_url("two", "", &[])),
        ("nothing", "/oauth2/authorize".to_owned()),
    ] {
        server.get(&url).await.assert_error_page(what);
    }
    let only = server.get(&authorize_url("web", "", &[])).await;
    assert!(only.location().starts_with("/login?request="));
}

// G02
#[tokio::test]
async fn a_bad_redirect_uri_is_an_error_page_whatever_else_is_wrong() {
    let server = server().await;
    for change in [
        ("scope", "everything"),
        ("response_type", "token"),
        ("request", "x"),
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
        ("state", "\0"),
    ] {
        server
            .get(&authorize_url("web", "https://evil.test/cb", &[change]))
            .await
            .assert_error_page(change.0);
    }
}

// C01, C05, C07, C11, D06
#[tokio::test]
async fn what_else_is_wrong_is_told_to_the_client() {
    let server = server().await;
    let redirect = "https://spa.test/cb?";
    for (changes, error) in [
        (vec![("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "s256")], "invalid_request"),
        (vec![("code_challenge_method", "S512")], "invalid_request"),
        (vec![("code_challenge_method", "none")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("scope", "read everything")], "invalid_scope"),
        (vec![("response_type", "id_token token")], "unsupported_response_type"),
        (vec![("response_type", "code token")], "unsupported_response_type"),
        (vec![("response_type", "none")], "unsupported_response_type"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("request", "e30.e30.")], "request_not_supported"),
        (vec![("request_uri", "https://client.test/r")], "request_uri_not_supported"),
    ] {
        let answer = server.get(&authorize_url("spa", "https://spa.test/cb", &changes)).await;
        answer.assert_redirected(redirect, &[error], &format!("{changes:?}"));
        assert_eq!(answer.parameter("state").as_deref(), Some("s1"), "{changes:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // Whoever asks for a token looks for the answer in the fragment (RFC 6749, section 4.2.2.1).
    let implicit =
        server.get(&authorize_url("spa", "https://spa.test/cb", &[("response_type", "token")])).await;
    assert!(implicit.location().starts_with("https://spa.test/cb#error=unsupported_response_type&"));
    let right = authorize_url("spa", "https://spa.test/cb", &[]);
    for twice in ["code_challenge", "code_challenge_method", "scope", "response_type", "unknown=1&unknown"] {
        let answer = server.get(&format!("{right}&{twice}=S256")).await;
        answer.assert_redirected(redirect, &["invalid_request"], twice);
    }
}

// D01, D04, D05
#[tokio::test]
async fn state_comes_back_byte_for_byte_and_iss_is_the_issuer() {
    let server = server().await;
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let mut browser = Browser::logged_in(&server, "alice").await;
    let long = "0123456789abcdef".repeat(128);
    let states = ["+ %20&#=\"'<>", "grüße 日本", "a\r\nSet-Cookie: x=y", &long, "%0d%0a", "//evil.test"];
    let url = |state| authorize_url("web", "https://app.test/cb", &[("state", state)]);
    for state in states {
        let page = browser.get(&url(state)).await;
        let denied = browser.submit(&page, &[("decision", "deny")]).await;
        denied.assert_redirected("https://app.test/cb?", &["access_denied"], state);
        assert_eq!(denied.parameter("state").as_deref(), Some(state));
    }
    // Asked the first time, and let pass the others.
    for state in states {
        let answer = browser.approve(&url(state)).await;
        assert_eq!(answer.parameter("state").as_deref(), Some(state));
        assert_eq!(answer.parameter("iss").as_deref(), Some(ISSUER));
        assert!(
            !answer.headers.contains_key("x") && answer.headers.get_all("set-cookie").iter().count() == 0
        );
        // So that he is asked again.
        let (alice, web) = ("alice".parse().unwrap(), "web".parse().unwrap());
        server.engine.withdraw(&alice, &web, RevocationCause::BySubject).await.unwrap();
    }
    let none = browser
        .approve(&authorize_url("web", "https://app.test/cb", &[("state", ""), ("unknown", "1")]))
        .await;
    assert_eq!(none.parameter("state"), None);
    assert!(none.parameter("code").is_some());
}

// D02
#[tokio::test]
async fn what_a_request_claims_about_its_host_changes_nothing() {
    let server = server().await;
    let lies = [
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "81"),
        ("forwarded", "host=evil.test;proto=http"),
    ];
    for path in [
        "/.well-known/oauth-authorization-server",
        "/login",
        "/account",
        &authorize_url("web", "https://app.test/cb", &[]),
        &authorize_url("web", "https://app.test/cb", &[("scope", "x")]),
    ] {
        let mut request = axum::http::Request::get(path);
        for (name, value) in lies {
            request = request.header(name, value);
        }
        let lied = server.send(request.body(axum::body::Body::empty()).unwrap()).await;
        let plain = server.get(path).await;
        assert!(!lied.body.contains("evil") && !format!("{:?}", lied.headers).contains("evil"), "{path}");
        assert_eq!(lied.headers.get("location"), plain.headers.get("location"));
        let attributes =
            |answer: &Answer| answer.header("set-cookie").split_once(';').map(|(_, a)| a.to_owned());
        assert_eq!(attributes(&lied), attributes(&plain));
    }
}

// D09
#[tokio::test]
async fn a_posted_request_has_the_same_answers() {
    let server = server().await;
    let post = async |changes: &[(&str, &str)]| {
        let body = authorize_query("web", "https://app.test/cb", changes);
        server
            .post_raw(
                "/oauth2/authorize",
                &[("origin", "https://app.test"), ("sec-fetch-site", "cross-site")],
                &body,
            )
            .await
    };
    post(&[("redirect_uri", "https://evil.test")]).await.assert_error_page("post");
    post(&[("scope", "x")]).await.assert_redirected("https://app.test/cb?", &["invalid_scope"], "post");
    // The browser sends no cookie along with a cross-site post; it does as it follows the redirect.
    let onward = post(&[]).await;
    assert_eq!(onward.location(), authorize_url("web", "https://app.test/cb", &[]));
    let mut browser = Browser::logged_in(&server, "alice").await;
    let page = browser.get(onward.location()).await;
    assert!(page.body.contains("The web app"));
    let fields: Vec<(String, String)> =
        form_urlencoded::parse(authorize_query("web", "https://app.test/cb", &[]).as_bytes())
            .into_owned()
            .collect();
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let page = browser.post("/oauth2/authorize", &fields).await;
    assert_eq!(page.status, 200);
    assert!(browser.submit(&page, &[("decision", "approve")]).await.parameter("code").is_some());
}

#[tokio::test]
async fn the_way_through_login_leads_back_to_the_request() {
    let server = server().await;
    let mut browser = Browser::new(&server);
    let long = "\"<é>&".repeat(300);
    for state in ["s1", "a b&c=d#e\r\nf", &long] {
        browser.cookies.clear();
        let url = authorize_url("web", "https://app.test/cb", &[("state", state)]);
        let first = browser.get(&url).await;
        // Too long for an address, the form is shown at once.
        let page = if first.status == 303 { browser.get(first.location()).await } else { first };
        let wrong = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]).await;
        let back = browser.submit(&wrong, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(back.location(), url);
        assert_eq!(browser.approve(&url).await.parameter("state").as_deref(), Some(state));
    }
}

// G04, G09
#[tokio::test]
async fn a_return_parameter_leads_nowhere_else() {
    let server = server().await;
    for evil in [
        "//evil.test",
        "/\\evil.test",
        "https:evil.test",
        "https://evil.test",
        "/%09/evil.test",
        "javascript:alert(1)",
        "\"><script>alert(1)</script>",
        "x\r\nLocation: https://evil.test",
    ] {
        let mut browser = Browser::new(&server);
        let query = form(&[("request", evil), ("return", evil), ("next", evil), ("continue", evil)]);
        let page = browser.get(&format!("/login?{query}")).await;
        assert!(
            !page.body.contains("href=\"//")
                && !page.body.contains("<script")
                && !page.body.contains("\"><script")
        );
        let answer = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert!(answer.location().starts_with("/oauth2/authorize?"), "{}", answer.location());
        assert_eq!(answer.headers.get_all("location").iter().count(), 1);
        for path in ["/account", "/logout"] {
            let page = browser.get(&format!("{path}?{query}")).await;
            assert!(!page.body.contains("href=\"http") && !page.body.contains("href=\"//"), "{path}");
        }
    }
}

#[tokio::test]
async fn everything_is_under_the_path_of_the_issuer() {
    let profile = grantor_core::Profile::standard("https://auth.test/tenant".parse().unwrap());
    let server = server_with(profile, Default::default()).await;
    for path in [
        "/tenant/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/tenant",
        "/tenant/.well-known/jwks.json",
        "/tenant/health/alive",
        "/tenant/login",
    ] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(server.get("/login").await.status, 404);
    assert_eq!(server.get("/tenant").await.location(), "/tenant/account");
    let login = server.get(&format!("/tenant{}", authorize_url("web", "https://app.test/cb", &[]))).await;
    assert!(login.location().starts_with("/tenant/login?"));
    assert_eq!(form_of(&server.get("/tenant/login").await.body).0, "/tenant/login");
}
