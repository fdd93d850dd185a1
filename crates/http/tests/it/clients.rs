//! Group J: client authentication and the forms clients send.

use axum::body::Body;
use axum::http::Request;
use grantor_core::client::GrantType;
use grantor_core::{Lifetime, Profile};
use grantor_http::{Rate, Settings};

use crate::support::*;

const TOKEN: &str = "/oauth2/token";
const ASK: [(&str, &str); 1] = [("grant_type", "client_credentials")];

// J01, J02
#[tokio::test]
async fn a_wrong_secret_and_an_unknown_client_look_the_same() {
    let server = server().await;
    let try_as = async |id: &str| {
        let answer = server.post(TOKEN, &[("authorization", &basic(id, "wrong"))], &ASK).await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").starts_with("Basic "));
        (answer.error(), answer.body.clone(), format!("{:?}", answer.headers))
    };
    assert_eq!(try_as("svc").await, try_as("nobody").await);
    assert_eq!(try_as("svc").await.0, "invalid_client");
}

// J03, J04, J13
#[tokio::test]
async fn a_client_authenticates_in_one_way_and_its_own() {
    let server = server().await;
    let right = server.basic("svc");
    let secret = server.secret("svc");
    let header = [("authorization", right.as_str())];
    for (what, headers, more) in [
        ("basic and body", &header[..], vec![("client_secret", secret)]),
        ("basic and assertion", &header, vec![("client_assertion", "x")]),
        (
            "body and assertion",
            &[],
            vec![("client_id", "svc"), ("client_secret", secret), ("client_assertion", "x")],
        ),
        ("another id in the body", &header, vec![("client_id", "web")]),
        ("the body instead of basic", &[], vec![("client_id", "svc"), ("client_secret", secret)]),
        ("nothing", &[], vec![("client_id", "svc")]),
        ("nobody", &[], vec![]),
        ("two headers", &[("authorization", right.as_str()), ("authorization", right.as_str())], vec![]),
        ("bearer", &[("authorization", "Bearer abc")], vec![]),
    ] {
        let mut fields = ASK.to_vec();
        fields.extend(more);
        let answer = server.post(TOKEN, headers, &fields).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{what}: {}", answer.status);
        assert!(["invalid_request", "invalid_client"].contains(&answer.error().as_str()), "{what}");
    }
    let answer = server.post(TOKEN, &header, &ASK).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("refresh_token").is_none());
    let latin = Request::post(TOKEN)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", &b"Basic \xff\xfe"[..])
        .body(Body::from(form(&ASK)))
        .unwrap();
    assert_eq!(server.send(latin).await.error(), "invalid_client");
}

// J06
#[tokio::test]
async fn only_a_form_is_taken() {
    let server = server().await;
    for path in [TOKEN, "/oauth2/introspect", "/oauth2/revoke"] {
        for kind in
            [Some("application/json"), Some("multipart/form-data; boundary=x"), Some("text/plain"), None]
        {
            let mut request = Request::post(path).header("authorization", server.basic("svc"));
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            let answer = server.send(request.body(Body::from(form(&ASK))).unwrap()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.error().as_str()),
                (400, "invalid_request"),
                "{path} {kind:?}"
            );
        }
    }
    let request = Request::post(TOKEN)
        .header("authorization", server.basic("svc"))
        .header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8");
    assert_eq!(server.send(request.body(Body::from(form(&ASK))).unwrap()).await.status, 200);
}

