//! Makes a new database, or makes sure that a file is one of ours before anything is written to it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use grantor_store::StoreError;
use rusqlite::Connection;

use crate::error::store_error;
use crate::file::{self, DatabaseFile, beside, unavailable};
use crate::options::SqliteOptions;
use crate::schema;

const HEADER: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The database at `path`, made or checked.
pub(crate) fn prepare(path: &Path, options: &SqliteOptions) -> Result<DatabaseFile, StoreError> {
    let path = resolve(path)?;
    if !exists(&path)? {
        refuse_orphaned_log(&path)?;
        create(&path, options)?;
    }
    check_shape(&path)?;
    for companion in ["", "-wal", "-shm"] {
        file::make_private(&beside(&path, companion))?;
    }
    let file = DatabaseFile::at(path)?;
    let mut connection = file.connect(options)?;
    check_schema(file.path(), &mut connection, schema::STEPS)?;
    use_log(file.path(), &connection)?;
    Ok(file)
}

/// The absolute path with links resolved, which is where SQLite puts the companion files.
fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let name = path.file_name().ok_or_else(|| {
        StoreError::Unavailable(format!("{} is not the name of a database file", path.display()))
    })?;
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file::make_folder(folder)?;
    let folder = folder.canonicalize().map_err(|e| unavailable(folder, "find", &e))?;
    Ok(folder.join(name))
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|e| unavailable(path, "look at", &e))
}

/// A log without its database: to begin anew beside it would destroy what it holds.
fn refuse_orphaned_log(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    // Asked in this order, since another process may be making the database at this moment.
    if exists(&log)? && !exists(path)? {
        return Err(StoreError::Corrupt(format!(
            "{} is missing but its write-ahead log {} is there; put the database back beside it, or restore a backup \
             and move the log away",
            path.display(),
            log.display()
        )));
    }
    Ok(())
}

/// Makes a whole database under another name and then gives it its own, so that nobody ever finds half of one, and of
/// two processes that begin at once one makes it and the other uses it.
fn create(path: &Path, options: &SqliteOptions) -> Result<(), StoreError> {
    let draft = Draft(beside(path, &format!(".new-{}-{}", std::process::id(), draft_number())));
    let new = OpenOptions::new().write(true).create_new(true).open(&draft.0);
    new.map_err(|e| unavailable(&draft.0, "create", &e))?;
    file::make_private(&draft.0)?;
    let build = || {
        let mut connection = Connection::open(&draft.0)?;
        connection.busy_timeout(options.busy_timeout)?;
        schema::migrate(&mut connection, schema::STEPS)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.close().map_err(|(_, e)| e)
    };
    build().map_err(|e| store_error(&draft.0, "write", &e))?;
    let flush = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    flush(&draft.0).map_err(|e| unavailable(&draft.0, "flush", &e))?;
    match fs::hard_link(&draft.0, path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(unavailable(path, "create", &e)),
        Ok(()) | Err(_) => {}
    }
    // The name must survive a power cut as much as what lies under it.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        flush(folder).map_err(|e| unavailable(folder, "flush", &e))?;
    }
    Ok(())
}

fn draft_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A file that is removed in any case.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        for companion in ["", "-wal", "-shm", "-journal"] {
            // Most do not exist. A draft that stays behind is a small file nobody reads.
            let _ignored = fs::remove_file(beside(&self.0, companion));
        }
    }
}

/// Sees what can be seen without SQLite, which would take an empty file for a new database, and would not miss the end of a
/// file that has a log. Costs one read.
fn check_shape(path: &Path) -> Result<(), StoreError> {
    // A checkpoint of another process may move things between two looks; damage is there at the second look, too.
    look(path)?.or_else(|_| look(path)?)
}

fn look(path: &Path) -> Result<Result<(), StoreError>, StoreError> {
    let corrupt = |what: &str| Ok(Err(StoreError::Corrupt(format!("{} {what}", path.display()))));
    let io = |e| unavailable(path, "read", &e);
    let log = fs::metadata(beside(path, "-wal")).map_or(0, |metadata| metadata.len());
    let mut file = File::open(path).map_err(io)?;
    let mut header = Vec::with_capacity(HEADER);
    file.by_ref().take(HEADER as u64).read_to_end(&mut header).map_err(io)?;
    if header.is_empty() {
        return corrupt(
            "is an empty file where a database is expected; restore a backup, or remove it (and any -wal and -shm file \
             beside it) to begin with an empty store",
        );
    }
    if !header.starts_with(MAGIC) {
        return corrupt("is not a SQLite database; point the store at another file");
    }
    let number = |at: usize| header.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    let page = header.get(16..18).and_then(|b| b.try_into().ok()).map(u16::from_be_bytes);
    let (Some(page), Some(pages), Some(changes), Some(valid_for)) =
        (page, number(28), number(24), number(92))
    else {
        return corrupt("is cut off within its header; restore a backup");
    };
    // Read here, so that a foreign database is never opened: that alone can change one.
    let mark = number(68).unwrap_or(0);
    if mark != schema::APPLICATION_ID.cast_unsigned() {
        return corrupt(&format!(
            "is a SQLite database of something else (application id {mark}); point the store at another file"
        ));
    }
    // As the format has it, 1 stands for 65,536, and the page count is void if it is not of the last change.
    let page = if page == 1 { 65_536 } else { u64::from(page) };
    let expected = if changes == valid_for { u64::from(pages) * page } else { 0 };
    let length = file.metadata().map_err(io)?.len();
    // Pages that the file lacks may still be in the log, if it is long enough to hold them.
    if length + log < expected {
        return corrupt(&format!("is cut off: {length} bytes of {expected}; restore a backup"));
    }
    Ok(Ok(()))
}

/// Refuses a database that is ahead of us or not as we made it, and upgrades one that is behind.
fn check_schema(path: &Path, connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| store_error(path, "read", &e);
    let corrupt = |what: String| Err(StoreError::Corrupt(format!("{} {what}", path.display())));
    let version: i32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let newest = schema::version_of(steps);
    if version > newest {
        return corrupt(format!(
            "was written by a newer grantor (schema {version}, this one knows {newest}); run that version, or restore \
             a backup made before the upgrade"
        ));
    }
    if version < 1 {
        return corrupt(format!("has no schema version that ever was ({version}); restore a backup"));
    }
    if version < newest {
        schema::migrate(connection, steps).map_err(|e| store_error(path, "upgrade", &e))?;
    }
    let (found, expected) =
        (schema::dump(connection).map_err(failed)?, schema::expected(steps).map_err(failed)?);
    if let Some((name, _)) = found.iter().find(|item| !expected.contains(item)) {
        return corrupt(format!(
            "holds `{name}`, which is not grantor's, or not as grantor made it; remove it"
        ));
    }
    if let Some((name, _)) = expected.iter().find(|item| !found.contains(item)) {
        return corrupt(format!("lacks `{name}`; restore a backup"));
    }
    Ok(())
}

/// A copy made with `VACUUM INTO` comes without the log that readers and the writer need to work side by side.
fn use_log(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(|e| store_error(path, "open", &e))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "{} lies where SQLite cannot share memory between processes; it needs a local file system",
        path.display()
    )))
}
