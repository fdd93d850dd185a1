//! The same of a sled folder (S14), and a folder that another process has open (S16).

use crate::backend::Backend;
use crate::damage::{Found, flipped, found};
use crate::deployment::{client_credentials, deployment_on, is_active};
use crate::world::World;

const LOG: &str = "grantor-data/sled/records/db";

/// A deployment that was used, and stopped or killed.
fn used(in_good_order: bool) -> World {
    let world = deployment_on(&Backend::Sled, "");
    let server = world.serve(&[]);
    for _ in 0..40 {
        assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    }
    if in_good_order {
        assert_eq!(server.stop("-TERM").code(), Some(0));
    } else {
        server.kill();
    }
    world
}

fn assert_refused(world: &World, words: &str) {
    for command in [&["serve", "--ready-file", "ready.json"][..], &["client", "list"]] {
        let said = world.run(command);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{command:?}: {}", said.err);
        assert!(said.err.contains("grantor-data/sled") && said.err.contains(words), "{}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
    assert!(!world.path("ready.json").exists(), "it was announced");
}

#[test]
fn a_log_that_is_empty_or_gone_is_refused() {
    for in_good_order in [true, false] {
        let world = used(in_good_order);
        world.write(LOG, "");
        assert_refused(&world, "has lost its log");
        std::fs::remove_file(world.path(LOG)).unwrap();
        assert_refused(&world, "has lost its log");
        std::fs::remove_dir_all(world.path("grantor-data/sled/records")).unwrap();
        assert_refused(&world, "has lost its folder");
    }
}

#[test]
fn a_log_whose_tail_is_cut_off_is_refused() {
    let world = used(true);
    let whole = std::fs::read(world.path(LOG)).unwrap();
    for length in [50, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(world.path(LOG), &whole[..length]).unwrap();
        assert_refused(&world, "is cut off");
    }
    std::fs::write(world.path(LOG), &whole).unwrap();
    assert_eq!(world.json(&["client", "list"]).as_array().unwrap().len(), 6, "whole, it is taken again");
}

#[test]
fn a_log_whose_head_is_gone_is_found_out() {
    let world = used(true);
    let digest = world.json(&["store", "check"])["digest"].clone();
    let mut bytes = std::fs::read(world.path(LOG)).unwrap();
    bytes[..512].fill(0);
    std::fs::write(world.path(LOG), &bytes).unwrap();
    assert_eq!(found(&world, &digest), Found::AtStart);
}

#[test]
fn a_kilobyte_of_nonsense_is_found_and_never_taken_for_nothing() {
    let origin = used(true);
    let digest = origin.json(&["store", "check"])["digest"].clone();
    let whole = std::fs::read(origin.path(LOG)).unwrap();
    // As far as the log was written; beyond that there is room only.
    let written = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut all = Vec::new();
    for (at, mut bytes) in flipped(&whole[..written]) {
        let world = World::new();
        let copy =
            std::process::Command::new("cp").arg("-a").arg(origin.path(".")).arg(world.path("")).status();
        assert!(copy.unwrap().success());
        bytes.extend_from_slice(&whole[written..]);
        std::fs::write(world.path(LOG), bytes).unwrap();
        all.push((at, found(&world, &digest)));
    }
    println!("{all:?}");
    assert!(all.iter().any(|(_, found)| *found != Found::NotAtAll), "{all:?}");
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let world = used(true);
    std::fs::remove_dir_all(world.path("grantor-data/sled")).unwrap();
    std::fs::create_dir(world.path("grantor-data/sled")).unwrap();
    world.write("grantor-data/sled/diary", "dear diary");
    assert_refused(&world, "diary");
    assert_eq!(world.read("grantor-data/sled/diary"), "dear diary");
}

// S16
#[test]
fn a_second_server_is_refused_and_the_first_goes_on() {
    let world = deployment_on(&Backend::Sled, "");
    let server = world.serve(&[]);
    let token = client_credentials("svc").send(server.public()).text("access_token");
    for _ in 0..3 {
        let said = world.run(&["serve", "--ready-file", "other.json"]);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(said.err.contains("is in use") && !said.err.contains("panicked"), "{}", said.err);
        assert!(!world.path("other.json").exists());
        assert!(is_active(server.public(), "svc", &token));
        assert_eq!(client_credentials("svc").send(server.public()).status, 200);
    }
    assert_eq!(server.stop("-TERM").code(), Some(0));
}
