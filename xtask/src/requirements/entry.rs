//! The tables that people write: `docs/requirements.toml` and `docs/threats.toml`.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::failure::{Failure, Outcome, While};
use crate::ran::ProgramName;

/// A test, as the tables name it: the package, the target, and the name that the test harness prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TestName {
    pub(super) program: ProgramName,
    pub(super) test: String,
}

/// What the server makes of a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// It does what is required, and the tests fail where it does not.
    Met,
    /// It does not, for a reason.
    Refused(String),
    /// There is nothing here that it could be required of.
    NotApplicable(String),
}

/// A document of which requirements are listed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rfc {
    pub(super) number: i64,
    pub(super) title: String,
    pub(super) requirements: Vec<Requirement>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) id: String,
    pub(super) section: String,
    pub(super) level: String,
    pub(super) words: String,
    pub(super) status: Status,
    pub(super) tests: Vec<TestName>,
}

/// Where a threat comes from, and what is done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ThreatGroup {
    pub(super) title: String,
    pub(super) threats: Vec<Threat>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Threat {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) threat: String,
    pub(super) mechanism: String,
    /// Why no test can show it, where none can.
    pub(super) untested: Option<String>,
    pub(super) tests: Vec<TestName>,
}

const LEVELS: [&str; 9] = [
    "MUST",
    "MUST NOT",
    "SHALL",
    "SHALL NOT",
    "REQUIRED",
    "SHOULD",
    "SHOULD NOT",
    "RECOMMENDED",
    "NOT RECOMMENDED",
];

/// Reads the table of requirements. Ids are `NUMBER-SECTION-COUNT`, sections in the order of the document.
pub(super) fn requirements(text: &str) -> Outcome<Vec<Rfc>> {
    let mut whole = Fields::of("the file", text.parse::<Table>().during("docs/requirements.toml")?);
    let mut ids = Ids::default();
    let mut rfcs = Vec::new();
    for rfc in whole.tables("rfc")? {
        let mut rfc = Fields::of("an rfc", rfc);
        let number = rfc.number("number")?;
        let title = rfc.text("title")?;
        let mut last: Vec<u32> = Vec::new();
        let mut requirements: Vec<Requirement> = Vec::new();
        for fields in rfc.tables("requirement")? {
            let requirement = requirement(&mut Fields::of("a requirement", fields), number)?;
            ids.take(&requirement.id)?;
            let section = in_order(&requirement.section);
            if section < last {
                return Err(Failure::new(format!("{} stands after a later section", requirement.id)));
            }
            last = section;
            requirements.push(requirement);
        }
        rfc.finish()?;
        rfcs.push(Rfc { number, title, requirements: not_empty(requirements, "requirements")? });
    }
    whole.finish()?;
    not_empty(rfcs, "rfcs")
}

fn requirement(fields: &mut Fields, rfc: i64) -> Outcome<Requirement> {
    let id = fields.text("id")?;
    fields.what.clone_from(&id);
    let section = fields.text("section")?;
    let count = id.strip_prefix(&format!("{rfc}-{section}-")).and_then(|count| count.parse::<u32>().ok());
    if count.is_none() {
        return Err(Failure::new(format!("{id} is not named by its rfc, its section and a number")));
    }
    let level = fields.text("level")?;
    if !LEVELS.contains(&level.as_str()) {
        return Err(Failure::new(format!("{id}: `{level}` is no level of RFC 2119")));
    }
    let words = fields.text("words")?;
    let tests = fields.tests()?;
    let status = match (fields.text("status")?.as_str(), fields.optional_text("reason")?) {
        ("met", None) if tests.is_empty() => {
            return Err(Failure::new(format!(
                "{id} is met, it says, and names no test that would fail if not"
            )));
        }
        ("met", None) => Status::Met,
        ("refused", Some(reason)) => Status::Refused(reason),
        ("not-applicable", Some(reason)) => Status::NotApplicable(reason),
        (status, reason) => {
            let has = if reason.is_some() { "a reason" } else { "no reason" };
            return Err(Failure::new(format!(
                "{id} is `{status}` with {has}: it may be `met`, or `refused` or `not-applicable` with a reason"
            )));
        }
    };
    fields.finish()?;
    Ok(Requirement { id, section, level, words, status, tests })
}

