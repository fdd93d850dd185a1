//! What a server keeps for people to look at.

use rusqlite::Connection;
use serde_json::Value;

use crate::world::{World, get, send};

/// The records of a kind, in the order of their ids.
fn records(world: &World, kind: &str) -> Vec<Value> {
    let store = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
    let mut rows =
        store.prepare("SELECT CAST(body AS BLOB) FROM record WHERE kind = ?1 ORDER BY id").unwrap();
    let bodies = rows.query_map([kind], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    bodies.map(|body| serde_json::from_slice(&body.unwrap()).unwrap()).collect()
}

// W04, R15
#[test]
fn a_stop_loses_nothing_of_what_was_to_be_kept() {
    let world = World::new();
    let server = world.serve(&[]);
    let arguments = ["client", "create", "svc", "--grant-type", "client_credentials", "--auth-method"];
    let made = world.json(&[&arguments[..], &["client_secret_post"]].concat());
    let secret = made["client_secret"].as_str().unwrap();
    let token = |secret: &str| {
        let body = format!("grant_type=client_credentials&client_id=svc&client_secret={secret}");
        let head = "POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
        send(server.public(), &format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())).unwrap().0
    };
    assert_eq!([secret, secret, "wrong-secret", secret].map(token), [200, 200, 401, 200]);

    let metrics = get(server.admin(), "/metrics").1;
    for line in [
        "grantor_request_duration_seconds_count{endpoint=\"token\"} 4",
        "grantor_request_duration_seconds_bucket{endpoint=\"token\",le=\"+Inf\"} 4",
        "# TYPE grantor_store_duration_seconds histogram",
        "grantor_audit_entries_lost_total 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "no {line} in {metrics}");
    }
    let puts =
        metrics.lines().find_map(|l| l.strip_prefix("grantor_store_duration_seconds_count{method=\"put\"} "));
    assert!(puts.unwrap().parse::<u64>().unwrap() >= 3, "{puts:?}");

    // At once: nothing has been written by itself yet.
    assert_eq!(server.stop("-TERM").code(), Some(0));
    let usage = records(&world, "usage");
    assert_eq!((usage.len(), &usage[0]["issued"]), (1, &serde_json::json!({"client_credentials": 3})));
    let audit = records(&world, "audit");
    let mut kinds: Vec<_> = audit.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    let all = ["client_registered", "operator_acted", "server_started"];
    assert_eq!(kinds, all, "a command's, twice told, and the server's");
    let of_kind = |kind: &str| audit.iter().find(|entry| entry["kind"] == kind).unwrap();
    let acted = of_kind("operator_acted");
    assert_eq!((&acted["by"], &acted["detail"]), (&"command-line".into(), &"client.create".into()));
    let settings = of_kind("server_started")["detail"].as_str().unwrap();
    assert!(
        settings.contains("sqlite:grantor-data/grantor.db") && settings.contains("standard"),
        "{settings}"
    );
    let whole = serde_json::to_string(&(&audit, usage)).unwrap();
    assert!(!whole.contains(secret) && !whole.contains("gra_"), "{whole}");
}
