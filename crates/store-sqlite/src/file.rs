//! The file on disk: its name, its companions, who may read it, and whether it is still the one that was opened.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use grantor_store::StoreError;
use rusqlite::{Connection, OpenFlags};

use crate::error::store_error;
use crate::options::{SqliteDurability, SqliteOptions};

/// A database file that exists.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
}

impl DatabaseFile {
    /// The file at `path`, which is absolute and free of links.
    pub(crate) fn at(path: PathBuf) -> Result<Self, StoreError> {
        let identity = identity(&path).map_err(|e| unavailable(&path, "look at", &e))?;
        Ok(Self { path, identity })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to this file. One that was deleted or replaced goes on taking writes that nobody
    /// will find again, so they must not be acknowledged.
    ///
    /// # Errors
    /// `Corrupt` if not. Costs one `stat`.
    pub(crate) fn still_there(&self) -> Result<(), StoreError> {
        match identity(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            Ok(_) | Err(_) => Err(self.moved()),
        }
    }

    /// What [`DatabaseFile::still_there`] says if it is not.
    pub(crate) fn moved(&self) -> StoreError {
        StoreError::Corrupt(format!(
            "{} was deleted or replaced while it was open; put it back, or restart the server on the new file",
            self.path.display()
        ))
    }

    /// One more connection, which never creates a file.
    pub(crate) fn connect(&self, options: &SqliteOptions) -> Result<Connection, StoreError> {
        self.connect_raw(options).map_err(|e| store_error(&self.path, "open", &e))
    }

    fn connect_raw(&self, options: &SqliteOptions) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(options.busy_timeout)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // Finds a damaged page when it is read, at little cost, instead of misreading it.
        connection.pragma_update(None, "cell_size_check", true)?;
        let synchronous = match options.durability {
            SqliteDurability::Full => "FULL",
            SqliteDurability::Relaxed => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.set_prepared_statement_cache_capacity(8);
        Ok(connection)
    }

    /// A connection that cannot write.
    pub(crate) fn connect_to_read(
        &self,
        options: &SqliteOptions,
        wait: Duration,
    ) -> Result<Connection, StoreError> {
        let connect = || {
            let connection = self.connect_raw(options)?;
            connection.busy_timeout(wait)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        connect().map_err(|e| store_error(&self.path, "open", &e))
    }
}

/// A companion of the database: `-wal` or `-shm`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A failed look at a file, as a fault.
pub(crate) fn unavailable(path: &Path, doing: &str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {doing} {}: {error}", path.display()))
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

// Elsewhere an open file can be neither deleted nor replaced.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    fs::metadata(path).map(|_| ())
}

/// Lets only the owner read and write a file, if it exists. SQLite gives its companion files the mode of the database.
pub(crate) fn make_private(path: &Path) -> Result<(), StoreError> {
    match set_mode(path, 0o600) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(unavailable(path, "make private (mode 0600)", &e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes a folder, with those above it, that only the owner may enter, unless it exists.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)
        .and_then(|()| set_mode(path, 0o700))
        .map_err(|e| unavailable(path, "make the folder", &e))
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let present = fs::metadata(path)?.permissions();
    if present.mode() & 0o7777 == mode {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(path: &Path, _mode: u32) -> std::io::Result<()> {
    fs::metadata(path).map(|_| ())
}
