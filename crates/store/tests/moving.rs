//! Two stores as one while a deployment moves: the contract, and who may take part. What it does under load and in
//! trouble is shown in the testkit's `moving`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grantor_core::Entropy;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Under};
use grantor_store::{
    Advance, As, Copier, CopyState, Fault, FaultLayer, Faults, LeaveState, MemoryStore, MoveError, MovedHere,
    MovingStore, PutOutcome, Stage, Store, StoreError, contents, give_up, marks, object, promote,
};
use grantor_testkit::ask::{applied, at, key, marked, put, read, standing};
use grantor_testkit::{Fresh, Trouble};

fn entropy() -> Entropy {
    let mut seed = [0; 32];
    seed.iter_mut().zip(grantor_testkit::ask::version().as_bytes()).for_each(|(to, from)| *to = *from);
    Entropy::from_seed(seed)
}

async fn joined(first: impl Store, second: impl Store) -> MovingStore {
    let joined = MovingStore::join(Arc::new(first), Arc::new(second), As::Server, "B", &mut entropy()).await;
    joined.unwrap()
}

/// A copy that is not complete, in trouble on both sides.
mod both_in_use {
    use super::*;

    async fn fresh() -> Fresh<[Faults; 2]> {
        let stores = [(); 2].map(|()| FaultLayer::new(MemoryStore::new()));
        let faults = [&stores].map(|[a, b]| [a.faults(), b.faults()]);
        let [first, second] = stores;
        let [faults] = faults;
        Fresh::at(faults, joined(first, second).await)
    }

    async fn trouble(faults: &[Faults; 2], trouble: Trouble) {
        for (faults, seed) in faults.iter().zip(1..) {
            match trouble {
                Trouble::Begins => faults.seeded(seed, 150),
                Trouble::Ends => faults.none(),
            }
        }
    }

    grantor_testkit::conformance!(fresh = fresh, trouble = trouble);
}

/// One of several: a second server joined, copied, and another took over; this one does not know yet.
mod overtaken {
    use super::*;

    async fn fresh() -> Fresh {
        let (first, second) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
        let moving = joined(first.clone(), second.clone()).await;
        copied(&Arc::new(joined(first, second.clone()).await)).await.unwrap();
        promote(&second, &mut entropy()).await.unwrap();
        assert!(!moving.second_leads());
        Fresh::of(moving)
    }

    grantor_testkit::conformance!(fresh = fresh);
}

/// A clock that goes a second further whenever it is looked at.
fn running() -> Duration {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
}

/// Copies to the end.
async fn copied(moving: &Arc<MovingStore>) -> Result<Advance, MoveError> {
    let mut copier = Copier::new(Arc::clone(moving));
    loop {
        match copier.step(at(1_000), running(), &mut entropy()).await? {
            Advance::Going(_) => {}
            ended @ (Advance::Completed(_) | Advance::Rests(_)) => return Ok(ended),
        }
    }
}

struct Pair {
    first: Arc<MemoryStore>,
    second: Arc<MemoryStore>,
}

impl Pair {
    fn new() -> Self {
        Self { first: Arc::new(MemoryStore::new()), second: Arc::new(MemoryStore::new()) }
    }

    async fn join(&self, joining: As) -> Result<Arc<MovingStore>, MoveError> {
        let (first, second) = (self.first.clone(), self.second.clone());
        MovingStore::join(first, second, joining, "B", &mut entropy()).await.map(Arc::new)
    }

    async fn state(&self) -> CopyState {
        marks(&*self.second).await.unwrap().here.unwrap().state
    }

    async fn left(&self) -> LeaveState {
        marks(&*self.first).await.unwrap().away.unwrap().state
    }
}

async fn fill(store: &dyn Store, records: usize) -> Vec<RecordKey> {
    let key = |n: usize| {
        RecordKey::new(Kind::ALL[n % Kind::ALL.len()], &format!("s{}", n % 9), Some(&n.to_string()))
    };
    let keys: Vec<_> = (0..records).map(key).collect();
    for key in &keys {
        applied(store, marked(key, Expect::Absent)).await;
    }
    keys
}

