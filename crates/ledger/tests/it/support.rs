//! A ledger to try things on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use grantor_core::client::GrantType;
use grantor_core::{Event, GrantId, Time};
use grantor_engine::{Clock, Observer};
use grantor_ledger::{Entry, EntryKind, Filter, Kept, Ledger, Settings};
use grantor_store::{FaultLayer, Faults, MemoryStore, Operation};

pub(crate) const BEGIN: i64 = 1_800_000_000_000;

/// A clock that a test turns.
pub(crate) struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Time {
        Time::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Turned {
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<FaultLayer<MemoryStore>>,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<Turned>,
    pub(crate) ledger: Ledger,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let store = Arc::new(FaultLayer::new(MemoryStore::new()));
        let clock = Arc::new(Turned(AtomicI64::new(BEGIN)));
        let ledger = Ledger::start(store.clone(), clock.clone(), settings);
        Self { faults: store.faults(), store, clock, ledger }
    }

    /// Another server on the same store.
    pub(crate) fn another(&self) -> Ledger {
        Ledger::start(self.store.clone(), self.clock.clone(), Settings::default())
    }

    /// Everything that a filter takes, page by page.
    pub(crate) async fn all(&self, filter: &Filter, limit: usize) -> Vec<Kept> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.trail(filter, after, limit).await.unwrap();
            assert!(page.entries.len() <= limit && page.unreadable == 0);
            found.extend(page.entries);
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    pub(crate) async fn kinds(&self) -> Vec<EntryKind> {
        self.all(&Filter::default(), 100).await.into_iter().map(|kept| kept.entry.kind).collect()
    }

    /// An entry about a client, now.
    pub(crate) fn about(&self, client: &str) -> Entry {
        Entry::new(EntryKind::ClientChanged, self.clock.now()).client(&client.parse().unwrap())
    }

    /// How many reads and lists there are from now on.
    pub(crate) fn counted(&self) -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (gets, lists) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (gets.clone(), lists.clone());
        self.faults.decide(move |operation| {
            match operation {
                Operation::Get(_) => gets.fetch_add(1, Ordering::SeqCst),
                Operation::List(_) => lists.fetch_add(1, Ordering::SeqCst),
                Operation::Put(_) | Operation::Purge | Operation::Info => 0,
            };
            None
        });
        counters
    }
}

/// A token is issued to a client.
pub(crate) fn issue(ledger: &Ledger, client: &str, grant_type: GrantType) {
    let (grant, client) = (Some(GrantId::from_bytes([1; 16])), client.parse().unwrap());
    Observer::happened(ledger, &Event::AccessTokenIssued { grant, client, grant_type });
}
