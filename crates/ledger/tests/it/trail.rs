//! How the trail is read.

use std::sync::atomic::Ordering;

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_ledger::{Actor, Entry, EntryId, EntryKind, Filter};
use grantor_store::{PutOutcome, Store as _};

use crate::support::{BEGIN, World};

fn at(seconds: i64) -> Time {
    Time::from_unix_millis(BEGIN + seconds * 1000)
}

#[tokio::test]
async fn each_filter_takes_what_it_says_and_nothing_else() {
    let world = World::new();
    let alice = || Actor::Person("alice".parse().unwrap());
    let entries = [
        Entry::new(EntryKind::LoggedIn, at(0)).subject(&"alice".parse().unwrap()).by(alice()),
        Entry::new(EntryKind::RequestApproved, at(1)).client(&"web".parse().unwrap()).by(alice()),
        Entry::new(EntryKind::ClientDeleted, at(2)).client(&"web".parse().unwrap()).by(Actor::CommandLine),
        Entry::new(EntryKind::ServerStarted, at(3)),
    ];
    for entry in &entries {
        world.ledger.record(entry.clone()).await.unwrap();
    }
    let any = Filter::default;
    let client = Some("web".parse().unwrap());
    for (filter, found) in [
        (any(), vec![3, 2, 1, 0]),
        (Filter { kind: Some(EntryKind::LoggedIn), ..any() }, vec![0]),
        (Filter { client: client.clone(), ..any() }, vec![2, 1]),
        (Filter { client, by: Some(alice()), ..any() }, vec![1]),
        (Filter { subject: Some("alice".parse().unwrap()), ..any() }, vec![0]),
        (Filter { subject: Some("bob".parse().unwrap()), ..any() }, vec![]),
        (Filter { by: Some(Actor::CommandLine), ..any() }, vec![2]),
        (Filter { by: Some(Actor::Operator("alice".parse().unwrap())), ..any() }, vec![]),
        (Filter { since: Some(at(1)), ..any() }, vec![3, 2, 1]),
        (Filter { until: Some(at(2)), ..any() }, vec![1, 0]),
        (Filter { since: Some(at(1)), until: Some(at(3)), ..any() }, vec![2, 1]),
        (Filter { since: Some(at(4)), ..any() }, vec![]),
        (Filter { until: Some(at(0)), ..any() }, vec![]),
    ] {
        for limit in [1, 2, 10] {
            let got = world.all(&filter, limit).await;
            let expected: Vec<_> = found.iter().map(|n: &usize| entries[*n].clone()).collect();
            assert_eq!(got.into_iter().map(|kept| kept.entry).collect::<Vec<_>>(), expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_rare_entry_among_many_is_found_and_no_request_looks_at_them_all() {
    const MANY: i64 = 2_500;
    let world = World::new();
    let rare = Entry::new(EntryKind::ClientDeleted, at(0));
    world.ledger.record(rare.clone()).await.unwrap();
    for n in 1..MANY {
        world.ledger.record(Entry::new(EntryKind::LoggedIn, at(n / 2))).await.unwrap();
    }
    let filter = Filter { kind: Some(EntryKind::ClientDeleted), ..Filter::default() };
    let (mut after, mut pages, mut found) = (None, 0, Vec::new());
    loop {
        let (gets, lists) = world.counted();
        let page = world.ledger.trail(&filter, after, 20).await.unwrap();
        assert!(gets.load(Ordering::SeqCst) <= 1_000, "{gets:?}");
        assert!(lists.load(Ordering::SeqCst) <= 6, "{lists:?}");
        (pages, after) = (pages + 1, page.next);
        found.extend(page.entries.into_iter().map(|kept| kept.entry));
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, found), (3, vec![rare]));

    // What lies before the moment is not looked at at all.
    let (gets, _) = world.counted();
    let old = Filter { until: Some(at(1)), ..Filter::default() };
    assert_eq!(world.ledger.trail(&old, None, 20).await.unwrap().entries.len(), 2);
    assert_eq!(gets.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn pages_hold_each_entry_once_while_more_come() {
    let world = World::new();
    for n in 0..25 {
        world.ledger.record(Entry::new(EntryKind::LoggedIn, at(n))).await.unwrap();
    }
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = world.ledger.trail(&Filter::default(), after, 10).await.unwrap();
        ids.extend(page.entries.iter().map(|kept| kept.id));
        world.ledger.record(Entry::new(EntryKind::LoggedIn, at(100))).await.unwrap();
        after = page.next.map(|id| id.to_string().parse::<EntryId>().unwrap());
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 25);
    assert!(ids.is_sorted_by(|a, b| a < b));
}

#[tokio::test]
async fn what_cannot_be_read_hides_nothing_else() {
    let world = World::new();
    world.ledger.record(Entry::new(EntryKind::LoggedIn, at(0))).await.unwrap();
    for (id, body) in [
        ("7fffffffffffffff0000000000000001", r#"{"v":1,"at":0,"kind":"of_a_newer_version"}"#),
        ("7fffffffffffffff0000000000000002", "damage"),
        ("no-entry", "{}"),
    ] {
        let key = RecordKey::new(Kind::Audit, id, None);
        let (version, body) = (Version::from_bytes([1; 16]), body.as_bytes().to_vec());
        let put = Put { key, expect: Expect::Absent, version, body, keep_until: None };
        assert!(matches!(world.store.put(put).await, PutOutcome::Applied));
    }
    let page = world.ledger.trail(&Filter::default(), None, 10).await.unwrap();
    assert_eq!((page.entries.len(), page.unreadable), (1, 3));
}