#[tokio::test]
async fn everything_is_copied_compared_and_taken_over() {
    let pair = Pair::new();
    fill(&*pair.first, 1_000).await;
    let moving = pair.join(As::Server).await.unwrap();
    assert_eq!((pair.state().await, pair.left().await), (CopyState::Copying, LeaveState::Moving));
    let before = contents(&*pair.first).await.unwrap();
    assert_eq!(copied(&moving).await.unwrap(), Advance::Completed(before.clone()));
    assert_eq!(before.records, 1_000);
    assert_eq!(contents(&*pair.second).await.unwrap(), before);
    assert_eq!(copied(&moving).await.unwrap(), Advance::Rests(CopyState::Complete));
    assert_eq!(contents(&*moving).await.unwrap(), before, "the marks are no part of it");

    promote(&*pair.second, &mut entropy()).await.unwrap();
    promote(&*pair.second, &mut entropy()).await.unwrap();
    assert_eq!(copied(&moving).await.unwrap(), Advance::Rests(CopyState::Leading));
    assert!(moving.second_leads());
    moving.leave_word(&mut entropy()).await.unwrap();
    assert_eq!(pair.left().await, LeaveState::Moved);
    applied(&*moving, put(&key("new"), Expect::Absent)).await;
    assert!(standing(&*pair.second, &key("new")).await.is_some());
    assert!(standing(&*pair.first, &key("new")).await.is_none());
    // A server that is started late with both goes on with the second.
    assert!(pair.join(As::Server).await.unwrap().second_leads());
}

#[tokio::test]
async fn what_was_read_or_acknowledged_is_in_the_second_store() {
    let pair = Pair::new();
    let keys = fill(&*pair.first, 3).await;
    let moving = pair.join(As::Server).await.unwrap();
    let [one, two, three] = keys.try_into().unwrap();
    let old = read(&*moving, &one).await.unwrap();
    assert_eq!(read(&*pair.second, &one).await, Some(old), "read");
    let next = marked(&two, Expect::Version(standing(&*pair.first, &two).await.unwrap()));
    applied(&*moving, next.clone()).await;
    assert_eq!(standing(&*pair.second, &two).await, Some(next.version), "acknowledged");
    assert!(matches!(moving.put(put(&three, Expect::Absent)).await, PutOutcome::Conflict));
    assert!(standing(&*pair.second, &three).await.is_some(), "met");
}

#[tokio::test]
async fn a_copy_is_complete_only_if_all_was_seen_since_the_last_server_joined() {
    let pair = Pair::new();
    let moving = pair.join(As::Server).await.unwrap();
    let mut copier = Copier::new(moving.clone());
    loop {
        let Advance::Going(progress) = copier.step(at(0), running(), &mut entropy()).await.unwrap() else {
            panic!()
        };
        if progress.stage == Stage::LookingBack {
            break;
        }
    }
    // Another server still served from the first store alone until now.
    applied(&*pair.first, put(&key("late"), Expect::Absent)).await;
    pair.join(As::Server).await.unwrap();
    let compared = loop {
        match copier.step(at(0), running(), &mut entropy()).await.unwrap() {
            Advance::Going(_) => {}
            Advance::Completed(compared) => break compared,
            Advance::Rests(state) => panic!("{state}"),
        }
    };
    assert_eq!(compared.records, 1);
    assert!(standing(&*pair.second, &key("late")).await.is_some());
    // A command does not disturb that, and another server does.
    pair.join(As::Command).await.unwrap();
    assert_eq!(pair.state().await, CopyState::Complete);
    pair.join(As::Server).await.unwrap();
    assert_eq!(pair.state().await, CopyState::Copying);
    assert!(matches!(
        promote(&*pair.second, &mut entropy()).await,
        Err(MoveError::NotComplete(CopyState::Copying))
    ));
}

#[tokio::test]
async fn no_copy_is_complete_while_a_server_writes_to_the_first_store_alone() {
    let pair = Pair::new();
    assert_eq!(object(&*pair.first, &mut entropy()).await.unwrap(), None);
    let mut copier = Copier::new(pair.join(As::Server).await.unwrap());
    let mut second = Duration::ZERO;
    let mut step = async |objects: bool| {
        if objects {
            object(&*pair.first, &mut entropy()).await.unwrap();
        }
        second += Duration::from_secs(1);
        copier.step(at(0), second, &mut entropy()).await.unwrap()
    };
    for _ in 0..100 {
        assert!(matches!(step(true).await, Advance::Going(_)));
    }
    // Its last word, and what it wrote right after that.
    let last = put(&key("alone"), Expect::Absent);
    applied(&*pair.first, last.clone()).await;
    let mut waited = 0;
    while matches!(step(false).await, Advance::Going(progress) if progress.stage == Stage::Waiting) {
        waited += 1;
    }
    assert_eq!(waited, 5);
    // One that was asleep comes back while the copy is compared.
    step(true).await;
    loop {
        let advance = step(false).await;
        if let Advance::Going(progress) = advance {
            assert!(progress.stage != Stage::Waiting || standing(&*pair.second, &last.key).await.is_some());
            continue;
        }
        assert!(matches!(advance, Advance::Completed(ref all) if all.records == 1), "{advance:?}");
        break;
    }
    // And one that comes back even later takes its completeness from it.
    assert_eq!(step(false).await, Advance::Rests(CopyState::Complete));
    assert!(matches!(step(true).await, Advance::Going(_)));
    assert_eq!(pair.state().await, CopyState::Copying);
}

