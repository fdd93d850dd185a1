//! The short way to an endpoint, and how many may be on it.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use grantor_core::{Limits, Profile};
use grantor_http::{Answerer, Settings, Web, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::*;

async fn listening(app: impl Answerer) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app, &Limits::DEFAULT, std::future::pending()));
    address
}

/// An answer, its headers in order, without what differs from one to the next: dates, and what was drawn.
async fn answer(address: std::net::SocketAddr, request: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let drawn = |line: &str| match line.split_once("gra_at_") {
        Some((before, after)) => format!("{before}TOKEN{}", after.get(70..).unwrap_or_default()),
        None => line.to_owned(),
    };
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with("date: ")).map(drawn).collect();
    let end = lines.iter().position(String::is_empty).unwrap_or(lines.len());
    if let Some(headers) = lines.get_mut(1..end) {
        headers.sort();
    }
    lines
}

fn request(head: &str, headers: &str, body: &str) -> String {
    format!(
        "{head} HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn both_ways_answer_alike() {
    for cors in [false, true] {
        let mut profile = Profile::standard(ISSUER.parse().unwrap());
        profile.resource.cors_origins.extend(cors.then(|| "https://app.test".to_owned()));
        let server = server_with(profile, Settings::default()).await;
        let web = || Web::new(server.engine.clone()).users(server.directory.clone());
        let (short, routed) =
            (listening(web().direct(|router| router)).await, listening(web().router()).await);
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let known = format!("{form}Authorization: {}\r\n", server.basic("svc"));
        let wrong = format!("{form}Authorization: {}\r\n", basic("svc", "a guess"));
        let page = format!("{known}Origin: https://app.test\r\n");
        let long = "x".repeat(Limits::DEFAULT.body_bytes + 1);
        let credentials = "grant_type=client_credentials";
        for (head, headers, body) in [
            ("POST /oauth2/token", known.as_str(), credentials),
            ("POST /oauth2/token", &page, credentials),
            ("POST /oauth2/token", &wrong, credentials),
            ("POST /oauth2/token", &known, "grant_type=nonsense"),
            ("POST /oauth2/token", &known, "a=1&a=2"),
            ("POST /oauth2/token", &known, &long),
            ("POST /oauth2/token", "", credentials),
            ("POST /oauth2/token?x=1", &known, credentials),
            ("POST /oauth2/token?client_secret=x", &known, credentials),
            ("GET /oauth2/token", &known, ""),
            ("PUT /oauth2/token", &known, credentials),
            ("HEAD /oauth2/token", "", ""),
            ("OPTIONS /oauth2/token", "Origin: https://app.test\r\n", ""),
            ("POST /oauth2/token/", &known, credentials),
            ("POST /oauth2/introspect", &known, "token=x"),
            ("POST /oauth2/introspect", &wrong, "token=x"),
            ("POST /oauth2/introspect", &known, ""),
            ("GET /oauth2/introspect", &known, ""),
            ("POST /oauth2/revoke", &known, "token=x"),
            ("POST /oauth2/revoke", &wrong, "token=x"),
            ("POST /login", &known, ""),
            ("GET /nowhere", "", ""),
        ] {
            let request = request(head, headers, body);
            let (short, routed) = (answer(short, &request).await, answer(routed, &request).await);
            assert!(!short.is_empty(), "{head}");
            assert_eq!(short, routed, "{head} {headers} {}", body.get(..40).unwrap_or(body));
        }
    }
}

#[tokio::test]
async fn what_is_too_much_is_put_off_at_once_and_only_that() {
    let settings = Settings { requests_at_once: 0, ..Settings::default() };
    let server = server_with(Profile::standard(ISSUER.parse().unwrap()), settings.clone()).await;
    let web = || Web::new(server.engine.clone()).users(server.directory.clone()).settings(settings.clone());
    let (short, routed) = (listening(web().direct(|router| router)).await, listening(web().router()).await);
    for address in [short, routed] {
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let known = format!("{form}Authorization: {}\r\n", server.basic("svc"));
        for (path, body) in [
            ("/oauth2/token", "grant_type=client_credentials"),
            ("/oauth2/introspect", "token=x"),
            ("/oauth2/revoke", "token=x"),
        ] {
            let answer = answer(address, &request(&format!("POST {path}"), &known, body)).await;
            assert_eq!(answer.first().unwrap(), "HTTP/1.1 503 Service Unavailable", "{path}");
            assert!(answer.iter().any(|line| line == "retry-after: 1"), "{answer:?}");
            assert!(answer.iter().any(|line| line.contains("temporarily_unavailable")), "{answer:?}");
        }
        let alive = request("GET /health/alive", "", "");
        assert_eq!(answer(address, &alive).await.first().unwrap(), "HTTP/1.1 200 OK");
    }
    let page = server.send(Request::get("/login").body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, 200);
}

/// A router is an answerer, too.
#[tokio::test]
async fn a_router_of_ones_own_is_served() {
    let router = Router::new().route("/", axum::routing::get(async || "hello"));
    let address = listening(router).await;
    assert_eq!(answer(address, &request("GET /", "", "")).await.last().unwrap(), "hello");
}
