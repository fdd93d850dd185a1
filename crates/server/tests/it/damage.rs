//! A database that is not one, or not all of one, is refused and left as it is (S14).

use rusqlite::Connection;
use serde_json::Value;

use crate::deployment::{client_credentials, deployment};
use crate::world::World;

const DATABASE: &str = "grantor-data/grantor.db";

/// A deployment that was used and stopped.
fn used() -> World {
    let world = deployment("");
    let server = world.serve(&[]);
    for _ in 0..40 {
        assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    }
    assert_eq!(server.stop("-TERM").code(), Some(0));
    world
}

fn assert_refused(world: &World, words: &str) {
    let before = std::fs::read(world.path(DATABASE)).ok();
    for command in [&["serve", "--ready-file", "ready.json"][..], &["client", "list"]] {
        let said = world.run(command);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{command:?}: {}", said.err);
        assert!(said.err.contains("grantor.db") && said.err.contains(words), "{command:?}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
    assert!(!world.path("ready.json").exists(), "it was announced");
    assert!(before == std::fs::read(world.path(DATABASE)).ok(), "the evidence was changed");
}

#[test]
fn an_empty_file_is_refused() {
    let world = used();
    world.write(DATABASE, "");
    assert_refused(&world, "is an empty file");
}

#[test]
fn a_file_of_something_else_is_refused() {
    let world = used();
    world.write(DATABASE, &"{\"this\": \"is no database\"}\n".repeat(500));
    assert_refused(&world, "is not a SQLite database");
    std::fs::remove_file(world.path(DATABASE)).unwrap();
    let foreign = Connection::open(world.path(DATABASE)).unwrap();
    foreign.execute_batch("CREATE TABLE cookies (name TEXT); INSERT INTO cookies VALUES ('x')").unwrap();
    foreign.close().unwrap();
    assert_refused(&world, "of something else");
}

#[test]
fn a_cut_file_is_refused() {
    let world = used();
    let whole = std::fs::read(world.path(DATABASE)).unwrap();
    assert!(whole.len() > 8192);
    for length in [50, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(world.path(DATABASE), &whole[..length]).unwrap();
        assert_refused(&world, "is cut off");
    }
    std::fs::write(world.path(DATABASE), &whole).unwrap();
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 6, "whole, it is taken again");
}

#[test]
fn a_file_whose_head_is_gone_is_refused() {
    let world = used();
    let mut bytes = std::fs::read(world.path(DATABASE)).unwrap();
    bytes[..100].fill(0);
    std::fs::write(world.path(DATABASE), &bytes).unwrap();
    assert_refused(&world, "is not a SQLite database");
}

#[test]
fn a_log_whose_database_is_gone_is_not_written_over() {
    let world = deployment("");
    let server = world.serve(&[]);
    assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    server.kill();
    assert!(std::fs::metadata(world.path("grantor-data/grantor.db-wal")).unwrap().len() > 0);
    std::fs::remove_file(world.path(DATABASE)).unwrap();
    assert_refused(&world, "is missing");
}

/// Damages a kilobyte at eight places, one after another, each in a copy of the whole.
pub(crate) fn flipped(whole: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..8).map(move |part| {
        let at = (whole.len() - 1024) * part / 8 + 512;
        let mut bytes = whole.to_vec();
        bytes[at..at + 1024].iter_mut().for_each(|byte| *byte ^= 0x5A);
        (at, bytes)
    })
}

/// How a deployment of six clients takes damage that it was not shut down with: refused, found by the check, or of no
/// account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    AtStart,
    ByTheCheck,
    NotAtAll,
}

pub(crate) fn found(world: &World, whole: &Value) -> Found {
    let check = world.run(&["--json", "store", "check"]);
    let listed = world.run(&["--json", "client", "list"]);
    for said in [&check, &listed] {
        assert!(!said.err.contains("panicked"), "{}", said.err);
        assert!(said.code == Some(0) || said.code == Some(1) && !said.err.trim().is_empty(), "{}", said.err);
    }
    // Never as if there had been nothing.
    if listed.code == Some(0) {
        assert_eq!(listed.json().as_array().unwrap().len(), 6, "some are missing, and nobody said so");
    }
    if listed.code != Some(0) && check.out.is_empty() {
        return Found::AtStart;
    }
    if check.code != Some(0) {
        return Found::ByTheCheck;
    }
    assert_eq!(
        check.json()["digest"],
        *whole,
        "records are other than they were, and the check does not see it"
    );
    Found::NotAtAll
}

#[test]
fn a_kilobyte_of_nonsense_is_found_and_never_taken_for_nothing() {
    let world = used();
    let digest = world.json(&["store", "check"])["digest"].clone();
    let whole = std::fs::read(world.path(DATABASE)).unwrap();
    let mut all = Vec::new();
    for (at, bytes) in flipped(&whole) {
        std::fs::write(world.path(DATABASE), bytes).unwrap();
        all.push((at, found(&world, &digest)));
    }
    println!("{all:?}");
    assert!(all.iter().filter(|(_, found)| *found != Found::NotAtAll).count() >= 2, "{all:?}");
}

#[test]
fn a_first_start_whose_log_was_dropped_is_no_first_start_again() {
    let world = World::new();
    world.write("grantor.toml", "issuer = \"https://auth.example.test\"\n");
    world.serve(&[]).kill();
    for companion in ["wal", "shm"] {
        let _ = std::fs::remove_file(world.path(&format!("{DATABASE}-{companion}")));
    }
    let kept = std::fs::read(world.path(DATABASE)).unwrap();
    // The signing keys are the first record there is.
    let named = |bytes: &[u8]| bytes.windows(12).any(|window| window == b"signing-keys");
    assert!(named(&kept), "the database looks as if it had never been used");
    assert_eq!(world.json(&["key", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_log_that_was_dropped_does_not_leave_nothing() {
    let world = deployment("");
    let server = world.serve(&[]);
    let token = client_credentials("svc").send(server.public()).text("access_token");
    server.kill();
    for companion in ["wal", "shm"] {
        std::fs::remove_file(world.path(&format!("{DATABASE}-{companion}"))).unwrap();
    }
    // It cannot be known that a log was there. What was in it is gone, and what had been moved out of it is not.
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 6);
    assert_eq!(world.json(&["token", "introspect", &token])["active"], false, "it fails on the safe side");
}
