//! Commands beside a server whose store only one process may open: they use the server's, through a socket.
//!
//! **Invariant: what a command is told of a put is as true as what the server was told.** A put that did not leave whole is
//! `NotApplied`, one that left and was not answered is `Unknown`, and nothing is sent twice.
//!
//! The socket lies in the store's folder and is for its owner alone, as the folder is. `wire` is what is said on it, `host`
//! is the server's end, `remote` the command's.

mod host;
mod remote;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use host::{Checked, Host};
pub(crate) use remote::RemoteStore;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// The socket's name in the folder.
const NAME: &str = "commands.sock";

/// The longest path that every system takes for a socket.
const LONGEST: usize = 100;

/// A path that leads to the socket of a folder, for as long as this lives.
struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    /// A folder may lie deeper than a socket's address can tell. Then it is opened, and named by its number.
    fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()));
        Ok(Self { path, _folder: Some(folder) })
    }
}
