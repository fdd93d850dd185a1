//! A database that is not one, or not all of one, is refused and left as it is (S14).

use rusqlite::Connection;

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
