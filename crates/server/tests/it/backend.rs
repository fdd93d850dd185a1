//! Where a deployment keeps its records, and one test on each of these.

use std::path::PathBuf;
use std::process::Command;

use crate::redis_server::{self as server, DURABLE, RedisCluster, RedisServer};
use crate::world::World;

/// A place for records, with the servers it takes.
pub(crate) enum Backend {
    Sqlite,
    Sled,
    Redis(RedisServer),
    Cluster(RedisCluster),
}

/// `on!(test: sqlite, redis)` is the function `test(Backend)` as a test on each of these, called `test::sqlite` and so on.
macro_rules! on {
    ($test:ident: $($backend:ident),+) => {
        mod $test {
            $(
                #[test]
                fn $backend() {
                    if let Some(backend) = crate::backend::Backend::$backend(stringify!($test)) {
                        super::$test(backend);
                    }
                }
            )+
        }
    };
}
pub(crate) use on;

impl Backend {
    #[allow(clippy::unnecessary_wraps, reason = "of each backend it is asked in one way")]
    pub(crate) fn sqlite(_what: &str) -> Option<Self> {
        Some(Self::Sqlite)
    }

    #[allow(clippy::unnecessary_wraps, reason = "of each backend it is asked in one way")]
    pub(crate) fn sled(_what: &str) -> Option<Self> {
        Some(Self::Sled)
    }

    /// A Redis whose acknowledgements are on the disk; none if this run goes without.
    pub(crate) fn redis(what: &str) -> Option<Self> {
        let skipped = server::is_skipped(&format!("{what} on Redis"));
        (!skipped).then(|| Self::Redis(RedisServer::start(DURABLE).unwrap()))
    }

    /// Three primaries with a replica each.
    pub(crate) fn redis_cluster(what: &str) -> Option<Self> {
        let skipped = server::is_skipped(&format!("{what} on a Redis cluster"));
        (!skipped).then(|| Self::Cluster(RedisCluster::start(DURABLE).unwrap()))
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Backend::Sqlite => "sqlite:grantor-data/grantor.db".to_owned(),
            Backend::Sled => "sled:grantor-data/sled".to_owned(),
            Backend::Redis(redis) => redis.url(),
            Backend::Cluster(cluster) => cluster.url(),
        }
    }

    /// The section of a configuration that names it.
    pub(crate) fn storage(&self) -> String {
        format!("[storage]\nurl = \"{}\"\n", self.url())
    }

    /// Whether two servers may share it.
    pub(crate) fn is_shared(&self) -> bool {
        match self {
            Backend::Sled => false,
            Backend::Sqlite | Backend::Redis(_) | Backend::Cluster(_) => true,
        }
    }

    pub(crate) fn one_redis(&mut self) -> &mut RedisServer {
        match self {
            Backend::Redis(redis) => redis,
            Backend::Sqlite | Backend::Sled | Backend::Cluster(_) => panic!("this test is about one Redis"),
        }
    }

    /// Every Redis there is.
    pub(crate) fn all_redis(&mut self) -> &mut [RedisServer] {
        match self {
            Backend::Redis(redis) => std::slice::from_mut(redis),
            Backend::Cluster(cluster) => &mut cluster.nodes,
            Backend::Sqlite | Backend::Sled => &mut [],
        }
    }

    /// Copies all its files aside; no server of ours runs.
    pub(crate) fn copy_aside(&mut self, world: &World) {
        let (files, aside) = (self.files(world), world.path("aside"));
        self.while_nothing_runs(|| copy(&files, &aside));
    }

    /// Puts that copy back in place of what is there; no server of ours runs.
    pub(crate) fn put_back(&mut self, world: &World) {
        let (files, aside) = (self.files(world), world.path("aside"));
        self.while_nothing_runs(|| {
            std::fs::remove_dir_all(&files).unwrap();
            copy(&aside, &files);
        });
    }

    fn files(&self, world: &World) -> PathBuf {
        match self {
            Backend::Sqlite | Backend::Sled => world.path("grantor-data"),
            Backend::Redis(redis) => redis.folder().to_owned(),
            Backend::Cluster(_) => panic!("a cluster's files are in several folders"),
        }
    }

    fn while_nothing_runs(&mut self, change: impl FnOnce()) {
        if let Backend::Redis(redis) = self {
            redis.kill();
            change();
            redis.begin().unwrap();
        } else {
            change();
        }
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    // With its modes, without which a key is refused.
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}
