//! A store in one file that only grows: of the lines about a key, the last one counts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use grantor_store::{Durability, Page, PutOutcome, Store, StoreError, StoreInfo};

pub(crate) struct LogStore(Mutex<Log>);

struct Log {
    file: File,
    records: BTreeMap<RecordKey, Stored>,
    failed: bool,
}

/// A key, and what stands there from this line on, if anything.
fn line(key: &RecordKey, stored: Option<&Stored>) -> String {
    let stored = stored.map(|stored| (stored.version.to_string(), stored.keep_until, &stored.body));
    format!("{}\n", serde_json::json!([key.kind().as_str(), key.id(), stored]))
}

fn parse(line: &str) -> Option<(RecordKey, Option<Stored>)> {
    type Line = (String, String, Option<(String, Option<Time>, Vec<u8>)>);
    let (kind, id, stored): Line = serde_json::from_str(line).ok()?;
    let key = RecordKey::from_stored(Kind::from_name(&kind)?, &id)?;
    let Some((version, keep_until, body)) = stored else { return Some((key, None)) };
    Some((key, Some(Stored { version: version.parse().ok()?, body, keep_until })))
}

fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

impl LogStore {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut file =
            File::options().read(true).append(true).create(true).open(path).map_err(unavailable)?;
        // Two writers would each compare with a map of their own.
        file.try_lock().map_err(unavailable)?;
        let (mut text, mut records) = (String::new(), BTreeMap::new());
        file.read_to_string(&mut text).map_err(unavailable)?;
        // A line without an end was cut short by a crash, so it was never acknowledged.
        let cut = text.rsplit('\n').next().map_or(0, str::len);
        file.set_len((text.len() - cut) as u64).map_err(unavailable)?;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match parse(line).ok_or_else(|| StoreError::Corrupt(path.display().to_string()))? {
                (key, Some(stored)) => drop(records.insert(key, stored)),
                (key, None) => drop(records.remove(&key)),
            }
        }
        Ok(Self(Mutex::new(Log { file, records, failed: false })))
    }

    fn log(&self) -> Result<MutexGuard<'_, Log>, StoreError> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.failed { Err(unavailable("a write failed; open it again")) } else { Ok(log) }
    }
}

impl Log {
    fn append(&mut self, lines: &str) -> Result<(), StoreError> {
        // After a failure nobody knows how the file ends, so not even a read may be answered from memory.
        self.failed = true;
        self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data()).map_err(unavailable)?;
        self.failed = false;
        Ok(())
    }

    fn put(&mut self, Put { key, expect, version, body, keep_until }: Put) -> PutOutcome {
        if self.records.get(&key).map_or(Expect::Absent, |stored| Expect::Version(stored.version)) != expect {
            return PutOutcome::Conflict;
        }
        let stored = Stored { version, body, keep_until };
        if let Err(e) = self.append(&line(&key, Some(&stored))) {
            return PutOutcome::Unknown(e);
        }
        self.records.insert(key, stored);
        PutOutcome::Applied
    }
}

#[async_trait]
impl Store for LogStore {
    async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.log()?.records.get(key).cloned())
    }

    async fn put(&self, put: Put) -> PutOutcome {
        self.log().map_or_else(PutOutcome::NotApplied, |mut log| log.put(put))
    }

    async fn list(&self, under: &Under, after: Option<&RecordKey>, limit: usize) -> Result<Page, StoreError> {
        let (log, prefix) = (self.log()?, under.prefix());
        let under = |key: &&RecordKey| key.kind() == under.kind() && key.id().starts_with(&prefix);
        let later = |key: &&RecordKey| after.is_none_or(|after| *key > after);
        let mut keys = log.records.keys().filter(under).filter(later);
        Ok(Page { keys: keys.by_ref().take(limit).cloned().collect(), more: keys.next().is_some() })
    }

    async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let mut log = self.log()?;
        let over = log.records.iter().filter(|(_, stored)| stored.keep_until.is_some_and(|at| at < before));
        let keys: Vec<_> = over.map(|(key, _)| key.clone()).take(limit).collect();
        log.append(&keys.iter().map(|key| line(key, None)).collect::<String>())?;
        log.records.retain(|key, _| keys.binary_search(key).is_err());
        Ok(keys.len())
    }

    async fn info(&self) -> Result<StoreInfo, StoreError> {
        let records = u64::try_from(self.log()?.records.len()).ok();
        Ok(StoreInfo { backend: "a log file".to_owned(), durability: Durability::PowerCut, records })
    }
}
