//! A disk that is full for a while (S07): what is told meanwhile, and that no restart is needed after.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deployment::{client_credentials, deployment, error, introspect, is_active, revoke};
use crate::world::{Server, get, until};

/// Set to `1`, it lets tests that need a small file system of their own be skipped.
const SKIP: &str = "GRANTOR_SKIP_MOUNTS";
/// Where the small file system is, in the process that has one.
const SMALL: &str = "GRANTOR_TEST_SMALL";

/// The folder of a file system with 8 MiB, if this process has one. If not, runs the test of this name in a process
/// that has, and which takes it along when it ends.
fn small_disk(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(SMALL) {
        return Some(folder.into());
    }
    if std::env::var(SKIP).is_ok_and(|value| value == "1") {
        println!("skipped: {test} ({SKIP}=1)");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SMALL, folder.path())
        .status();
    let done = status.is_ok_and(|status| status.success());
    assert!(done, "it failed, or this system lets nobody mount: then set {SKIP}=1");
    None
}

/// Fills the disk but for a little.
fn fill(ballast: &Path) {
    let mut file = File::options().append(true).create(true).open(ballast).unwrap();
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    file.set_len(file.metadata().unwrap().len() - 256 * 1024).unwrap();
}

/// Tokens until the server has no room for more: each it gave is kept.
fn until_full(server: &Server, given: &mut Vec<String>) {
    let mut refused = 0;
    while refused < 5 {
        let answer = client_credentials("svc").send(server.public());
        match answer.status {
            200 => given.push(answer.text("access_token")),
            503 => {
                assert_eq!(answer.text("error"), "temporarily_unavailable");
                assert!(answer.header("retry-after").is_some());
                refused += 1;
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
}

/// Whether a token that is live is said to be; nothing else may be said of it but that it cannot be read now.
fn can_be_read(base: &str, token: &str) -> bool {
    let answer = introspect("svc", token).send(base);
    match answer.status {
        200 => assert_eq!(answer.json()["active"], true),
        other => assert_eq!(other, 503, "{}", answer.body),
    }
    answer.status == 200
}

fn assert_a_full_disk_is_got_over(disk: &Path, url: &str) {
    let world = deployment(&format!("[storage]\nurl = \"{url}\"\n"));
    let ballast = disk.join("ballast");
    let server = world.serve(&[]);
    let base = server.public();
    let mut given = vec![client_credentials("svc").send(base).text("access_token")];
    for round in 0..3 {
        fill(&ballast);
        until_full(&server, &mut given);
        let before = given.len();
        // What needs no write goes on.
        until(|| given.iter().all(|token| can_be_read(base, token)).then_some(()));
        assert_eq!(get(base, "/.well-known/jwks.json").0, 200);
        assert_eq!(get(base, "/health/alive").0, 200);
        // And what needs one is not said to have happened unless it has: a small one may still find its place.
        let first = given.remove(0);
        match error(&revoke("svc", &first).send(base)) {
            (200, _) => assert!(!is_active(base, "svc", &first)),
            other => assert_eq!(other, (503, "temporarily_unavailable".to_owned())),
        }

        std::fs::remove_file(&ballast).unwrap();
        until(|| (client_credentials("svc").send(base).status == 200).then_some(()));
        assert_eq!(get(base, "/health/ready").0, 200);
        assert!(given.iter().all(|token| is_active(base, "svc", token)), "round {round}: a token is gone");
        assert_eq!(revoke("svc", &first).send(base).status, 200);
        assert!(!is_active(base, "svc", &first));
        given.push(client_credentials("svc").send(base).text("access_token"));
        println!("round {round}: {before} tokens given by the time it was full");
    }
    assert_eq!(server.stop("-TERM").code(), Some(0));
    let server = world.serve(&[]);
    assert!(given.iter().all(|token| is_active(server.public(), "svc", token)));
    drop(server);
    assert_eq!(world.json(&["store", "check"])["problems"], serde_json::json!([]));
}

#[test]
fn on_sled_it_is_got_over_without_a_restart() {
    if let Some(disk) = small_disk("full::on_sled_it_is_got_over_without_a_restart") {
        assert_a_full_disk_is_got_over(&disk, &format!("sled:{}/data", disk.display()));
    }
}

#[test]
fn on_sqlite_it_is_got_over_without_a_restart() {
    if let Some(disk) = small_disk("full::on_sqlite_it_is_got_over_without_a_restart") {
        assert_a_full_disk_is_got_over(&disk, &format!("sqlite:{}/grantor.db", disk.display()));
    }
}
