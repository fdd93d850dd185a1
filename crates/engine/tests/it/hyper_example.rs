//! The example of an engine in a plain hyper server, over a real socket.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpListener;

#[path = "../../examples/hyper_server.rs"]
mod hyper_server;

/// Sends a request as it stands, and gives the status and the rest.
fn ask(at: SocketAddr, start: &str, headers: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(at).unwrap();
    let length = body.len();
    let request = format!(
        "{start} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_plain_hyper_gives_tokens_and_takes_them() {
    let (engine, secret) = hyper_server::furnished().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = tokio::spawn(hyper_server::serve(listener, engine));
    let asked = tokio::task::spawn_blocking(move || {
        let basic = |secret: &str| {
            format!("authorization: Basic {}\r\n", STANDARD.encode(format!("service:{secret}")))
        };
        let grant = "grant_type=client_credentials&scope=read";
        let (status, answer) = ask(at, "POST /oauth2/token", &basic(&secret), grant);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("cache-control: no-store"));
        let token = answer.split("\"access_token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

        let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
        let (status, answer) = ask(at, "GET /hello", &bearer(&token), "");
        assert!(status == 200 && answer.ends_with("{\"hello\":\"service\"}"), "{answer}");
        let (status, answer) = ask(at, "POST /oauth2/introspect", &basic(&secret), &format!("token={token}"));
        assert!(status == 200 && answer.contains("\"active\":true"), "{answer}");

        for (start, headers, body, expected, told) in [
            ("POST /oauth2/token", basic("wrong"), grant, 401, "invalid_client"),
            ("POST /oauth2/token", basic(&secret), "grant_type=password", 400, "unsupported_grant_type"),
            ("POST /oauth2/token?client_secret=x", basic(&secret), grant, 400, "invalid_request"),
            ("POST /oauth2/introspect", String::new(), "token=x", 401, "invalid_client"),
            ("GET /hello", String::new(), "", 401, "www-authenticate: Bearer"),
            ("GET /hello", bearer("gra_at_x"), "", 401, "invalid_token"),
            ("GET /.well-known/oauth-authorization-server", String::new(), "", 200, "token_endpoint"),
            ("GET /nothing", String::new(), "", 404, "content-length: 0"),
        ] {
            let (status, answer) = ask(at, start, &headers, body);
            assert!(status == expected && answer.contains(told), "{start}: {answer}");
        }
        let large = format!("{grant}&x={}", "a".repeat(70_000));
        assert_eq!(ask(at, "POST /oauth2/token", &basic(&secret), &large).0, 413);
    });
    asked.await.unwrap();
    server.abort();
}
