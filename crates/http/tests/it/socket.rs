//! Over a real socket: connections, and how the server ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use grantor_core::Limits;
use grantor_http::{Timeouts, serve_with};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::support::*;

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn run(router: Router, timeouts: Timeouts) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { stopped.await.unwrap_or(()) };
    let ended = tokio::spawn(serve_with(listener, router, &Limits::DEFAULT, timeouts, shutdown));
    Running { address, stop, ended }
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // The server may close while there is something unread, and the rest of the answer be lost with that.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

// R01, R03, R11
#[tokio::test]
async fn malformed_requests_are_refused_once_and_the_connection_closed() {
    let running = run(server().await.router, Timeouts::default()).await;
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\n";
    let many = (0..120).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    for (what, request, statuses) in [
        ("two lengths", format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), vec!["400"]),
        ("signed length", format!("{head}Content-Length: +5\r\n\r\nabcde"), vec!["400"]),
        (
            "unknown coding",
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
            vec!["400"],
        ),
        ("space before colon", format!("{head}Content-Length : 1\r\n\r\na"), vec!["400"]),
        ("folded line", format!("{head}X: a\r\n b\r\n\r\n"), vec!["400"]),
        ("many headers", format!("GET /login HTTP/1.1\r\nHost: x\r\n{many}\r\n"), vec!["431"]),
        (
            "long head",
            format!("GET /login HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(40_000)),
            vec!["431"],
        ),
        (
            "long uri",
            format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(9000)),
            vec!["414"],
        ),
    ] {
        let answer = exchange(running.address, request.as_bytes()).await;
        assert!(statuses.contains(&status(&answer)), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{what}: {answer}");
    }
    let plain = exchange(running.address, b"GET /health/alive HTTP/1.0\r\n\r\n").await;
    assert_eq!(status(&plain), "200");
}

// R03, chunked
#[tokio::test]
async fn a_chunked_body_is_bounded_as_well() {
    let running = run(server().await.router, Timeouts::default()).await;
    let chunk = format!("{:x}\r\n{}\r\n", 70_000, "a".repeat(70_000));
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    assert_eq!(status(&exchange(running.address, request.as_bytes()).await), "413");
}

// R04
#[tokio::test]
async fn a_head_or_a_body_that_does_not_come_ends_the_connection() {
    let settings = grantor_http::Settings { body_timeout: Duration::from_millis(50), ..Default::default() };
    let profile = grantor_core::Profile::standard(ISSUER.parse().unwrap());
    let router = server_with(profile, settings).await.router;
    let timeouts = Timeouts { head: Duration::from_millis(50), ..Timeouts::default() };
    let running = run(router, timeouts).await;
    let head = exchange(running.address, b"GET /login HTTP/1.1\r\nHost: x\r\n").await;
    assert!(head.is_empty() || status(&head) == "408", "{head}");
    let body = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 10\r\n\r\nabc";
    assert_eq!(status(&exchange(running.address, body.as_bytes()).await), "408");
    let idle = exchange(running.address, b"GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(status(&idle), "200", "and the idle connection was closed, else this would not return");
}

// R04
#[tokio::test]
async fn whoever_asks_and_never_reads_is_cut_off() {
    let router = Router::new().route("/", get(|| async { "x".repeat(100_000) }));
    let timeouts = Timeouts { write: Duration::from_millis(50), ..Timeouts::default() };
    let running = run(router, timeouts).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let cut_off = async { while stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), cut_off).await.unwrap();
}

// P01, by peer
#[tokio::test]
async fn the_peer_is_known_to_the_handlers() {
    let running = run(
        Router::new().route(
            "/",
            get(|axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<std::net::SocketAddr>| async move {
                peer.ip().to_string()
            }),
        ),
        Timeouts::default(),
    )
    .await;
    let answer = exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}

/// A router whose one answer waits until it is let go.
fn waiting() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (begun.clone(), go.clone());
    let router = Router::new().route(
        "/",
        get(move || async move {
            tell.notify_one();
            wait.notified().await;
            "finished"
        }),
    );
    (router, begun, go)
}

// R15
#[tokio::test]
async fn requests_in_flight_finish_and_no_others_begin() {
    let (router, begun, go) = waiting();
    // So long that the test would fail before they end anything.
    let timeouts =
        Timeouts { head: Duration::from_secs(100), drain: Duration::from_secs(100), ..Timeouts::default() };
    let running = run(router, timeouts).await;
    let request =
        tokio::spawn(async move { exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await });
    begun.notified().await;
    // An idle connection must not hold the end up.
    let idle = TcpStream::connect(running.address).await.unwrap();
    running.stop.send(()).unwrap();
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.ended.is_finished());
    go.notify_one();
    assert!(request.await.unwrap().ends_with("finished"));
    tokio::time::timeout(Duration::from_secs(5), running.ended).await.unwrap().unwrap();
    drop(idle);
}

// R15
#[tokio::test]
async fn a_request_that_never_finishes_is_given_up_at_the_deadline() {
    let (router, begun, _go) = waiting();
    let timeouts = Timeouts { drain: Duration::from_millis(50), ..Timeouts::default() };
    let running = run(router, timeouts).await;
    let request =
        tokio::spawn(async move { exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await });
    begun.notified().await;
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    assert_eq!(request.await.unwrap(), "");
}