/// Reads the table of threats.
pub(super) fn threats(text: &str) -> Outcome<Vec<ThreatGroup>> {
    let mut whole = Fields::of("the file", text.parse::<Table>().during("docs/threats.toml")?);
    let mut ids = Ids::default();
    let mut groups = Vec::new();
    for group in whole.tables("group")? {
        let mut group = Fields::of("a group", group);
        let title = group.text("title")?;
        let mut threats = Vec::new();
        for fields in group.tables("threat")? {
            let threat = threat(&mut Fields::of("a threat", fields))?;
            ids.take(&threat.id)?;
            threats.push(threat);
        }
        group.finish()?;
        groups.push(ThreatGroup { title, threats: not_empty(threats, "threats")? });
    }
    whole.finish()?;
    not_empty(groups, "groups")
}

fn threat(fields: &mut Fields) -> Outcome<Threat> {
    let id = fields.text("id")?;
    fields.what.clone_from(&id);
    let (source, threat) = (fields.text("source")?, fields.text("threat")?);
    let (mechanism, tests) = (fields.text("mechanism")?, fields.tests()?);
    let untested = fields.optional_text("untested")?;
    if tests.is_empty() != untested.is_some() {
        return Err(Failure::new(format!("{id} names tests, or says in `untested` why there can be none")));
    }
    fields.finish()?;
    Ok(Threat { id, source, threat, mechanism, untested, tests })
}

