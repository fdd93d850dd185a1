//! What attackers and crowds take from everybody else.

use serde_json::Value;

use super::table::Table;
use super::title_of;
use crate::bench::tally::{mebibytes, number, si};
use crate::failure::{Failure, Outcome};

pub(super) fn section(rows: &[Value]) -> Outcome<String> {
    let mut text = "\n## Under pressure\n\nThe token endpoint, 16 connections (2,048 where it says so), beside what attackers and crowds do on further connections. Both loads share one core, and the server has the other: what is lost is the share of it that the \
                    others take.\n\n"
        .to_owned();
    let headers = [
        "",
        "beside",
        "connections beside",
        "tokens a second",
        "put off",
        "p50",
        "p99",
        "p99.9",
        "longest",
        "memory",
    ];
    let mut table = Table::new(headers.map(str::to_owned).to_vec());
    for row in rows {
        let time = |name: &str| Ok::<_, Failure>(Some(format!("{:.0} µs", number(row, name)?)));
        let beside = row.get("beside").and_then(Value::as_str).unwrap_or_default();
        table.row(
            &title_of(row),
            [
                Some(beside.to_owned()),
                Some(si(number(row, "connections_beside")?)),
                Some(si(number(row, "per_second")?)),
                row.get("put_off").and_then(Value::as_f64).filter(|put_off| *put_off > 0.0).map(si),
                time("p50_us")?,
                time("p99_us")?,
                time("p999_us")?,
                time("max_us")?,
                Some(mebibytes(number(row, "memory_bytes")?)),
            ],
        );
    }
    text.push_str(&table.rendered());
    Ok(text)
}
