//! Makes a new store, or makes sure that a folder holds one of ours before sled is let near it: sled makes an empty
//! database wherever it finds none, or finds one that it cannot read from the start.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use grantor_store::StoreError;
use sled::{Config, Db};

use crate::error::{guarded, is_locked, store_error};
use crate::file::{self, Identity, StoreFolder, unavailable};
use crate::options::SledOptions;
use crate::schema::{self, FORMAT, FORMAT_KEY, FORMAT_NAME, Value};
use crate::shared::Trees;

/// What sled 0.34 writes into its `conf` for the settings that are used here, but for a checksum of four bytes.
const CONF: &str = "segment_size: 524288\nuse_compression: false\nversion: 0.34\n";

/// How long sled's own threads may hold its file after it was closed.
const LINGER: Duration = Duration::from_secs(5);

/// A store that is open.
pub(crate) struct Opened {
    pub(crate) folder: StoreFolder,
    pub(crate) identity: Identity,
    pub(crate) lock: File,
    pub(crate) trees: Trees,
    pub(crate) records: u64,
}

/// The store in the folder at `path`, made or checked.
pub(crate) fn prepare(path: &Path, options: &SledOptions) -> Result<Opened, StoreError> {
    if !path.try_exists().map_err(|e| unavailable(path, "look at", &e))? {
        file::make_folder(path)?;
    }
    let folder = StoreFolder::at(path.canonicalize().map_err(|e| unavailable(path, "find", &e))?);
    refuse_foreign(&folder)?;
    let lock = lock(&folder)?;
    let format = check_format(&folder)?;
    if format.is_none() && !exists(&folder.records())? {
        create(&folder, options)?;
    }
    let closed = check_shape(&folder)?;
    folder.make_private()?;
    let (trees, records) = match open_records(&folder, options) {
        // Left by one that was killed, on a disk that is full since.
        Err(StoreError::Unavailable(_)) if folder.spend_reserve() => open_records(&folder, options)?,
        opened @ (Ok(_) | Err(_)) => opened?,
    };
    if let Some(Closed { records: expected, .. }) = closed
        && expected != records
    {
        return Err(corrupt(&folder, &format!("holds {records} records where {expected} were")));
    }
    if format.is_none() {
        folder.write(&folder.format(), &format!("{FORMAT}\n"))?;
    }
    if closed.is_some() {
        // Before any write, or it would call the next state damaged.
        fs::remove_file(folder.closed()).map_err(|e| unavailable(&folder.closed(), "remove", &e))?;
        folder.flush_names()?;
    }
    // Without it, what can be read on a full disk is left to chance; nothing else is.
    let _kept = folder.keep_reserve();
    folder.make_private()?;
    let identity = folder.identity()?;
    Ok(Opened { folder, identity, lock, trees, records })
}

/// The store in a folder that this process has locked, after it was closed because a write failed.
pub(crate) fn again(folder: &StoreFolder, options: &SledOptions) -> Result<(Trees, u64), StoreError> {
    if !wait_for_sled(&folder.log()) {
        return Err(in_use(folder.path()));
    }
    check_shape(folder)?;
    let opened = open_records(folder, options)?;
    folder.make_private()?;
    Ok(opened)
}

fn open_records(folder: &StoreFolder, options: &SledOptions) -> Result<(Trees, u64), StoreError> {
    let db = open_sled(&folder.records(), options)?;
    let trees = check_trees(folder, db)?;
    let records = read_all(folder, &trees)?;
    Ok((trees, records))
}

/// What a close in good order leaves behind, so that the next open finds out what was lost since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

impl Closed {
    pub(crate) fn to_text(self) -> String {
        format!("records {}\nbytes {}\n", self.records, self.bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut number = |name: &str| lines.next()?.strip_prefix(name)?.trim().parse().ok();
        Some(Self { records: number("records ")?, bytes: number("bytes ")? })
    }
}

/// Waits until none of sled's threads has the log open any more. Says whether that came to pass.
pub(crate) fn wait_for_sled(log: &Path) -> bool {
    let begun = Instant::now();
    loop {
        // sled's lock is one on the open file, and ends with the last thread that has it.
        match File::open(log).map(|file| file.try_lock()) {
            Ok(Ok(())) => return true,
            Ok(Err(TryLockError::WouldBlock)) if begun.elapsed() < LINGER => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Err(_)) | Err(_) => return false,
        }
    }
}

fn corrupt(folder: &StoreFolder, what: &str) -> StoreError {
    StoreError::Corrupt(format!("{} {what}; restore a backup", folder.path().display()))
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|e| unavailable(path, "look at", &e))
}

