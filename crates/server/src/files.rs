//! Files that only their owner may read, whatever the umask, and that are there as a whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use grantor_core::Secret;

use crate::failure::Failure;

/// Makes the folder a file is to lie in, for its owner alone, if it is not there.
pub(crate) fn make_parent(path: &Path) -> io::Result<()> {
    match parent(path) {
        folder if folder.is_dir() => Ok(()),
        folder => DirBuilder::new().recursive(true).mode(0o700).create(folder),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens a file to append to; a new one is for its owner alone.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    make_parent(path)?;
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Writes a file beside `path`, whole and on the disk, and gives its name.
fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", random_hex(8)?));
    let beside = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    Ok(beside)
}

/// Puts a file in place as a whole: a reader sees the old content or all of the new.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    make_parent(path)?;
    let beside = write_beside(path, content)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&beside);
    })
}

/// Puts a file in place unless there is one: of several who do so at once, one wins, and all find his.
pub(crate) fn create_once(path: &Path, content: &[u8]) -> io::Result<()> {
    make_parent(path)?;
    let beside = write_beside(path, content)?;
    let linked = std::fs::hard_link(&beside, path);
    let _ = std::fs::remove_file(&beside);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => File::open(parent(path))?.sync_all(),
    }
}

/// Whether somebody else than its owner may read a file, or write to it.
pub(crate) fn is_open_to_others(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// So many random bytes, in hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|e| io::Error::other(e.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text in a file, or on standard input where the file is `-`. In custody, since it may hold secrets.
pub(crate) fn read_text(from: &str) -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = if from == "-" {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        File::open(from).and_then(|mut file| file.read_to_string(&mut text))
    };
    let text = Secret::new(text);
    match read {
        Ok(_) => Ok(text),
        Err(error) if from == "-" => Err(Failure::failed(format!("standard input cannot be read: {error}"))),
        Err(error) => Err(Failure::failed(format!("{from} cannot be read: {error}"))),
    }
}

/// The secret in a file, or on standard input where the file is `-`; one line end after it is no part of it.
pub(crate) fn read_secret(from: &str) -> Result<Secret, Failure> {
    let text = read_text(from)?;
    let line = text.expose().strip_suffix('\n').unwrap_or(text.expose());
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::failed("there is no secret in what was given: put it on the first line"));
    }
    Ok(Secret::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn of_many_who_make_a_file_at_once_all_find_one_and_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(format!("new/{round}"));
            let barrier = Barrier::new(8);
            let found: Vec<String> = std::thread::scope(|scope| {
                let maker = |name: usize| {
                    let (barrier, path) = (&barrier, &path);
                    scope.spawn(move || {
                        barrier.wait();
                        create_once(path, name.to_string().as_bytes()).unwrap();
                        std::fs::read_to_string(path).unwrap()
                    })
                };
                let makers: Vec<_> = (0..8).map(maker).collect();
                makers.into_iter().map(|maker| maker.join().unwrap()).collect()
            });
            assert!(found.iter().all(|content| *content == found[0]), "{found:?}");
        }
        let left = std::fs::read_dir(folder.path().join("new")).unwrap().count();
        assert_eq!(left, 50, "something was left beside");
    }
}
