//! Which folders are opened, which are refused, and what is in them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the helpers of tests are as much test, outside a test function"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{Durability, PutOutcome, Store, StoreError};
use grantor_store_sled::{SledOptions, SledStore};

/// A body that must show up in no message.
const SECRET: &str = r#"{"v":1,"secret":"hush"}"#;

struct Place {
    parent: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { parent: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.parent.path().join("store")
    }

    fn log(&self) -> PathBuf {
        self.folder().join("records").join("db")
    }

    fn open(&self) -> Result<SledStore, StoreError> {
        SledStore::open(self.folder(), SledOptions::default())
    }

    /// The message with which the folder is refused as damaged or not ours.
    fn refusal(&self) -> String {
        match self.open() {
            Err(StoreError::Corrupt(text)) => {
                assert!(text.contains("store"), "{text}");
                assert!(!text.contains("hush"), "{text}");
                text
            }
            other => panic!("not refused as corrupt: {other:?}"),
        }
    }

    /// As [`Place::refusal`], and no file that was there is another afterwards.
    fn refusal_untouched(&self) -> String {
        let before = files(&self.folder());
        let text = self.refusal();
        for (path, bytes) in before {
            assert!(fs::read(&path).unwrap() == bytes, "{path:?} was changed by an open that was refused");
        }
        text
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn key(id: &str) -> RecordKey {
    RecordKey::new(Kind::Grant, id, None)
}

fn put(id: &str) -> Put {
    let version = Version::from_bytes([7; 16]);
    Put { key: key(id), expect: Expect::Absent, version, body: SECRET.into(), keep_until: None }
}

/// Another place with the same files.
fn copy_of(place: &Place) -> Place {
    let copy = Place::new();
    for (path, bytes) in files(&place.folder()) {
        let to = copy.folder().join(path.strip_prefix(place.folder()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    copy
}

/// A store with records, closed.
async fn filled(records: usize) -> Place {
    let place = Place::new();
    let store = place.open().unwrap();
    for number in 0..records {
        assert!(matches!(store.put(put(&number.to_string())).await, PutOutcome::Applied));
    }
    store.close().await.unwrap();
    place
}

#[tokio::test]
async fn what_lies_on_disk_is_the_golden_thing() {
    let place = Place::new();
    let store = place.open().unwrap();
    let keep = |millis| Some(Time::from_unix_millis(millis));
    let first = put("a");
    let slot = RecordKey::new(Kind::SubjectGrant, "é", Some("b"));
    let puts = [
        first.clone(),
        Put { keep_until: keep(1), expect: Expect::Version(first.version), ..first },
        Put { keep_until: keep(-1), key: slot, ..put("") },
        Put { keep_until: keep(5), ..put("gone") },
        Put { keep_until: keep(6), expect: Expect::Version(Version::from_bytes([7; 16])), ..put("gone") },
        Put { body: Vec::new(), ..put("z") },
    ];
    for put in puts {
        assert!(matches!(store.put(put).await, PutOutcome::Applied));
    }
    store.close().await.unwrap();

    let mut found = String::new();
    for (path, bytes) in files(&place.folder()) {
        let name = path.strip_prefix(place.folder()).unwrap().to_str().unwrap();
        match name {
            "format" => write!(found, "file {name}\n{}", String::from_utf8_lossy(&bytes)).unwrap(),
            "closed" => {
                let text = String::from_utf8(bytes).unwrap();
                let length = fs::metadata(place.log()).unwrap().len();
                assert_eq!(text, format!("records 4\nbytes {length}\n"));
                writeln!(found, "file {name}").unwrap();
            }
            _ if name.starts_with("records/snap.") => {}
            _ => writeln!(found, "file {name}").unwrap(),
        }
    }
    let db = sled::open(place.folder().join("records")).unwrap();
    let mut names = db.tree_names();
    names.sort_unstable();
    for name in names {
        writeln!(found, "tree {}", name.escape_ascii()).unwrap();
        for entry in db.open_tree(&name).unwrap().iter() {
            let (key, value) = entry.unwrap();
            writeln!(found, "  {} = {}", key.escape_ascii(), value.escape_ascii()).unwrap();
        }
    }
    // What is released cannot be changed any more: a difference here means a new format, and a new golden file.
    assert_eq!(found, include_str!("golden/format-1.txt"));
}

#[tokio::test]
async fn acknowledged_records_are_there_after_reopening() {
    let place = filled(100).await;
    for _ in 0..3 {
        let store = place.open().unwrap();
        for number in 0..100 {
            let stored = store.get(&key(&number.to_string())).await.unwrap().unwrap();
            assert_eq!(stored.body, SECRET.as_bytes());
        }
        assert!(matches!(store.put(put("0")).await, PutOutcome::Conflict));
        assert_eq!(store.info().await.unwrap().records, Some(100));
        assert_eq!(store.check().await.unwrap().records, 100);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn durability_is_told() {
    let place = Place::new();
    let info = place.open().unwrap().info().await.unwrap();
    assert_eq!(info.durability, Durability::Process);
    assert!(info.backend.starts_with("sled 0.34"), "{}", info.backend);
}

#[tokio::test]
async fn an_empty_folder_begins_empty_and_a_foreign_one_is_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.folder().join("lost+found")).unwrap();
    place.open().unwrap().close().await.unwrap();

    let place = Place::new();
    fs::create_dir(place.folder()).unwrap();
    fs::write(place.folder().join("photo.jpg"), "x").unwrap();
    assert!(place.refusal_untouched().contains("holds `photo.jpg`"));
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 1);

    // A sled database of something else.
    let place = Place::new();
    drop(sled::open(place.folder()).unwrap());
    assert!(place.refusal_untouched().contains("no store of grantor's"));

    let place = Place::new();
    fs::write(place.folder(), "x").unwrap();
    assert!(place.open().is_err());
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_begun_again() {
    let place = filled(0).await;
    // Before the database had its name.
    fs::rename(place.folder().join("records"), place.folder().join("records.new")).unwrap();
    fs::remove_file(place.folder().join("format")).unwrap();
    fs::remove_file(place.folder().join("closed")).unwrap();
    place.open().unwrap().close().await.unwrap();
    // After it had it, before the mark beside it was written.
    fs::remove_file(place.folder().join("format")).unwrap();
    place.open().unwrap().close().await.unwrap();
    assert!(place.folder().join("format").exists());
}

#[tokio::test]
async fn what_has_lost_its_data_does_not_begin_empty() {
    let place = filled(50).await;
    fs::remove_dir_all(place.folder().join("records")).unwrap();
    assert!(place.refusal_untouched().contains("has lost its folder"));

    let place = filled(50).await;
    fs::remove_file(place.log()).unwrap();
    assert!(place.refusal_untouched().contains("has lost its log"));

    let place = filled(50).await;
    fs::write(place.log(), "").unwrap();
    assert!(place.refusal_untouched().contains("has lost its log"));

    // An empty database of sled's own making, with nothing to say how it was closed.
    let place = filled(50).await;
    fs::remove_dir_all(place.folder().join("records")).unwrap();
    fs::remove_file(place.folder().join("closed")).unwrap();
    drop(sled::open(place.folder().join("records")).unwrap());
    assert!(place.refusal().contains("lacks `records`"));
}

#[tokio::test]
async fn other_formats_are_refused() {
    for (text, said) in
        [("grantor-store-sled 2\n", "another version of grantor"), ("something", "not as grantor wrote it")]
    {
        let place = filled(1).await;
        fs::write(place.folder().join("format"), text).unwrap();
        assert!(place.refusal_untouched().contains(said));
    }
    let place = filled(1).await;
    fs::write(place.folder().join("records").join("conf"), "version: 1.0\n").unwrap();
    assert!(place.refusal_untouched().contains("conf"));
    let place = filled(1).await;
    fs::write(place.folder().join("closed"), "rec").unwrap();
    assert!(place.refusal_untouched().contains("`closed`"));
}

#[tokio::test]
async fn records_of_others_are_refused() {
    for (tree, key, value) in [("records", "nonsense", "x"), ("records", "grant/a", "short")] {
        let place = filled(1).await;
        fs::remove_file(place.folder().join("closed")).unwrap();
        let db = sled::open(place.folder().join("records")).unwrap();
        db.open_tree(tree).unwrap().insert(key, value).unwrap();
        drop(db);
        assert!(place.refusal().contains("not as grantor wrote it"));
    }
}

#[tokio::test]
async fn a_log_that_was_cut_off_is_refused() {
    let whole = filled(3_000).await;
    let length = fs::metadata(whole.log()).unwrap().len();
    for keep in [1, 20, 4_096, length / 2, length - 1] {
        let place = copy_of(&whole);
        fs::OpenOptions::new().write(true).open(place.log()).unwrap().set_len(keep).unwrap();
        assert!(place.refusal_untouched().contains("is cut off"), "{keep} of {length}");
        // Of one that was not closed in good order sled takes the end for one that a crash tore; what was lost is then
        // found out, or, if it was the end alone, not. It does not begin empty.
        fs::remove_file(place.folder().join("closed")).unwrap();
        if let Ok(store) = place.open() {
            assert!(store.info().await.unwrap().records > Some(0), "{keep} of {length}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_loses_nothing_unseen() {
    let whole = filled(3_000).await;
    let length = usize::try_from(fs::metadata(whole.log()).unwrap().len()).unwrap();
    let mut refused = 0;
    for part in 0..48 {
        let place = copy_of(&whole);
        let mut bytes = fs::read(place.log()).unwrap();
        let at = (part * length / 48 + part * 7_919).min(bytes.len() - 1);
        bytes[at] ^= 0x10;
        fs::write(place.log(), bytes).unwrap();
        match place.open() {
            Err(StoreError::Corrupt(text)) => {
                assert!(!text.contains("hush"), "{text}");
                refused += 1;
            }
            // Where the bit is of no account any more: the log holds what was written over, too.
            Ok(store) => {
                assert_eq!(store.info().await.unwrap().records, Some(3_000), "byte {at}");
                for number in 0..3_000 {
                    let stored = store.get(&key(&number.to_string())).await.unwrap().unwrap();
                    assert_eq!(stored.body, SECRET.as_bytes(), "byte {at}");
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "no flipped bit was noticed");
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_replaced_under_an_open_store_takes_no_writes() {
    let place = Place::new();
    let store = place.open().unwrap();
    assert!(matches!(store.put(put("a")).await, PutOutcome::Applied));
    let away = place.folder().join("away");
    fs::rename(place.log(), &away).unwrap();
    match store.put(put("b")).await {
        PutOutcome::NotApplied(StoreError::Corrupt(text)) => {
            assert!(text.contains("deleted or replaced"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert!(store.info().await.is_err());
    fs::rename(&away, place.log()).unwrap();
    assert!(matches!(store.put(put("b")).await, PutOutcome::Applied));
    store.close().await.unwrap();
    assert_eq!(place.open().unwrap().info().await.unwrap().records, Some(2));
}

#[tokio::test]
async fn a_copy_of_a_stopped_store_is_a_backup() {
    let place = filled(200).await;
    let copy = copy_of(&place);
    let store = copy.open().unwrap();
    assert_eq!(store.info().await.unwrap().records, Some(200));
    assert!(store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_check_names_a_record_that_no_purge_will_find() {
    let place = Place::new();
    let store = place.open().unwrap();
    let kept = Put { keep_until: Some(Time::from_unix_millis(1)), ..put("a") };
    assert!(matches!(store.put(kept).await, PutOutcome::Applied));
    store.close().await.unwrap();
    let db = sled::open(place.folder().join("records")).unwrap();
    db.open_tree("keep-until").unwrap().clear().unwrap();
    drop(db);
    let store = place.open().unwrap();
    let report = store.check().await.unwrap();
    assert_eq!(report.records, 1);
    assert_eq!(report.problems, ["record 1: no purge will find it: it has no entry in the index"]);
}

#[tokio::test]
async fn an_entry_left_in_vain_removes_nothing_early() {
    let place = Place::new();
    let store = place.open().unwrap();
    for (id, at) in [("a", Some(9)), ("b", None)] {
        let kept = Put { keep_until: at.map(Time::from_unix_millis), ..put(id) };
        assert!(matches!(store.put(kept).await, PutOutcome::Applied));
    }
    store.close().await.unwrap();
    // As a crash between the entry and the record leaves it.
    let db = sled::open(place.folder().join("records")).unwrap();
    let index = db.open_tree("keep-until").unwrap();
    for key in ["grant/a", "grant/b", "grant/never"] {
        index.insert([&(1_i64 ^ i64::MIN).to_be_bytes(), key.as_bytes()].concat(), &[]).unwrap();
    }
    drop((index, db));
    let store = place.open().unwrap();
    assert_eq!(store.purge(Time::from_unix_millis(5), 1).await.unwrap(), 0);
    assert_eq!(store.info().await.unwrap().records, Some(2));
    assert_eq!(store.purge(Time::from_unix_millis(10), 1).await.unwrap(), 1);
    assert!(store.get(&key("a")).await.unwrap().is_none() && store.get(&key("b")).await.unwrap().is_some());
}
