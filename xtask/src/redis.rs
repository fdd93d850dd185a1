//! `cargo xtask redis up`: a real Redis to work against, gone when it is no longer needed.

use std::io;

use crate::cli::RedisOptions;
use crate::failure::{Failure, Outcome, While};

// The very servers that the store's tests start.
#[path = "../../crates/store-redis/tests/support/server.rs"]
mod server;

pub(crate) use server::RedisServer;
use server::{DURABLE, RedisCluster};

/// Starts one server, or a cluster of six, prints its URL on standard output, and ends it at the end of standard input or
/// of this program, however that comes.
pub(crate) fn up(options: &RedisOptions) -> Outcome {
    let started = |e: String| Failure::new(e);
    let (url, _running): (String, Box<dyn std::any::Any>) = if options.cluster {
        let cluster = RedisCluster::start(DURABLE).map_err(started)?;
        (cluster.url(), Box::new(cluster))
    } else {
        let server = RedisServer::start(DURABLE).map_err(started)?;
        (server.url(), Box::new(server))
    };
    println!("{url}");
    eprintln!("appendonly yes, appendfsync always; it ends with standard input (Ctrl-D) or Ctrl-C");
    io::copy(&mut io::stdin().lock(), &mut io::sink()).during("reading standard input")?;
    Ok(())
}
