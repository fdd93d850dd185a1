//! What a request takes of a core of grantor's and of Redis's one thread.

use std::fs;

use serde_json::{Value, json};

use crate::failure::{Outcome, While};
use crate::workspace::Workspace;

const MEASURED: &str = "docs/benchmarks/table.json";
const SUBJECT: &str = "grantor-redis";
const CONNECTIONS: u64 = 16;

/// An endpoint, its part of the traffic, and where its time goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    pub(super) endpoint: &'static str,
    /// Of all requests. An assumption: resource servers ask far more often than clients come for tokens.
    pub(super) part: f64,
    /// Of what a request takes, that of `redis-server`. Taken by hand from /proc beside a run of the load, since the benches
    /// measure the two together.
    redis: f64,
    /// Microseconds of processor time, `redis-server`'s included.
    whole_us: f64,
}

impl Cost {
    pub(super) fn server_us(&self) -> f64 {
        self.whole_us * (1.0 - self.redis)
    }

    pub(super) fn redis_us(&self) -> f64 {
        self.whole_us * self.redis
    }
}

/// All of them, and whether a run of the benches says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Costs {
    pub(super) all: Vec<Cost>,
    pub(super) are_measured: bool,
}

/// What stands in until `cargo xtask bench` has written its figures: single runs on a busy machine of two cores.
const STAND_IN: [Cost; 4] = [
    Cost { endpoint: "introspect", part: 0.70, redis: 0.13, whole_us: 26.0 },
    Cost { endpoint: "token", part: 0.15, redis: 0.25, whole_us: 40.0 },
    Cost { endpoint: "refresh", part: 0.10, redis: 0.40, whole_us: 64.0 },
    Cost { endpoint: "code", part: 0.05, redis: 0.40, whole_us: 98.0 },
];

impl Costs {
    /// Microseconds that a request takes of a part on average.
    pub(super) fn mean(&self, of: impl Fn(&Cost) -> f64) -> f64 {
        self.all.iter().map(|cost| cost.part * of(cost)).sum()
    }

    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self { all: STAND_IN.to_vec(), are_measured: false }
    }

    pub(super) fn as_json(&self) -> Value {
        let all = self.all.iter().map(|cost| {
            json!({ "endpoint": cost.endpoint, "part": cost.part, "server_us": cost.server_us(), "redis_us": cost.redis_us() })
        });
        json!({ "measured": self.are_measured, "endpoints": all.collect::<Vec<_>>() })
    }
}

/// What the benches measured last.
pub(super) fn read(workspace: &Workspace) -> Outcome<Costs> {
    let file = workspace.path(MEASURED);
    if !file.exists() {
        return Ok(Costs { all: STAND_IN.to_vec(), are_measured: false });
    }
    let text = fs::read_to_string(&file).during(file.display())?;
    let results: Value = serde_json::from_str(&text).during(file.display())?;
    Ok(of(&results))
}

/// Where one of them was not measured, nothing is: figures of two machines do not add up.
fn of(results: &Value) -> Costs {
    let measured = |cost: &Cost| Some(Cost { whole_us: median_us(results, cost.endpoint)?, ..*cost });
    match STAND_IN.iter().map(measured).collect::<Option<Vec<_>>>() {
        Some(all) => Costs { all, are_measured: true },
        None => Costs { all: STAND_IN.to_vec(), are_measured: false },
    }
}

fn median_us(results: &Value, endpoint: &str) -> Option<f64> {
    let samples = results.get("samples")?.as_array()?.iter().filter(|sample| {
        let text = |name: &str| sample.get(name).and_then(Value::as_str);
        text("subject") == Some(SUBJECT)
            && text("endpoint") == Some(endpoint)
            && sample.get("connections").and_then(Value::as_u64) == Some(CONNECTIONS)
    });
    let cost = |sample: &Value| {
        Some(1e6 * sample.get("cpu_seconds")?.as_f64()? / sample.get("operations")?.as_f64()?)
    };
    let mut costs: Vec<f64> = samples.filter_map(cost).filter(|cost| cost.is_finite()).collect();
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_the_benches_are_gone_by_if_all_are_there() {
        let sample = |endpoint: &str, operations: u64| {
            json!({ "subject": SUBJECT, "endpoint": endpoint, "connections": 16,
            "operations": operations, "cpu_seconds": 1.0 })
        };
        let mut samples: Vec<_> = ["introspect", "token", "refresh"].map(|name| sample(name, 50_000)).into();
        assert!(!of(&json!({ "samples": samples })).are_measured);
        samples.extend([sample("code", 10_000), sample("code", 20_000), sample("code", 40_000)]);
        let costs = of(&json!({ "samples": samples }));
        assert!(costs.are_measured);
        let whole = |endpoint| costs.all.iter().find(|cost| cost.endpoint == endpoint).unwrap().whole_us;
        assert_eq!((whole("token").round(), whole("code").round()), (20.0, 50.0));
        assert!((costs.mean(|_| 1.0) - 1.0).abs() < 1e-9, "the parts are no whole");
    }
}
