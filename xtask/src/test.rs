//! `cargo xtask test`: every test there is.

use crate::browser;
use crate::cli::{BrowserOptions, ClientsOptions, ExternalOptions, RequirementsOptions, TestOptions};
use crate::clients;
use crate::external;
use crate::failure::Outcome;
use crate::ran;
use crate::requirements;
use crate::step::Steps;
use crate::workspace::Workspace;

/// Runs everything and says what it left out. Cargo's own harness, not a nicer one: it is on every machine, runs
/// doctests too, and prints the lines that tools read. What came of each test is kept, for `cargo xtask requirements`.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions) -> Outcome {
    let mut steps = Steps::default();
    steps.run("tests and doctests", || ran::run_and_keep(workspace, &selection(&options.packages)));
    if !options.packages.is_empty() {
        steps.skip("requirements", "--package");
    } else if let Some(variable) = ran::left_out().next() {
        steps.skip("requirements", variable);
    } else {
        let check = RequirementsOptions { check: true, listed: false };
        steps.run("requirements", || requirements::run(workspace, &check));
    }
    if !options.packages.is_empty() {
        steps.skip("third-party clients", "--package");
        steps.skip("light clients of others", "--package");
    } else if options.skip_external {
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

fn selection(packages: &[String]) -> Vec<String> {
    match packages {
        [] => vec!["--workspace".to_owned()],
        some => some.iter().flat_map(|package| ["--package".to_owned(), package.clone()]).collect(),
    }
}
