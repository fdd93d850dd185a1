//! Locks, other processes, and sudden ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{PutOutcome, Store, StoreError};
use grantor_store_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

/// A put whose version says who made it.
fn put(id: &str, writer: u8, expect: Expect) -> Put {
    let version = Version::from_bytes([writer; 16]);
    Put { key: key(id), expect, version, body: br#"{"v":1}"#.to_vec(), keep_until: None }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grantor.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).unwrap()
}

fn won(outcome: PutOutcome) -> bool {
    match outcome {
        PutOutcome::Applied => true,
        PutOutcome::Conflict => false,
        PutOutcome::NotApplied(e) | PutOutcome::Unknown(e) => panic!("{e}"),
    }
}

// The other process is this test binary, told by its environment what to be.

const ROLE: &str = "GRANTOR_TEST_ROLE";
const FILE: &str = "GRANTOR_TEST_FILE";

/// `as_told` of this binary, run by a shell after `preparation`.
fn spawn(role: &str, file: &Path, preparation: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!(r#"{preparation} exec "$0" "$@""#)])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "as_told", "--nocapture"])
        .env(ROLE, role)
        .env(FILE, file)
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
    let (Ok(role), Some(file)) = (std::env::var(ROLE), std::env::var_os(FILE)) else { return };
    println!();
    let store = Arc::new(open(Path::new(&file)));
    match role.as_str() {
        "load" => load(store).await,
        "race" => race(&store).await,
        "fill" => fill(&store).await,
        other => panic!("no such role: {other}"),
    }
}

/// Eight tasks write for ever, and say what is acknowledged.
async fn load(store: Arc<SqliteStore>) {
    let run = std::process::id();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let id = format!("{run}-{task}-{number}");
                    assert!(won(store.put(put(&id, 1, Expect::Absent)).await));
                    say(&id);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// For each line that comes in: tries to be first there, and says whether it was.
async fn race(store: &SqliteStore) {
    say("ready");
    for id in std::io::stdin().lines().map_while(Result::ok) {
        let won = won(store.put(put(&id, 2, Expect::Absent)).await);
        say(if won { "won" } else { "lost" });
    }
}

/// Writes until twenty puts failed, and says what became of each.
async fn fill(store: &SqliteStore) {
    let mut failed = 0;
    for number in 0.. {
        let id = number.to_string();
        let body = vec![b'x'; 10_000];
        let outcome = match store.put(Put { body, ..put(&id, 1, Expect::Absent) }).await {
            PutOutcome::Applied => "applied",
            PutOutcome::Conflict => panic!("{id} is new"),
            PutOutcome::NotApplied(_) => "not-applied",
            PutOutcome::Unknown(_) => "unknown",
        };
        say(&format!("{outcome} {id}"));
        failed += u32::from(outcome != "applied");
        if failed == 20 {
            // What was acknowledged can still be read.
            assert!(store.get(&key("0")).await.unwrap().is_some());
            return;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let (_folder, path) = place();
    let mut acknowledged = Vec::new();
    for run in 0..5 {
        let mut child = spawn("load", &path, "");
        let mut said = lines(&mut child);
        // Far enough that the log has been moved into the database at least once, and at another point each time.
        acknowledged.extend(said.by_ref().take(1_500 + 137 * run));
        child.kill().unwrap();
        acknowledged.extend(said);
        assert!(!child.wait().unwrap().success());

        let store = open(&path);
        for id in &acknowledged {
            assert!(store.get(&key(id)).await.unwrap().is_some(), "{id} was acknowledged and is gone");
        }
        let report = store.check().await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
}

#[tokio::test]
async fn of_two_processes_one_wins() {
    let (_folder, path) = place();
    let store = open(&path);
    let mut child = spawn("race", &path, "");
    let mut orders = child.stdin.take().unwrap();
    let mut said = lines(&mut child);
    assert_eq!(said.next().as_deref(), Some("ready"));
    for round in 0..200 {
        let id = round.to_string();
        orders.write_all(format!("{id}\n").as_bytes()).unwrap();
        let here = won(store.put(put(&id, 1, Expect::Absent)).await);
        let there = said.next().unwrap() == "won";
        assert!(here != there, "round {round}: here {here}, there {there}");
        let standing = store.get(&key(&id)).await.unwrap().unwrap().version;
        assert_eq!(standing, Version::from_bytes([if here { 1 } else { 2 }; 16]));
    }
    drop(orders);
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_stores_on_one_file_one_wins() {
    let (_folder, path) = place();
    let stores = [Arc::new(open(&path)), Arc::new(open(&path))];
    let mut expect = Expect::Absent;
    for round in 0_u8..50 {
        let start = Arc::new(tokio::sync::Barrier::new(16));
        let mut racers = tokio::task::JoinSet::new();
        for racer in 0_u8..16 {
            let (store, start) = (Arc::clone(&stores[usize::from(racer % 2)]), Arc::clone(&start));
            let mut put = put("raced", 0, expect);
            let mut version = [round; 16];
            version[0] = racer;
            put.version = Version::from_bytes(version);
            racers.spawn(async move {
                start.wait().await;
                let version = put.version;
                won(store.put(put).await).then_some(version)
            });
        }
        let winners: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for store in &stores {
            assert_eq!(store.get(&key("raced")).await.unwrap().unwrap().version, winners[0]);
        }
        expect = Expect::Version(winners[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stores_that_begin_together_make_one_database() {
    for _ in 0..10 {
        let (_folder, path) = place();
        let start = Arc::new(std::sync::Barrier::new(4));
        let openers: Vec<_> = (0..4)
            .map(|_| {
                let (start, path) = (Arc::clone(&start), path.clone());
                std::thread::spawn(move || {
                    start.wait();
                    open(&path)
                })
            })
            .collect();
        let stores: Vec<_> = openers.into_iter().map(|opener| opener.join().unwrap()).collect();
        assert!(won(stores[0].put(put("a", 1, Expect::Absent)).await));
        for store in &stores {
            assert!(store.get(&key("a")).await.unwrap().is_some());
        }
    }
}

// A file may not grow beyond 1 MiB: what a full disk does, for one process.
#[cfg(unix)]
#[tokio::test]
async fn on_a_full_disk_every_answer_is_honest() {
    let (_folder, path) = place();
    let mut child = spawn("fill", &path, "trap '' XFSZ; ulimit -f 2048;");
    let said: Vec<_> = lines(&mut child).collect();
    assert!(child.wait().unwrap().success());
    let store = open(&path);
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
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    assert!(won(store.put(put("room-again", 1, Expect::Absent)).await));
}

#[cfg(unix)]
#[tokio::test]
async fn the_umask_does_not_matter() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    let mut child = spawn("race", &path, "umask 000;");
    let mut orders = child.stdin.take().unwrap();
    let mut said = lines(&mut child);
    assert_eq!(said.next().as_deref(), Some("ready"));
    orders.write_all(b"a\n").unwrap();
    assert_eq!(said.next().as_deref(), Some("won"));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
    drop(orders);
    assert!(child.wait().unwrap().success());
}

// Locks. The bounds on time are those that the options name, with room for a busy machine.

const PATIENCE: Duration = Duration::from_millis(300);
const GENEROUS: Duration = Duration::from_secs(20);

fn impatient(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions { busy_timeout: PATIENCE, ..SqliteOptions::default() }).unwrap()
}

fn lock(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    other
}

#[tokio::test]
async fn a_lock_that_stays_fails_puts_in_time_and_no_gets() {
    let (_folder, path) = place();
    let store = Arc::new(impatient(&path));
    assert!(won(store.put(put("before", 1, Expect::Absent)).await));
    let other = lock(&path);
    let begun = Instant::now();
    let puts: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put(put(&number.to_string(), 1, Expect::Absent)).await })
        })
        .collect();
    assert!(store.get(&key("before")).await.unwrap().is_some());
    assert!(store.info().await.is_ok());
    for put in puts {
        match put.await.unwrap() {
            PutOutcome::NotApplied(StoreError::Unavailable(text)) => {
                assert!(text.contains("locked"), "{text}")
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((PATIENCE..GENEROUS).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    other.execute_batch("COMMIT").unwrap();
    assert!(won(store.put(put("0", 1, Expect::Absent)).await));
}

#[tokio::test]
async fn a_file_locked_for_good_is_not_opened() {
    let (_folder, path) = place();
    drop(open(&path));
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(GENEROUS).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT").unwrap();
    let begun = Instant::now();
    let refused =
        SqliteStore::open(&path, SqliteOptions { busy_timeout: PATIENCE, ..SqliteOptions::default() });
    assert!(matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("locked")), "{refused:?}");
    assert!(begun.elapsed() < GENEROUS);
    drop(other);
    open(&path);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (_folder, path) = place();
    let options = SqliteOptions { queue: 2, batch: 1, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(&path, options).unwrap());
    let other = lock(&path);
    let mut puts = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        puts.spawn(async move { store.put(put(&number.to_string(), 1, Expect::Absent)).await });
    }
    // One at most is with the writer and two wait; the others are answered while the lock is still held.
    for _ in 0..17 {
        match puts.join_next().await.unwrap().unwrap() {
            PutOutcome::NotApplied(StoreError::Unavailable(text)) => {
                assert!(text.contains("too many"), "{text}")
            }
            other => panic!("{other:?}"),
        }
    }
    other.execute_batch("COMMIT").unwrap();
    // The third was refused too if the writer had not taken the first yet.
    let applied =
        puts.join_all().await.into_iter().filter(|outcome| matches!(outcome, PutOutcome::Applied)).count();
    assert!(applied >= 2, "{applied}");
}

#[tokio::test]
async fn a_put_that_nobody_waits_for_is_whole_or_not() {
    let (_folder, path) = place();
    let store = open(&path);
    let other = lock(&path);
    for number in 0..10 {
        let put = store.put(put(&number.to_string(), 1, Expect::Absent));
        assert!(tokio::time::timeout(Duration::ZERO, put).await.is_err(), "the file is locked");
    }
    other.execute_batch("COMMIT").unwrap();
    assert!(won(store.put(put("after", 1, Expect::Absent)).await));
    for number in 0..10 {
        let id = number.to_string();
        let standing = store.get(&key(&id)).await.unwrap();
        let expect = standing.map_or(Expect::Absent, |stored| {
            assert_eq!(stored.version, Version::from_bytes([1; 16]));
            Expect::Version(stored.version)
        });
        assert!(won(store.put(put(&id, 2, expect)).await), "{id} changed after a later put was answered");
    }
}

#[tokio::test]
async fn what_is_queued_is_done_before_the_end() {
    let (_folder, path) = place();
    let store = Arc::new(open(&path));
    let other = lock(&path);
    let mut puts = tokio::task::JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        puts.spawn(async move { store.put(put(&number.to_string(), 1, Expect::Absent)).await });
    }
    // On this single thread they all queue before this task runs again.
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    drop(other);
    store.close().await.unwrap();
    for outcome in puts.join_all().await {
        assert!(won(outcome));
    }
    assert_eq!(std::fs::metadata(path.with_file_name("grantor.db-wal")).map_or(0, |log| log.len()), 0);
}
