//! Which files are opened, which are refused, and who may read them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::fs;
use std::path::{Path, PathBuf};

use grantor_core::record::{Expect, Kind, Put, RecordKey, Under, Version};
use grantor_store::{Durability, PutOutcome, Store, StoreError};
use grantor_store_sqlite::{SqliteDurability, SqliteOptions, SqliteStore};
use rusqlite::Connection;

/// A body that must show up in no message.
const SECRET: &str = r#"{"v":1,"secret":"hush"}"#;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn db(&self) -> PathBuf {
        self.folder.path().join("grantor.db")
    }

    fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.db(), SqliteOptions::default())
    }

    /// The message with which the file is refused; its bytes stay as they are.
    fn refusal(&self) -> String {
        let before = fs::read(self.db()).ok();
        match self.open() {
            Err(StoreError::Corrupt(text)) => {
                assert!(text.contains("grantor.db"), "{text}");
                assert!(!text.contains("hush"), "{text}");
                assert_eq!(fs::read(self.db()).ok(), before, "a refused file was changed");
                text
            }
            other => panic!("not refused as corrupt: {other:?}"),
        }
    }
}

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

fn put(id: &str) -> Put {
    let version = Version::from_bytes([7; 16]);
    Put { key: key(id), expect: Expect::Absent, version, body: SECRET.into(), keep_until: None }
}

