//! The checker of grants: planted violations are found, and on small histories it agrees with trying every order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::cell::Cell;

use grantor_testkit::lifecycle::{Asked, Grace, Lifecycle, Request, Told, Violation, check};
use grantor_testkit::linear::{self, Call, Sequential};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn request(asked: Asked, began: u64, told: Option<(u64, Told)>) -> Request {
    Request { grant: "g".to_owned(), asked, began, told }
}

fn tokens(access: &str, refresh: &str) -> Told {
    Told::Tokens { access: access.to_owned(), refresh: Some(refresh.to_owned()) }
}

fn redeemed(began: u64, ended: u64) -> Request {
    request(Asked::Redeem, began, Some((ended, tokens("a0", "r0"))))
}

fn refreshed(old: &str, access: &str, new: &str, began: u64, ended: u64) -> Request {
    request(Asked::Refresh(old.to_owned()), began, Some((ended, tokens(access, new))))
}

fn refresh(old: &str, began: u64, told: Option<(u64, Told)>) -> Request {
    request(Asked::Refresh(old.to_owned()), began, told)
}

fn look(token: &str, began: u64, active: bool, ended: u64) -> Request {
    request(Asked::Introspect(token.to_owned()), began, Some((ended, Told::Active(active))))
}

fn ended(asked: Asked, began: u64, at: u64) -> Request {
    request(asked, began, Some((at, Told::Ended)))
}

fn other(request: Request) -> Request {
    Request { grant: "other".to_owned(), ..request }
}

fn token(name: &str) -> Asked {
    Asked::EndToken(name.to_owned())
}

const BOTH: [Grace; 2] = [Grace::None, Grace::Endless];

#[test]
fn what_an_honest_server_can_say_passes() {
    let possible: [(&str, Vec<Request>, &[Grace]); 12] = [
        (
            "a life",
            vec![
                redeemed(1, 2),
                look("a0", 3, true, 4),
                refreshed("r0", "a1", "r1", 5, 6),
                look("r0", 7, false, 8),
                look("a0", 9, true, 10),
                ended(token("a0"), 11, 12),
                look("a0", 13, false, 14),
                look("r1", 15, true, 16),
                ended(Asked::EndGrant, 17, 18),
                look("a1", 19, false, 20),
                refresh("r1", 21, Some((22, Told::Refused))),
            ],
            &BOTH,
        ),
        (
            "a replayed code ends it",
            vec![
                redeemed(1, 2),
                request(Asked::Redeem, 3, Some((4, Told::Refused))),
                look("a0", 5, false, 6),
            ],
            &BOTH,
        ),
        (
            "a replayed refresh token ends it",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 4),
                refresh("r0", 5, Some((6, Told::Refused))),
                look("a1", 7, false, 8),
            ],
            &[Grace::None],
        ),
        (
            "within the grace the successor comes again",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 4),
                refreshed("r0", "a2", "r1", 5, 6),
                look("a1", 7, true, 8),
                look("r1", 9, true, 10),
            ],
            &[Grace::Endless],
        ),
        (
            "a revocation on its way is seen or not, and not unseen again",
            vec![
                redeemed(1, 2),
                ended(Asked::EndGrant, 3, 20),
                look("a0", 4, true, 5),
                look("a0", 6, false, 7),
            ],
            &BOTH,
        ),
        (
            "a request without an answer took effect late",
            vec![
                redeemed(1, 2),
                request(Asked::EndGrant, 3, None),
                look("a0", 4, true, 5),
                look("a0", 6, false, 7),
            ],
            &BOTH,
        ),
        ("or never did", vec![redeemed(1, 2), request(token("a0"), 3, None), look("a0", 4, true, 5)], &BOTH),
        (
            "a redemption whose answer was lost, beside another grant",
            vec![
                request(Asked::Redeem, 1, None),
                request(Asked::Redeem, 3, Some((4, Told::Refused))),
                other(redeemed(5, 6)),
                other(look("a0", 7, true, 8)),
            ],
            &BOTH,
        ),
        (
            "a refresh whose answer was lost is asked for again",
            vec![
                redeemed(1, 2),
                refresh("r0", 3, None),
                look("r0", 4, false, 5),
                refreshed("r0", "a1", "r1", 6, 7),
                look("r1", 8, true, 9),
            ],
            &[Grace::Endless],
        ),
        (
            "and without grace that is a replay",
            vec![
                redeemed(1, 2),
                refresh("r0", 3, None),
                refresh("r0", 6, Some((7, Told::Refused))),
                look("a0", 8, false, 9),
            ],
            &[Grace::None],
        ),
        (
            "two refreshes at once, one after the other in truth",
            vec![
                redeemed(1, 2),
                refreshed("r1", "a2", "r2", 5, 20),
                refreshed("r0", "a1", "r1", 3, 4),
                look("r2", 21, true, 22),
            ],
            &BOTH,
        ),
        (
            "many that lose against one",
            (4..30)
                .map(|n| request(Asked::Redeem, n, Some((100 + n, Told::Refused))))
                .chain([redeemed(2, 200), look("a0", 201, false, 202)])
                .collect(),
            &BOTH,
        ),
    ];
    for (what, requests, graces) in possible {
        for grace in graces {
            assert!(check(&requests, *grace).is_ok(), "{what}: {}", check(&requests, *grace).unwrap_err());
        }
    }
}

