//! How often a request asks for memory, from its bytes to its answer: each costs some fifty nanoseconds, and nobody sees one
//! more until there are a hundred. In a program of its own, since counting replaces the allocator.
//!
//! A number that falls is lowered here. One that rises wants a reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod server;

use server::{Server, Tokens};

/// How often each request is made; the least counts, since now and then a map grows, and the first record in each of the store's
/// shards makes room for others. With twenty tries it came about that each met a new one.
const TRIES: usize = 200;

/// How often it asks at most, and for how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowed {
    times: u64,
    bytes: u64,
}

/// Holds what a request asks for against what it may; far below it, the number is out of date.
fn hold(what: &str, allowed: Allowed, mut request: impl FnMut() -> allocation_counter::AllocationInfo) {
    let measured: Vec<_> = (0..TRIES).map(|_| request()).collect();
    let times = measured.iter().map(|info| info.count_total).min().unwrap();
    let bytes = measured.iter().map(|info| info.bytes_total).min().unwrap();
    println!("{what}: {times} times, {bytes} bytes");
    assert!(times > 0, "{what}: nothing was counted");
    assert!(
        times <= allowed.times,
        "{what} asks {times} times for memory, and {} are allowed",
        allowed.times
    );
    assert!(bytes <= allowed.bytes, "{what} asks for {bytes} bytes, and {} are allowed", allowed.bytes);
    assert!(times * 2 > allowed.times, "{what} asks only {times} times: lower what is allowed");
}

#[test]
fn a_hot_request_asks_no_more_often_for_memory_than_is_known() {
    let server = Server::new();
    hold("token, reference", Allowed { times: 60, bytes: 9_800 }, || server.machine_token("machine").1);
    hold("token, JWT", Allowed { times: 63, bytes: 11_000 }, || server.machine_token("signed").1);
    let (token, _) = server.machine_token("machine");
    hold("introspection", Allowed { times: 54, bytes: 8_900 }, || server.introspect(&token));
    hold("code", Allowed { times: 116, bytes: 15_500 }, || {
        let code = server.code();
        server.redeem(&code).1
    });
    let code = server.code();
    let (Tokens { refresh, .. }, _) = server.redeem(&code);
    let mut refresh = refresh.unwrap();
    hold("refresh", Allowed { times: 103, bytes: 14_900 }, || {
        let (tokens, info) = server.refresh(&refresh);
        refresh = tokens.refresh.unwrap();
        info
    });
    hold("revocation", Allowed { times: 63, bytes: 9_400 }, || {
        let (token, _) = server.machine_token("machine");
        server.revoke(&token)
    });
}
