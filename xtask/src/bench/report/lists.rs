//! How long an administrator waits.

use std::fmt::Write as _;

use serde_json::Value;

use super::list;
use super::table::Table;
use crate::bench::lists::{HELD_MS, REQUESTS, title};
use crate::bench::tally::{number, si};
use crate::failure::{Failure, Outcome};

pub(super) fn section(results: &Value) -> Outcome<String> {
    let mut text = format!(
        "\n## Lists\n\nHow long an administrator waits, in milliseconds, with {} each of users, clients and grants: the median of {} requests, one after the other, and the \
         longest of them. The server does what else it does, is pinned to no core, and was started anew when its store was full.\n",
        thousands(number(results, "count")?),
        REQUESTS,
    );
    let rows = list(results, "rows")?;
    let word = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    for store in list(results, "filled")? {
        let name = word(store, "store");
        let title = title(&name);
        let _ = write!(text, "\n### {title}\n\n");
        let headers = ["", "found", "API", "longest", "console", "longest"];
        let mut table = Table::new(headers.map(str::to_owned).to_vec());
        for row in rows.iter().filter(|row| word(row, "store") == name) {
            let time = |name: &str| Ok::<_, Failure>(Some(format!("{:.1}", number(row, name)?)));
            table.row(
                &format!("{}: {}", word(row, "list"), word(row, "what")),
                [
                    Some(si(number(row, "found")?)),
                    time("api_median_ms")?,
                    time("api_longest_ms")?,
                    time("console_median_ms")?,
                    time("console_longest_ms")?,
                ],
            );
        }
        text.push_str(&table.rendered());
        let _ = writeln!(text, "\nFilling it took {:.0} s.", number(store, "seconds")?);
    }
    let _ = writeln!(
        text,
        "\n`cargo xtask bench lists` fails where a median is over {:.0} ms, and where less is found than there is. Of one user's grants for one client two thousand of his are looked \
         at; what lies beyond comes with the next page.",
        HELD_MS
    );
    Ok(text)
}

/// As people write a large whole number.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
