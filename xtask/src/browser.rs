//! `cargo xtask browser` and `cargo xtask screenshots`: the pages, as a real browser shows them.
//!
//! What is done there stands in `tests-external/browser/README.md`; here it is only given what it needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{BrowserOptions, ScreenshotsOptions};
use crate::clients::Print;
use crate::clients::tools;
use crate::external;
use crate::failure::{Outcome, While};
use crate::workspace::{self, Workspace};

/// Where the programs are.
const FOLDER: &str = "tests-external/browser";
/// Where screenshots go.
const SCREENSHOTS: &str = "docs/screenshots";

/// Walks the journeys.
pub(crate) fn run(workspace: &Workspace, options: &BrowserOptions) -> Outcome {
    let programs = Programs::ready(workspace, options.binary.as_deref())?;
    let mut journeys = programs.command("run.mjs");
    journeys.args(&options.passed_on);
    programs.run(journeys)
}

/// Takes a picture of each page.
pub(crate) fn screenshots(workspace: &Workspace, options: &ScreenshotsOptions) -> Outcome {
    let programs = Programs::ready(workspace, options.binary.as_deref())?;
    let out = options.out.clone().unwrap_or_else(|| workspace.path(SCREENSHOTS));
    fs::create_dir_all(&out).during(out.display())?;
    let out = out.canonicalize().during(out.display())?;
    let mut pictures = programs.command("screenshots.mjs");
    pictures.arg("--out").arg(out).args(&options.passed_on);
    programs.run(pictures)
}

/// The copy that is run, with a browser and packages installed, and the server it is run on.
struct Programs {
    copy: PathBuf,
    binary: PathBuf,
    /// Where one run writes what it writes.
    here: PathBuf,
}

impl Programs {
    fn ready(workspace: &Workspace, binary: Option<&Path>) -> Outcome<Self> {
        let target = workspace.target_folder()?.join("browser");
        let copy = target.join("programs");
        tools::copied(&workspace.path(FOLDER), &copy)?;
        tools::installed("the browser's run", &copy, &Print::PLAIN)?;
        let binary = match binary {
            Some(binary) => binary.canonicalize().during(binary.display())?,
            None => external::built_binary(workspace)?,
        };
        let here = target.join(format!("run-{}", std::process::id()));
        Ok(Self { copy, binary, here })
    }

    fn command(&self, program: &str) -> Command {
        let mut node = Command::new("node");
        node.arg(program).arg("--binary").arg(&self.binary).arg("--folder").arg(&self.here);
        node.current_dir(&self.copy);
        node
    }

    /// Runs it. What it left is kept when it failed.
    fn run(&self, command: Command) -> Outcome {
        let outcome = workspace::succeed(command);
        match &outcome {
            Ok(()) => fs::remove_dir_all(&self.here).during(self.here.display())?,
            Err(_) => eprintln!("what the run left is in {}", self.here.display()),
        }
        outcome
    }
}