/// A section as numbers, so that 4.10 stands behind 4.9; an appendix stands behind all.
fn in_order(section: &str) -> Vec<u32> {
    section.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

fn not_empty<T>(list: Vec<T>, what: &str) -> Outcome<Vec<T>> {
    if list.is_empty() { Err(Failure::new(format!("there are no {what}"))) } else { Ok(list) }
}

#[derive(Default)]
struct Ids(BTreeSet<String>);

impl Ids {
    fn take(&mut self, id: &str) -> Outcome {
        let fresh = self.0.insert(id.to_owned());
        if fresh { Ok(()) } else { Err(Failure::new(format!("there are two {id}"))) }
    }
}

/// The keys of a table, each of which is taken once; what is left over at the end is a mistake.
struct Fields {
    what: String,
    table: Table,
}

impl Fields {
    fn of(what: &str, table: Table) -> Self {
        Self { what: what.to_owned(), table }
    }

    fn optional_text(&mut self, key: &str) -> Outcome<Option<String>> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    fn text(&mut self, key: &str) -> Outcome<String> {
        self.optional_text(key)?.ok_or_else(|| self.wrong(key, "a text"))
    }

    fn number(&mut self, key: &str) -> Outcome<i64> {
        self.table.remove(key).and_then(|value| value.as_integer()).ok_or_else(|| self.wrong(key, "a number"))
    }

    fn tables(&mut self, key: &str) -> Outcome<Vec<Table>> {
        let Some(Value::Array(list)) = self.table.remove(key) else {
            return Err(self.wrong(key, "a list of tables"));
        };
        let tables = list.into_iter().map(|value| value.try_into::<Table>());
        tables.collect::<Result<_, _>>().during(format!("{}: {key}", self.what))
    }

    fn tests(&mut self) -> Outcome<Vec<TestName>> {
        let list = match self.table.remove("tests") {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.wrong("tests", "a list of texts")),
        };
        list.iter().map(|value| self.test(value.as_str().unwrap_or_default())).collect()
    }

    fn test(&self, text: &str) -> Outcome<TestName> {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            [package, target, test] if ![package, target, test].iter().any(|part| part.is_empty()) => {
                let program = ProgramName { package: (*package).to_owned(), target: (*target).to_owned() };
                Ok(TestName { program, test: (*test).to_owned() })
            }
            _ => Err(Failure::new(format!(
                "{}: `{text}` is not a package, a target and a test's full name",
                self.what
            ))),
        }
    }

    fn finish(&self) -> Outcome {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(Failure::new(format!("{}: there is no key `{key}`", self.what))),
        }
    }

    fn wrong(&self, key: &str, kind: &str) -> Failure {
        Failure::new(format!("{}: `{key}` must be {kind}", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[rfc]]
number = 6749
title = "OAuth"
[[rfc.requirement]]
id = "6749-4.9-1"
section = "4.9"
level = "MUST"
words = "Do it."
status = "met"
tests = ["grantor-core it tokens::it_does"]
[[rfc.requirement]]
id = "6749-4.10-1"
section = "4.10"
level = "SHOULD"
words = "Do more."
status = "refused"
reason = "No."
"#;

    #[test]
    fn a_table_is_read_whole() {
        let [rfc] = requirements(GOOD).unwrap().try_into().unwrap();
        let [first, second] = rfc.requirements.try_into().unwrap();
        assert_eq!((first.status, first.tests.len()), (Status::Met, 1));
        assert_eq!(first.tests[0].test, "tokens::it_does");
        assert_eq!(second.status, Status::Refused("No.".to_owned()));
    }

    #[test]
    fn a_mistake_in_a_table_is_named_and_never_passed_over() {
        for (from, to, told) in [
            ("status = \"met\"", "status = \"met\"\nreason = \"x\"", "`met` with a reason"),
            ("tests = [\"grantor-core it tokens::it_does\"]", "", "names no test"),
            ("tests = [\"grantor-core it tokens::it_does\"]", "tests = []", "names no test"),
            ("grantor-core it tokens::it_does", "it tokens::it_does", "not a package"),
            ("grantor-core it tokens::it_does", "grantor-core  tokens::it_does", "not a package"),
            ("reason = \"No.\"", "", "`refused` with no reason"),
            ("reason = \"No.\"", "reason = \" \"", "must be a text"),
            ("\"refused\"", "\"skipped\"", "`skipped`"),
            ("\"MUST\"", "\"OUGHT\"", "OUGHT"),
            ("words = \"Do it.\"", "word = \"Do it.\"", "words"),
            ("words = \"Do it.\"", "words = \"Do it.\"\nnote = \"x\"", "no key `note`"),
            ("\"6749-4.9-1\"", "\"6749-4.8-1\"", "not named by"),
            ("\"6749-4.9-1\"", "\"6750-4.9-1\"", "not named by"),
            ("6749-4.10-1\"\nsection = \"4.10\"", "6749-4.9-1\"\nsection = \"4.9\"", "two 6749-4.9-1"),
            ("6749-4.10-1\"\nsection = \"4.10\"", "6749-4.2-1\"\nsection = \"4.2\"", "later section"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let failure = requirements(&GOOD.replace(from, to)).expect_err(to).to_string();
            assert!(failure.contains(told), "{failure}");
        }
        for empty in ["", "[[rfc]]\nnumber = 1\ntitle = \"x\"\n", "rfc = []\n"] {
            assert!(requirements(empty).is_err(), "{empty}");
        }
    }

    #[test]
    fn a_threat_has_tests_or_says_why_not() {
        let threat = |more: &str| {
            let text = format!(
                "[[group]]\ntitle = \"x\"\n[[group.threat]]\nid = \"a\"\nsource = \"s\"\nthreat = \"t\"\nmechanism = \"m\"\n{more}\n"
            );
            threats(&text).map_err(|failure| failure.to_string())
        };
        assert!(threat("tests = [\"p it a::b\"]").is_ok());
        assert!(threat("untested = \"it is the operator's\"").is_ok());
        assert!(threat("").unwrap_err().contains("untested"));
        assert!(threat("tests = [\"p it a::b\"]\nuntested = \"x\"").is_err());
        assert!(threats("").is_err());
    }
}
