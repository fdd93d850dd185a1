//! `cargo xtask mutants`: plants flaws in a copy of the core, one at a time, and sees whether the proof finds each.
//!
//! The core itself stays as it is. A flaw is a small edit of its text (`crates/testkit/mutants.toml`), applied to a copy of
//! the three crates that a proof needs, below the target folder. An edit that does not apply exactly once fails the run, and
//! so does a flaw that does not compile: a list that has gone stale would prove nothing.

mod copy;
mod flaw;
mod page;

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::MutantsOptions;
use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;
use copy::Copy;
use flaw::Flaw;

const LIST: &str = "crates/testkit/mutants.toml";

/// What became of one flaw.
struct Row {
    name: String,
    /// What the proof says, or nothing if it found nothing.
    found: Option<Found>,
    seconds: f64,
}

struct Found {
    invariant: String,
    proof: String,
    length: u64,
    tries: u64,
    sentence: String,
    story: String,
}

/// Plants each flaw, and prints a table; fails if one of them is not found.
pub(crate) fn run(workspace: &Workspace, options: &MutantsOptions) -> Outcome {
    let text = fs::read_to_string(workspace.path(LIST)).during(LIST)?;
    let flaws = flaw::read(&text)?;
    if options.page {
        return page::write(workspace, &flaws);
    }
    let chosen: Vec<&Flaw> = flaws.iter().filter(|flaw| options.chooses(&flaw.name, flaw.always)).collect();
    if chosen.is_empty() {
        return Err(Failure::new(format!("{LIST} holds no such flaw")));
    }
    for flaw in &flaws {
        flaw.check(workspace)?;
    }
    let copy = Copy::of(workspace)?;
    eprintln!("{} flaws, each of which applies exactly once; {} to be planted", flaws.len(), chosen.len());
    let healthy = copy.hunt_a_little()?;
    if let Some(found) = found(&healthy)? {
        return Err(Failure::new(format!("without any flaw a promise is broken:\n{}", found.story)));
    }
    let stories = copy.folder("stories")?;
    let mut rows = Vec::new();
    for (at, flaw) in chosen.iter().enumerate() {
        let began = Instant::now();
        let said = copy.with(flaw, Copy::hunt)?;
        let row =
            Row { name: flaw.name.clone(), found: found(&said)?, seconds: began.elapsed().as_secs_f64() };
        eprintln!("[{}/{}] {}", at + 1, chosen.len(), row.line());
        match &row.found {
            Some(found) => {
                eprintln!("    {}", found.sentence);
                fs::write(stories.join(format!("{}.txt", flaw.name)), &found.story)
                    .during("writing a story")?;
                if options.only.is_some() {
                    eprintln!("\n{}", found.story);
                }
            }
            None => eprintln!("    nobody noticed: {}", flaw.defect),
        }
        rows.push(row);
    }
    page::keep(workspace, &rows)?;
    if options.json {
        println!("{}", Value::Array(rows.iter().map(Row::json).collect()));
    } else {
        print!("\n{}", table(&rows));
    }
    eprintln!("the whole stories: {}", stories.display());
    let survivors: Vec<&str> =
        rows.iter().filter(|row| row.found.is_none()).map(|row| row.name.as_str()).collect();
    if survivors.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("not found: {}", survivors.join(", "))))
    }
}

/// Reads what the hunt printed: one JSON value.
fn found(said: &str) -> Outcome<Option<Found>> {
    let value: Value = serde_json::from_str(said).during("reading what the hunt said")?;
    if value.get("survived").is_some() {
        return Ok(None);
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let found = || {
        Some(Found {
            invariant: text("invariant")?,
            proof: text("proof")?,
            length: number("length")?,
            tries: number("tries")?,
            sentence: text("sentence")?,
            story: text("story")?,
        })
    };
    found().map(Some).ok_or_else(|| Failure::new(format!("the hunt said something else: {said}")))
}

impl Row {
    fn json(&self) -> Value {
        let found = self.found.as_ref().map(|found| {
            let Found { invariant, proof, length, tries, sentence, story } = found;
            json!({
                "invariant": invariant, "proof": proof, "length": length, "tries": tries, "sentence": sentence, "story": story,
            })
        });
        json!({ "name": self.name, "found": found, "seconds": self.seconds })
    }

    fn line(&self) -> String {
        match &self.found {
            Some(found) => {
                let Found { invariant, proof, length, tries, .. } = found;
                format!(
                    "{}: {invariant} by {proof}, {length} acts, {tries} tries, {:.1} s",
                    self.name, self.seconds
                )
            }
            None => format!("{}: SURVIVED, {:.1} s", self.name, self.seconds),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let width = |column: &dyn Fn(&Row) -> String| rows.iter().map(|row| column(row).len()).max().unwrap_or(0);
    let name = width(&|row| row.name.clone());
    let invariant =
        width(&|row| row.found.as_ref().map_or_else(String::new, |found| found.invariant.clone()));
    let proof = width(&|row| row.found.as_ref().map_or_else(String::new, |found| found.proof.clone()));
    let mut table = String::new();
    for row in rows {
        // Writing to a String cannot fail.
        let _ = match &row.found {
            Some(found) => writeln!(
                table,
                "{:name$}  {:invariant$}  {:proof$}  {:>3} acts  {:>6} tries",
                row.name, found.invariant, found.proof, found.length, found.tries
            ),
            None => writeln!(table, "{:name$}  SURVIVED", row.name),
        };
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hunt_says_is_read_or_refused() {
        assert!(found(r#"{"survived": "10 proofs"}"#).unwrap().is_none());
        let said = r#"{"invariant": "CodeOnce", "proof": "strict", "length": 3, "tries": 1, "sentence": "s", "story": "t"}"#;
        assert_eq!(found(said).unwrap().map(|found| found.length), Some(3));
        for bad in ["", "{}", r#"{"invariant": "CodeOnce"}"#] {
            assert!(found(bad).is_err(), "{bad}");
        }
    }
}