/// A database with records, closed.
async fn filled(place: &Place, records: usize) {
    let store = place.open().unwrap();
    for number in 0..records {
        assert!(matches!(store.put(put(&number.to_string())).await, PutOutcome::Applied));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_schema_is_the_golden_one() {
    let place = Place::new();
    filled(&place, 0).await;
    let connection = Connection::open(place.db()).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let mut found =
        format!("application_id {:#x}\nuser_version {}\n", pragma("application_id"), pragma("user_version"));
    let mut schema = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
    for sql in schema.query_map((), |row| row.get::<_, String>(0)).unwrap() {
        found.push_str(&format!("{}\n", sql.unwrap()));
    }
    // What is released cannot be changed any more: a difference here means a new step in the schema, and a new golden file.
    assert_eq!(found, include_str!("golden/schema-v1.txt"));
}

#[tokio::test]
async fn acknowledged_records_are_there_after_reopening() {
    let place = Place::new();
    let store = place.open().unwrap();
    for number in 0..100 {
        assert!(matches!(store.put(put(&number.to_string())).await, PutOutcome::Applied));
    }
    // Not closed: what follows may rely on acknowledgements alone.
    let again = place.open().unwrap();
    for number in 0..100 {
        assert!(again.get(&key(&number.to_string())).await.unwrap().is_some());
    }
    drop(store);
    assert!(matches!(again.put(put("0")).await, PutOutcome::Conflict));
    again.close().await.unwrap();
    assert!(matches!(again.put(put("new")).await, PutOutcome::NotApplied(StoreError::Unavailable(_))));
    assert!(matches!(again.get(&key("0")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(again.list(&Under::Kind(Kind::Grant), None, 1).await, Err(StoreError::Unavailable(_))));
    assert!(again.close().await.is_err());
}

#[tokio::test]
async fn bodies_can_be_read_in_the_shell() {
    let place = Place::new();
    filled(&place, 1).await;
    let connection = Connection::open(place.db()).unwrap();
    let read: (String, String, String) = connection
        .query_row("SELECT kind, id, body ->> 'secret' FROM record", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(read, ("grant".into(), "0".into(), "hush".into()));
}

#[tokio::test]
async fn durability_is_told() {
    for (durability, told) in
        [(SqliteDurability::Full, Durability::PowerCut), (SqliteDurability::Relaxed, Durability::Process)]
    {
        let place = Place::new();
        let store =
            SqliteStore::open(place.db(), SqliteOptions { durability, ..SqliteOptions::default() }).unwrap();
        let info = store.info().await.unwrap();
        assert_eq!(info.durability, told);
        assert!(info.backend.starts_with("SQLite 3."), "{}", info.backend);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("made/too/grantor.db");
    let store = SqliteStore::open(&db, SqliteOptions::default()).unwrap();
    assert!(matches!(store.put(put("a")).await, PutOutcome::Applied));
    assert_eq!(mode(db.parent().unwrap()), 0o700);
    let mut files: Vec<_> =
        fs::read_dir(db.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["grantor.db", "grantor.db-shm", "grantor.db-wal"]);
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    // A restored backup has what mode it has.
    store.close().await.unwrap();
    drop(store);
    fs::set_permissions(&db, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = SqliteStore::open(&db, SqliteOptions::default()).unwrap();
    assert_eq!(mode(&db), 0o600);
}

#[tokio::test]
async fn what_is_not_ours_is_refused() {
    let place = Place::new();
    fs::write(place.db(), "").unwrap();
    assert!(place.refusal().contains("empty file"));
    fs::write(place.db(), "hush, this is a letter").unwrap();
    assert!(place.refusal().contains("not a SQLite database"));
    fs::write(place.db(), b"SQLite format 3\0").unwrap();
    assert!(place.refusal().contains("cut off"));
    fs::remove_file(place.db()).unwrap();

    let foreign = Connection::open(place.db()).unwrap();
    foreign.execute_batch("CREATE TABLE letters (hush TEXT)").unwrap();
    drop(foreign);
    assert!(place.refusal().contains("something else"));
    fs::remove_file(place.db()).unwrap();

    fs::write(place.folder.path().join("grantor.db-wal"), "frames").unwrap();
    assert!(place.refusal().contains("write-ahead log"));
}

#[tokio::test]
async fn a_changed_schema_is_refused() {
    for (change, message) in [
        ("PRAGMA user_version = 99", "newer grantor"),
        ("PRAGMA user_version = 0", "no schema version"),
        ("CREATE TABLE extra (x)", "`extra`"),
        ("CREATE TRIGGER t AFTER UPDATE ON record BEGIN DELETE FROM record; END", "`t`"),
        ("DROP INDEX record_key", "lacks `record_key`"),
        ("DROP INDEX record_key; CREATE INDEX record_key ON record (kind, id)", "`record_key`"),
        ("DROP TABLE record", "lacks `record`"),
    ] {
        let place = Place::new();
        filled(&place, 1).await;
        let connection = Connection::open(place.db()).unwrap();
        connection.execute_batch(change).unwrap();
        connection.close().unwrap();
        let text = place.refusal();
        assert!(text.contains(message), "{change}: {text}");
    }
    // What SQLite adds by itself is no change.
    let place = Place::new();
    filled(&place, 1).await;
    Connection::open(place.db()).unwrap().execute_batch("ANALYZE").unwrap();
    place.open().unwrap();
}

#[tokio::test]
async fn a_cut_file_is_refused() {
    let place = Place::new();
    filled(&place, 500).await;
    let whole = fs::read(place.db()).unwrap();
    for length in [50, 100, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(place.db(), &whole[..length]).unwrap();
        assert!(place.refusal().contains("cut off"), "{length} bytes");
    }
    fs::write(place.db(), &whole).unwrap();
    let store = place.open().unwrap();
    assert!(store.get(&key("499")).await.unwrap().is_some());
}

#[tokio::test]
async fn damage_is_found_by_reading_and_by_the_check() {
    let place = Place::new();
    filled(&place, 500).await;
    let store = place.open().unwrap();
    let report = store.check().await.unwrap();
    assert_eq!((report.records, report.problems), (500, vec![]));
    store.close().await.unwrap();
    drop(store);

    // Every page but the first, where the schema is.
    let mut bytes = fs::read(place.db()).unwrap();
    bytes[4096..].fill(0xaa);
    fs::write(place.db(), bytes).unwrap();
    let store = place.open().unwrap();
    for outcome in [
        store.get(&key("1")).await.map(|_| ()),
        store.list(&Under::Kind(Kind::Grant), None, 9).await.map(|_| ()),
    ] {
        let text = match outcome {
            Err(StoreError::Corrupt(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(text.contains("grantor.db") && text.contains("backup") && !text.contains("hush"), "{text}");
    }
    match store.put(put("new")).await {
        PutOutcome::NotApplied(StoreError::Corrupt(_)) => {}
        other => panic!("{other:?}"),
    }
    match store.check().await {
        Ok(report) => assert!(!report.problems.is_empty()),
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error}"),
    }
}

#[tokio::test]
async fn the_check_looks_at_every_record() {
    let place = Place::new();
    filled(&place, 3).await;
    let connection = Connection::open(place.db()).unwrap();
    connection
        .execute_batch(
            "UPDATE record SET kind = 'hush' WHERE id = '0'; UPDATE record SET version = x'00' WHERE id = '1';
             UPDATE record SET id = 'hu sh' WHERE id = '2'",
        )
        .unwrap();
    let store = place.open().unwrap();
    let report = store.check().await.unwrap();
    assert_eq!(report.records, 3);
    assert_eq!(report.problems.len(), 3, "{:?}", report.problems);
    assert!(report.problems.iter().all(|problem| !problem.contains("hu")), "{:?}", report.problems);
    assert!(matches!(store.get(&key("1")).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn a_backup_can_be_restored() {
    let place = Place::new();
    let store = place.open().unwrap();
    assert!(matches!(store.put(put("a")).await, PutOutcome::Applied));
    let backup = Place::new();
    let connection = Connection::open(place.db()).unwrap();
    connection.execute("VACUUM INTO ?1", [backup.db().to_str().unwrap()]).unwrap();
    let restored = backup.open().unwrap();
    assert!(restored.get(&key("a")).await.unwrap().is_some());
    assert!(matches!(restored.put(put("b")).await, PutOutcome::Applied));
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_moved_takes_no_writes() {
    let place = Place::new();
    let store = place.open().unwrap();
    assert!(matches!(store.put(put("a")).await, PutOutcome::Applied));
    let aside = place.folder.path().join("aside");
    fs::rename(place.db(), &aside).unwrap();
    assert!(matches!(store.put(put("b")).await, PutOutcome::NotApplied(StoreError::Corrupt(_))));
    assert!(matches!(store.info().await, Err(StoreError::Corrupt(_))));
    fs::rename(&aside, place.db()).unwrap();
    assert!(matches!(store.put(put("b")).await, PutOutcome::Applied));
    assert!(store.info().await.is_ok());
}

#[tokio::test]
async fn a_purge_of_many_steps_keeps_to_its_limit() {
    let place = Place::new();
    let store = place.open().unwrap();
    let over = grantor_core::Time::from_unix_millis(1);
    for number in 0..600 {
        let put = Put { keep_until: Some(over), ..put(&number.to_string()) };
        assert!(matches!(store.put(put).await, PutOutcome::Applied));
    }
    let now = grantor_core::Time::from_unix_millis(2);
    assert_eq!(store.purge(now, 550).await.unwrap(), 550);
    assert_eq!(store.list(&Under::Kind(Kind::Grant), None, 600).await.unwrap().keys.len(), 50);
    assert_eq!(store.purge(now, usize::MAX).await.unwrap(), 50);
}