// J08, J12, J24
#[tokio::test]
async fn a_malformed_form_is_refused_calmly() {
    let server = server().await;
    let basic = server.basic("svc");
    let long = format!("grant_type=client_credentials&scope={}", "a".repeat(10_000));
    let many = (0..100).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    for (body, error) in [
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&scope=read&scope=read", "invalid_request"),
        ("grant_type=authorization_code&code=a&code=a", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=a&refresh_token=b", "invalid_request"),
        ("grant_type=client_credentials&client_id=svc&client_id=svc", "invalid_request"),
        ("grant_type=client_credentials&code_verifier=a&code_verifier=a", "invalid_request"),
        ("grant_type=client_credentials&x=%00", "invalid_request"),
        ("grant_type=client_credentials&x=%ff", "invalid_request"),
        (&long, "invalid_request"),
        (&many, "invalid_request"),
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=unheard-of", "unsupported_grant_type"),
        ("grant_type=password&username=alice&password=x", "unsupported_grant_type"),
        ("grant_type=implicit", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=x", "unauthorized_client"),
    ] {
        let answer = server.post_raw(TOKEN, &[("authorization", &basic)], body).await;
        assert_eq!(answer.status, 400, "{:.60}", body);
        assert_eq!(answer.error(), error, "{:.60}", body);
    }
}

// J10
#[tokio::test]
async fn basic_is_decoded_exactly_once() {
    let server = server().await;
    let secret = "c: +%/é %41";
    let mut odd = client("odd", "https://odd.test/cb");
    odd.client_id = "id:+%/ x".parse().unwrap();
    odd.grant_types = [GrantType::ClientCredentials].into();
    odd.redirect_uris.clear();
    server.engine.register_client(odd, Some(grantor_core::Secret::new(secret))).await.unwrap();
    let right = basic("id:+%/ x", secret);
    for header in [right.clone(), right.replace("Basic", "basic"), right.replace("Basic", "BASIC")] {
        assert_eq!(server.post(TOKEN, &[("authorization", &header)], &ASK).await.status, 200, "{header}");
    }
}

// J20
#[tokio::test]
async fn guessing_a_secret_is_slowed_down_for_the_guesser_alone() {
    let rate = Some(Rate { count: 3, window: Lifetime::seconds(60) });
    let profile = || Profile::standard(ISSUER.parse().unwrap());
    let server = server_with(profile(), Settings { client_rate: rate, ..Settings::default() }).await;
    for id in ["svc", "nobody"] {
        let guess = async || server.post(TOKEN, &[("authorization", &basic(id, "wrong"))], &ASK).await;
        for _ in 0..3 {
            assert_eq!(guess().await.status, 401, "{id}");
        }
        let answer = guess().await;
        assert_eq!(answer.status, 429, "{id}");
        assert_eq!(answer.error(), "temporarily_unavailable");
        assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    }
    assert_eq!(
        server.post_as("svc", TOKEN, &ASK).await.status,
        429,
        "the right secret is told no more than a wrong one"
    );
    assert_eq!(server.post_as("web", "/oauth2/introspect", &[("token", "x")]).await.status, 200);
    server.clock.pass(60);
    assert_eq!(server.post_as("svc", TOKEN, &ASK).await.status, 200);

    let server = server_with(profile(), Settings { client_rate: None, ..Settings::default() }).await;
    for _ in 0..50 {
        assert_eq!(server.post(TOKEN, &[("authorization", &basic("svc", "wrong"))], &ASK).await.status, 401);
    }
}

#[tokio::test]
async fn the_password_grant_works_where_a_profile_has_it() {
    let mut profile = Profile::standard(ISSUER.parse().unwrap());
    profile.grant_types.insert(GrantType::Password);
    let settings = Settings {
        login_rate: Some(Rate { count: 2, window: Lifetime::seconds(60) }),
        ..Settings::default()
    };
    let server = server_with(profile, settings).await;
    let mut old = client("old", "https://old.test/cb");
    old.grant_types = [GrantType::Password].into();
    let secret = server.engine.register_client(old, None).await.unwrap().unwrap();
    let header = basic("old", secret.expose());
    let ask = async |password: &str| {
        let fields = [("grant_type", "password"), ("username", "alice"), ("password", password)];
        server.post(TOKEN, &[("authorization", &header)], &fields).await
    };
    let tokens = ask(PASSWORD).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    for _ in 0..2 {
        let wrong = ask("wrong").await;
        assert_eq!((wrong.status.as_u16(), wrong.error().as_str()), (400, "invalid_grant"));
    }
    assert_eq!(ask("wrong").await.status, 429);
}
