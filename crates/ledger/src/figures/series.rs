//! The last hour, sample by sample.

use std::collections::{BTreeMap, VecDeque};

use grantor_core::{Reason, Time};
use serde::Serialize;

use super::histogram::Latency;
use super::{Endpoint, Figures};

/// An hour of them. A sample of a busy server takes some 250 bytes, and one in which every endpoint was asked and every
/// rule refused some 700, so that an hour takes half a megabyte at the very most.
const SAMPLES: usize = 720;

/// Figures over time: what a console plots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// How many seconds lie between two samples.
    pub every_seconds: u64,
    /// The samples, oldest first.
    pub samples: Vec<Sample>,
}

/// What happened between two moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The later of the two.
    pub at: Time,
    /// Access tokens issued.
    pub issued: u64,
    /// Requests that a rule refused, by the rule. What did not happen is not there.
    pub refused: BTreeMap<String, u64>,
    /// Requests that the server could not answer.
    pub faults: u64,
    /// How long requests took, by where they were sent. Where there were none, there is nothing.
    pub requests: BTreeMap<Endpoint, Quantiles>,
    /// How the store did.
    pub store: StoreSample,
}

/// How long some things took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// How many there were.
    pub count: u64,
    /// Half of them took at most so many microseconds.
    pub p50_micros: u64,
    /// Ninety-nine of a hundred took at most so many microseconds.
    pub p99_micros: u64,
}

impl Quantiles {
    fn of(latency: &Latency) -> Option<Self> {
        let (p50_micros, p99_micros) = (latency.quantile(500)?, latency.quantile(990)?);
        Some(Self { count: latency.count(), p50_micros, p99_micros })
    }
}

/// How the store did between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StoreSample {
    /// Whether it was there at the later of the two.
    pub is_there: bool,
    /// How long its operations took.
    #[serde(flatten)]
    pub took: Option<Quantiles>,
    /// How many of them it could not carry out.
    pub failures: u64,
}

/// All that was counted since the process began, at one moment.
pub(super) struct Counted {
    pub(super) issued: u64,
    pub(super) refused: Box<[u64]>,
    pub(super) faults: u64,
    pub(super) requests: Box<[Latency]>,
    pub(super) store: Latency,
    pub(super) store_failures: u64,
}

impl Counted {
    fn nothing() -> Self {
        Self {
            issued: 0,
            refused: vec![0; Reason::ALL.len()].into(),
            faults: 0,
            requests: vec![Latency::none(); Endpoint::ALL.len()].into(),
            store: Latency::none(),
            store_failures: 0,
        }
    }
}

/// A sample at rest: only what is not nought.
struct Entry {
    at: Time,
    issued: u64,
    faults: u64,
    refused: Box<[(Reason, u32)]>,
    requests: Box<[(Endpoint, Quantiles)]>,
    store: StoreSample,
}

pub(super) struct Ring {
    before: Counted,
    entries: VecDeque<Entry>,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { before: Counted::nothing(), entries: VecDeque::with_capacity(SAMPLES) }
    }

    pub(super) fn push(&mut self, at: Time, now: Counted, store_is_there: bool) {
        let before = &self.before;
        let refused = Reason::ALL.iter().zip(now.refused.iter().zip(&before.refused));
        let refused = refused.filter_map(|(reason, (now, then))| {
            let count = u32::try_from(now.saturating_sub(*then)).unwrap_or(u32::MAX);
            (count > 0).then_some((*reason, count))
        });
        let requests = Endpoint::ALL.iter().zip(now.requests.iter().zip(&before.requests));
        let requests = requests.filter_map(|(endpoint, (now, then))| {
            Quantiles::of(&now.since(then)).map(|quantiles| (*endpoint, quantiles))
        });
        let entry = Entry {
            at,
            issued: now.issued.saturating_sub(before.issued),
            faults: now.faults.saturating_sub(before.faults),
            refused: refused.collect(),
            requests: requests.collect(),
            store: StoreSample {
                is_there: store_is_there,
                took: Quantiles::of(&now.store.since(&before.store)),
                failures: now.store_failures.saturating_sub(before.store_failures),
            },
        };
        if self.entries.len() >= SAMPLES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.before = now;
    }

    pub(super) fn series(&self) -> Series {
        let samples = self.entries.iter().map(|entry| Sample {
            at: entry.at,
            issued: entry.issued,
            refused: entry
                .refused
                .iter()
                .map(|(reason, count)| (reason.name().to_owned(), u64::from(*count)))
                .collect(),
            faults: entry.faults,
            requests: entry.requests.iter().copied().collect(),
            store: entry.store,
        });
        Series { every_seconds: Figures::EVERY.as_secs(), samples: samples.collect() }
    }
}
