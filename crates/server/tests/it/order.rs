//! What is acknowledged was on its way to the disk before the answer was (S05): seen by `strace`.
//!
//! Of Redis it is `appendfsync always` that does this, in Redis's own process; that the server asks for it and says what it
//! found is in the store's own tests.

use std::collections::{HashMap, HashSet};
use std::process::Command;

use crate::backend::{Backend, on};
use crate::browser::Browser;
use crate::deployment::{client_credentials, code, deployment_on, pair, redeem, refresh, revoke};
use crate::tools;
use crate::world::until;

const CALLS: &str = "trace=recvfrom,read,writev,sendto,write,pwrite64,fsync,fdatasync,sync_file_range";

on!(each_acknowledgement_comes_after_the_flush_of_what_it_acknowledges: sqlite, sled);

fn each_acknowledgement_comes_after_the_flush_of_what_it_acknowledges(backend: Backend) {
    let world = deployment_on(&backend, "");
    let mut traced = Command::new(tools::strace());
    // `-D`: the server is our own child, so that signals reach it.
    let options = ["-D", "-f", "-y", "-s", "120", "-o", "calls", "-e", CALLS];
    world.at_home(&mut traced).args(options).arg(env!("CARGO_BIN_EXE_grantor"));
    traced.args(["serve", "--ready-file", "ready.json"]);
    let server = world.serve_by("", traced);
    let base = server.public();
    let mut browser = Browser::new(base);
    for _ in 0..5 {
        let (access, token) = pair(&redeem(&code(&mut browser).unwrap()).send(base));
        let (_, token) = pair(&refresh(&token).send(base));
        for token in [access, token] {
            assert_eq!(revoke("web", &token).send(base).status, 200);
        }
        assert_eq!(client_credentials("svc").send(base).status, 200);
    }
    assert_eq!(server.stop("-TERM").code(), Some(0));
    // The tracer writes a last line for the process when it is gone.
    let calls = until(|| Some(world.read("calls")).filter(|calls| calls.trim_end().ends_with("+++")));
    let order = Order::of(&calls);
    println!("{order:?}");
    assert_eq!(order.unflushed, Vec::<String>::new());
    // Five times: code, refresh, two revocations, a client's own token; the login, and the consent, which is remembered.
    assert_eq!(order.acknowledged, 5 * 5 + 2, "not every answer was seen");
}

// The known-bad subject.
#[test]
fn an_answer_before_its_flush_is_found_out() {
    let request = "1 recvfrom(9<socket:[1]>, \"POST /oauth2/token HTTP/1.1\\r\\n\"..., 99) = 99\n";
    let [write, flush] =
        ["2 pwrite64(5</d/grantor.db-wal>, \"\", 9) = 9\n", "2 fsync(5</d/grantor.db-wal>) = 0\n"];
    let answer = "1 writev(9<socket:[1]>, [{\"HTTP/1.1 200 OK\"}], 1) = 9\n";
    let judged = |calls: &[&str]| {
        let order = Order::of(&calls.concat());
        (order.acknowledged, order.unflushed.len())
    };
    assert_eq!(judged(&[request, write, flush, answer]), (1, 0));
    assert_eq!(judged(&[request, write, answer, flush]), (1, 1));
    assert_eq!(judged(&[flush, request, answer]), (1, 1));
    let [begun, ended] = ["2 fsync(5</d/grantor.db-wal> <unfinished ...>\n", "2 <... fsync resumed>) = 0\n"];
    assert_eq!(judged(&[request, write, begun, answer, ended]), (1, 1));
    assert_eq!(judged(&[request, write, begun, ended, answer]), (1, 0));
    let [asking, asked] = [
        "1 recvfrom(9<socket:[1]>,  <unfinished ...>\n",
        "1 <... recvfrom resumed>\"POST /oauth2/token HTTP/1.1\\r\\n\"..., 99) = 99\n",
    ];
    assert_eq!(judged(&[asking, asked, write, answer, flush]), (1, 1));
    assert_eq!(judged(&[request, write, "2 fsync(5</d/grantor.db-wal>) = -1 EIO\n", answer]), (1, 1));
}

/// What the calls of a server say about its answers to requests that write.
#[derive(Debug, Default)]
struct Order {
    acknowledged: usize,
    /// Those that were given before the flush.
    unflushed: Vec<String>,
}

impl Order {
    fn of(calls: &str) -> Self {
        let mut order = Self::default();
        // By descriptor the request that is on it; it is there once a flush that began later has ended.
        let mut asked: HashMap<&str, &str> = HashMap::new();
        let mut flushed: HashSet<&str> = HashSet::new();
        // By thread the flush it is at, and what had been asked when that began.
        let mut flushing: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut interrupted: HashMap<&str, &str> = HashMap::new();
        for line in calls.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            // Of a call that was interrupted in print the descriptor is on its first line only.
            let descriptor = match call.split_once('(') {
                Some((_, rest)) if !call.starts_with("<...") => rest.split('<').next().unwrap(),
                _ => interrupted.get(thread).copied().unwrap_or_default(),
            };
            if call.ends_with("<unfinished ...>") {
                interrupted.insert(thread, descriptor);
            }
            let is_flush =
                ["fsync(", "fdatasync(", "sync_file_range("].iter().any(|name| call.starts_with(name));
            let is_resumed = call.starts_with("<... f") && call.contains("sync resumed")
                || call.starts_with("<... sync_file_range resumed");
            if let Some((_, request)) = call.split_once("\"POST ") {
                asked.insert(descriptor, request.split(' ').next().unwrap());
                flushed.remove(descriptor);
            } else if is_flush && (call.contains("grantor.db-wal") || call.contains("/records/db")) {
                flushing.insert(thread, asked.keys().copied().collect());
                if call.ends_with("= 0") {
                    flushed.extend(flushing.remove(thread).unwrap());
                }
            } else if is_resumed && call.ends_with("= 0") {
                flushed.extend(flushing.remove(thread).unwrap_or_default());
            } else if (call.contains("\"HTTP/1.1 200") || call.contains("\"HTTP/1.1 303"))
                && let Some(request) = asked.remove(descriptor)
            {
                order.acknowledged += 1;
                if !flushed.remove(descriptor) {
                    order.unflushed.push(request.to_owned());
                }
            }
        }
        order
    }
}
