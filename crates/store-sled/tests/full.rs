//! A disk that is full for a while: what is answered meanwhile, and that no restart is needed after.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store, StoreError};
use grantor_store_sled::{SledOptions, SledStore};

/// Set to `1`, it lets tests that need a small file system of their own be skipped.
const SKIP: &str = "GRANTOR_SKIP_MOUNTS";
/// Where the small file system is, in the process that has one.
const SMALL: &str = "GRANTOR_TEST_SMALL";

/// The folder of a file system with 8 MiB, if this process has one. If not, runs the test of this name in a process
/// that has, and which takes it along when it ends.
fn small_disk(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(SMALL) {
        return Some(folder.into());
    }
    if std::env::var(SKIP).is_ok_and(|value| value == "1") {
        println!("skipped: {test} ({SKIP}=1)");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SMALL, folder.path())
        .status();
    let done = status.is_ok_and(|status| status.success());
    assert!(done, "it failed, or this system lets nobody mount: then set {SKIP}=1");
    None
}

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

fn put(id: &str) -> Put {
    let mut version = [0; 16];
    version.iter_mut().zip(id.bytes()).for_each(|(byte, of_id)| *byte = of_id);
    let (version, keep_until) =
        (Version::from_bytes(version), Some(Time::from_unix_millis(4_000_000_000_000)));
    Put { key: key(id), expect: Expect::Absent, version, body: vec![b'x'; 3_000], keep_until }
}