#[test]
fn what_is_wrong_at_any_time_is_named() {
    let (r0, a0) = ("r0".to_owned(), "a0".to_owned());
    let again = request(Asked::Redeem, 3, Some((4, tokens("a9", "r9"))));
    let planted: [(&str, Vec<Request>, Violation); 6] = [
        ("nothing", vec![], Violation::NothingSeen),
        ("nobody looks", vec![redeemed(1, 2)], Violation::NothingSeen),
        (
            "a double redemption",
            vec![redeemed(1, 20), again, look("a0", 5, true, 6)],
            Violation::RedeemedTwice { grant: "g".to_owned() },
        ),
        (
            "a fork",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 20),
                refreshed("r0", "a2", "r2", 4, 19),
                look("a0", 21, true, 22),
            ],
            Violation::Forked { token: r0, successors: ["r1".to_owned(), "r2".to_owned()] },
        ),
        (
            "one access token for two",
            vec![redeemed(1, 2), refreshed("r0", "a0", "r1", 3, 4), look("a0", 5, true, 6)],
            Violation::GivenTwice { token: a0.clone() },
        ),
        ("a token of nobody", vec![look("a0", 1, true, 2)], Violation::Invented { token: a0 }),
    ];
    for (what, requests, violation) in planted {
        for grace in BOTH {
            assert_eq!(check(&requests, grace), Err(violation.clone()), "{what}");
        }
    }
}

#[test]
fn what_no_order_explains_is_found() {
    let revoked = || [redeemed(1, 2), ended(Asked::EndGrant, 3, 4)];
    let with = |first: Vec<Request>, then: Vec<Request>| [first, then].concat();
    let planted: [(&str, Vec<Request>, &[Grace]); 13] = [
        ("a forgotten revocation", with(revoked().into(), vec![look("a0", 5, true, 6)]), &BOTH),
        (
            "a stale look after an acknowledged revocation",
            with(revoked().into(), vec![look("r0", 5, false, 6), look("r0", 7, true, 8)]),
            &BOTH,
        ),
        (
            "a look that goes back during one",
            vec![redeemed(1, 2), ended(token("a0"), 3, 20), look("a0", 4, false, 5), look("a0", 6, true, 7)],
            &BOTH,
        ),
        ("a lost token", vec![redeemed(1, 2), look("a0", 3, false, 4)], &BOTH),
        (
            "a token lost to the end of another",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 4),
                ended(token("a0"), 5, 6),
                look("a1", 7, false, 8),
            ],
            &BOTH,
        ),
        (
            "a replaced token that is live",
            vec![redeemed(1, 2), refreshed("r0", "a1", "r1", 3, 4), look("r0", 5, true, 6)],
            &BOTH,
        ),
        (
            "a client that cannot go on",
            vec![
                redeemed(1, 2),
                refresh("r0", 3, None),
                refresh("r0", 4, Some((5, Told::Refused))),
                look("a0", 6, false, 7),
            ],
            &[Grace::Endless],
        ),
        (
            "a replay that is granted",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 4),
                refreshed("r0", "a2", "r1", 5, 6),
                look("a2", 7, true, 8),
            ],
            &[Grace::None],
        ),
        (
            "a replay of an ancestor that is granted",
            vec![
                redeemed(1, 2),
                refreshed("r0", "a1", "r1", 3, 4),
                refreshed("r1", "a2", "r2", 5, 6),
                refreshed("r0", "a3", "r1", 7, 8),
                look("a3", 9, true, 10),
            ],
            &BOTH,
        ),
        (
            "a replay without consequence",
            vec![redeemed(1, 2), request(Asked::Redeem, 3, Some((4, Told::Refused))), look("a0", 5, true, 6)],
            &BOTH,
        ),
        (
            "a code that was never redeemed and is refused",
            vec![request(Asked::Redeem, 1, Some((2, Told::Refused))), redeemed(3, 4), look("a0", 5, true, 6)],
            &BOTH,
        ),
        (
            "a refresh after the end",
            with(revoked().into(), vec![refreshed("r0", "a1", "r1", 5, 6), look("a1", 7, false, 8)]),
            &BOTH,
        ),
        (
            "an effect without an answer that comes and goes",
            vec![
                redeemed(1, 2),
                request(Asked::EndGrant, 3, None),
                look("a0", 4, false, 5),
                look("a0", 6, true, 7),
            ],
            &BOTH,
        ),
    ];
    for (what, requests, graces) in planted {
        for grace in graces {
            let found = check(&requests, *grace);
            assert!(matches!(found, Err(Violation::Unexplained { .. })), "{what}: {found:?}");
        }
    }
}

