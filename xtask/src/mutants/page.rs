//! What was found the last time that each flaw was planted, as a page for people.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::flaw::Flaw;
use super::{Row, found};
use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

pub(super) const PAGE: &str = "docs/stories.md";

fn kept(workspace: &Workspace) -> Outcome<PathBuf> {
    Ok(workspace.target_folder()?.join("xtask/mutants.json"))
}

/// Keeps what a run found, in the place of what an earlier one found of the same flaws.
pub(super) fn keep(workspace: &Workspace, rows: &[Row]) -> Outcome {
    let file = kept(workspace)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).during(folder.display())?;
    }
    let before = fs::read_to_string(&file).map_or(Ok(Vec::new()), |text| read(&text))?;
    let stays = before.iter().filter(|old| rows.iter().all(|new| new.name != old.name));
    let all = stays.chain(rows).map(Row::json).collect();
    fs::write(&file, Value::Array(all).to_string()).during(file.display())
}

/// Writes the page.
pub(super) fn write(workspace: &Workspace, flaws: &[Flaw]) -> Outcome {
    let file = kept(workspace)?;
    let text = fs::read_to_string(&file)
        .during(format!("reading what was found, {}: run `cargo xtask mutants` first", file.display()))?;
    let page = render(flaws, &read(&text)?)?;
    fs::write(workspace.path(PAGE), page).during(PAGE)
}

fn read(text: &str) -> Outcome<Vec<Row>> {
    let value: Value = serde_json::from_str(text).during("reading what the last run found")?;
    let rows = value.as_array().ok_or_else(|| Failure::new("what the last run left is no list"))?;
    let row = |row: &Value| {
        let name = row.get("name").and_then(Value::as_str)?.to_owned();
        let seconds = row.get("seconds").and_then(Value::as_f64)?;
        Some(match row.get("found").filter(|found| !found.is_null()) {
            Some(said) => found(&said.to_string()).map(|found| Row { name, found, seconds }),
            None => Ok(Row { name, found: None, seconds }),
        })
    };
    rows.iter().map(|value| row(value).ok_or_else(|| Failure::new("a row is not whole"))?).collect()
}

fn render(flaws: &[Flaw], rows: &[Row]) -> Outcome<String> {
    let of = |flaw: &Flaw| rows.iter().find(|row| row.name == flaw.name).and_then(|row| row.found.as_ref());
    let mut page = format!(
        "# Stories of planted flaws\n\n\
         Written by `cargo xtask mutants --page`, from what `cargo xtask mutants` found the last time that it planted each. Each of these {} flaws is one that authorization\n\
         servers have had. It was planted in a copy of the core, and the proof of the policies ([proving.md](proving.md)), with the budget that every\n\
         run of the tests has, found a promise broken. A story is the shortest that could be found.\n\n\
         | flaw | promise | policy | acts | tries |\n|---|---|---|---|---|\n",
        flaws.len()
    );
    let mut stories = String::new();
    for flaw in flaws {
        let found = of(flaw)
            .ok_or_else(|| Failure::new(format!("{} was not planted yet, or not found", flaw.name)))?;
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| [{}](#{}) | `{}` | {} | {} | {} |",
            flaw.name, flaw.name, found.invariant, found.proof, found.length, found.tries
        );
        let story = found.story.split("\n\nTo see it again").next().unwrap_or(&found.story);
        let _ = write!(
            stories,
            "\n## {}\n{}\n\n```text\n{}\n```\n",
            flaw.name,
            sentence(&flaw.defect),
            story.trim_end()
        );
    }
    Ok(page + &stories)
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::flaw;

    const LIST: &str = "[[mutant]]\nname = \"a\"\ndefect = \"a code is taken twice\"\nedits = [{ file = \"a.rs\", find = \"one\", replace = \"two\" }]\n";
    const LEFT: &str = r#"[{"name": "a", "seconds": 1.5, "found": {"invariant": "CodeOnce", "proof": "strict", "length": 3, "tries": 7, "sentence": "s", "story": "it begins\nit ends\n\nTo see it again, paste"}}]"#;

    #[test]
    fn a_flaw_has_its_row_and_its_story() {
        let page = render(&flaw::read(LIST).unwrap(), &read(LEFT).unwrap()).unwrap();
        assert!(page.contains("| [a](#a) | `CodeOnce` | strict | 3 | 7 |"), "{page}");
        assert!(page.contains("A code is taken twice.\n\n```text\nit begins\nit ends\n```"), "{page}");
    }

    #[test]
    fn a_flaw_that_was_not_found_has_no_page() {
        let flaws = flaw::read(LIST).unwrap();
        for left in
            ["[]", r#"[{"name": "a", "seconds": 1.5, "found": null}]"#, &LEFT.replace("\"a\"", "\"b\"")]
        {
            assert!(render(&flaws, &read(left).unwrap()).is_err(), "{left}");
        }
        for broken in ["", "{}", "[{}]"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    /// The page is of the list as it is.
    #[test]
    fn every_flaw_is_on_the_page() {
        let workspace = Workspace::of_this_xtask();
        let list = fs::read_to_string(workspace.path(super::super::LIST)).unwrap();
        let page = fs::read_to_string(workspace.path(PAGE)).unwrap();
        for flaw in flaw::read(&list).unwrap() {
            assert!(
                page.contains(&format!("\n## {}\n", flaw.name)),
                "{}: `cargo xtask mutants --page`",
                flaw.name
            );
        }
    }
}
