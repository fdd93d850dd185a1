//! Whether the tests that a table names are there, ran, and passed.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::TestName;
use crate::failure::{Failure, Outcome};
use crate::ran::{Built, Ending, ProgramName, Programs, Ran};

/// What says which tests a program has: the program itself, except in tests of this.
pub(super) type Lister<'a> = dyn Fn(&Built) -> Outcome<(BTreeSet<String>, BTreeSet<String>)> + 'a;

/// Checks every test that is named, each with the entry that names it, and tells all that is wrong. Without a run it is asked
/// only that they exist.
pub(super) fn every_test(
    named: &[(&str, &TestName)],
    programs: &Programs,
    ran: Option<&Ran>,
    list: &Lister<'_>,
) -> Outcome {
    if named.is_empty() {
        return Err(Failure::new("no test is named at all"));
    }
    if let Some(ran) = ran.filter(|ran| !ran.left_out.is_empty()) {
        return Err(Failure::new(format!(
            "the last run of the tests left something out ({}), and passed for tests that did nothing",
            ran.left_out.join(", ")
        )));
    }
    let mut lists: BTreeMap<&ProgramName, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (_, name) in named {
        if let Some(built) = programs.get(&name.program)
            && !lists.contains_key(&name.program)
        {
            lists.insert(&name.program, list(built)?);
        }
    }
    let wrong: Vec<String> = named
        .iter()
        .filter_map(|(entry, name)| {
            let why = trouble(name, programs, ran, &lists)?;
            let TestName { program: ProgramName { package, target }, test } = name;
            Some(format!("{entry}: {package} {target} {test}: {why}"))
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n"))) }
}

/// Why a test proves nothing, if so.
fn trouble(
    name: &TestName,
    programs: &Programs,
    ran: Option<&Ran>,
    lists: &BTreeMap<&ProgramName, (BTreeSet<String>, BTreeSet<String>)>,
) -> Option<&'static str> {
    let Some(built) = programs.get(&name.program) else { return Some("there is no such test program") };
    let (all, ignored) = lists.get(&name.program)?;
    if !all.contains(&name.test) {
        return Some("there is no such test");
    }
    if ignored.contains(&name.test) {
        return Some("it is ignored");
    }
    let ran = ran?;
    if !ran.is_of(&name.program, built) {
        return Some("its program did not run since it was built: `cargo xtask test`");
    }
    match ran.ending(&name.program, built, &name.test) {
        Some(Ending::Passed) => None,
        Some(Ending::Failed) => Some("it failed"),
        Some(Ending::Ignored) => Some("it is ignored"),
        None => Some("it did not run"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ran::tests::{built, program, run_of};

    fn name(package: &str, target: &str, test: &str) -> TestName {
        TestName { program: program(package, target), test: test.to_owned() }
    }

    /// What is told of one test, where a program `p it` has `good`, `bad`, `asleep` and `late`, of which `late` was not there
    /// when it ran.
    fn told<'a>(test: &TestName, ran: impl Into<Option<&'a Ran>>) -> Result<(), String> {
        let programs = Programs::from([(program("p", "it"), built("/t/it-1"))]);
        let list = |_: &Built| {
            let all = ["good", "bad", "asleep", "late"].map(ToOwned::to_owned).into();
            Ok((all, ["asleep".to_owned()].into()))
        };
        every_test(&[("1-2-3", test)], &programs, ran.into(), &list).map_err(|failure| failure.to_string())
    }

    fn ran() -> Ran {
        let tests = [
            ("good", Ending::Passed),
            ("bad", Ending::Failed),
            ("asleep", Ending::Ignored),
            ("gone", Ending::Passed),
        ];
        run_of(program("p", "it"), built("/t/it-1"), &tests)
    }

    #[test]
    fn only_a_test_that_is_there_and_ran_and_passed_counts() {
        assert_eq!(told(&name("p", "it", "good"), &ran()), Ok(()));
        for (test, why) in [
            (name("p", "it", "bad"), "it failed"),
            (name("p", "it", "asleep"), "it is ignored"),
            (name("p", "it", "late"), "it did not run"),
            (name("p", "it", "gone"), "there is no such test"),
            (name("p", "it", "goo"), "there is no such test"),
            (name("p", "lib", "good"), "there is no such test program"),
            (name("q", "it", "good"), "there is no such test program"),
        ] {
            let failure = told(&test, &ran()).unwrap_err();
            assert!(failure.starts_with("1-2-3: ") && failure.contains(why), "{test:?}: {failure}");
        }
    }

    #[test]
    fn without_a_run_a_test_must_exist_all_the_same() {
        for exists in ["good", "bad", "late"] {
            assert_eq!(told(&name("p", "it", exists), None), Ok(()));
        }
        for (test, why) in [("gone", "there is no such test"), ("asleep", "it is ignored")] {
            assert!(told(&name("p", "it", test), None).unwrap_err().contains(why), "{test}");
        }
    }

    #[test]
    fn a_run_of_another_build_or_with_something_left_out_counts_for_nothing() {
        let good = name("p", "it", "good");
        let older = run_of(program("p", "it"), built("/t/it-0"), &[("good", Ending::Passed)]);
        assert!(told(&good, &older).unwrap_err().contains("did not run since it was built"));
        assert!(told(&good, &Ran::default()).unwrap_err().contains("did not run since it was built"));
        let mut partial = ran();
        partial.left_out = vec!["GRANTOR_SKIP_REDIS".to_owned()];
        assert!(told(&good, &partial).unwrap_err().contains("GRANTOR_SKIP_REDIS"));
    }

    #[test]
    fn a_table_that_names_no_test_is_no_proof() {
        let list = |_: &Built| Ok(Default::default());
        assert!(every_test(&[], &Programs::new(), Some(&ran()), &list).is_err());
    }

    #[test]
    fn every_fault_is_told_and_not_only_the_first() {
        let (bad, gone) = (name("p", "it", "bad"), name("p", "it", "nothing"));
        let programs = Programs::from([(program("p", "it"), built("/t/it-1"))]);
        let list = |_: &Built| Ok((["bad".to_owned()].into(), Default::default()));
        let failure = every_test(&[("a", &bad), ("b", &gone)], &programs, Some(&ran()), &list).err().unwrap();
        assert_eq!(failure.to_string().lines().count(), 2);
    }
}
