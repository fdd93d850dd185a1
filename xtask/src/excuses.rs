//! What a tool finds and may stay so: lists that people write, each entry with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use toml::{Table, Value};

use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

/// The findings that are excused.
pub(crate) struct Excuses {
    file: &'static str,
    reasons: BTreeMap<String, String>,
}

impl Excuses {
    /// Reads a file whose list `list` has tables of a `key`, which names the finding, and a `why`.
    pub(crate) fn of(workspace: &Workspace, file: &'static str, list: &str, key: &str) -> Outcome<Self> {
        Self::read(file, &fs::read_to_string(workspace.path(file)).during(file)?, list, key)
    }

    pub(crate) fn read(file: &'static str, text: &str, list: &str, key: &str) -> Outcome<Self> {
        let mut table = text.parse::<Table>().during(file)?;
        let entries = match table.remove(list) {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(Failure::new(format!("{file}: `{list}` is a list of tables"))),
        };
        if let Some(unknown) = table.keys().next() {
            return Err(Failure::new(format!("{file}: there is no list `{unknown}`")));
        }
        let mut reasons = BTreeMap::new();
        for entry in entries {
            let text =
                |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            let (Some(finding), Some(why)) = (text(key), text("why")) else {
                return Err(Failure::new(format!("{file}: an entry has a `{key}` and a `why`: {entry}")));
            };
            if reasons.insert(finding.to_owned(), why.to_owned()).is_some() {
                return Err(Failure::new(format!("{file}: {finding} stands there twice")));
            }
        }
        Ok(Self { file, reasons })
    }

    /// Fails for what was found and has no reason. Where everything was looked at, it fails as well for a reason of what is
    /// found no more.
    pub(crate) fn cover(&self, found: &[String], everything: bool) -> Outcome {
        let file = self.file;
        let known: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        let mut wrong: Vec<String> = known
            .iter()
            .filter(|finding| !self.reasons.contains_key(**finding))
            .map(|finding| format!("{file} does not say why: {finding}"))
            .collect();
        let over = self.reasons.keys().filter(|finding| everything && !known.contains(finding.as_str()));
        wrong.extend(over.map(|finding| format!("it is so no more, and stands in {file}: {finding}")));
        if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Outcome<Excuses> {
        Excuses::read("list.toml", text, "gap", "at")
    }

    fn list(entries: &[(&str, &str)]) -> String {
        entries.iter().map(|(at, why)| format!("[[gap]]\nat = \"{at}\"\nwhy = \"{why}\"\n")).collect()
    }

    #[test]
    fn a_finding_needs_a_reason_and_a_reason_a_finding() {
        let (none, one) = (read("").unwrap(), read(&list(&[("a", "it changes nothing")])).unwrap());
        let told = |excuses: &Excuses, found: &[&str], everything| {
            let found: Vec<String> = found.iter().map(|finding| (*finding).to_owned()).collect();
            excuses.cover(&found, everything).map_err(|failure| failure.to_string())
        };
        assert_eq!(told(&none, &[], true), Ok(()));
        assert_eq!(told(&one, &["a", "a"], true), Ok(()));
        assert!(told(&none, &["a"], false).unwrap_err().contains("does not say why: a"));
        assert_eq!(told(&one, &["b"], true).unwrap_err().lines().count(), 2);
        assert!(told(&one, &[], true).unwrap_err().contains("no more"));
        assert_eq!(told(&one, &[], false), Ok(()), "a part of it says nothing of the rest");
    }

    #[test]
    fn a_list_with_a_mistake_is_refused() {
        for bad in [
            &list(&[("a", " ")]),
            &list(&[("a", "x"), ("a", "y")]),
            "gap = 1",
            "gaps = []",
            "[[gap]]\nat = \"a\"\n",
            "[",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
