//! Records that a newer grantor wrote are refused and left as they are (S32). There is one version of each layout so far, so
//! that there is nothing to migrate from yet.

use rusqlite::Connection;

use crate::backend::{Backend, on};
use crate::deployment::{client_credentials, deployment_on};
use crate::world::World;

on!(what_a_newer_version_wrote_is_refused: sqlite, sled, redis);

fn what_a_newer_version_wrote_is_refused(mut backend: Backend) {
    let world = deployment_on(&backend, "");
    let words = match &backend {
        Backend::Sqlite => "was written by a newer grantor",
        Backend::Sled | Backend::Redis(_) | Backend::Cluster(_) => "another version of grantor",
    };
    let this = set_version(&mut backend, &world, None);
    for command in [&["serve", "--ready-file", "ready.json"][..], &["client", "list"], &["store", "check"]] {
        let said = world.run(command);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{command:?}: {}", said.err);
        assert!(said.err.contains(words) && !said.err.contains("panicked"), "{command:?}: {}", said.err);
    }
    assert!(!world.path("ready.json").exists(), "it was announced");
    set_version(&mut backend, &world, Some(&this));
    let server = world.serve(&[]);
    assert_eq!(client_credentials("svc").send(server.public()).status, 200, "nothing was done to it");
}

/// Marks the records as those of this version, or else of the next one; tells which they were of.
fn set_version(backend: &mut Backend, world: &World, version: Option<&str>) -> String {
    match backend {
        Backend::Sqlite => {
            let database = Connection::open(world.path("grantor-data/grantor.db")).unwrap();
            let is: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            let next = version.map_or(is + 1, |version| version.parse().unwrap());
            database.pragma_update(None, "user_version", next).unwrap();
            is.to_string()
        }
        Backend::Sled => {
            let is = world.read("grantor-data/sled/format");
            assert!(version.is_some() || is == "grantor-store-sled 1\n", "{is}");
            world.write("grantor-data/sled/format", version.unwrap_or("grantor-store-sled 2\n"));
            is
        }
        Backend::Redis(redis) => {
            let is = redis.say(&["GET", "grantor:{00}#layout"]).unwrap();
            assert!(version.is_some() || is == "2", "{is}");
            redis.say(&["SET", "grantor:{00}#layout", version.unwrap_or("3")]).unwrap();
            is
        }
        Backend::Cluster(_) => panic!("one Redis says it for a cluster, too"),
    }
}