#[tokio::test]
async fn what_was_purged_stays_away() {
    let pair = Pair::new();
    let moving = pair.join(As::Server).await.unwrap();
    for (name, until) in [("over", Some(at(10))), ("lives", Some(at(10_000))), ("for-ever", None)] {
        applied(&*moving, Put { keep_until: until, ..put(&key(name), Expect::Absent) }).await;
    }
    // One server purged the first store and went away.
    assert_eq!(pair.first.purge(at(1_000), 9).await.unwrap(), 1);
    assert_eq!(read(&*moving, &key("over")).await, None);
    let Advance::Completed(compared) = copied(&moving).await.unwrap() else { panic!() };
    assert_eq!(compared.records, 2);
    assert_eq!(moving.purge(at(1_000), 9).await.unwrap(), 0);
    assert_eq!(read(&*pair.second, &key("over")).await, None);
    // It may be made anew.
    applied(&*moving, put(&key("over"), Expect::Absent)).await;
}

#[tokio::test]
async fn a_record_that_the_first_store_lost_stops_the_move() {
    let pair = Pair::new();
    let moving = pair.join(As::Server).await.unwrap();
    applied(&*pair.second, put(&key("astray"), Expect::Absent)).await;
    assert!(matches!(copied(&moving).await, Err(MoveError::Astray(lost)) if lost == key("astray")));
    assert_eq!(pair.state().await, CopyState::Copying);
}

#[tokio::test]
async fn a_copy_that_is_damaged_stops_the_move() {
    let pair = Pair::new();
    let moving = pair.join(As::Server).await.unwrap();
    let good = put(&key("k"), Expect::Absent);
    applied(&*pair.second, Put { body: b"bad".to_vec(), ..good.clone() }).await;
    applied(&*pair.first, good).await;
    assert!(matches!(copied(&moving).await, Err(MoveError::Differs(damaged)) if damaged == key("k")));
}

#[tokio::test]
async fn only_the_copy_of_the_first_store_is_joined() {
    let (pair, other) = (Pair::new(), Pair::new());
    fill(&*pair.first, 5).await;
    let refused = |second: &Arc<MemoryStore>| {
        let (first, second) = (pair.first.clone(), second.clone());
        async move {
            MovingStore::join(first, second, As::Server, "B", &mut entropy()).await.map(drop).unwrap_err()
        }
    };
    let full = Arc::new(MemoryStore::new());
    fill(&*full, 1).await;
    assert!(matches!(refused(&full).await, MoveError::NotEmpty));
    other.join(As::Server).await.unwrap();
    fill(&*other.second, 1).await;
    assert!(matches!(refused(&other.second).await, MoveError::NotEmpty));
    pair.join(As::Server).await.unwrap();
    assert!(matches!(refused(&other.second).await, MoveError::NotThere(to) if to == "B"));
    assert!(matches!(refused(&Arc::new(MemoryStore::new())).await, MoveError::NotThere(_)));
    // A copy cannot be moved on before it leads.
    let (copy, third) = (pair.second.clone(), Arc::new(MemoryStore::new()));
    let joined = MovingStore::join(copy, third, As::Server, "C", &mut entropy()).await;
    assert!(matches!(joined, Err(MoveError::FirstIsACopy(CopyState::Copying))));
    // Nor what was left.
    copied(&pair.join(As::Server).await.unwrap()).await.unwrap();
    promote(&*pair.second, &mut entropy()).await.unwrap();
    pair.join(As::Server).await.unwrap().leave_word(&mut entropy()).await.unwrap();
    assert!(matches!(refused(&other.second).await, MoveError::Left(to) if to == "B"));
    // But what leads can.
    let third = Arc::new(MemoryStore::new());
    let onward = joined_as(&pair.second, &third).await;
    assert!(matches!(copied(&onward).await, Ok(Advance::Completed(all)) if all.records == 5));
}

async fn joined_as(first: &Arc<MemoryStore>, second: &Arc<MemoryStore>) -> Arc<MovingStore> {
    Arc::new(joined(first.clone(), second.clone()).await)
}

