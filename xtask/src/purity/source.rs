//! The core's source: names that would let the outside world in. Comments and literals do not count.

/// What may not be written in the core, and why. A name matches as a whole: `catalog::` is not `log::`.
const BANNED: &[(&str, &str)] = &[
    ("async fn", "the core does not wait"),
    ("async move", "the core does not wait"),
    (".await", "the core does not wait"),
    ("std::env", "configuration is an argument"),
    ("std::fs", "the core does no I/O"),
    ("std::net", "the core does no I/O"),
    ("std::os", "the core knows no platform"),
    ("std::process", "the core does no I/O"),
    ("std::thread", "the core runs on its caller"),
    ("SystemTime", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("Utc::now", "time is an argument"),
    ("Local::now", "time is an argument"),
    ("HashMap", "its order is random; use BTreeMap"),
    ("HashSet", "its order is random; use BTreeSet"),
    ("thread_local!", "state is an argument"),
    ("static mut", "state is an argument"),
    ("print!", "the core reports by its return value"),
    ("println!", "the core reports by its return value"),
    ("eprint!", "the core reports by its return value"),
    ("eprintln!", "the core reports by its return value"),
    ("dbg!", "the core reports by its return value"),
    ("tracing", "the core reports by its return value"),
    ("log::", "the core reports by its return value"),
];

/// What is wrong with one file, as `LINE: what`.
pub(super) fn violations(source: &str) -> Vec<String> {
    let code = without_comments_and_literals(source);
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (name, why) in BANNED {
            if holds_name(line, name) {
                found.push(format!("{}: `{name}`: {why}", number + 1));
            }
        }
    }
    // `use std::{env, fs}` names the same modules without writing them out.
    for (before, group) in groups_of_std(&code) {
        let number = before.lines().count().max(1);
        for item in group {
            let path = format!("std::{item}");
            if let Some((name, why)) = BANNED.iter().find(|(name, _)| *name == path) {
                found.push(format!("{number}: `{name}`, in a group: {why}"));
            }
        }
    }
    found
}

/// Whether `name` stands in `line` with no identifier running on at either end.
fn holds_name(line: &str, name: &str) -> bool {
    let continues = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let first_is_word = continues(name.chars().next());
    let last_is_word = continues(name.chars().next_back());
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|text| text.chars().next());
        !(first_is_word && continues(before) || last_is_word && continues(after))
    })
}

/// Each `std::{…}`: the code before it, and the first segment of each item of the group.
fn groups_of_std(code: &str) -> impl Iterator<Item = (&str, Vec<String>)> {
    const OPENING: &str = "std::{";
    code.match_indices(OPENING).filter_map(|(at, _)| {
        let before = code.get(..at)?;
        let rest = code.get(at + OPENING.len()..)?;
        let mut depth = 1_u32;
        let mut items = vec![String::new()];
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => items.push(String::new()),
                _ if depth == 1 => items.last_mut()?.push(c),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        let first_segment = |item: String| {
            let word = item.trim().split([':', ' ']).next().unwrap_or_default();
            word.to_owned()
        };
        Some((before, items.into_iter().map(first_segment).collect()))
    })
}

/// The source with every comment and every string or character literal blanked, line by line as before.
fn without_comments_and_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let previous = code.chars().next_back();
        let length = length_of_comment_or_literal(rest, previous);
        if length == 0 {
            code.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        }
        let blanked = rest.get(..length).unwrap_or(rest);
        code.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = rest.get(length..).unwrap_or_default();
    }
    code
}

/// How many bytes at the start of `rest` are a comment or a literal; 0 when it starts with code.
fn length_of_comment_or_literal(rest: &str, previous: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return length_of_block_comment(rest);
    }
    if rest.starts_with('"') {
        return length_of_quoted(rest, '"');
    }
    // The `r` of `for` starts no raw string.
    let in_a_word = previous.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if let Some(after) = rest.strip_prefix('r').filter(|_| !in_a_word || previous == Some('b')) {
        let hashes = after.chars().take_while(|c| *c == '#').count();
        if after.chars().nth(hashes) == Some('"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let opening = 1 + hashes + 1;
            let body = rest.get(opening..).unwrap_or_default();
            return body.find(&closing).map_or(rest.len(), |at| opening + at + closing.len());
        }
    }
    // A lifetime has no closing quote: `'a'` and `'\n'` are characters, `'a` is not.
    let mut after_quote = rest.strip_prefix('\'').unwrap_or_default().chars();
    match (after_quote.next(), after_quote.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => length_of_quoted(rest, '\''),
        _ => 0,
    }
}

/// Block comments nest.
fn length_of_block_comment(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn length_of_quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_banned_name_is_found() {
        for (name, _) in BANNED {
            let source = format!("fn f() {{\n    {name} x\n}}\n");
            let found = violations(&source);
            assert!(found.iter().any(|line| line.starts_with("2: ")), "`{name}` was not found: {found:?}");
        }
    }

    #[test]
    fn known_bad_files_are_found_with_their_line() {
        let bad = [
            ("pub async fn load() {}", "1: `async fn`"),
            ("fn f() {\n    store.get(key).await?;\n}", "2: `.await`"),
            ("use std::time::SystemTime;", "1: `SystemTime`"),
            ("let s = \"\\\"\"; println!(\"{s}\");", "1: `println!`"),
            ("let c = '\"'; let now = Instant::now();", "1: `Instant::now`"),
            ("fn f<'a>(x: &'a str) { std::env::var(x); }", "1: `std::env`"),
            ("/* a /* nested */ comment */ use std::fs::File;", "1: `std::fs`"),
            ("let r = r#\"raw \"quoted\" text\"#;\nlog::info!();", "2: `log::`"),
            ("use std::{collections::BTreeMap, net::TcpStream};", "1: `std::net`, in a group"),
            (
                "use a;\nuse std::{\n    fmt::{self, Display},\n    thread,\n};",
                "2: `std::thread`, in a group",
            ),
        ];
        for (source, expected) in bad {
            let found = violations(source);
            assert!(
                found.iter().any(|line| line.starts_with(expected)),
                "in {source:?}: {found:?} lacks {expected}"
            );
        }
    }

    #[test]
    fn prose_literals_and_longer_names_are_not_code() {
        let good = [
            "//! The core never calls `std::env::var`, and no .await either.",
            "/// ```\n/// println!(\"an example\");\n/// ```\nfn f() {}",
            "let text = \"use std::fs\";",
            "let raw = br##\"std::net \"# SystemTime\"##;",
            "let found = catalog::entry(); let tracings = retracing;",
            "use std::{fmt, collections::{BTreeMap, btree_map::Entry}};",
            "let quote = '\\''; let slash = '\\\\'; // SystemTime",
            "fn pretty_print(f: &mut Formatter<'_>) { write!(f, \"x\") }",
        ];
        for source in good {
            assert_eq!(violations(source), Vec::<String>::new(), "in {source:?}");
        }
    }

    #[test]
    fn blanking_keeps_every_line_in_its_place() {
        let source = "a /* 1\n2 */ b\n\"3\n4\" c // 5\nd";
        let code = without_comments_and_literals(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert!(code.ends_with("\nd") && !code.contains('5'), "{code:?}");
    }
}