/// Fills the disk to the last byte.
fn fill(ballast: &Path) {
    let mut file = File::options().append(true).create(true).open(ballast).unwrap();
    for size in [65_536, 4_096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

/// What was said of each put.
type Said = BTreeMap<String, PutOutcome>;

/// Puts one after another until so many failed.
async fn until_it_fails(store: &SledStore, name: &str, times: usize, said: &mut Said) {
    let mut failed = 0;
    for number in 0.. {
        let id = format!("{name}-{number}");
        let outcome = store.put(put(&id)).await;
        failed += usize::from(!matches!(outcome, PutOutcome::Applied));
        said.insert(id, outcome);
        if failed == times {
            return;
        }
    }
}

/// Whether all that was acknowledged can be read.
async fn readable(store: &SledStore, said: &Said) -> bool {
    for (id, outcome) in said {
        let found = store.get(&key(id)).await;
        if matches!(outcome, PutOutcome::Applied) && !matches!(found, Ok(Some(_))) {
            return false;
        }
    }
    true
}

/// Every answer was true. How many were acknowledged.
async fn verify(store: &SledStore, said: &Said) -> usize {
    let mut acknowledged = 0;
    for (id, outcome) in said {
        let stands = store.get(&key(id)).await.unwrap().is_some();
        match outcome {
            PutOutcome::Applied => {
                assert!(stands, "{id} was acknowledged and is gone");
                acknowledged += 1;
            }
            PutOutcome::NotApplied(_) => assert!(!stands, "{id} was not to be"),
            PutOutcome::Unknown(_) => {}
            PutOutcome::Conflict => panic!("{id}: nobody else writes it"),
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_when_there_is_room_again_it_goes_on() {
    let Some(disk) = small_disk("a_full_disk_is_told_and_when_there_is_room_again_it_goes_on") else {
        return;
    };
    let (folder, ballast) = (disk.join("store"), disk.join("ballast"));
    let store = Arc::new(SledStore::open(&folder, SledOptions::default()).unwrap());
    let mut said = Said::new();
    for round in 0..4 {
        fill(&ballast);
        until_it_fails(&store, &format!("{round}"), 20, &mut said).await;
        // Reads go on. sled may have to be opened anew for some, and what is in doubt is not told before that.
        until(async || readable(&store, &said).await).await;
        let (mut read, mut doubtful) = (0, 0);
        for (id, outcome) in &said {
            match store.get(&key(id)).await {
                Ok(found) => {
                    assert!(found.is_some() || !matches!(outcome, PutOutcome::Applied), "{id}");
                    read += 1;
                }
                Err(StoreError::Unavailable(_)) => {
                    assert!(!matches!(outcome, PutOutcome::Applied), "{id} cannot be read");
                    doubtful += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(read > doubtful, "{read} {doubtful}");
        // While there is no room it stays so, try after try.
        let begun = Instant::now();
        until(async || {
            matches!(store.info().await, Err(StoreError::Unavailable(text)) if text.contains("there is no room"))
        })
        .await;
        assert!(store.get(&key("0-0")).await.unwrap().is_some());
        println!("round {round}: {read} read, {doubtful} in doubt, told after {:?}", begun.elapsed());

        fs::remove_file(&ballast).unwrap();
        let begun = Instant::now();
        until(async || store.info().await.is_ok()).await;
        println!("round {round}: back after {:?}", begun.elapsed());
        let again = format!("{round}-again");
        let outcome = store.put(put(&again)).await;
        assert!(matches!(outcome, PutOutcome::Applied), "{outcome:?}");
        said.insert(again, outcome);
        println!("round {round}: {} acknowledged", verify(&store, &said).await);
        assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    }
    store.close().await.unwrap();
    let store = SledStore::open(&folder, SledOptions::default()).unwrap();
    assert!(verify(&store, &said).await > 4);
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_on_a_full_disk_what_is_there_is_read() {
    let Some(disk) = small_disk("after_a_crash_on_a_full_disk_what_is_there_is_read") else { return };
    let store = SledStore::open(disk.join("store"), SledOptions::default()).unwrap();
    for number in 0..100 {
        assert!(matches!(store.put(put(&number.to_string())).await, PutOutcome::Applied));
    }
    // As a crash leaves it.
    let crashed = disk.join("crashed");
    for folder in ["", "records"] {
        fs::create_dir(crashed.join(folder)).unwrap();
        for entry in fs::read_dir(disk.join("store").join(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), crashed.join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    store.close().await.unwrap();
    fill(&disk.join("ballast"));
    let store = SledStore::open(&crashed, SledOptions::default()).unwrap();
    assert!(!crashed.join("reserve").exists(), "there was room without it");
    for number in 0..100 {
        assert!(store.get(&key(&number.to_string())).await.unwrap().is_some());
    }
    fs::remove_file(disk.join("ballast")).unwrap();
    let mut said = Said::new();
    fill(&disk.join("ballast"));
    until_it_fails(&store, "more", 5, &mut said).await;
    fs::remove_file(disk.join("ballast")).unwrap();
    until(async || store.info().await.is_ok()).await;
    assert!(crashed.join("reserve").exists());
    verify(&store, &said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_a_disk_that_is_full_now_and_then_loses_nothing() {
    let Some(disk) = small_disk("under_load_a_disk_that_is_full_now_and_then_loses_nothing") else { return };
    let (folder, ballast) = (disk.join("store"), disk.join("ballast"));
    let store = Arc::new(SledStore::open(&folder, SledOptions::default()).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..6 {
        let (store, done) = (store.clone(), done.clone());
        tasks.spawn(async move {
            let mut said = Said::new();
            for number in 0.. {
                if done.load(Ordering::Acquire) {
                    break;
                }
                // Few keys, written over and over, and some that end at once, so that the disk is not full for good.
                let id = format!("{task}-{number}");
                let put = Put { keep_until: Some(Time::from_unix_millis(0)), ..put(&id) };
                let outcome = tokio::time::timeout(Duration::from_secs(30), store.put(put)).await;
                let outcome = outcome.unwrap_or_else(|_| panic!("{id} is never answered"));
                let is_applied = matches!(outcome, PutOutcome::Applied);
                if number % 8 == 0 {
                    let kept = format!("{id}-kept");
                    let outcome = store.put(Put { body: b"{}".to_vec(), ..crate::put(&kept) }).await;
                    said.insert(kept, outcome);
                }
                if !is_applied {
                    // Not to spin while nothing is taken.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                } else if number % 16 == 0 {
                    // Whatever comes of it.
                    let _purged = store.purge(Time::from_unix_millis(1), 64).await;
                }
            }
            said
        });
    }
    for _ in 0..8 {
        fill(&ballast);
        until(async || store.info().await.is_err()).await;
        fs::remove_file(&ballast).unwrap();
        until(async || store.info().await.is_ok()).await;
    }
    done.store(true, Ordering::Release);
    let mut said = Said::new();
    tasks.join_all().await.into_iter().for_each(|of_task| said.extend(of_task));
    until(async || store.info().await.is_ok()).await;
    let acknowledged = verify(&store, &said).await;
    println!("{acknowledged} of {} acknowledged", said.len());
    assert!(0 < acknowledged && acknowledged < said.len());
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    store.close().await.unwrap();
    let store = SledStore::open(&folder, SledOptions::default()).unwrap();
    assert_eq!(verify(&store, &said).await, acknowledged);
}

/// Asks until it is so, which the store decides and not a clock.
async fn until(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
