//! Named steps with their times, and the table at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// What became of one step.
enum Fate {
    Passed,
    Failed(Failure),
    Skipped,
}

/// A run of named steps. All of them run, even after one failed: a person wants the whole list of what is wrong.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Fate)>,
}

impl Steps {
    /// Runs one step, printing its name before and its time after.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Outcome) {
        println!("==> {name}");
        let began = Instant::now();
        let outcome = step();
        let took = began.elapsed();
        let fate = match outcome {
            Ok(()) => {
                println!("<== {name}: ok, {}", seconds(took));
                Fate::Passed
            }
            Err(failure) => {
                println!("<== {name}: FAILED, {}", seconds(took));
                Fate::Failed(failure)
            }
        };
        self.done.push((name.to_owned(), took, fate));
    }

    /// Records, and prints, that a step was left out because its flag said so.
    pub(crate) fn skip(&mut self, name: &str, flag: &str) {
        println!("skipped: {name} ({flag})");
        self.done.push((name.to_owned(), Duration::ZERO, Fate::Skipped));
    }

    /// Prints what is wrong, and the table; fails when a step did. What is wrong comes last of all, since a step that failed may
    /// be followed by an hour of others.
    pub(crate) fn finish(self) -> Outcome {
        let mut failed = Vec::new();
        for (name, _, fate) in &self.done {
            if let Fate::Failed(failure) = fate {
                println!("\n==== {name}: {failure}");
                failed.push(name.as_str());
            }
        }
        print!("\n{}", self.table());
        if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed: {}", failed.join(", ")))) }
    }

    fn table(&self) -> String {
        let width = self.done.iter().map(|(name, _, _)| name.len()).max().unwrap_or(0);
        let mut table = String::new();
        for (name, took, fate) in &self.done {
            let word = match fate {
                Fate::Passed => "ok",
                Fate::Failed(_) => "FAILED",
                Fate::Skipped => "skipped",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{name:width$}  {:>8}  {word}", seconds(*took));
        }
        table
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_run_and_does_not_hide_the_steps_after_it() {
        let mut steps = Steps::default();
        let mut reached = false;
        steps.run("first", || Err(Failure::new("broken")));
        steps.run("second", || {
            reached = true;
            Ok(())
        });
        steps.skip("third", "--without-third");
        let table = steps.table();
        assert!(reached);
        assert!(table.contains("FAILED") && table.contains("ok") && table.contains("skipped"), "{table}");
        assert_eq!(steps.finish().err().map(|f| f.to_string()).as_deref(), Some("failed: first"));
    }

    #[test]
    fn a_skip_alone_does_not_fail() {
        let mut steps = Steps::default();
        steps.skip("third", "--without-third");
        assert!(steps.finish().is_ok());
    }
}
