//! Other processes, sudden ends, and callers that go away.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Waker};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store, StoreError};
use grantor_store_sled::{SledOptions, SledStore};

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put whose version says who made it.
fn put(id: &str, writer: u8, expect: Expect) -> Put {
    let version = Version::from_bytes([writer; 16]);
    let keep_until = Some(Time::from_unix_millis(4_000_000_000_000));
    Put { key: key(id), expect, version, body: br#"{"v":1}"#.to_vec(), keep_until }
}

fn open(path: &Path) -> SledStore {
    SledStore::open(path, SledOptions::default()).unwrap()
}

fn won(outcome: PutOutcome) -> bool {
    match outcome {
        PutOutcome::Applied => true,
        PutOutcome::Conflict => false,
        PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{e}"),
    }
}

async fn sound(store: &SledStore) {
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

// The other process is this test binary, told by its environment what to be.

const ROLE: &str = "GRANTOR_TEST_ROLE";
const FOLDER: &str = "GRANTOR_TEST_FOLDER";

/// `as_told` of this binary, run by a shell after `preparation`.
fn spawn(role: &str, folder: &Path, preparation: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!(r#"{preparation} exec "$0" "$@""#)])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "as_told", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// What a child says, without what the test harness says around it.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("> ").map(str::to_owned))
}

/// One write call a line, so that a killed child has said all or nothing of it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Does nothing, unless this process was started by one of the tests below to play a part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_told() {
    let (Ok(role), Some(folder)) = (std::env::var(ROLE), std::env::var_os(FOLDER)) else { return };
    println!();
    let store = SledStore::open(Path::new(&folder), SledOptions::default());
    match role.as_str() {
        "load" => load(Arc::new(store.unwrap())).await,
        "fill" => fill(&store.unwrap()).await,
        "open" => say(&store.map_or_else(|e| e.to_string(), |_| "opened".to_owned())),
        other => panic!("no such role: {other}"),
    }
}

/// Eight tasks write for ever, each record twice, and say what is acknowledged.
async fn load(store: Arc<SledStore>) {
    let run = std::process::id();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let id = format!("{run}-{task}-{number}");
                    assert!(won(store.put(put(&id, 1, Expect::Absent)).await));
                    say(&format!("{id} 1"));
                    let first = Expect::Version(Version::from_bytes([1; 16]));
                    let keep_until = Some(Time::from_unix_millis(5_000_000_000_000));
                    assert!(won(store.put(Put { keep_until, ..put(&id, 2, first) }).await));
                    say(&format!("{id} 2"));
                    if number % 64 == 0 {
                        // Expired at once, so that removals are under way, too.
                        let gone = Put {
                            keep_until: Some(Time::from_unix_millis(0)),
                            ..put(&format!("{id}-gone"), 1, Expect::Absent)
                        };
                        assert!(won(store.put(gone).await));
                        store.purge(Time::from_unix_millis(1), 64).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Writes until twenty puts failed, and says what became of each.
async fn fill(store: &SledStore) {
    let mut failed = 0;
    for number in 0.. {
        let id = number.to_string();
        let body = vec![b'x'; 10_000];
        let outcome = match store.put(Put { body, ..put(&id, 1, Expect::Absent) }).await {
            PutOutcome::Applied => "applied",
            PutOutcome::Conflict => panic!("{id} conflicts"),
            PutOutcome::NotApplied(_) => "not-applied",
            PutOutcome::Unknown(_) => "unknown",
        };
        say(&format!("{outcome} {id}"));
        failed += u32::from(outcome != "applied");
        if failed == 20 {
            // What was acknowledged can still be read, and the store says that it is not well.
            assert!(store.get(&key("0")).await.unwrap().is_some());
            assert!(matches!(store.info().await, Err(StoreError::Unavailable(_))));
            return;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for run in 0..30 {
        let mut child = spawn("load", folder.path(), "");
        let mut said = lines(&mut child);
        let mut note = |line: String| {
            let (id, version) = line.split_once(' ').unwrap();
            acknowledged.insert(id.to_owned(), version.parse::<u8>().unwrap());
        };
        // At another point each time.
        said.by_ref().take(100 + 137 * (run % 7)).for_each(&mut note);
        child.kill().unwrap();
        said.for_each(&mut note);
        assert!(!child.wait().unwrap().success());
        // Every third time the next child finds it as the kill left it.
        if run % 3 == 2 {
            continue;
        }
        let store = open(folder.path());
        assert!(acknowledged.len() > 40);
        for (id, version) in &acknowledged {
            let stored = store.get(&key(id)).await.unwrap();
            let stored = stored.unwrap_or_else(|| panic!("run {run}: {id} was acknowledged and is gone"));
            // The second write may stand without having been acknowledged; the first may not in its place.
            assert!(
                stored.version >= Version::from_bytes([*version; 16]),
                "run {run}: {id} is as it was before"
            );
        }
        sound(&store).await;
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_process_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(won(store.put(put("a", 1, Expect::Absent)).await));
    let mut child = spawn("open", folder.path(), "");
    let said: Vec<_> = lines(&mut child).collect();
    child.wait().unwrap();
    assert!(said.len() == 1 && said[0].contains("is in use"), "{said:?}");
    match SledStore::open(folder.path(), SledOptions::default()) {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("is in use"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(won(store.put(put("b", 1, Expect::Absent)).await));
    sound(&store).await;
    store.close().await.unwrap();
    let store = open(folder.path());
    assert_eq!(store.info().await.unwrap().records, Some(2));
}

// A file may not grow beyond 3 MiB: what a full disk does, for one process.
#[cfg(unix)]
#[tokio::test]
async fn on_a_full_disk_every_answer_is_honest() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn("fill", folder.path(), "trap '' XFSZ; ulimit -f 6144;");
    let said: Vec<_> = lines(&mut child).collect();
    assert!(child.wait().unwrap().success());
    let store = open(folder.path());
    let count = |outcome: &str| said.iter().filter(|line| line.starts_with(outcome)).count();
    assert!(count("applied") > 10 && said.len() - count("applied") == 20, "{said:?}");
    for line in &said {
        let (outcome, id) = line.split_once(' ').unwrap();
        let stands = store.get(&key(id)).await.unwrap().is_some();
        match outcome {
            "applied" => assert!(stands, "{id} was acknowledged and is gone"),
            "not-applied" => assert!(!stands, "{id} was not to be"),
            other => assert_eq!(other, "unknown"),
        }
    }
    sound(&store).await;
    assert!(won(store.put(put("room-again", 1, Expect::Absent)).await));
}

#[cfg(unix)]
#[tokio::test]
async fn the_umask_does_not_matter() {
    use std::os::unix::fs::PermissionsExt as _;
    fn walk(path: &Path, found: &mut Vec<(String, u32)>) {
        for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
            let (mode, name) = (entry.metadata().unwrap().permissions().mode(), entry.file_name());
            let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode & 0o777, expected, "{name:?}");
            found.push((name.into_string().unwrap(), mode));
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            }
        }
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("parent").join("store");
    for _ in 0..2 {
        let mut child = spawn("load", &folder, "umask 000;");
        assert_eq!(lines(&mut child).take(200).count(), 200);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut found = Vec::new();
        walk(place.path(), &mut found);
        assert!(found.iter().any(|(name, _)| name == "db"), "{found:?}");
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = SledOptions { queue: 1, batch: 1, ..SledOptions::default() };
    let store = Arc::new(SledStore::open(folder.path(), options).unwrap());
    let puts: Vec<_> = (0..2_000)
        .map(|number: u32| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put(put(&number.to_string(), 1, Expect::Absent)).await })
        })
        .collect();
    let (mut applied, mut refused) = (0, 0);
    for put in puts {
        match put.await.unwrap() {
            PutOutcome::Applied => applied += 1,
            PutOutcome::NotApplied(StoreError::Unavailable(text)) => {
                assert!(text.contains("too many"), "{text}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(applied > 0 && refused > 0, "{applied} {refused}");
    assert_eq!(store.info().await.unwrap().records, Some(applied));
}

#[tokio::test]
async fn a_put_that_nobody_waits_for_is_whole_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..100 {
        let id = number.to_string();
        let mut begun = store.put(put(&id, 1, Expect::Absent));
        // One poll sends it on its way. Then nobody waits for it any more.
        let _answered = begun.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(begun);
        // The queue keeps its order, so when this is answered that is over, in one way or the other.
        assert!(won(store.put(put(&format!("after-{id}"), 1, Expect::Absent)).await));
        let standing = store.get(&key(&id)).await.unwrap();
        let expect = standing.map_or(Expect::Absent, |stored| {
            assert_eq!(stored.version, Version::from_bytes([1; 16]));
            Expect::Version(stored.version)
        });
        assert!(won(store.put(put(&id, 2, expect)).await), "{id} changed after a later put was answered");
    }
    sound(&store).await;
}

#[tokio::test]
async fn what_is_queued_is_done_before_the_end() {
    for close in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(open(folder.path()));
        let mut puts = tokio::task::JoinSet::new();
        for number in 0..50 {
            let store = Arc::clone(&store);
            puts.spawn(async move { store.put(put(&number.to_string(), 1, Expect::Absent)).await });
        }
        // On this single thread they all queue before this task runs again.
        tokio::task::yield_now().await;
        if close {
            store.close().await.unwrap();
            assert!(store.close().await.is_err());
            assert!(matches!(store.get(&key("0")).await, Err(StoreError::Unavailable(_))));
            let late = store.put(put("late", 1, Expect::Absent)).await;
            assert!(matches!(late, PutOutcome::NotApplied(StoreError::Unavailable(_))), "{late:?}");
        }
        drop(store);
        for outcome in puts.join_all().await {
            assert!(won(outcome));
        }
        if close {
            let store = open(folder.path());
            assert_eq!(store.info().await.unwrap().records, Some(50));
            sound(&store).await;
        }
    }
}
