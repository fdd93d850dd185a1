//! A fleet under load: each request waits for a core of one server, then for the one thread of the node where its grant lies.
//!
//! Arrivals are independent of each other and service times are spread exponentially about what was measured, which is wider
//! than they are: the waits shown are rather too long. A request's commands are taken as one visit to Redis, which is one
//! wait where there are two or three short ones.

use serde_json::{Value, json};

use super::costs::{Cost, Costs};
use super::spread::Draw;

/// How many requests are let through. A tenth of them come before anything is counted.
const REQUESTS: usize = 400_000;

/// Machines, and who has which shard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fleet {
    pub(super) servers: usize,
    pub(super) cores: usize,
    pub(super) primaries: usize,
    /// The primary of each shard.
    of_shard: Vec<usize>,
}

/// One day of a fleet's: what it was like, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Day {
    pub(super) what: &'static str,
    /// How busy the cores of servers are, and the busiest primary.
    pub(super) servers_busy: f64,
    pub(super) primary_busy: f64,
    /// Waits in microseconds, for cores and for Redis together, without the work itself.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

impl Day {
    pub(super) fn as_json(&self) -> Value {
        json!({ "day": self.what, "servers_busy": self.servers_busy, "busiest_primary": self.primary_busy,
            "wait_p50_us": self.p50, "wait_p99_us": self.p99, "wait_p999_us": self.p999 })
    }
}

impl Fleet {
    /// The smallest whose parts are no busier than they may be.
    pub(super) fn for_rate(rate: f64, cores: usize, busy: f64, costs: &Costs, draw: &Draw) -> Self {
        let needs = |us: f64| rate * us / 1e6;
        let server = needs(costs.mean(Cost::server_us)) / (busy * cores as f64);
        let redis = needs(costs.mean(Cost::redis_us));
        let fits = |primaries: &usize| redis * draw.fullest_node(*primaries) / *primaries as f64 <= busy;
        let primaries = (3..=96).find(fits).unwrap_or(96);
        let servers = (2..).find(|servers| f64::from(*servers) >= server).unwrap_or(2);
        let servers = usize::try_from(servers).unwrap_or(2);
        Self { servers, cores, primaries, of_shard: draw.nodes(primaries) }
    }

    fn without_a_server(&self) -> Self {
        Self { servers: self.servers - 1, ..self.clone() }
    }

    /// The shards of the first primary, one by one to the others.
    fn without_a_primary(&self) -> Self {
        let mut heirs = (1..self.primaries).cycle();
        let of_shard = self.of_shard.iter().map(|node| match node {
            0 => heirs.next().unwrap_or_default(),
            _ => *node,
        });
        Self { of_shard: of_shard.collect(), ..self.clone() }
    }

    pub(super) fn as_json(&self) -> Value {
        json!({ "servers": self.servers, "cores": self.cores, "primaries": self.primaries })
    }
}

/// A usual day, and days on which one of them is gone, or the crowd is larger.
pub(super) fn days(fleet: &Fleet, rate: f64, costs: &Costs, seed: u64) -> Vec<Day> {
    let day = |what, fleet: &Fleet, rate| simulate(what, fleet, rate, costs, seed);
    vec![
        day("all there", fleet, rate),
        day("a server gone", &fleet.without_a_server(), rate),
        day("a primary gone, its slots with the others", &fleet.without_a_primary(), rate),
        day("all there, half as much again", fleet, rate * 1.5),
    ]
}

fn simulate(what: &'static str, fleet: &Fleet, rate: f64, costs: &Costs, seed: u64) -> Day {
    let mut random = Random(seed);
    let mut cores = vec![vec![0.0_f64; fleet.cores]; fleet.servers];
    let (mut now, mut core_work) = (0.0, 0.0);
    let mut visits = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        now += random.exponential(1e6 / rate);
        let Some(cost) = chosen(costs, random.unit()) else { continue };
        let work = random.exponential(cost.server_us());
        core_work += work;
        let server = random.below(fleet.servers);
        let Some(free) =
            cores.get_mut(server).and_then(|cores| cores.iter_mut().min_by(|a, b| a.total_cmp(b)))
        else {
            continue;
        };
        let begun = now.max(*free);
        *free = begun + work;
        let shard = random.below(fleet.of_shard.len());
        visits.push((*free, begun - now, shard, random.exponential(cost.redis_us())));
    }
    // Redis serves in the order in which they come to it, which is not that in which they came.
    visits.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut threads = vec![(0.0, 0.0); fleet.primaries];
    let mut waits = Vec::with_capacity(REQUESTS);
    for (at, waited, shard, work) in visits {
        let node = fleet.of_shard.get(shard).copied().unwrap_or_default();
        let Some((free, busy)) = threads.get_mut(node) else { continue };
        let begun = f64::max(at, *free);
        *free = begun + work;
        *busy += work;
        waits.push(waited + begun - at);
    }
    let mut counted = waits.split_off(waits.len() / 10);
    counted.sort_by(f64::total_cmp);
    let at = |thousandths: usize| {
        counted.get((counted.len() * thousandths / 1000).min(counted.len() - 1)).copied().unwrap_or_default()
    };
    Day {
        what,
        servers_busy: core_work / (now * (fleet.servers * fleet.cores) as f64),
        primary_busy: threads.iter().map(|(_, busy)| busy / now).fold(0.0, f64::max),
        p50: at(500),
        p99: at(990),
        p999: at(999),
    }
}

/// The endpoint at a place between nought and one.
fn chosen(costs: &Costs, mut place: f64) -> Option<&Cost> {
    let found = costs.all.iter().find(|cost| {
        place -= cost.part;
        place < 0.0
    });
    // What rounding leaves beyond the last is the last's.
    found.or(costs.all.last())
}

/// SplitMix64: a seed gives the same days everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_same_again_and_worse_with_one_gone() {
        let costs = Costs::for_tests();
        let fleet = Fleet::for_rate(100_000.0, 4, 0.6, &costs, &Draw::even());
        let first = days(&fleet, 100_000.0, &costs, 1);
        assert_eq!(first, days(&fleet, 100_000.0, &costs, 1));
        let [usual, server, primary, more] = first.as_slice() else { panic!("{first:?}") };
        assert!(usual.servers_busy <= 0.61 && usual.primary_busy <= 0.66, "{usual:?}");
        assert!(server.servers_busy > usual.servers_busy && primary.primary_busy > usual.primary_busy);
        assert!(more.p99 > usual.p99 && usual.p99 > usual.p50);
        assert!(fleet.without_a_primary().of_shard.iter().all(|node| *node != 0));
    }
}
