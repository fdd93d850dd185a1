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
    let of_packages = (!options.packages.is_empty()).then_some("--package");
    match of_packages.or(ran::left_out().next()) {
        Some(why) => steps.skip("requirements", why),
        None => steps.run("requirements", || {
            requirements::run(workspace, &RequirementsOptions { check: true, listed: false })
        }),
    }
    match of_packages.or(options.skip_external.then_some("--skip-external")) {
        Some(why) => {
            steps.skip("third-party clients", why);
            steps.skip("light clients of others", why);
        }
        None => {
            steps.run("third-party clients", || external::run(workspace, &ExternalOptions::default()));
            steps.run("light clients of others", || {
                clients::run(workspace, &ClientsOptions { light: true, ..ClientsOptions::default() })
            });
        }
    }
    match of_packages.or(options.skip_browser.then_some("--skip-browser")) {
        Some(why) => steps.skip("pages in a browser", why),
        None => steps.run("pages in a browser", || browser::run(workspace, &BrowserOptions::default())),
    }
    steps.finish()
}

fn selection(packages: &[String]) -> Vec<String> {
    match packages {
        [] => vec!["--workspace".to_owned()],
        some => some.iter().flat_map(|package| ["--package".to_owned(), package.clone()]).collect(),
    }
}
