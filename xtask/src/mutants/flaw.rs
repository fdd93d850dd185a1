//! The list of flaws.

use toml::Value;

use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

/// One flaw: what it is called, what it stands for, and how it is planted.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) name: String,
    pub(super) defect: String,
    /// Whether it is planted with every run of all tests.
    pub(super) always: bool,
    pub(super) edits: Vec<Edit>,
}

/// A piece of one file, and what stands there instead.
#[derive(Debug)]
pub(super) struct Edit {
    /// Below `crates/core/src`.
    pub(super) file: String,
    find: String,
    replace: String,
}

/// Reads the list.
pub(super) fn read(text: &str) -> Outcome<Vec<Flaw>> {
    let list: toml::Table = text.parse().during("reading the list of flaws")?;
    let flaws = list.get("mutant").and_then(Value::as_array);
    let flaws = flaws.ok_or_else(|| Failure::new("the list of flaws has no [[mutant]]"))?;
    let flaws: Vec<Flaw> = flaws.iter().map(flaw).collect::<Outcome<_>>()?;
    let mut names: Vec<&str> = flaws.iter().map(|flaw| flaw.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|two| two.first() == two.last()) {
        Some(two) => Err(Failure::new(format!("two flaws are called {}", two.concat()))),
        None => Ok(flaws),
    }
}

fn flaw(value: &Value) -> Outcome<Flaw> {
    let name = text(value, "name")?;
    let edits = value.get("edits").and_then(Value::as_array).filter(|edits| !edits.is_empty());
    let edits = edits.ok_or_else(|| Failure::new(format!("{name} has no edits")))?;
    let edit = |edit: &Value| {
        Ok(Edit { file: text(edit, "file")?, find: text(edit, "find")?, replace: text(edit, "replace")? })
    };
    Ok(Flaw {
        defect: text(value, "defect")?,
        always: value.get("always").and_then(Value::as_bool).unwrap_or(false),
        edits: edits.iter().map(edit).collect::<Outcome<_>>()?,
        name,
    })
}

fn text(value: &Value, key: &str) -> Outcome<String> {
    let text = value.get(key).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Failure::new(format!("a flaw has no `{key}`: {value}")))
}

impl Flaw {
    /// Whether each edit applies exactly once to the core as it is.
    pub(super) fn check(&self, workspace: &Workspace) -> Outcome {
        for edit in &self.edits {
            let path = workspace.path("crates/core/src").join(&edit.file);
            let source =
                std::fs::read_to_string(&path).during(format!("{}: {}", self.name, path.display()))?;
            edit.apply(&source).map_err(|failure| Failure::new(format!("{}: {failure}", self.name)))?;
        }
        Ok(())
    }
}

impl Edit {
    /// The source with this edit.
    pub(super) fn apply(&self, source: &str) -> Outcome<String> {
        match source.matches(&self.find).count() {
            1 => Ok(source.replacen(&self.find, &self.replace, 1)),
            times => Err(Failure::new(format!("{} has this {times} times: {}", self.file, self.find.trim()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[mutant]]
        name = "a"
        defect = "what it stands for"
        edits = [{ file = "x.rs", find = "one", replace = "two" }]
    "#;

    #[test]
    fn an_edit_applies_once_or_not_at_all() {
        let flaws = read(GOOD).unwrap();
        let edit = &flaws[0].edits[0];
        assert_eq!(edit.apply("a one b").unwrap(), "a two b");
        assert!(edit.apply("a b").is_err());
        assert!(edit.apply("one one").is_err());
    }

    /// A rule that is written anew takes the flaw that was planted in it along, or the next who plants all finds it gone.
    #[test]
    fn every_flaw_applies_to_the_core_as_it_is() {
        let workspace = Workspace::of_this_xtask();
        let list = std::fs::read_to_string(workspace.path(super::super::LIST)).unwrap();
        let flaws = read(&list).unwrap();
        let astray: Vec<String> =
            flaws.iter().filter_map(|flaw| flaw.check(&workspace).err()).map(|e| e.to_string()).collect();
        assert!(astray.is_empty(), "{}", astray.join("\n"));
    }

    #[test]
    fn a_list_that_is_not_whole_is_refused() {
        for bad in ["", "[[mutant]]\nname = \"a\"", &GOOD.replace("edits", "edit"), &format!("{GOOD}{GOOD}")]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
