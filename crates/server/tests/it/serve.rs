//! The server's life: first start, what it leaves on the disk, and its end.

use serde_json::{Value, json};

use crate::world::{World, get, mode, send, shell};

#[test]
fn the_first_start_needs_nothing_and_the_end_is_clean() {
    let world = World::new();
    for signal in ["-TERM", "-INT"] {
        let server = world.serve(&[]);
        let (public, admin) = (server.public().to_owned(), server.admin().to_owned());
        let expected = json!({"public": public, "admin": admin, "profiles": {"standard": public}});
        assert_eq!(server.addresses, expected);
        let metadata = get(&public, "/.well-known/oauth-authorization-server");
        assert_eq!(metadata.0, 200);
        assert_eq!(serde_json::from_str::<Value>(&metadata.1).unwrap()["issuer"], public);
        for path in ["/health/alive", "/health/ready", "/version", "/metrics"] {
            assert_eq!(get(&admin, path).0, 200, "{path}");
        }
        for path in ["/version", "/metrics"] {
            assert_eq!(get(&public, path).0, 404, "{path} is for operators");
        }
        assert!(world.read("stdout").contains(&public));
        assert_eq!(server.stop(signal).code(), Some(0), "{}", world.read("stderr"));
        let log = world.read("stderr");
        for line in log.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "not a JSON line: {line}");
        }
        assert!(log.contains("survives a power cut"), "{log}");
    }
}

#[test]
fn what_was_acknowledged_before_the_end_still_stands_after_it() {
    let world = World::new();
    let server = world.serve(&[]);
    let arguments = ["client", "create", "svc", "--grant-type", "client_credentials", "--auth-method"];
    let made = world.json(&[&arguments[..], &["client_secret_post"]].concat());
    let secret = made["client_secret"].as_str().unwrap();
    let body = format!("grant_type=client_credentials&client_id=svc&client_secret={secret}");
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (tell, told) = std::sync::mpsc::channel();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (base, request, tell) = (server.public().to_owned(), request.clone(), tell.clone());
            std::thread::spawn(move || {
                let mut tokens = Vec::new();
                while let Some((status, body)) = send(&base, &request) {
                    assert_eq!(status, 200, "{body}");
                    let answer: Value = serde_json::from_str(&body).unwrap();
                    tokens.push(answer["access_token"].as_str().unwrap().to_owned());
                    let _ = tell.send(());
                }
                tokens
            })
        })
        .collect();
    for _ in 0..40 {
        told.recv().unwrap();
    }
    assert_eq!(server.stop("-TERM").code(), Some(0));
    for client in clients {
        // The last one is the one that met the end.
        let token = client.join().unwrap().pop().unwrap();
        assert_eq!(world.json(&["token", "introspect", &token])["active"], true);
    }
}

#[test]
fn only_the_owner_can_read_what_is_kept_whatever_the_umask() {
    for umask in ["022", "000"] {
        let world = World::new();
        world.write("grantor.toml", "[log]\nfile = \"logs/grantor.log\"\n");
        let server = world.serve_with_umask(umask);
        assert_eq!(mode(&world.path("grantor-data")), 0o700);
        let mut seen = 0;
        for folder in ["grantor-data", "logs"] {
            for entry in std::fs::read_dir(world.path(folder)).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(mode(&path), 0o600, "{} under umask {umask}", path.display());
                seen += 1;
            }
        }
        assert!(seen >= 3, "key, database and log");
        assert_eq!(mode(&world.path("ready.json")), 0o600);
        assert_eq!(server.stop("-TERM").code(), Some(0));
        assert!(world.read("logs/grantor.log").contains("listening"));
    }
}

#[test]
fn a_key_that_others_can_read_stops_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    assert_eq!(world.run(&["store", "info"]).code, Some(0));
    let key = world.path("grantor-data/server.key");
    for open in [0o640, 0o604, 0o620] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(open)).unwrap();
        let said = world.run(&["serve"]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("chmod 600"), "{}", said.err);
    }
}

