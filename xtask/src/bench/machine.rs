//! On what it was measured, and with which versions.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::workspace::Workspace;

/// What a reader needs to know to judge the figures, or to take them again.
pub(super) fn described(workspace: &Workspace) -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let (processor, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let kilobytes = after(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let said = |program: &str, arguments: &[&str]| first_line(Command::new(program).args(arguments));
    let commit = first_line(
        Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(workspace.path("")),
    );
    json!({
        "processor": after(&processor, "model name"),
        "cores": std::thread::available_parallelism().map(std::num::NonZero::get).unwrap_or(0),
        "memory_gib": kilobytes.map(|kilobytes| kilobytes / 1_048_576),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        // Of whatever ran before this: a quiet machine has nearly nought.
        "load_before": read("/proc/loadavg").split(' ').next(),
        "day": said("date", &["--utc", "+%Y-%m-%d"]),
        "commit": commit,
        "rustc": said("rustc", &["--version"]),
        "redis": said("redis-server", &["--version"]).map(|text| version_in(&text)),
        "node": said("node", &["--version"]),
    })
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}

/// `Redis server v=7.0.15 sha=…` has more than anybody wants to know.
fn version_in(text: &str) -> String {
    let word = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    word.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_here() {
        let here = described(&Workspace::of_this_xtask());
        for name in ["processor", "kernel", "rustc", "day"] {
            assert!(
                here.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
                "{name}: {here}"
            );
        }
        assert_eq!(version_in("Redis server v=7.0.15 sha=0:0"), "7.0.15");
    }
}
