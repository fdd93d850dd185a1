//! `cargo xtask test`: every test there is.

use crate::browser;
use crate::cli::{BrowserOptions, ClientsOptions, ExternalOptions, TestOptions};
use crate::clients;
use crate::external;
use crate::failure::Outcome;
use crate::step::Steps;
use crate::workspace::{self, Workspace};

/// Runs everything and says what it left out. Cargo's own harness, not a nicer one: it is on every machine, runs
/// doctests too, and prints the lines that tools read.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions) -> Outcome {
    let mut steps = Steps::default();
    steps.run("tests and doctests", || {
        workspace::succeed(workspace.cargo(["test", "--workspace", "--no-fail-fast"]))
    });
    if options.skip_external {
        steps.skip("third-party clients", "--skip-external");
        steps.skip("light clients of others", "--skip-external");
    } else {
        steps.run("third-party clients", || external::run(workspace, &ExternalOptions::default()));
        steps.run("light clients of others", || {
            clients::run(workspace, &ClientsOptions { light: true, ..ClientsOptions::default() })
        });
    }
    if options.skip_browser {
        steps.skip("pages in a browser", "--skip-browser");
    } else {
        steps.run("pages in a browser", || browser::run(workspace, &BrowserOptions::default()));
    }
    steps.finish()
}