#[test]
fn another_server_key_is_told_and_not_taken() {
    let world = World::new();
    assert_eq!(world.run(&["store", "info"]).code, Some(0));
    std::fs::remove_file(world.path("grantor-data/server.key")).unwrap();
    let said = world.run(&["serve"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("sealed with another server key"), "{}", said.err);
}

#[test]
fn first_starts_at_once_agree_on_one_key_set() {
    for _ in 0..3 {
        let world = World::new();
        let children: Vec<_> = (0..4)
            .map(|_| {
                let mut command = world.command(&["--json", "key", "list"]);
                command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        let sets: Vec<Value> = children
            .into_iter()
            .map(|child| {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                serde_json::from_slice(&output.stdout).unwrap()
            })
            .collect();
        assert_eq!(sets[0].as_array().unwrap().len(), 1);
        assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
        let left: Vec<_> = std::fs::read_dir(world.path("grantor-data")).unwrap().collect();
        let temporary = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".tmp");
        assert!(!left.into_iter().any(|entry| temporary(entry.unwrap().file_name())));
    }
}

#[test]
fn a_taken_port_is_told() {
    let world = World::new();
    let server = world.serve(&[]);
    let taken = server.public().strip_prefix("http://").unwrap().to_owned();
    let other = World::new();
    let output = other.command(&["serve"]).env("GRANTOR__LISTEN__PUBLIC", &taken).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains(&format!("listen.public: cannot listen on {taken}")), "{err}");
}

/// Lines that `--demo` printed, one after the other.
fn pasted(started: &Value, names: &[&str]) -> String {
    names.iter().map(|name| started["demo"][name].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_log_line_holds_a_secret_even_at_the_finest_level() {
    let world = World::new();
    world.write("grantor.toml", "[log]\nlevel = \"trace\"\nfile = \"log\"\n");
    let server = world.serve(&["--json", "--demo"]);
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let answer: Value = serde_json::from_str(&shell(&pasted(&started, &["export", "token"]))).unwrap();
    let worth = shell(&pasted(&started, &["export", "keep", "introspect"]));
    assert!(worth.contains("\"active\":true"), "{worth}");
    assert_eq!(server.stop("-TERM").code(), Some(0));
    let log = world.read("log");
    assert!(log.contains("access_token_issued"), "{log}");
    let demo = &started["demo"];
    for secret in [&answer["access_token"], &demo["client_secret"], &demo["password"]] {
        assert!(!log.contains(secret.as_str().unwrap()));
    }
    assert!(!log.contains("gra_at_") && !log.contains("gra_cs_"), "{log}");
}

#[test]
fn a_ready_file_of_an_earlier_run_does_not_pass_for_a_new_one() {
    let world = World::new();
    let server = world.serve(&[]);
    let taken = server.public().strip_prefix("http://").unwrap().to_owned();
    let mut command = world.command(&["serve", "--ready-file", "ready.json"]);
    let output = command.env("GRANTOR__LISTEN__PUBLIC", &taken).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!world.path("ready.json").exists(), "a server that did not start is announced");
}

#[test]
fn what_is_configured_is_what_runs() {
    let world = World::new();
    world.write(
        "grantor.toml",
        r#"
        issuer = "https://auth.example.com/oauth"
        [access_token]
        format = "jwt"
        [keys]
        algorithm = "EdDSA"
        [rate_limits]
        client_authentication = "2/1h"
        [scopes]
        "books:read" = { description = "Read books" }
        [[profile]]
        name = "library"
        preset = "standard"
        set = { access_token = "7s" }
        "#,
    );
    let server = world.serve(&["--json", "--demo"]);
    assert_eq!(server.addresses["profiles"], json!({"library": server.public()}));
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let answer: Value = serde_json::from_str(&shell(&pasted(&started, &["export", "token"]))).unwrap();
    assert!((6..=7).contains(&answer["expires_in"].as_u64().unwrap()), "{answer}");
    assert_eq!(answer["scope"], "books:read");
    let worth = world.json(&["token", "introspect", answer["access_token"].as_str().unwrap()]);
    assert_eq!((&worth["active"], &worth["iss"]), (&json!(true), &json!("https://auth.example.com/oauth")));
    assert_eq!(world.json(&["key", "list"])[0]["alg"], "EdDSA");
    let guess = format!(
        "curl -sS -o /dev/null -w '%{{http_code}}' -u demo:wrong -d grant_type=client_credentials {}/oauth/oauth2/token",
        server.public()
    );
    assert_eq!([shell(&guess), shell(&guess), shell(&guess)], ["401", "401", "429"]);
}
