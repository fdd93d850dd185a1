//! Copying between stores.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{CopyError, Fault, FaultLayer, MemoryStore, PutOutcome, Store, contents, copy};

async fn fill(store: &dyn Store, records: u32) {
    for n in 0..records {
        let kind = Kind::ALL[n as usize % Kind::ALL.len()];
        let put = Put {
            key: RecordKey::new(kind, &format!("slot{}", n % 7), Some(&format!("{n}"))),
            expect: Expect::Absent,
            version: Version::from_bytes(u128::from(n).to_be_bytes()),
            body: format!("body {n}").into_bytes(),
            keep_until: (n % 3 == 0).then(|| Time::from_unix_millis(i64::from(n))),
        };
        assert!(matches!(store.put(put).await, PutOutcome::Applied));
    }
}

#[tokio::test]
async fn a_copy_holds_the_same() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    fill(&from, 2500).await;
    let mut told = 0;
    let copied = copy(&from, &to, false, |seen| told = seen).await.unwrap();
    assert_eq!((copied.records, told), (2500, 2500));
    assert_eq!(contents(&to).await.unwrap(), contents(&from).await.unwrap());
    // Once more changes nothing and is no error.
    assert_eq!(copy(&from, &to, false, |_| {}).await.unwrap(), copied);
}

#[tokio::test]
async fn a_copy_that_broke_off_goes_on() {
    let (from, to) = (MemoryStore::new(), FaultLayer::new(MemoryStore::new()));
    fill(&from, 300).await;
    for (round, fault) in [Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest].into_iter().enumerate() {
        to.faults().script_puts((0..40 + round).map(|_| None).chain([Some(fault)]));
        assert!(matches!(copy(&from, &to, false, |_| {}).await, Err(CopyError::To(_))));
        to.faults().none();
    }
    assert_eq!(copy(&from, &to, false, |_| {}).await.unwrap().records, 300);
}

#[tokio::test]
async fn what_the_target_holds_is_not_lost_unless_told() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    fill(&from, 20).await;
    let key = RecordKey::new(Kind::ALL[0], "slot0", Some("0"));
    let other = Put {
        key,
        expect: Expect::Absent,
        version: Version::from_bytes([9; 16]),
        body: b"another".to_vec(),
        keep_until: None,
    };
    assert!(matches!(to.put(other).await, PutOutcome::Applied));
    assert!(matches!(copy(&from, &to, false, |_| {}).await, Err(CopyError::Differs(_))));
    assert_eq!(copy(&from, &to, true, |_| {}).await.unwrap().records, 20);
}

#[tokio::test]
async fn what_only_the_target_holds_is_found() {
    let (from, to) = (MemoryStore::new(), MemoryStore::new());
    fill(&from, 20).await;
    fill(&to, 21).await;
    assert!(matches!(copy(&from, &to, true, |_| {}).await, Err(CopyError::Unequal { .. })));
}

#[tokio::test]
async fn contents_tell_every_difference() {
    let base = MemoryStore::new();
    fill(&base, 10).await;
    let figures = contents(&base).await.unwrap();
    for change in 0..4 {
        let store = MemoryStore::new();
        fill(&store, 9).await;
        let mut last = Put {
            key: RecordKey::new(Kind::ALL[9 % Kind::ALL.len()], "slot2", Some("9")),
            expect: Expect::Absent,
            version: Version::from_bytes(9u128.to_be_bytes()),
            body: b"body 9".to_vec(),
            keep_until: Some(Time::from_unix_millis(9)),
        };
        match change {
            0 => {}
            1 => last.version = Version::from_bytes([9; 16]),
            2 => last.body.push(b'.'),
            _ => last.keep_until = None,
        }
        assert!(matches!(store.put(last).await, PutOutcome::Applied));
        assert_eq!(contents(&store).await.unwrap() == figures, change == 0, "change {change}");
    }
}
