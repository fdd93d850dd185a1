//! `rediss://`: who is believed and who is not.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are as much test, outside a test function")]

#[path = "support/server.rs"]
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store};
use grantor_store_redis::{ConnectError, RedisOptions, RedisStore};
use server::{Folder, RedisServer};

/// Runs `openssl` in `folder`.
fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split_whitespace()).current_dir(folder).stderr(Stdio::null());
    assert!(openssl.status().unwrap().success(), "openssl {arguments}");
}

/// An authority, and a certificate of its for `localhost` alone.
fn certificates() -> Folder {
    let folder = Folder::new().unwrap();
    let path = folder.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(path, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"));
    openssl(path, &format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    fs::write(path.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        path,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
    folder
}

async fn connect(url: &str, root_certificates: Option<Vec<u8>>) -> Result<RedisStore, ConnectError> {
    RedisStore::connect(url, RedisOptions { root_certificates, ..RedisOptions::default() }).await
}

#[tokio::test]
async fn only_the_right_certificate_is_believed() {
    if server::is_skipped("a Redis with TLS") {
        return;
    }
    let folder = certificates();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = server::free_port().unwrap().to_string();
    let (authority, certificate, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let redis = RedisServer::start(
        &[
            ["--tls-port", &port, "--tls-auth-clients", "no"],
            ["--tls-ca-cert-file", &authority, "--tls-cert-file", &certificate],
            ["--tls-key-file", &key, "--loglevel", "notice"],
        ]
        .concat(),
    )
    .unwrap();

    let root = fs::read(&authority).unwrap();
    let store = connect(&format!("rediss://localhost:{port}/0"), Some(root.clone())).await.unwrap();
    let (key, version) = (RecordKey::new(Kind::Grant, "a", None), Version::from_bytes([1; 16]));
    let put =
        Put { key: key.clone(), expect: Expect::Absent, version, body: b"{}".to_vec(), keep_until: None };
    assert!(matches!(store.put(put).await, PutOutcome::Applied));
    // The same Redis, in clear.
    let clear = connect(&redis.url(), None).await.unwrap();
    assert_eq!(clear.get(&key).await.unwrap().unwrap().version, version);

    for (url, root) in [
        (format!("rediss://localhost:{port}/0"), None),
        (format!("rediss://127.0.0.1:{port}/0"), Some(root.clone())),
        (format!("rediss://localhost:{port}/0#insecure"), None),
        (format!("rediss://localhost:{}/0", redis.port()), Some(root.clone())),
        (format!("rediss://localhost:{port}/0"), Some(b"no certificate".to_vec())),
        (format!("redis://127.0.0.1:{port}/0"), None),
    ] {
        let refused = connect(&url, root).await;
        assert!(matches!(&refused, Err(ConnectError::Unfit(_))), "{url}: {refused:?}");
    }
}
