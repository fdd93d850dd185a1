//! What was counted and is not written yet.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use grantor_core::ClientId;
use grantor_core::client::GrantType;
use tokio::sync::Notify;

use crate::day::Day;
use crate::usage::Issued;

/// How many clients are counted at a time. A count takes some 200 bytes, so all take about a megabyte.
const CLIENTS: usize = 4_096;

/// Counts in memory, for a bounded number of clients: of those beyond it, nothing is counted until there is room.
#[derive(Default)]
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<ClientId, BTreeMap<Day, Issued>>>,
    /// Is told when it should be written soon.
    pub(crate) filling: Notify,
    lost: AtomicU64,
}

impl Tally {
    pub(crate) fn count(&self, client: &ClientId, grant_type: GrantType, day: Day) {
        self.add_each(client, day, [(grant_type, 1)]);
    }

    /// Adds, or adds again what could not be written.
    pub(crate) fn add(&self, client: &ClientId, day: Day, issued: &Issued) {
        self.add_each(client, day, issued.iter().map(|(grant_type, count)| (*grant_type, *count)));
    }

    fn add_each(&self, client: &ClientId, day: Day, issued: impl IntoIterator<Item = (GrantType, u64)>) {
        let mut counts = self.lock();
        let clients = counts.len();
        let days = match counts.get_mut(client) {
            Some(days) => days,
            None if clients >= CLIENTS => return self.lose(issued.into_iter().map(|(_, count)| count).sum()),
            None => {
                if clients == CLIENTS / 2 {
                    self.filling.notify_one();
                }
                counts.entry(client.clone()).or_default()
            }
        };
        let total = days.entry(day).or_default();
        for (grant_type, count) in issued {
            let sum = total.entry(grant_type).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Counts what nobody will ever add.
    pub(crate) fn lose(&self, tokens: u64) {
        self.lost.fetch_add(tokens, Ordering::Relaxed);
    }

    /// How many tokens were issued and are in nobody's usage.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whose counts there are.
    pub(crate) fn clients(&self) -> Vec<ClientId> {
        self.lock().keys().cloned().collect()
    }

    /// A client's counts, which are not here any more.
    pub(crate) fn take(&self, client: &ClientId) -> BTreeMap<Day, Issued> {
        self.lock().remove(client).unwrap_or_default()
    }

    /// A client's counts.
    pub(crate) fn of(&self, client: &ClientId) -> BTreeMap<Day, Issued> {
        self.lock().get(client).cloned().unwrap_or_default()
    }

    /// A count is added by one map operation, so a map whose lock was poisoned is still whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClientId, BTreeMap<Day, Issued>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::Time;

    #[test]
    fn it_never_holds_more_than_its_bound_and_says_what_is_missing() {
        let (tally, today) = (Tally::default(), Day::of(Time::from_unix_millis(0)));
        for n in 0..CLIENTS + 10 {
            let client = format!("client-{n}").parse().unwrap();
            tally.count(&client, GrantType::ClientCredentials, today);
        }
        assert_eq!((tally.clients().len(), tally.lost()), (CLIENTS, 10));
        let known = "client-0".parse().unwrap();
        tally.count(&known, GrantType::ClientCredentials, today);
        assert_eq!(tally.of(&known)[&today][&GrantType::ClientCredentials], 2);
        assert_eq!(tally.lost(), 10, "whoever is known is counted on");
    }
}
