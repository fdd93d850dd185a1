//! `cargo xtask requirements`: what the RFCs require and what attackers try, each with the tests that show where we stand.
//!
//! `docs/requirements.toml` and `docs/threats.toml` are written by people; `docs/CONFORMANCE.md` and `docs/THREATS.md` are
//! rendered from them. A test that is named must exist, must have run in the last `cargo xtask test`, as it is built now, and
//! must have passed: a table that only claims is worth nothing.

mod check;
mod entry;
mod render;

use std::collections::BTreeSet;
use std::fs;

use crate::cli::RequirementsOptions;
use crate::failure::{Failure, Outcome, While};
use crate::ran;
use crate::workspace::Workspace;

use entry::TestName;

/// Renders the pages, or with `--check` sees that they are as they would be rendered; then checks every test they name.
pub(crate) fn run(workspace: &Workspace, options: &RequirementsOptions) -> Outcome {
    let read = |name: &str| fs::read_to_string(workspace.path(name)).during(name);
    let rfcs = entry::requirements(&read("docs/requirements.toml")?)?;
    let groups = entry::threats(&read("docs/threats.toml")?)?;
    for (name, page) in
        [("docs/CONFORMANCE.md", render::conformance(&rfcs)), ("docs/THREATS.md", render::threats(&groups))]
    {
        if !options.check {
            fs::write(workspace.path(name), page).during(name)?;
        } else if read(name)? != page {
            return Err(Failure::new(format!(
                "{name} is not what its table says: `cargo xtask requirements`"
            )));
        }
    }
    let requirements = rfcs.iter().flat_map(|rfc| &rfc.requirements).map(|r| (&r.id, &r.tests));
    let threats = groups.iter().flat_map(|group| &group.threats).map(|t| (&t.id, &t.tests));
    let named: Vec<(&str, &TestName)> = requirements
        .chain(threats)
        .flat_map(|(id, tests)| tests.iter().map(move |test| (id.as_str(), test)))
        .collect();
    let of = if options.listed {
        let programs = ran::build(workspace, &["--workspace".to_owned()])?;
        check::every_test(&named, &programs, None, &ran::listed)?;
        "exist"
    } else {
        let last = ran::last(workspace)?;
        let programs = ran::build(workspace, &last.selection)?;
        check::every_test(&named, &programs, Some(&last), &ran::listed)?;
        "ran and passed"
    };
    let distinct: BTreeSet<&TestName> = named.iter().map(|(_, test)| *test).collect();
    println!(
        "{} requirements and {} threats, shown by {} tests, all of which {of}",
        rfcs.iter().map(|rfc| rfc.requirements.len()).sum::<usize>(),
        groups.iter().map(|group| group.threats.len()).sum::<usize>(),
        distinct.len()
    );
    Ok(())
}
