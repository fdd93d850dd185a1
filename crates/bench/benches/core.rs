//! What the rules cost, without a store, a socket or a runtime: `cargo bench -p grantor-bench --bench core`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench has nobody to tell"
)]

mod hand;

use std::cell::RefCell;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use hand::Hand;

fn flows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core");
    group.bench_function("client credentials", |bencher| {
        let mut hand = Hand::new();
        bencher.iter(|| black_box(hand.client_credentials()));
    });
    group.bench_function("introspection", |bencher| {
        let mut hand = Hand::new();
        let token = hand.client_credentials();
        bencher.iter(|| assert!(hand.introspect(&token)));
    });
    group.bench_function("refresh", |bencher| {
        let mut hand = Hand::new();
        let code = hand.code();
        let mut token = hand.redeem(&code).refresh_token.unwrap();
        bencher.iter(|| token = hand.refresh(&token));
    });
    group.bench_function("authorization", |bencher| {
        let mut hand = Hand::new();
        bencher.iter(|| black_box(hand.code()));
    });
    group.bench_function("code", |bencher| {
        let hand = RefCell::new(Hand::new());
        let code = || hand.borrow_mut().code();
        bencher.iter_batched(
            code,
            |code| hand.borrow_mut().redeem(&code).access_token,
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, flows);
criterion_main!(benches);
