//! `cargo xtask scale`: from one process to many, by drawing grants and by a queue, with what was measured for each node.
//!
//! **Invariant: the same seed and the same measurements give the same tables.** No clock is looked at: what a node takes for a
//! request is read from docs/benchmarks, and the queue runs in its own time.

mod costs;
mod page;
mod queue;
mod spread;

use serde_json::json;

use crate::cli::ScaleOptions;
use crate::failure::Outcome;
use crate::workspace::Workspace;

/// Requests a second that the fleet is to carry.
const RATE: f64 = 100_000.0;
/// Cores of one machine that runs grantor.
const CORES: usize = 4;
/// How busy the busiest part may be on a usual day, so that the rest can carry what one of them leaves behind.
const BUSY: f64 = 0.6;

/// Draws, queues, prints, and writes the tables into docs/SCALE.md.
pub(crate) fn run(workspace: &Workspace, options: &ScaleOptions) -> Outcome {
    let costs = costs::read(workspace)?;
    let draws = [1_000_000, 10_000_000].map(|drawn| spread::draw(workspace, drawn, options.seed));
    let [small, large] = draws;
    let (small, large) = (small?, large?);
    let fleet = queue::Fleet::for_rate(RATE, CORES, BUSY, &costs, &large);
    let days = queue::days(&fleet, RATE, &costs, options.seed);
    let tables = [
        ("spread", page::spread(&[&small, &large])),
        ("costs", page::costs(&costs)),
        ("queue", page::queue(RATE, &fleet, &days)),
    ];
    if options.json {
        let days: Vec<_> = days.iter().map(queue::Day::as_json).collect();
        let spread: Vec<_> = [&small, &large].map(|draw| draw.as_json()).into();
        println!(
            "{}",
            json!({ "seed": options.seed, "spread": spread, "costs": costs.as_json(), "fleet": fleet.as_json(), "days": days })
        );
    } else {
        tables.iter().for_each(|(_, table)| println!("{table}"));
    }
    page::write(workspace, &tables)
}
