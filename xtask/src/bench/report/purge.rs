//! What a purge takes from everybody else.

use serde_json::Value;

use super::table::Table;
use super::title_of;
use crate::bench::purge::WANTED;
use crate::bench::tally::{number, si};
use crate::failure::{Failure, Outcome};

pub(super) fn section(rows: &[Value]) -> Outcome<String> {
    let mut text = format!(
        "\n## Beside a purge\n\nThe token endpoint, 16 connections, while the server removes what ended more than an hour ago, one batch after another: its time of day was set forward, so that all was due at once. It is measured in slices of a quarter of a second, and the median of their p99 is \
         shown; of those beside the purge only they count that began after it and ended before it, by the server's own count of what it removed. At most {} times the quiet p99 is wanted.\n\n",
        WANTED
    );
    let headers = [
        "",
        "p99, quiet",
        "p99, purging",
        "times",
        "worst slice's p99",
        "longest, quiet",
        "longest, purging",
        "slices",
        "removed meanwhile",
        "removed in all",
    ];
    let mut table = Table::new(headers.map(str::to_owned).to_vec());
    for row in rows {
        let time = |name: &str| Ok::<_, Failure>(Some(format!("{:.0} µs", number(row, name)?)));
        let count = |name: &str| Ok::<_, Failure>(Some(si(number(row, name)?)));
        table.row(
            &title_of(row),
            [
                time("quiet_p99_us")?,
                time("purging_p99_us")?,
                Some(format!("{:.2}", number(row, "ratio")?)),
                time("worst_purging_p99_us")?,
                time("quiet_longest_us")?,
                time("purging_longest_us")?,
                count("purging_slices")?,
                count("removed_meanwhile")?,
                count("removed")?,
            ],
        );
    }
    text.push_str(&table.rendered());
    Ok(text)
}
