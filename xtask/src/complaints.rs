//! Which tests failed, and what they said: the end of a long run is what people see of it.

use std::fmt::Write as _;

/// How many of the failed tests are quoted, and how many of the last lines of each.
const QUOTED: usize = 12;
const LINES: usize = 30;

/// What cargo says of a program of tests that failed.
const RERUN: &str = "error: test failed, to rerun pass ";

/// The failed tests by name, each under the program it is of, and then what they printed, cut to what fits a screen or two.
/// Of a program that failed though none of its tests did, its last lines. None if nothing is known of any: then something
/// else failed, such as the compiler.
pub(crate) fn read(output: &str) -> Option<String> {
    let mut told = String::new();
    let mut quotes = Vec::new();
    let mut program = "";
    let mut all_passed = true;
    let mut last: Vec<&str> = Vec::new();
    let mut quote: Option<(&str, Vec<&str>)> = None;
    for line in output.lines() {
        let start = line.trim_start();
        if let Some(name) = line.strip_prefix(RERUN) {
            quotes.extend(quote.take());
            if all_passed {
                let _ = writeln!(told, "  {program}: none of its tests, and yet it failed");
                quotes.push((name, std::mem::take(&mut last)));
            }
        } else if let Some(name) = heading(line) {
            quotes.extend(quote.replace((name, Vec::new())));
        } else if line == "failures:" || line.starts_with("test result: ") {
            quotes.extend(quote.take());
        } else if let Some((_, lines)) = &mut quote {
            lines.push(line);
        } else if let Some(rest) = start.strip_prefix("Running ").or(start.strip_prefix("Doc-tests ")) {
            program = rest.split(" (").next().unwrap_or(rest);
            all_passed = true;
            last.clear();
        } else if let Some(name) = failed_test(line) {
            // Writing to a String cannot fail.
            let _ = writeln!(told, "  {program}: {name}");
            all_passed = false;
        } else if !line.starts_with("test ") {
            last.push(line);
        }
    }
    quotes.extend(quote);
    for (name, lines) in quotes.iter().take(QUOTED) {
        let _ = writeln!(told, "\n---- {name} ----");
        let lines: Vec<&&str> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
        let cut = lines.len().saturating_sub(LINES);
        if cut > 0 {
            let _ = writeln!(told, "[{cut} lines more above]");
        }
        for line in lines.into_iter().skip(cut) {
            let _ = writeln!(told, "{line}");
        }
    }
    if quotes.len() > QUOTED {
        let _ = writeln!(told, "\n[and what {} more said, above]", quotes.len() - QUOTED);
    }
    (!told.is_empty()).then_some(told)
}

fn failed_test(line: &str) -> Option<&str> {
    let (name, ending) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    (ending == "FAILED").then_some(name.trim_end())
}

/// The test that a section of the harness's report is about: `---- name stdout ----`, or without `stdout` where the harness is
/// not the compiler's own.
fn heading(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running tests/it/main.rs (target/debug/deps/it-2b)
test tokens::one ... ok
test tokens::two ... FAILED

failures:

---- tokens::two stdout ----

thread 'tokens::two' panicked at tests/it/tokens.rs:7:5:
left is not right

failures:
    tokens::two

test result: FAILED. 1 passed; 1 failed
     Running tests/cases/main.rs (target/debug/deps/cases-3c)
test b03::sqlite ... FAILED

failures:

---- b03::sqlite ----
the code went through twice

failures:
    b03::sqlite
   Doc-tests grantor_core
test crates/core/src/scope.rs - scope::Scope (line 13) ... FAILED
";

    #[test]
    fn whoever_failed_is_named_with_its_program_and_quoted() {
        let told = read(OUTPUT).unwrap();
        let names = "  tests/it/main.rs: tokens::two\n  tests/cases/main.rs: b03::sqlite\n  grantor_core: crates/core/src/scope.rs - scope::Scope (line 13)\n";
        assert!(told.starts_with(names), "{told}");
        for said in ["left is not right", "the code went through twice"] {
            assert_eq!(told.matches(said).count(), 1, "{told}");
        }
        assert!(!told.contains("tokens::one"), "{told}");
    }

    #[test]
    fn a_long_complaint_keeps_its_end_and_many_keep_the_first() {
        let long: String =
            (0..100).fold("---- a stdout ----\n".to_owned(), |text, n| format!("{text}line {n}\n"));
        let told = read(&long).unwrap();
        assert!(
            told.contains("line 99") && !told.contains("line 69\n") && told.contains("[70 lines more"),
            "{told}"
        );
        let many: String =
            (0..20).fold(String::new(), |text, n| format!("{text}---- t{n} stdout ----\nsaid {n}\n"));
        let told = read(&many).unwrap();
        assert!(told.contains("said 11") && !told.contains("said 12") && told.contains("8 more"), "{told}");
    }

    #[test]
    fn a_program_that_fails_after_its_tests_is_heard_to_the_end() {
        let output = "     Running tests/cases/main.rs (target/debug/deps/cases-3c)\ntest b03::sqlite ... ok\n\ntest result: ok. 1 passed\n\nafterwards: sqlite: a secret is in the log\nerror: test failed, to rerun pass `-p grantor --test cases`\n";
        let told = read(output).unwrap();
        assert!(told.starts_with("  tests/cases/main.rs: none of its tests"), "{told}");
        assert!(told.contains("a secret is in the log") && !told.contains("b03"), "{told}");
    }

    #[test]
    fn nothing_is_told_where_no_test_failed() {
        assert_eq!(read("error[E0308]: mismatched types\n"), None);
        assert_eq!(read("test tokens::one ... ok\n"), None);
    }
}
