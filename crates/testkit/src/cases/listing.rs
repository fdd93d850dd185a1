//! Sentence 6: a list is in order, in pages, and misses nothing that stands all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grantor_core::record::{Expect, Kind, Put, RecordKey, Under};
use tokio::task::JoinHandle;

use crate::Shared;
use crate::ask::{FUTURE, applied, at, ids, key, pages, put, standing};

const ALL: Under = Under::Kind(Kind::Grant);

/// Slots that are one another's beginnings, with and without second parts; not in order.
const GRANTS: [&str; 14] =
    ["b", "a-b", "a/10", "a", "aa/1", "a.b", "a/2", "aa", "a/1", "B/1", "a%2Fb/1", "z~@_", "a/", "a0"];

async fn filled(store: &Shared) -> Vec<&'static str> {
    for id in GRANTS {
        applied(store, put(&stored(id), Expect::Absent)).await;
    }
    for kind in [Kind::Client, Kind::SubjectGrant, Kind::AccessToken] {
        applied(store, put(&RecordKey::new(kind, "a", Some("1")), Expect::Absent)).await;
    }
    let mut sorted = GRANTS.to_vec();
    sorted.sort_unstable();
    sorted
}

fn stored(id: &str) -> RecordKey {
    RecordKey::from_stored(Kind::Grant, id).unwrap()
}

/// A list is in ascending order of the ids' bytes, and of one kind.
pub async fn list_is_in_order(store: Shared) {
    assert_eq!(ids(&store, &ALL, None, 9).await, (vec![], false), "a fresh store is not empty");
    let sorted = filled(&store).await;
    assert_eq!(
        ids(&store, &ALL, None, usize::MAX).await,
        (sorted.iter().map(ToString::to_string).collect(), false)
    );
    assert_eq!(ids(&store, &ALL, None, sorted.len()).await.0, sorted);
    assert_eq!(ids(&store, &Under::Kind(Kind::Client), None, 9).await.0, ["a/1"]);
    assert_eq!(ids(&store, &Under::Kind(Kind::Session), None, 9).await.0, Vec::<String>::new());
}

/// In pages of every size the same keys come, once each, and a full page says whether more may follow.
pub async fn pages_give_each_key_once(store: Shared) {
    let sorted = filled(&store).await;
    for limit in 1..=sorted.len() + 1 {
        assert_eq!(pages(&store, &ALL, limit).await, sorted, "in pages of {limit}");
    }
    let (first, more) = ids(&store, &ALL, None, 3).await;
    assert!(first == sorted[..3] && more, "a page says it is the last and is not");
    let (none, more) = ids(&store, &ALL, None, 0).await;
    assert!(none.is_empty() && more, "a page of none says that none is there");
}

/// A slot's list holds the keys of that slot which have a second part, and not those of a slot that begins with it.
pub async fn a_slot_is_listed_by_itself(store: Shared) {
    filled(&store).await;
    let slots: [(&str, &[&str]); 6] = [
        ("a", &["a/", "a/1", "a/10", "a/2"]),
        ("aa", &["aa/1"]),
        ("B", &["B/1"]),
        ("a/b", &["a%2Fb/1"]),
        ("b", &[]),
        ("none", &[]),
    ];
    for (slot, expected) in slots {
        let slot = Under::slot(Kind::Grant, slot);
        let (listed, more) = ids(&store, &slot, None, 9).await;
        assert_eq!(listed, expected, "under {slot:?}");
        assert!(!more, "{slot:?} has no more");
        assert_eq!(pages(&store, &slot, 1).await, expected, "one by one under {slot:?}");
    }
}

