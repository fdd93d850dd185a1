//! `cargo xtask ci`: what a change must pass.

use std::fs;

use crate::failure::{Failure, Outcome, While};
use crate::purity;
use crate::step::Steps;
use crate::workspace::{self, Workspace};

/// The one command README.md promises runs every test.
const TEST_COMMAND: &str = "cargo xtask test";

/// The cheap checks first, then the tests, through the very command README.md gives its reader: documentation that
/// is run cannot go stale. `--locked` makes a Cargo.lock that was not committed fail here rather than drift.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut steps = Steps::default();
    steps.run("format", || workspace::succeed(workspace.cargo(["fmt", "--all", "--check"])));
    steps.run("clippy", || {
        let lint = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        workspace::succeed(workspace.cargo(lint))
    });
    steps.run("docs", || {
        let mut doc = workspace.cargo(["doc", "--locked", "--no-deps", "--workspace"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        workspace::succeed(doc)
    });
    steps.run("purity", || purity::run(workspace));
    steps.run("README's test command", || run_the_test_command_of_the_readme(workspace));
    steps.finish()
}

fn run_the_test_command_of_the_readme(workspace: &Workspace) -> Outcome {
    let readme = fs::read_to_string(workspace.path("README.md")).during("reading README.md")?;
    let Some(command) = fenced_lines(&readme).find(|line| *line == TEST_COMMAND) else {
        return Err(Failure::new(format!(
            "README.md names no test command: give it a fenced block with the line `{TEST_COMMAND}`"
        )));
    };
    println!("README.md says: {command}");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let mut cargo = workspace.cargo([]);
    cargo.args(words);
    workspace::succeed(cargo)
}

/// The commands in fenced blocks: without the prompt, and without a comment after them.
fn fenced_lines(markdown: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    markdown.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            inside = !inside;
            return None;
        }
        let command = line.split(" #").next().unwrap_or(line);
        inside.then(|| command.strip_prefix("$ ").unwrap_or(command).trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_it(readme: &str) -> bool {
        fenced_lines(readme).any(|line| line == TEST_COMMAND)
    }

    #[test]
    fn the_command_counts_only_in_a_fenced_block_and_only_whole() {
        assert!(names_it("Run\n```sh\ncargo xtask test\n```\n"));
        assert!(names_it("```console\n$ cargo xtask test   # everything\n```"));
        assert!(!names_it("Run `cargo xtask test`.\ncargo xtask test\n"));
        assert!(!names_it("```sh\ncargo xtask test --skip-external\n```"), "a README may not name less");
        assert!(!names_it("```sh\nls\n```\ncargo xtask test\n```sh\nls\n```"));
        assert!(!names_it(""));
    }
}
