//! `cargo xtask purity`: the core is a function of its arguments, and dependencies point down the table of rooms.
//!
//! Lints hold the same line while one types; this holds it for what a lint cannot see: the dependency tree, a
//! manifest, a macro. Each check is a pure function from text to a list of violations, and each is tested here on
//! subjects that are known to be bad.

mod rooms;
mod source;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// Runs all three checks and reports every violation, not only the first.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut violations = Vec::new();

    // All targets, or a clock that only some platform links would pass on the others. Procedural macros run in the
    // compiler and are not part of the core.
    let list = workspace.cargo([
        "tree",
        "--package",
        "grantor-core",
        "--edges",
        "normal,no-proc-macro",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        tree::FORMAT,
    ]);
    let text = workspace::output_of(list)?;
    violations.extend(tree::violations(&text)?);

    let sources = rust_files(&workspace.path("crates/core/src"))?;
    if sources.is_empty() {
        return Err(Failure::new("crates/core/src holds no Rust file: the check would pass on nothing"));
    }
    for path in &sources {
        let text = fs::read_to_string(path).during(path.display())?;
        let found = source::violations(&text);
        violations.extend(found.into_iter().map(|found| format!("{}:{found}", path.display())));
    }

    let members = rooms::members(&workspace.metadata()?)?;
    violations.extend(rooms::violations(&members));

    if violations.is_empty() {
        println!("pure: {} source files, {} packages, every arrow points down", sources.len(), members.len());
        return Ok(());
    }
    for violation in &violations {
        eprintln!("  {violation}");
    }
    Err(Failure::new(format!("{} purity violations", violations.len())))
}

/// Every `.rs` file below `folder`, in a stable order.
fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).during(folder.display())? {
        let path = entry.during(folder.display())?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
