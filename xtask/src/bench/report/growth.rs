//! What a request costs as a store grows.

use serde_json::Value;

use super::table::Table;
use super::title_of;
use crate::bench::plan::SUBJECTS;
use crate::bench::tally::{mebibytes, number, si};
use crate::failure::{Failure, Outcome};

pub(super) fn section(stages: &[Value]) -> Outcome<String> {
    let mut text = "\n## Growth\n\nMicroseconds of processor time for one token, and for one introspection, with so many live tokens; the longest that any request took while the store grew there; and what the server and its \
                    store hold. 16 connections.\n\n"
        .to_owned();
    let headers = ["", "live tokens", "token", "introspection", "longest", "memory", "on disk", "restart"];
    let mut table = Table::new(headers.map(str::to_owned).to_vec());
    for stage in stages {
        let disk = number(stage, "disk_bytes")?;
        table.row(
            &title_of(stage),
            [
                Some(si(number(stage, "live")?)),
                Some(format!("{:.1} µs", number(stage, "token_cpu_us")?)),
                Some(format!("{:.1} µs", number(stage, "introspect_cpu_us")?)),
                Some(format!("{:.1} ms", number(stage, "longest_us")? / 1000.0)),
                Some(mebibytes(number(stage, "memory_bytes")?)),
                (disk > 1_048_576.0).then(|| mebibytes(disk)),
                stage.get("restart_ms").and_then(Value::as_f64).map(|millis| format!("{millis:.0} ms")),
            ],
        );
    }
    text.push_str(&table.rendered());
    text.push_str("\n![Processor time for a token, by live tokens](benchmarks/growth.svg)\n\n### Bytes for each live token\n\n");
    let mut table = Table::new(["", "memory", "disk"].map(str::to_owned).to_vec());
    for subject in SUBJECTS {
        let mut own =
            stages.iter().filter(|stage| stage.get("subject").and_then(Value::as_str) == Some(subject.name));
        let (Some(first), Some(last)) = (own.next(), own.next_back()) else { continue };
        let live = number(last, "live")? - number(first, "live")?;
        let each = |name: &str| Ok::<_, Failure>((number(last, name)? - number(first, name)?) / live);
        let disk = each("disk_bytes")?;
        table.row(
            subject.title,
            [Some(format!("{:.0}", each("memory_bytes")?)), (disk > 1.0).then(|| format!("{disk:.0}"))],
        );
    }
    text.push_str(&table.rendered());
    Ok(text)
}
