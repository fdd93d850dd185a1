//! A package of somebody else's that takes `grantor-core` up: what it waits for when it is built for the first time.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::failure::{Outcome, While};
use crate::workspace;

use super::Bench;

/// A package on its own, with cargo's own profiles and nothing of this workspace but the versions of what it stands on.
pub(super) struct Embedder {
    folder: PathBuf,
}

impl Embedder {
    /// In the bench's folder. That lies below this workspace mostly, so that cargo finds its settings on the way up: they are
    /// a name for `xtask` and a flag for SQLite, which is not built here.
    pub(super) fn new(bench: &Bench<'_>) -> Outcome<Self> {
        let folder = bench.folder.join("embedder");
        let source = folder.join("src");
        fs::create_dir_all(&source).during(source.display())?;
        let write = |path: PathBuf, text: &str| fs::write(&path, text).during(path.display());
        write(folder.join("Cargo.toml"), &manifest(&bench.workspace.path("crates/core")))?;
        write(source.join("lib.rs"), "pub use grantor_core as core;\n")?;
        // What it does not need of it, cargo takes out.
        let lock = bench.workspace.path("Cargo.lock");
        fs::copy(&lock, folder.join("Cargo.lock")).during(lock.display())?;
        Ok(Self { folder })
    }

    /// How many seconds it takes on two cores with nothing built before, and nothing left to download.
    pub(super) fn build(&self, bench: &Bench<'_>, profile: &str) -> Outcome<f64> {
        let mut build =
            bench.workspace.cargo(["build", "--quiet", "--offline", "--jobs", "2", "--profile", profile]);
        build.arg("--target-dir").arg(self.folder.join("target").join(profile)).current_dir(&self.folder);
        by_its_own_settings(&mut build);
        let begun = Instant::now();
        workspace::succeed(build)?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// The empty table says that no folder above is its workspace.
fn manifest(core: &Path) -> String {
    let core = toml::Value::from(core.display().to_string());
    format!(
        "[package]\nname = \"embedder\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\ngrantor-core = {{ path = {core} }}\n\n[workspace]\n"
    )
}

/// Without what the caller's settings would change about how something is built. Where packages come from they still say.
fn by_its_own_settings(cargo: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_about_building(name)) {
        cargo.env_remove(name);
    }
}

fn is_about_building(name: &OsStr) -> bool {
    const BEGINNINGS: [&str; 7] = [
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_RESOLVER_",
        "CARGO_TARGET_",
        "CARGO_UNSTABLE_",
        "RUSTC_",
        "__CARGO_",
    ];
    const NAMES: [&str; 4] = ["CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "RUSTC", "RUSTFLAGS"];
    let name = name.to_string_lossy();
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) || NAMES.contains(&name.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_somebody_else_is_a_workspace_of_its_own() {
        let manifest: toml::Table = manifest(Path::new("/a \"b\"/core")).parse().unwrap();
        let path =
            manifest.get("dependencies").and_then(|all| all.get("grantor-core")?.get("path")?.as_str());
        assert_eq!(path, Some("/a \"b\"/core"));
        assert_eq!(manifest.get("workspace"), Some(&toml::Value::Table(toml::Table::new())));
    }

    #[test]
    fn what_changes_a_build_is_left_out_and_where_packages_come_from_is_not() {
        for name in
            ["CARGO_TARGET_DIR", "CARGO_RESOLVER_FEATURE_UNIFICATION", "CARGO_PROFILE_DEV_DEBUG", "RUSTFLAGS"]
        {
            assert!(is_about_building(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "CARGO_NET_OFFLINE",
            "PATH",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(!is_about_building(OsStr::new(name)), "{name}");
        }
    }
}