#[tokio::test]
async fn a_move_that_was_given_up_can_begin_again_and_not_be_taken_over() {
    let pair = Pair::new();
    fill(&*pair.first, 50).await;
    let moving = pair.join(As::Server).await.unwrap();
    copied(&moving).await.unwrap();
    give_up(&*pair.first, Some(&*pair.second), &mut entropy()).await.unwrap();
    give_up(&*pair.first, Some(&*pair.second), &mut entropy()).await.unwrap();
    assert_eq!((pair.state().await, pair.left().await), (CopyState::GivenUp, LeaveState::GivenUp));
    assert!(matches!(promote(&*pair.second, &mut entropy()).await, Err(MoveError::NotComplete(_))));
    // Whoever still runs with both does no harm.
    applied(&*moving, put(&key("meanwhile"), Expect::Absent)).await;
    assert_eq!(copied(&moving).await.unwrap(), Advance::Rests(CopyState::GivenUp));
    applied(&*pair.first, put(&key("alone"), Expect::Absent)).await;

    let again = pair.join(As::Server).await.unwrap();
    assert_eq!((pair.state().await, pair.left().await), (CopyState::Copying, LeaveState::Moving));
    assert!(matches!(copied(&again).await, Ok(Advance::Completed(all)) if all.records == 52));
    promote(&*pair.second, &mut entropy()).await.unwrap();
    let late = give_up(&*pair.first, Some(&*pair.second), &mut entropy()).await;
    assert!(matches!(late, Err(MoveError::Done)));
}

#[tokio::test]
async fn a_copy_that_is_lost_is_noticed_and_can_be_given_up() {
    let pair = Pair::new();
    let faulty = FaultLayer::new(pair.second.clone());
    let faults = faulty.faults();
    let moving = joined(pair.first.clone(), faulty).await;
    applied(&moving, put(&key("a"), Expect::Absent)).await;
    // Another, empty store in its place.
    let empty = Arc::new(MemoryStore::new());
    let elsewhere =
        MovingStore::join(pair.first.clone(), empty.clone(), As::Command, "B", &mut entropy()).await;
    assert!(matches!(elsewhere, Err(MoveError::NotThere(_))));
    let away = give_up(&*pair.first, Some(&*empty), &mut entropy()).await;
    assert!(matches!(away, Err(MoveError::NotThere(_))));
    give_up(&*pair.first, None, &mut entropy()).await.unwrap();
    assert_eq!(pair.left().await, LeaveState::GivenUp);
    // Both are needed as long as both are named.
    faults.always(Fault::Refuse);
    assert!(matches!(moving.get(&key("a")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(moving.put(put(&key("b"), Expect::Absent)).await, PutOutcome::Unknown(_)));
    assert!(moving.info().await.is_err());
    let begun = MovingStore::join(pair.first.clone(), empty, As::Server, "B", &mut entropy()).await;
    assert!(begun.is_ok(), "{begun:?}");
}

#[tokio::test]
async fn the_first_store_is_not_needed_once_the_second_leads() {
    let pair = Pair::new();
    let faulty = Arc::new(FaultLayer::new(pair.first.clone()));
    // Each finds out by itself.
    let mut handles = Vec::new();
    for _ in 0..5 {
        handles.push(joined(faulty.clone(), pair.second.clone()).await);
    }
    let [gets, puts, purges, lists, says] = handles.try_into().unwrap();
    applied(&gets, put(&key("a"), Expect::Absent)).await;
    copied(&joined_as(&pair.first, &pair.second).await).await.unwrap();
    promote(&*pair.second, &mut entropy()).await.unwrap();
    faulty.faults().always(Fault::Refuse);
    assert!(read(&gets, &key("a")).await.is_some());
    applied(&puts, put(&key("b"), Expect::Absent)).await;
    assert_eq!(purges.purge(at(0), 1).await.unwrap(), 0);
    let page = lists.list(&Under::Kind(Kind::Grant), None, 9).await.unwrap();
    assert_eq!(page.keys, [key("a"), key("b")]);
    assert_eq!(says.info().await.unwrap().records, Some(2));
    assert!([gets, puts, purges, lists, says].iter().all(MovingStore::second_leads));
}

#[tokio::test]
async fn the_marks_are_listed_by_the_stores_and_not_by_both() {
    let pair = Pair::new();
    let moving = pair.join(As::Server).await.unwrap();
    let under = Under::Kind(Kind::Deployment);
    let keys: Vec<_> = (0..5).map(|n| RecordKey::new(Kind::Deployment, &format!("{n}"), None)).collect();
    for key in &keys {
        applied(&*moving, put(key, Expect::Absent)).await;
    }
    for limit in 1..8 {
        let page = moving.list(&under, None, limit).await.unwrap();
        assert_eq!((page.keys.as_slice(), page.more), (&keys[..limit.min(5)], limit < 5), "{limit}");
    }
    let page = pair.second.list(&under, None, 9).await.unwrap();
    assert!(page.keys.contains(MovedHere::key().raw()));
}