/// A folder that has anything in it, and nothing that a store has, is somebody else's. Nothing in it is changed.
fn refuse_foreign(folder: &StoreFolder) -> Result<(), StoreError> {
    if exists(&folder.format())? || exists(&folder.records())? {
        return Ok(());
    }
    let names = fs::read_dir(folder.path()).map_err(|e| unavailable(folder.path(), "read", &e))?;
    for name in names {
        let name = name.map_err(|e| unavailable(folder.path(), "read", &e))?.file_name();
        // Of a first start that was cut short, or of the file system itself.
        let known = ["lock", "records.new", "format.new", "room.new", "lost+found"]
            .iter()
            .any(|known| name == *known);
        if !known {
            return Err(StoreError::Corrupt(format!(
                "{} holds `{}` and no store of grantor's; point the store at another folder, or at an empty one",
                folder.path().display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(())
}

fn lock(folder: &StoreFolder) -> Result<File, StoreError> {
    let file = file::private_file(&folder.lock()).map_err(|e| unavailable(&folder.lock(), "open", &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(in_use(folder.path())),
        Err(TryLockError::Error(e)) => Err(unavailable(&folder.lock(), "lock", &e)),
    }
}

fn in_use(folder: &Path) -> StoreError {
    StoreError::Unavailable(format!(
        "{} is in use: a sled folder is open in one process at a time, so stop the other one, or work through it",
        folder.display()
    ))
}

/// What `format` says; `None` if there is no such file.
fn check_format(folder: &StoreFolder) -> Result<Option<()>, StoreError> {
    let Some(text) = file::read(&folder.format())? else { return Ok(None) };
    if text.trim_end() != FORMAT {
        let known = text.starts_with(FORMAT_NAME);
        return Err(StoreError::Corrupt(format!(
            "{} {}",
            folder.format().display(),
            if known {
                "is of another version of grantor; run that version, or restore a backup made by this one"
            } else {
                "is not as grantor wrote it; restore a backup, or point the store at another folder"
            }
        )));
    }
    if !exists(&folder.records())? {
        return Err(corrupt(folder, "has lost its folder `records`"));
    }
    Ok(Some(()))
}

/// Makes a whole database under another name and then gives it its own, so that nobody ever finds half of one.
fn create(folder: &StoreFolder, options: &SledOptions) -> Result<(), StoreError> {
    folder.make_private()?;
    let draft = folder.draft();
    if exists(&draft)? {
        fs::remove_dir_all(&draft).map_err(|e| unavailable(&draft, "remove", &e))?;
    }
    file::make_folder(&draft)?;
    let db = open_sled(&draft, options)?;
    guarded(move || {
        db.open_tree(schema::RECORDS)?;
        db.open_tree(schema::KEEP_UNTIL)?;
        db.insert(FORMAT_KEY, FORMAT)?;
        db.flush()
    })
    .map_err(|e| store_error(&draft, "write", &e))?;
    if !wait_for_sled(&draft.join("db")) {
        return Err(in_use(&draft));
    }
    fs::rename(&draft, folder.records()).map_err(|e| unavailable(&draft, "rename", &e))?;
    folder.flush_names()
}

/// Sees what can be seen without sled.
fn check_shape(folder: &StoreFolder) -> Result<Option<Closed>, StoreError> {
    let length = fs::metadata(folder.log()).map_or(0, |metadata| metadata.len());
    if length == 0 {
        return Err(corrupt(folder, "has lost its log `records/db`, or what was in it"));
    }
    let conf = file::read(&folder.records().join("conf"))?.unwrap_or_default();
    if !conf.starts_with(CONF) {
        return Err(corrupt(folder, "has a `records/conf` that is not what sled 0.34 wrote"));
    }
    let Some(text) = file::read(&folder.closed())? else { return Ok(None) };
    let closed = Closed::parse(&text).ok_or_else(|| corrupt(folder, "has a `closed` that is damaged"))?;
    if length < closed.bytes {
        return Err(corrupt(
            folder,
            &format!("is cut off: `records/db` has {length} bytes of {}", closed.bytes),
        ));
    }
    Ok(Some(closed))
}

fn open_sled(path: &Path, options: &SledOptions) -> Result<Db, StoreError> {
    let begun = Instant::now();
    loop {
        match guarded(|| Config::new().path(path).cache_capacity(options.cache).open()) {
            Ok(db) => return Ok(db),
            // This process has the folder's own lock, so it is the threads of a store that was just closed.
            Err(e) if is_locked(&e) && begun.elapsed() < LINGER => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(e) if is_locked(&e) => return Err(in_use(path)),
            Err(e) => return Err(store_error(path, "open", &e)),
        }
    }
}

/// Refuses a database that is not as we made it. sled opens what it cannot read as an empty one.
fn check_trees(folder: &StoreFolder, db: Db) -> Result<Trees, StoreError> {
    let names = db.tree_names();
    for expected in [schema::RECORDS, schema::KEEP_UNTIL] {
        if !names.iter().any(|name| name == expected.as_bytes()) {
            return Err(corrupt(folder, &format!("lacks `{expected}`")));
        }
    }
    let read = || {
        let mark = db.get(FORMAT_KEY)?;
        Ok((mark, db.open_tree(schema::RECORDS)?, db.open_tree(schema::KEEP_UNTIL)?))
    };
    let (mark, records, keep_until) = guarded(read).map_err(|e| store_error(folder.path(), "read", &e))?;
    if mark.as_deref() != Some(FORMAT.as_bytes()) {
        return Err(corrupt(folder, "has lost its mark, and perhaps more"));
    }
    Ok(Trees { db, records, keep_until })
}

/// Reads every record and every entry of the index: sled finds damage only where it reads.
fn read_all(folder: &StoreFolder, trees: &Trees) -> Result<u64, StoreError> {
    let read = || {
        let (mut records, mut sound) = (0, true);
        for record in trees.records.iter() {
            let (key, value) = record?;
            sound &= schema::parse_key(&key).is_some() && Value::parse(&value).is_some();
            records += 1;
        }
        for entry in trees.keep_until.iter().keys() {
            sound &= schema::parse_index_key(&entry?).is_some();
        }
        Ok((records, sound))
    };
    match guarded(read).map_err(|e| store_error(folder.path(), "read", &e))? {
        (records, true) => Ok(records),
        (_, false) => Err(corrupt(folder, "holds a record that is not as grantor wrote it")),
    }
}
