//! The tables of docs/SCALE.md, and where they stand in it.

use std::fmt::Write as _;
use std::fs;

use crate::failure::{Failure, Outcome, While};
use crate::workspace::Workspace;

use super::costs::{Cost, Costs};
use super::queue::{Day, Fleet};
use super::spread::{Draw, NODES};

const PAGE: &str = "docs/SCALE.md";

/// Puts each table between its marks, and leaves all else as people wrote it.
pub(super) fn write(workspace: &Workspace, tables: &[(&str, String)]) -> Outcome {
    let file = workspace.path(PAGE);
    let mut page = fs::read_to_string(&file).during(PAGE)?;
    for (name, table) in tables {
        page = placed(&page, name, table)?;
    }
    fs::write(&file, page).during(PAGE)?;
    eprintln!("{PAGE} has the tables");
    Ok(())
}

fn placed(page: &str, name: &str, table: &str) -> Outcome<String> {
    let (begin, end) = (format!("<!-- scale: {name} -->\n"), format!("<!-- /scale: {name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| Failure::new(format!("{PAGE} has no place for {name}")))?;
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

/// The fullest shard, and the fullest of several numbers of nodes.
pub(super) fn spread(draws: &[&Draw]) -> String {
    let mut text = "| grants | fullest shard | by the binomial |".to_owned();
    for nodes in NODES {
        let _ = write!(text, " {nodes} nodes |");
    }
    text.push_str("\n| ---: | ---: | ---: |");
    text.push_str(&" ---: |".repeat(NODES.len()));
    text.push('\n');
    for draw in draws {
        let expected = draw.expected_fullest_shard(draw.drawn as f64);
        let _ = write!(text, "| {} | {:.3} | {expected:.3} |", grouped(draw.drawn), draw.fullest_shard());
        for nodes in NODES {
            let _ = write!(text, " {:.2} |", draw.fullest_node(nodes));
        }
        text.push('\n');
    }
    if let Some(draw) = draws.last() {
        let _ = writeln!(
            text,
            "| 1,000,000,000 | - | {:.4} |{}",
            draw.expected_fullest_shard(1e9),
            NODES.map(|nodes| format!(" {:.2} |", draw.fullest_node(nodes))).concat()
        );
    }
    text
}

/// What a request takes.
pub(super) fn costs(costs: &Costs) -> String {
    let mut text = if costs.are_measured {
        "By [what `cargo xtask bench` measured last](benchmarks/table.json), 16 connections.\n\n".to_owned()
    } else {
        "**Stand-ins**: single runs on a busy machine of two cores, until a whole `cargo xtask bench` has written its \
         figures.\n\n"
            .to_owned()
    };
    text.push_str("| request | part of the traffic | core of a server | thread of Redis |\n| --- | ---: | ---: | ---: |\n");
    for cost in &costs.all {
        let (part, server, redis) = (cost.part * 100.0, cost.server_us(), cost.redis_us());
        let _ = writeln!(text, "| {} | {part:.0} % | {server:.1} µs | {redis:.1} µs |", cost.endpoint);
    }
    let (server, redis) = (costs.mean(Cost::server_us), costs.mean(Cost::redis_us));
    let _ = writeln!(text, "| **mean** | 100 % | {server:.1} µs | {redis:.1} µs |");
    text
}

/// The fleet, and its days.
pub(super) fn queue(rate: f64, fleet: &Fleet, days: &[Day]) -> String {
    let mut text = format!(
        "{} servers of {} cores and {} primaries of Redis, {rate:.0} requests a second.\n\n| day | cores busy | busiest \
         primary | wait, p50 | p99 | p99.9 |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
        fleet.servers, fleet.cores, fleet.primaries
    );
    for day in days {
        let _ = writeln!(
            text,
            "| {} | {:.0} % | {:.0} % | {:.0} µs | {:.0} µs | {:.0} µs |",
            day.what,
            day.servers_busy * 100.0,
            day.primary_busy * 100.0,
            day.p50,
            day.p99,
            day.p999
        );
    }
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_its_own_place() {
        let page = "a\n<!-- scale: x -->\nold\n<!-- /scale: x -->\nb\n";
        let placed_once = placed(page, "x", "new\n").unwrap();
        assert_eq!(placed_once, "a\n<!-- scale: x -->\n\nnew\n\n<!-- /scale: x -->\nb\n");
        assert_eq!(placed(&placed_once, "x", "new\n").unwrap(), placed_once);
        assert!(placed(page, "y", "new").is_err());
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
