//! The store of another process against the contract that every store keeps, and what its end is told as.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version};
use grantor_store::{FaultLayer, MemoryStore, PutOutcome, Store, StoreError};
use grantor_store_sled::{SledOptions, SledStore};
use grantor_testkit::{Fresh, Trouble};
use tempfile::TempDir;
use tokio::net::UnixListener;

use super::wire::{self, Ask, Frame, Told};
use super::{Address, Checked, Host, NAME, RemoteStore};

struct Place {
    folder: TempDir,
    store: Arc<SledStore>,
    host: Mutex<Option<Host>>,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

async fn at(folder: TempDir) -> Fresh<Place> {
    let path = folder.path().join("store");
    let store = Arc::new(SledStore::open(&path, SledOptions::default()).unwrap());
    let host = Host::start(&path, store.clone()).unwrap();
    let remote = RemoteStore::join(&path).await.unwrap().expect("a server runs there");
    Fresh::at(Place { folder, store, host: Mutex::new(Some(host)) }, remote)
}

async fn fresh() -> Fresh<Place> {
    at(tempfile::tempdir().unwrap()).await
}

/// As after a restart of the server.
async fn reopen(old: Fresh<Place>) -> Fresh<Place> {
    let Place { folder, store, host } = old.place;
    drop(host);
    store.close().await.unwrap();
    drop(store);
    at(folder).await
}

/// The server is gone, with all that was under way.
async fn trouble(place: &Place, trouble: Trouble) {
    let host = match trouble {
        Trouble::Begins => None,
        Trouble::Ends => Some(Host::start(&place.path(), place.store.clone()).unwrap()),
    };
    *place.host.lock().unwrap_or_else(PoisonError::into_inner) = host;
    // What the old one had accepted ends with its task, which is at its next step.
    while place.store_is_served() {
        tokio::task::yield_now().await;
    }
}

impl Place {
    fn store_is_served(&self) -> bool {
        self.host.lock().unwrap().is_none() && Arc::strong_count(&self.store) > 1
    }
}

grantor_testkit::conformance!(fresh = fresh, reopen = reopen, trouble = trouble);

#[async_trait]
impl Checked for MemoryStore {
    async fn problems(&self) -> Result<Vec<String>, StoreError> {
        Ok(vec!["one".to_owned(), "another".to_owned()])
    }
}

#[async_trait]
impl Checked for FaultLayer<MemoryStore> {
    async fn problems(&self) -> Result<Vec<String>, StoreError> {
        Err(StoreError::Corrupt("all".to_owned()))
    }
}

fn put(id: &str, version: u8) -> Put {
    let (key, version) = (RecordKey::new(Kind::Grant, id, None), Version::from_bytes([version; 16]));
    Put { key, expect: Expect::Absent, version, body: vec![0, 255, 10], keep_until: None }
}

async fn joined(folder: &TempDir) -> RemoteStore {
    RemoteStore::join(folder.path()).await.unwrap().expect("a server runs there")
}

#[tokio::test]
async fn every_outcome_and_fault_keeps_its_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let layer = FaultLayer::new(MemoryStore::new());
    let faults = layer.faults();
    let _host = Host::start(folder.path(), Arc::new(layer)).unwrap();
    let store = joined(&folder).await;
    use grantor_store::Fault::{LoseAnswer, Refuse};
    faults.script_puts([None, None, Some(Refuse), Some(LoseAnswer)]);
    assert!(matches!(store.put(put("a", 1)).await, PutOutcome::Applied));
    assert!(matches!(store.put(put("a", 2)).await, PutOutcome::Conflict));
    assert!(matches!(store.put(put("b", 3)).await, PutOutcome::NotApplied(StoreError::Unavailable(_))));
    assert!(matches!(store.put(put("c", 4)).await, PutOutcome::Unknown(StoreError::TimedOut(_))));
    let key = put("c", 4).key;
    assert_eq!(store.get(&key).await.unwrap().unwrap().body, [0, 255, 10]);
    faults.script_gets([Some(Refuse), Some(LoseAnswer)]);
    assert!(
        matches!(store.get(&key).await, Err(StoreError::Unavailable(text)) if text == "an injected fault")
    );
    assert!(matches!(store.get(&key).await, Err(StoreError::TimedOut(_))));
    assert!(matches!(store.problems().await, Err(StoreError::Corrupt(text)) if text == "all"));
}

/// A server that takes one question and ends; with `whole`, it waits for all of it.
async fn dies_after(folder: &TempDir, whole: bool) {
    let listener = UnixListener::bind(folder.path().join(NAME)).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[wire::VERSION]).await.unwrap();
        if whole {
            tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
            let _: Frame<Ask> = wire::read(&mut stream).await.unwrap();
        }
    });
}

#[tokio::test]
async fn a_put_that_was_asked_and_not_answered_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    dies_after(&folder, true).await;
    let store = joined(&folder).await;
    assert!(matches!(store.put(put("a", 1)).await, PutOutcome::Unknown(StoreError::Unavailable(_))));
    // Nobody is there any more.
    assert!(matches!(store.put(put("a", 1)).await, PutOutcome::NotApplied(StoreError::Unavailable(_))));
    assert!(matches!(store.get(&put("a", 1).key).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn what_a_killed_server_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    dies_after(&folder, false).await;
    let _joined = RemoteStore::join(folder.path()).await;
    // Its socket lies there, and nobody listens.
    while !matches!(RemoteStore::join(folder.path()).await, Ok(None)) {
        tokio::task::yield_now().await;
    }
    let host = Host::start(folder.path(), Arc::new(MemoryStore::new())).unwrap();
    assert_eq!(joined(&folder).await.problems().await.unwrap(), ["one", "another"]);
    drop(host);
    assert!(!folder.path().join(NAME).exists());
    assert!(RemoteStore::join(folder.path()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_socket_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let _host = Host::start(folder.path(), Arc::new(MemoryStore::new())).unwrap();
    let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_may_lie_deep() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&deep).unwrap();
    assert!(Address::of(&deep).unwrap().path.as_os_str().len() < 100);
    let _host = Host::start(&deep, Arc::new(MemoryStore::new())).unwrap();
    let store = RemoteStore::join(&deep).await.unwrap().expect("a server runs there");
    assert!(matches!(store.put(put("a", 1)).await, PutOutcome::Applied));
}

#[tokio::test]
async fn another_version_is_told_and_garbage_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(NAME)).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &[wire::VERSION + 1]).await.unwrap();
        let _ = tokio::io::AsyncReadExt::read_u8(&mut stream).await;
    });
    match RemoteStore::join(folder.path()).await {
        Err(StoreError::Unavailable(text)) => assert!(text.contains("another version"), "{text}"),
        other => panic!("{other:?}"),
    }
    // A head that says it is longer than any is.
    let mut bytes: &[u8] = &[0xff; 64];
    assert!(wire::read::<Told<usize>>(&mut bytes).await.is_err());
    let mut bytes: &[u8] = b"\0\0\0\x02\0\0\0\0no";
    assert!(wire::read::<Told<usize>>(&mut bytes).await.is_err());
}
