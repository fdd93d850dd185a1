//! How evenly grants lie over shards, and shards over nodes.

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome, While};
use crate::workspace::{self, Workspace};

/// The slots of a Redis Cluster, which is Redis's own number.
const SLOTS: u64 = 16_384;

/// So many grants, drawn and laid down by the store's own functions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draw {
    pub(super) drawn: u64,
    /// Grants by shard.
    counts: Vec<u64>,
    /// The slot of each shard.
    slots: Vec<u64>,
}

/// Draws them.
pub(super) fn draw(workspace: &Workspace, drawn: u64, seed: u64) -> Outcome<Draw> {
    let mut example = workspace.cargo([
        "run",
        "--release",
        "--quiet",
        "--package",
        "grantor-store-redis",
        "--example",
        "spread",
        "--",
    ]);
    example.args([drawn.to_string(), seed.to_string()]);
    let said: Value =
        serde_json::from_str(&workspace::output_of(example)?).during("reading the spread of grants")?;
    let list = |name: &str| {
        let list = said.get(name).and_then(Value::as_array);
        let list = list.map(|list| list.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
        list.ok_or_else(|| Failure::new(format!("the spread of grants says no {name}")))
    };
    Ok(Draw { drawn, counts: list("counts")?, slots: list("hash_slots")? })
}

impl Draw {
    /// The node of each shard, where a cluster of so many has its slots in equal ranges, as it is created with.
    pub(super) fn nodes(&self, of: usize) -> Vec<usize> {
        let number = u64::try_from(of).unwrap_or(1);
        let node = |slot: &u64| usize::try_from(slot * number / SLOTS).unwrap_or_default();
        self.slots.iter().map(node).collect()
    }

    /// The fullest shard, by the mean.
    pub(super) fn fullest_shard(&self) -> f64 {
        fullest(&self.counts, self.counts.len(), self.drawn)
    }

    /// The fullest of so many nodes, by the mean.
    pub(super) fn fullest_node(&self, of: usize) -> f64 {
        let mut held = vec![0; of];
        for (node, count) in self.nodes(of).into_iter().zip(&self.counts) {
            if let Some(held) = held.get_mut(node) {
                *held += count;
            }
        }
        fullest(&held, of, self.drawn)
    }

    /// What the fullest shard has beside the mean when so many are drawn: 2.8 deviations of the binomial, which the most of
    /// 256 about comes to.
    pub(super) fn expected_fullest_shard(&self, drawn: f64) -> f64 {
        let part = 1.0 / self.counts.len() as f64;
        1.0 + 2.8 * ((1.0 - part) / (drawn * part)).sqrt()
    }

    pub(super) fn as_json(&self) -> Value {
        let nodes = NODES.map(|of| json!({ "nodes": of, "fullest": self.fullest_node(of) }));
        json!({ "drawn": self.drawn, "fullest_shard": self.fullest_shard(),
            "expected_fullest_shard": self.expected_fullest_shard(self.drawn as f64), "nodes": nodes })
    }

    #[cfg(test)]
    pub(super) fn even() -> Self {
        Self { drawn: 256_000, counts: vec![1000; 256], slots: (0..256).map(|shard| shard * 64).collect() }
    }
}

/// How many nodes are shown.
pub(super) const NODES: [usize; 6] = [3, 6, 12, 24, 48, 96];

fn fullest(held: &[u64], of: usize, drawn: u64) -> f64 {
    held.iter().copied().max().unwrap_or_default() as f64 * of as f64 / drawn as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_spread_is_even() {
        let draw = Draw::even();
        assert_eq!((draw.fullest_shard(), draw.fullest_node(4)), (1.0, 1.0));
        assert_eq!(draw.nodes(3).last(), Some(&2));
        // 256 shards over 96 nodes: two or three each.
        assert!((draw.fullest_node(96) - 3.0 * 96.0 / 256.0).abs() < 1e-9);
        assert!(draw.expected_fullest_shard(1e9) < draw.expected_fullest_shard(1e6));
    }
}
