//! How large the program is, and how much there is to build.

use std::fmt::Write as _;

use serde_json::Value;

use super::table::Table;
use super::{list, title_of};
use crate::bench::size::{DEV_SECONDS, HELD, RELEASE_SECONDS, measured};
use crate::bench::tally::{mebibytes, number};
use crate::failure::Outcome;

pub(super) fn section(results: &Value) -> Outcome<String> {
    let mut text = "\n## Size\n\n".to_owned();
    let mut table = Table::new(["", "first answer after", "memory at rest"].map(str::to_owned).to_vec());
    for start in list(results, "starts")? {
        table.row(
            &title_of(start),
            [
                Some(format!("{:.0} ms", number(start, "start_ms")?)),
                Some(mebibytes(number(start, "idle_memory_bytes")?)),
            ],
        );
    }
    text.push_str(&table.rendered());
    text.push_str(
        "\nWhat grantor is held to: `cargo xtask bench size` fails where one of these grows beyond it.\n\n",
    );
    let mut table = Table::new(["", "measured", "held to", "wanted"].map(str::to_owned).to_vec());
    for (held, measured) in HELD.iter().zip(measured(results)?) {
        let measured = measured.map(|measured| format!("{measured:.1}"));
        table.row(held.what, [measured, Some(format!("{}", held.held)), Some(format!("{}", held.wanted))]);
    }
    text.push_str(&table.rendered());
    let stripped = results.get("stripped_bytes").and_then(Value::as_f64).map(mebibytes);
    let _ = writeln!(
        text,
        "\nWithout the memory of `redis-server`. The program has {} with line tables{}. `grantor-core` stands on {} crates, and `grantor` on {}.",
        mebibytes(number(results, "program_bytes")?),
        stripped.map(|stripped| format!(" and {stripped} without")).unwrap_or_default(),
        number(results, "core_crates")?,
        number(results, "server_crates")?,
    );
    let seconds = |name: &str| results.get(name).and_then(Value::as_f64);
    if let (Some(dev), Some(release)) = (seconds(DEV_SECONDS), seconds(RELEASE_SECONDS)) {
        let _ = writeln!(
            text,
            "A package of its own that depends on `grantor-core`, with this workspace's versions and none of its settings, builds on two cores from nothing in {dev:.1} s by \
             cargo's dev profile, and in {release:.1} s by its release profile."
        );
    }
    Ok(text)
}
