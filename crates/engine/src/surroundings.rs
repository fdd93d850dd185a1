//! What the core must not see: the clock and the source of randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use grantor_core::{Entropy, Time};

/// Tells the time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Fresh randomness for one run of a flow, from a generator that the operating system seeds and reseeds.
pub(crate) fn entropy() -> Entropy {
    Entropy::from_seed(rand::random())
}
