//! What a client needs on the machine: Debian packages, npm packages, a Python of its own. The browser's run needs the first two
//! as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Print;
use crate::external::python::{Python, may_install, quietly};
use crate::failure::{Failure, Outcome, While};
use crate::workspace;

/// What a copy keeps of an earlier run: installing is the slow part.
const KEPT: [&str; 3] = ["node_modules", "venv", "npm-installed.txt"];

/// Makes `copy` a copy of a folder, with what was installed there before. Nothing is written into the folder itself.
pub(crate) fn copied(folder: &Path, copy: &Path) -> Outcome {
    fs::create_dir_all(copy).during(copy.display())?;
    for entry in fs::read_dir(copy).during(copy.display())? {
        let path = entry.during(copy.display())?.path();
        if KEPT.iter().any(|kept| path.ends_with(kept)) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.during(path.display())?;
    }
    copy_into(folder, copy)
}

fn copy_into(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).during(to.display())?;
    for entry in fs::read_dir(from).during(from.display())? {
        let entry = entry.during(from.display())?;
        let name = entry.file_name();
        if KEPT.iter().any(|kept| name == *kept) {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if source.is_dir() {
            copy_into(&source, &copy)?;
        } else {
            // With its mode: an entry is executable.
            fs::copy(&source, &copy).during(copy.display())?;
        }
    }
    Ok(())
}

/// Installs what the copy names, for whom it says, and gives what comes first in `PATH`.
pub(crate) fn installed(name: &str, folder: &Path, print: &Print) -> Outcome<Vec<PathBuf>> {
    let debian = folder.join("apt.txt");
    if debian.exists() {
        packages(name, &fs::read_to_string(&debian).during(debian.display())?, print)?;
    }
    let mut path = Vec::new();
    if folder.join("package.json").exists() {
        npm(folder, print)?;
        path.push(folder.join("node_modules/.bin"));
    }
    let requirements = folder.join("requirements.txt");
    if requirements.exists() {
        Python::with_requirements(folder, &requirements)?;
        path.push(folder.join("venv/bin"));
    }
    Ok(path)
}

/// Sees to it that a list's Debian packages are there, for whom it says.
pub(crate) fn packages(client: &str, list: &str, print: &Print) -> Outcome {
    let wanted = wanted(list);
    let mut ask = Command::new("dpkg-query");
    ask.arg("--version");
    if !quietly(ask) {
        print.line(&format!("no Debian here: {client} is taken to find {}", wanted.join(", ")));
        return Ok(());
    }
    let missing: Vec<&str> = wanted.into_iter().filter(|package| !has(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !may_install() {
        return Err(Failure::new(format!("{client} needs: apt-get install {list}")));
    }
    print.line(&format!("installing {list} by apt-get"));
    let mut install = Command::new("sh");
    // The list of packages may be as old as the machine.
    let script = "apt-get install --yes --no-install-recommends \"$@\" >/dev/null || \
                  { apt-get update >/dev/null && apt-get install --yes --no-install-recommends \"$@\" >/dev/null; }";
    install.args(["-c", script, "apt"]).args(&missing).env("DEBIAN_FRONTEND", "noninteractive");
    workspace::succeed(install)
        .map_err(|failure| Failure::new(format!("{failure}\n{client} needs: apt-get install {list}")))
}

/// The packages of an `apt.txt`.
fn wanted(list: &str) -> Vec<&str> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect()
}

fn has(package: &str) -> bool {
    let mut ask = Command::new("dpkg-query");
    ask.args(["--show", "--showformat=${Status}", package]).stdin(Stdio::null()).stderr(Stdio::null());
    ask.output().is_ok_and(|output| output.stdout.starts_with(b"install ok installed"))
}

fn npm(folder: &Path, print: &Print) -> Outcome {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let wanted = format!("{}{}", read("package.json"), read("package-lock.json"));
    // Written last, so that an interrupted installation is not taken for a whole one.
    let marker = folder.join("npm-installed.txt");
    if fs::read_to_string(&marker).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    print.line("installing npm packages");
    let verb = if folder.join("package-lock.json").exists() { "ci" } else { "install" };
    let mut install = Command::new("npm");
    install.args([verb, "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    // What it says is not ours to print where only one JSON value belongs.
    install.stdin(Stdio::null()).stdout(Stdio::null());
    workspace::succeed(install).map_err(|failure| {
        Failure::new(format!("{failure}\nnpm is needed: apt-get install npm, or your system's like"))
    })?;
    fs::write(&marker, wanted).during(marker.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_packages_has_comments() {
        assert_eq!(wanted("# tools\ncurl # and its library\n\n  ruby\n"), ["curl", "ruby"]);
        assert!(!has("there-is-no-such-package"));
    }
}