#[test]
fn grants_do_not_disturb_one_another() {
    let both = [
        redeemed(1, 2),
        other(request(Asked::Redeem, 3, Some((4, tokens("b0", "s0"))))),
        other(ended(Asked::EndGrant, 5, 6)),
        look("a0", 7, true, 8),
    ];
    let checked = check(&both, Grace::None).unwrap();
    assert_eq!((checked.grants, checked.requests, checked.looks, checked.at_once), (2, 4, 1, 1));
}

#[test]
fn what_is_dropped_on_its_way_stays_without_an_answer() {
    let lifecycle = Lifecycle::new();
    lifecycle.begin("g", Asked::Redeem).told(tokens("a0", "r0"));
    drop(lifecycle.begin("g", Asked::EndGrant));
    lifecycle.begin("g", Asked::Introspect("a0".to_owned())).told(Told::Active(false));
    let checked = lifecycle.check(Grace::None).unwrap();
    assert_eq!((checked.requests, checked.unanswered), (3, 1));
    lifecycle.begin("g", Asked::Introspect("a0".to_owned())).told(Told::Active(true));
    assert!(lifecycle.check(Grace::None).is_err());
}

/// A register that counts to three, and says where it stands.
struct Counter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    /// Counts on, unless it is at three; says where it stood.
    Next,
    /// From one to two, else nothing; says where it stands.
    Skip,
    Look,
}

impl Sequential for Counter {
    type State = u8;
    type Ask = Do;
    type Answer = u8;

    fn apply(&self, state: &u8, ask: &Do) -> (u8, u8) {
        match ask {
            Do::Next => ((state + 1).min(3), *state),
            Do::Skip => {
                let after = if *state == 1 { 2 } else { *state };
                (after, after)
            }
            Do::Look => (*state, *state),
        }
    }
}

/// Whether some order of the calls, consistent with real time, gives these answers: by trying them all.
fn possible(state: u8, left: &[Call<Do, u8>]) -> bool {
    if left.iter().all(|call| call.answer.is_none()) {
        return true;
    }
    let end = |call: &Call<Do, u8>| call.answer.map_or(u64::MAX, |(ended, _)| ended);
    let first_end = left.iter().map(end).min().unwrap_or(u64::MAX);
    (0..left.len()).any(|at| {
        let mut rest = left.to_vec();
        let call = rest.remove(at);
        let (after, said) = Counter.apply(&state, &call.ask);
        let fits = call.answer.is_none_or(|(_, answer)| answer == said);
        call.began < first_end && fits && possible(after, &rest)
    })
}

fn histories() -> impl Strategy<Value = Vec<Call<Do, u8>>> {
    (1..8_usize).prop_flat_map(|count| {
        let ask = prop_oneof![3 => Just(Do::Next), 1 => Just(Do::Skip), 2 => Just(Do::Look)];
        let calls = prop::collection::vec((ask, prop::option::weighted(0.8, 0..4_u8)), count);
        let moments = Just((0..2 * count as u64).collect::<Vec<_>>()).prop_shuffle();
        (calls, moments).prop_map(|(calls, moments)| {
            let pairs = moments.chunks(2).map(|pair| (pair[0].min(pair[1]), pair[0].max(pair[1])));
            let calls = calls.into_iter().zip(pairs).map(|((ask, answer), (began, ended))| Call {
                ask,
                began,
                answer: answer.map(|answer| (ended, answer)),
            });
            calls.collect()
        })
    })
}

#[test]
fn small_histories_are_judged_as_by_trying_every_order() {
    let judged = [Cell::new(0), Cell::new(0)];
    let config = ProptestConfig { cases: 12_000, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&histories(), |calls| {
        let possible = possible(0, &calls);
        let count = &judged[usize::from(possible)];
        count.set(count.get() + 1);
        prop_assert_eq!(linear::check(&Counter, 0, &calls).is_ok(), possible);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // Neither verdict is so rare that the comparison would be empty.
    assert!(judged.iter().all(|count| count.get() > 1_000), "{judged:?}");
}
