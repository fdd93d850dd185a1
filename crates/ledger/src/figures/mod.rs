//! How many and how fast, in this process.

mod histogram;
mod series;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_core::client::GrantType;
use grantor_core::{Event, Reason, Refusal, Time};
use grantor_engine::{Fault, Observer, Operation};
use grantor_store::{Meter, Method};

use histogram::Histogram;
pub use histogram::Latency;
use series::{Counted, Ring};
pub use series::{Quantiles, Sample, Series, StoreSample};

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a request was sent to: few and fixed, so that strangers cannot make them grow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum Endpoint { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Endpoint {
            /// Every one, in order.
            pub const ALL: &'static [Endpoint] = &[$(Endpoint::$name,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Endpoint::$name => $text,)* }
            }
        }
    };
}

endpoints! {
    /// The authorization endpoint, with what a person decides there.
    Authorize = "authorize",
    /// The token endpoint.
    Token = "token",
    /// Introspection.
    Introspect = "introspect",
    /// Revocation.
    Revoke = "revoke",
    /// What a token tells of its person.
    UserInfo = "userinfo",
    /// The metadata document and the public keys.
    Discovery = "discovery",
    /// Where programs register applications.
    Registration = "registration",
    /// The pages of people: log-in, account, applications.
    Pages = "pages",
    /// What operators ask.
    Admin = "admin",
    /// Anything else, such as health checks and paths that are none.
    Other = "other",
}

const GRANT_TYPES: usize = GrantType::ALL.len();
const REASONS: usize = Reason::ALL.len();
const ENDPOINTS: usize = Endpoint::ALL.len();
const METHODS: usize = Method::ALL.len();

/// Counts what this process does, and remembers the last hour. To count costs a few additions to atomic numbers, and
/// waits for nobody.
///
/// It is an [`Observer`] of the engine and the [`Meter`] of a [`MeteredLayer`](grantor_store::MeteredLayer); requests are
/// timed by whoever serves them, with [`Figures::answered`]. Every [`Figures::EVERY`], [`Figures::sample`] is to be
/// called. Nothing here outlives the process, and several servers on one store have each their own.
pub struct Figures {
    issued: [AtomicU64; GRANT_TYPES],
    refused: [AtomicU64; REASONS],
    faults: AtomicU64,
    requests: [Histogram; ENDPOINTS],
    store: [Histogram; METHODS],
    store_failures: AtomicU64,
    ring: Mutex<Ring>,
}

impl Default for Figures {
    fn default() -> Self {
        Self::new()
    }
}

impl Figures {
    /// How often a sample is to be taken.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// Figures that begin at nought.
    pub fn new() -> Self {
        let zeros = || AtomicU64::new(0);
        Self {
            issued: std::array::from_fn(|_| zeros()),
            refused: std::array::from_fn(|_| zeros()),
            faults: zeros(),
            requests: std::array::from_fn(|_| Histogram::new()),
            store: std::array::from_fn(|_| Histogram::new()),
            store_failures: zeros(),
            ring: Mutex::new(Ring::new()),
        }
    }

    /// A request was answered, after so long.
    pub fn answered(&self, endpoint: Endpoint, took: Duration) {
        if let Some(histogram) = self.requests.get(endpoint as usize) {
            histogram.record(took);
        }
    }

    /// How long requests to each endpoint took since the process began.
    pub fn latencies(&self) -> Vec<(Endpoint, Latency)> {
        Endpoint::ALL.iter().copied().zip(self.requests.iter().map(Histogram::read)).collect()
    }

    /// How long the store took for each of its methods since the process began.
    pub fn store_latencies(&self) -> Vec<(Method, Latency)> {
        Method::ALL.iter().copied().zip(self.store.iter().map(Histogram::read)).collect()
    }

    /// Takes a sample: what has happened since the last. Whether the store is there is for the caller to have found out.
    pub fn sample(&self, now: Time, store_is_there: bool) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counted = Counted {
            issued: self.issued.iter().map(read).sum(),
            refused: self.refused.iter().map(read).collect(),
            faults: read(&self.faults),
            requests: self.requests.iter().map(Histogram::read).collect(),
            store: Latency::sum(self.store.iter().map(Histogram::read)),
            store_failures: read(&self.store_failures),
        };
        self.ring().push(now, counted, store_is_there);
    }

    /// The last hour, oldest first.
    pub fn series(&self) -> Series {
        self.ring().series()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Observer for Figures {
    fn happened(&self, event: &Event) {
        if let Event::AccessTokenIssued { grant_type, .. } = event {
            count(self.issued.get(*grant_type as usize));
        }
    }

    fn refused(&self, _: Operation, refusal: &Refusal) {
        count(self.refused.get(refusal.reason as usize));
    }

    fn failed(&self, _: Operation, _: &Fault) {
        count(Some(&self.faults));
    }
}

impl Meter for Figures {
    fn took(&self, method: Method, elapsed: Duration, answered: bool) {
        if let Some(histogram) = self.store.get(method as usize) {
            histogram.record(elapsed);
        }
        if !answered {
            count(Some(&self.store_failures));
        }
    }
}
