//! A time of day that a server has for itself, so that an hour need not be waited for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients::{Print, tools};
use crate::failure::{Failure, Outcome, While};

use super::Bench;

/// That of the machine, and so much more as a file says.
pub(super) struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// One that goes right.
    pub(super) fn new(bench: &Bench<'_>) -> Outcome<Self> {
        let library = match library() {
            Some(library) => library,
            None => {
                tools::packages("a purge", "libfaketime", &Print::ASIDE)?;
                library().ok_or_else(|| Failure::new("libfaketime is missing: install it"))?
            }
        };
        let clock = Self { library, file: bench.folder.join("clock") };
        clock.set_forward(0)?;
        Ok(clock)
    }

    /// Sets it forward against the machine's, for whoever goes by it already as well. He learns of it within a second.
    pub(super) fn set_forward(&self, seconds: u64) -> Outcome {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("+{seconds}")).during(new.display())?;
        // At once, so that nobody reads half of it.
        fs::rename(&new, &self.file).during(self.file.display())
    }

    /// Has a program go by it. How long something takes, it is told by the machine.
    pub(super) fn given_to(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        // In seconds. To look at each request, a server would read a file for each.
        command.env("FAKETIME_CACHE_DURATION", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    }
}

/// Beside the other libraries of this machine's architecture, or where other systems have them.
fn library() -> Option<PathBuf> {
    let machine = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let folders = [&machine, "/usr/lib64", "/usr/lib"].into_iter();
    folders.map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}
