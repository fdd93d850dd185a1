//! The tables as documents to read.

use std::fmt::Write as _;

use super::entry::{Rfc, Status, TestName, ThreatGroup};

const CONFORMANCE_HEAD: &str = "\
# Conformance

<!-- Written by `cargo xtask requirements` from requirements.toml: change that, not this. -->

Every requirement of these RFCs that binds an authorization server, in our words. *Met* means that the server does it and
that the tests named beside it fail where it does not; `cargo xtask ci` checks that each of them exists, ran and passed. What
is refused, or has nothing here to apply to, says why. What binds only clients or only resource servers is not listed.

The requirements are those of the standard profile. What a [dialect](dialects/README.md) does otherwise it lists as a danger
(`grantor profile check`).
";

const THREATS_HEAD: &str = "\
# Threats

<!-- Written by `cargo xtask requirements` from threats.toml: change that, not this. -->

What can be done to an authorization server and to the people and clients that trust it, by what mechanism this one withstands
it, and the tests that show it; `cargo xtask ci` checks that each of them exists, ran and passed. The attackers are those of
RFC 9700, section 3: on the web (A1), on the network (A2), who read responses (A3) or requests (A4), who get hold of tokens (A5).
";

/// `docs/CONFORMANCE.md`.
pub(super) fn conformance(rfcs: &[Rfc]) -> String {
    let mut page = CONFORMANCE_HEAD.to_owned();
    page.push_str("\n| | met | refused | not applicable |\n|---|---|---|---|\n");
    for rfc in rfcs {
        let count = |is: fn(&Status) -> bool| rfc.requirements.iter().filter(|r| is(&r.status)).count();
        line(
            &mut page,
            &format!(
                "| [RFC {}](#rfc-{}) {} | {} | {} | {} |",
                rfc.number,
                rfc.number,
                rfc.title,
                count(|status| matches!(status, Status::Met)),
                count(|status| matches!(status, Status::Refused(_))),
                count(|status| matches!(status, Status::NotApplicable(_))),
            ),
        );
    }
    for rfc in rfcs {
        line(
            &mut page,
            &format!("\n## RFC {}\n{}. What is asked of an authorization server:", rfc.number, rfc.title),
        );
        page.push_str("\n| | level | requirement | | tests |\n|---|---|---|---|---|\n");
        for requirement in &rfc.requirements {
            let (status, why) = match &requirement.status {
                Status::Met => ("met", None),
                Status::Refused(why) => ("**refused**", Some(why)),
                Status::NotApplicable(why) => ("not applicable", Some(why)),
            };
            let status = why.map_or(status.to_owned(), |why| format!("{status}: {}", cell(why)));
            line(
                &mut page,
                &format!(
                    "| {} | {} | {} | {status} | {} |",
                    requirement.id,
                    requirement.level,
                    cell(&requirement.words),
                    tests(&requirement.tests)
                ),
            );
        }
    }
    page
}

/// `docs/THREATS.md`.
pub(super) fn threats(groups: &[ThreatGroup]) -> String {
    let mut page = THREATS_HEAD.to_owned();
    for group in groups {
        line(
            &mut page,
            &format!("\n## {}\n\n| | threat | mechanism | tests |\n|---|---|---|---|", group.title),
        );
        for threat in &group.threats {
            let shown = threat
                .untested
                .as_ref()
                .map_or_else(|| tests(&threat.tests), |why| format!("none: {}", cell(why)));
            line(
                &mut page,
                &format!(
                    "| {} ({}) | {} | {} | {shown} |",
                    threat.id,
                    cell(&threat.source),
                    cell(&threat.threat),
                    cell(&threat.mechanism)
                ),
            );
        }
    }
    page
}

fn tests(names: &[TestName]) -> String {
    let one = |name: &TestName| format!("`{} {} {}`", name.program.package, name.program.target, name.test);
    names.iter().map(one).collect::<Vec<_>>().join("<br>")
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn line(page: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    #[test]
    fn a_page_has_every_entry_in_one_line_with_its_status_and_tests() {
        let table = "[[rfc]]\nnumber = 1\ntitle = \"A title\"\n\
            [[rfc.requirement]]\nid = \"1-2-1\"\nsection = \"2\"\nlevel = \"MUST\"\nwords = \"a | b\\n c\"\nstatus = \"met\"\ntests = [\"p it a::b\", \"p lib c\"]\n\
            [[rfc.requirement]]\nid = \"1-2-2\"\nsection = \"2\"\nlevel = \"SHOULD\"\nwords = \"w\"\nstatus = \"refused\"\nreason = \"because\"\n";
        let page = conformance(&entry::requirements(table).unwrap());
        assert!(page.contains("| [RFC 1](#rfc-1) A title | 1 | 1 | 0 |\n"), "{page}");
        assert!(page.contains("| 1-2-1 | MUST | a \\| b c | met | `p it a::b`<br>`p lib c` |\n"), "{page}");
        assert!(page.contains("| 1-2-2 | SHOULD | w | **refused**: because |  |\n"), "{page}");
        let threats = "[[group]]\ntitle = \"G\"\n[[group.threat]]\nid = \"T1\"\nsource = \"RFC 1\"\nthreat = \"t\"\nmechanism = \"m\"\nuntested = \"why\"\n";
        let page = super::threats(&entry::threats(threats).unwrap());
        assert!(page.contains("\n## G\n") && page.contains("| T1 (RFC 1) | t | m | none: why |\n"), "{page}");
    }
}
