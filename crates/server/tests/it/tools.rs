//! Programs of others that these tests need. As root they are installed when missing, as `redis-server` is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `strace`, which tells what a process asks of its kernel, and in which order.
pub(crate) fn strace() -> PathBuf {
    needed("strace", || {
        std::env::split_paths(&std::env::var_os("PATH")?).map(|p| p.join("strace")).find(|path| path.exists())
    })
}

/// The library that gives a process another time of day.
pub(crate) fn faketime() -> PathBuf {
    needed("libfaketime", || {
        let name = "faketime/libfaketimeMT.so.1";
        // Beside the other libraries of this machine's architecture, or where other systems have them.
        let machine = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        [&machine, "/usr/lib64", "/usr/lib"]
            .map(|folder| Path::new(folder).join(name))
            .into_iter()
            .find(|path| path.exists())
    })
}

fn needed(package: &str, find: impl Fn() -> Option<PathBuf>) -> PathBuf {
    // Two tests that install at once would be in each other's way.
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap();
    find().unwrap_or_else(|| {
        let am_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if am_root {
            let install =
                |arguments: &[&str]| Command::new("apt-get").args(arguments).stdout(Stdio::null()).status();
            // Whether it helped is seen below.
            let _tried = install(&["install", "-y", package]);
        }
        find()
            .unwrap_or_else(|| panic!("{package} is missing: install it (Debian: apt-get install {package})"))
    })
}
