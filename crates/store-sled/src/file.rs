//! The folder on disk: what lies where, who may read it, and whether it is still the one that was opened.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use grantor_store::StoreError;

/// Two of sled's segments.
const ROOM: usize = 1024 * 1024;
/// What sled writes as it is opened: a snapshot, and the begin of a segment.
const RESERVE: usize = 1024 * 1024;

/// A store's folder that exists.
#[derive(Debug)]
pub(crate) struct StoreFolder {
    path: PathBuf,
}

impl StoreFolder {
    /// The folder at `path`, which is absolute and free of links.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What one store at a time has locked. Empty.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// What says that this is a store, before sled is let near it.
    pub(crate) fn format(&self) -> PathBuf {
        self.path.join("format")
    }

    /// What a close in good order leaves, and the next open takes away.
    pub(crate) fn closed(&self) -> PathBuf {
        self.path.join("closed")
    }

    /// sled's folder.
    pub(crate) fn records(&self) -> PathBuf {
        self.path.join("records")
    }

    /// sled's folder until it is whole.
    pub(crate) fn draft(&self) -> PathBuf {
        self.path.join("records.new")
    }

    /// sled's log, which is its database.
    pub(crate) fn log(&self) -> PathBuf {
        self.records().join("db")
    }

    /// The log as it is now, to be compared with later.
    pub(crate) fn identity(&self) -> Result<Identity, StoreError> {
        identity(&self.log()).map_err(|e| unavailable(&self.log(), "look at", &e))
    }

    /// Whether the path still leads to this log. One that was deleted or replaced goes on taking writes that nobody will
    /// find again, so they must not be acknowledged.
    ///
    /// # Errors
    /// `Corrupt` if not. Costs one `stat`.
    pub(crate) fn still_there(&self, opened: &Identity) -> Result<(), StoreError> {
        match identity(&self.log()) {
            Ok(now) if now == *opened => Ok(()),
            Ok(_) | Err(_) => Err(StoreError::Corrupt(format!(
                "{} was deleted or replaced while it was open; put it back, or restart the server on the new folder",
                self.log().display()
            ))),
        }
    }

    /// Lets only the owner into the folders and at the files. sled makes its files by the umask.
    pub(crate) fn make_private(&self) -> Result<(), StoreError> {
        let own = [self.lock(), self.format(), self.closed(), self.reserve()];
        tighten_one(&self.path)
            .and_then(|()| own.iter().try_for_each(|file| tighten_one(file)))
            .and_then(|()| tighten(&self.records()))
            .map_err(|e| unavailable(&self.path, "make private", &e))
    }

    /// Makes sure that names in the folder survive what their files survive.
    pub(crate) fn flush_names(&self) -> Result<(), StoreError> {
        #[cfg(unix)]
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| unavailable(&self.path, "flush", &e))?;
        Ok(())
    }

    /// What is given up on a full disk, so that the log can be opened anew and be read.
    pub(crate) fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    /// Makes the reserve, unless it is there. Whether it is.
    pub(crate) fn keep_reserve(&self) -> bool {
        let reserve = self.reserve();
        if fs::metadata(&reserve).is_ok_and(|metadata| metadata.len() == RESERVE as u64) {
            return true;
        }
        let written = fill(&reserve, RESERVE);
        if written.is_err() {
            // Part of one would be no help, and takes what others may need.
            let _removed = fs::remove_file(&reserve);
        }
        written.is_ok()
    }

    /// Makes room by what was kept for that. Whether there was any.
    pub(crate) fn spend_reserve(&self) -> bool {
        fs::remove_file(self.reserve()).is_ok()
    }

    /// Whether there is room to write, and the reserve besides. The disk is asked by writing, which counts quotas, too.
    pub(crate) fn has_room(&self) -> bool {
        let probe = self.path.join("room.new");
        let written = self.keep_reserve() && fill(&probe, ROOM).is_ok();
        // Not even that may work on a disk that fails; the next probe writes over it.
        let _removed = fs::remove_file(&probe);
        written
    }

    /// Writes a small file whole or not at all.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        let draft = path.with_extension("new");
        private_file(&draft)
            .and_then(|mut file| {
                file.set_len(0)?;
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&draft, path))
            .map_err(|e| unavailable(path, "write", &e))?;
        self.flush_names()
    }
}

/// The text of a small file, or `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unavailable(path, "read", &e)),
    }
}

/// A failed look at a file, as a fault.
pub(crate) fn unavailable(path: &Path, doing: &str, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {doing} {}: {error}", path.display()))
}

/// Writes a file of so many bytes, and makes sure that there was room for them.
fn fill(path: &Path, bytes: usize) -> std::io::Result<()> {
    let mut file = private_file(path)?;
    file.write_all(&vec![0; bytes])?;
    file.sync_all()
}

/// A file to write, made if there is none, for the owner alone.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder, with those above it, that only the owner may enter, unless it exists.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| unavailable(path, "make the folder", &e))
}

/// A folder with all that is in it. Follows no links.
fn tighten(path: &Path) -> std::io::Result<()> {
    tighten_one(path)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            fs::read_dir(path)?.try_for_each(|entry| tighten(&entry?.path()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn tighten_one(path: &Path) -> std::io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => set_mode(path, &metadata, 0o700),
        Ok(metadata) if metadata.is_file() => set_mode(path, &metadata, 0o600),
        // sled removes files as it goes, and not every file is always there.
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, present: &fs::Metadata, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if present.permissions().mode() & 0o7777 == mode {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: &fs::Metadata, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// What tells one file from another.
#[cfg(unix)]
pub(crate) type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Nothing: elsewhere an open file can be neither deleted nor replaced.
#[cfg(not(unix))]
pub(crate) type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    fs::metadata(path).map(|_| ())
}