/// `after` need not exist, nor lie within what is listed, nor be of its kind: keys are in order of kinds and then of ids.
pub async fn a_list_begins_after_any_key(store: Shared) {
    let sorted = filled(&store).await;
    let slot = Under::slot(Kind::Grant, "a");
    let cases: [(&str, &[&str]); 6] = [
        ("a/1", &["a/10", "a/2"]),
        ("a/11", &["a/2"]),
        ("a", &["a/", "a/1", "a/10", "a/2"]),
        ("B", &["a/", "a/1", "a/10", "a/2"]),
        ("a/3", &[]),
        ("zz", &[]),
    ];
    for (after, expected) in cases {
        let (listed, more) = ids(&store, &slot, Some(&stored(after)), 9).await;
        assert_eq!(listed, expected, "after {after}");
        assert!(!more);
    }
    let [of_earlier, of_later] =
        [Kind::Client, Kind::SubjectGrant].map(|kind| RecordKey::new(kind, "b", None));
    assert_eq!(ids(&store, &ALL, Some(&of_earlier), 99).await.0, sorted, "after a key of an earlier kind");
    assert_eq!(ids(&store, &ALL, Some(&of_later), 99).await.0, [""; 0], "after a key of a later kind");
    for after in ["-", "A", "a/1x", "a0", "z~@_", "zz"] {
        let expected: Vec<_> = sorted.iter().copied().filter(|id| *id > after).collect();
        assert_eq!(ids(&store, &ALL, Some(&stored(after)), 99).await.0, expected, "after {after}");
    }
}

/// Tasks that make, rewrite and remove records around those that stay.
struct Bustle {
    done: Arc<AtomicBool>,
    writers: Vec<JoinHandle<()>>,
}

impl Bustle {
    fn around(store: &Shared, steady: &[String]) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let writers = (0..3)
            .map(|writer| {
                let (store, done, steady) = (store.clone(), done.clone(), steady.to_vec());
                tokio::spawn(async move {
                    for number in 0_usize.. {
                        if done.load(Ordering::Acquire) {
                            return;
                        }
                        // Neighbours come to be before, between and after, and go; what stays is written again.
                        let place = ["a", "steady-20", "z"][number % 3];
                        let neighbour = key(&format!("{place}-{writer}-{}", number % 50));
                        let soon = Put { keep_until: Some(at(FUTURE)), ..put(&neighbour, Expect::Absent) };
                        store.put(soon).await;
                        let again = key(&steady[(number * 3 + writer) % steady.len()]);
                        let version =
                            standing(&store, &again).await.unwrap_or_else(|| panic!("{again} is gone"));
                        store.put(put(&again, Expect::Version(version))).await;
                        if number % 7 == 6 {
                            store.purge(at(FUTURE + 1), 4).await.unwrap();
                        }
                        // A store may answer without ever waiting; a case that fails must be able to stop this task.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        Self { done, writers }
    }

    async fn end(self) {
        self.done.store(true, Ordering::Release);
        for writer in self.writers {
            writer.await.unwrap();
        }
    }
}

async fn steady(store: &Shared) -> Vec<String> {
    let mut adding = tokio::task::JoinSet::new();
    let steady: Vec<String> = (0..40).map(|number| format!("steady-{number:02}")).collect();
    for id in &steady {
        let (store, put) = (store.clone(), put(&key(id), Expect::Absent));
        adding.spawn(async move { applied(&store, put).await });
    }
    adding.join_all().await;
    steady
}

fn assert_holds(listed: &[String], steady: &[String]) {
    for id in steady {
        assert!(listed.contains(id), "{id} existed all the time and was not listed");
    }
}

/// A list holds each key that existed all the while, whatever is written meanwhile, and however its record came to be.
pub async fn list_misses_nothing_under_writes(store: Shared) {
    let steady = steady(&store).await;
    let bustle = Bustle::around(&store, &steady);
    for _ in 0..30 {
        let (listed, _) = ids(&store, &ALL, None, usize::MAX).await;
        assert_holds(&listed, &steady);
    }
    bustle.end().await;
}

/// So does a list that is read in pages, each begun where the last one ended, also when keys come to be before that place
/// and after it between one page and the next.
pub async fn pages_miss_nothing_under_writes(store: Shared) {
    let steady = steady(&store).await;
    let bustle = Bustle::around(&store, &steady);
    for (run, limit) in [3, 7, 11].into_iter().enumerate() {
        let (mut listed, mut page) = (Vec::<String>::new(), 0);
        loop {
            let after = listed.last().map(|id| stored(id));
            let (keys, more) = ids(&store, &ALL, after.as_ref(), limit).await;
            listed.extend(keys);
            if !more {
                break;
            }
            for place in ["0", "steady-00"] {
                applied(&store, put(&key(&format!("{place}-{run}-{page:04}")), Expect::Absent)).await;
            }
            page += 1;
            assert!(page < 5_000, "a list in pages of {limit} does not come to its end");
        }
        assert!(listed.is_sorted_by(|a, b| a < b), "pages of {limit} repeat a key");
        assert_holds(&listed, &steady);
    }
    bustle.end().await;
}
