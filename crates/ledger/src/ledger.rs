//! The ledger: what an engine tells, and what a console asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grantor_core::record::Expect;
use grantor_core::{ClientId, Event, Lifetime, Refusal, Time};
use grantor_directory::{DirectoryEvent, DirectoryObserver, DirectoryRefusal};
use grantor_engine::{Clock, Fault, Observer, Operation};
use grantor_store::Store;
use tokio::sync::{mpsc, oneshot};

use crate::day::Day;
use crate::entry::{Entry, EntryId, EntryRecord, Kept};
use crate::error::LedgerError;
use crate::records::{Records, Written};
use crate::tally::Tally;
use crate::told;
use crate::trail::{self, Filter, TrailPage};
use crate::usage::{self, DayUsage};
use crate::writer::Writer;

/// How many entries wait to be written at most. Each takes some 500 bytes.
const QUEUE: usize = 2_048;

/// How a [`Ledger`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long an entry of the trail is kept; `None` is for ever. Ninety days by default: what is found out later is
    /// mostly found in a backup, and a name should not lie about for longer than it is of use.
    pub keep: Option<Lifetime>,
    /// How long an entry waits for others that say the same, to be written with them. A second by default. A crash loses
    /// the entries that wait.
    pub linger: Duration,
    /// How often counts are added to the usage of their clients. A minute by default. A crash loses what was counted
    /// since.
    pub usage_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep: Some(Lifetime::seconds(90 * 86_400)),
            linger: Duration::from_secs(1),
            usage_every: Duration::from_secs(60),
        }
    }
}

/// Keeps the audit trail and the usage of clients. Cloning it is cheap; all clones are one, and when the last is gone, the
/// task that writes ends.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
    queue: mpsc::Sender<Order>,
}

/// What the ledger and its writer share.
pub(crate) struct Inner {
    pub(crate) records: Records,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) tally: Tally,
    pub(crate) lost: AtomicU64,
}

/// What the writer is given.
pub(crate) enum Order {
    /// To write an entry.
    Keep(Entry),
    /// To write all that it has, at once, and say when that is done.
    Flush(oneshot::Sender<()>),
}

impl Ledger {
    /// Starts to keep a ledger in a store. It needs a tokio runtime, where its task runs.
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        let inner = Inner {
            records: Records::new(store),
            clock,
            settings,
            tally: Tally::default(),
            lost: AtomicU64::new(0),
        };
        let inner = Arc::new(inner);
        tokio::spawn(Writer::new(inner.clone(), orders).run());
        Self { inner, queue }
    }

    /// The time, by its clock: for entries.
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// Notes something that nobody waits for. If too much is waiting to be written already, it is dropped and counted.
    pub fn note(&self, entry: Entry) {
        if self.queue.try_send(Order::Keep(entry)).is_err() {
            self.inner.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes an entry before anything else happens: for what an operator does. Written before the deed, as a hint is
    /// before what it points at, it is never missing, and may tell of a deed that failed.
    ///
    /// # Errors
    /// [`LedgerError`]: then it may be written or not, and the deed should not be done.
    pub async fn record(&self, entry: Entry) -> Result<EntryId, LedgerError> {
        let id = EntryId::new(entry.at, rand::random());
        self.inner.keep(&Kept { id, entry }).await.map(|()| id)
    }

    /// Part of the trail, newest first: at most `limit` entries after `after` that the filter takes. It looks at a thousand
    /// entries at most, so a page can be short, or empty, and not the last.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn trail(
        &self,
        filter: &Filter,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<TrailPage, LedgerError> {
        trail::read(&self.inner.records, filter, after, limit).await
    }

    /// How many tokens a client was issued on each of the last `days` days, today included, oldest first: what all servers
    /// have written down, and what this one has counted since. At most 62 days. Costs one list, and a read for each day
    /// on which there was something.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn usage(&self, client: &ClientId, days: u32) -> Result<Vec<DayUsage>, LedgerError> {
        let mut found = usage::read(&self.inner.records, client, days, self.now()).await?;
        let waiting = self.inner.tally.of(client);
        for DayUsage { day, issued } in &mut found {
            for (grant_type, count) in waiting.get(day).into_iter().flatten() {
                *issued.entry(*grant_type).or_default() += count;
            }
        }
        Ok(found)
    }

    /// Writes down all that waits, and returns when that is done. While the store is away it waits for it: whoever stops
    /// a server bounds that. Entries noted meanwhile may wait on.
    pub async fn flush(&self) {
        let (done, told) = oneshot::channel();
        if self.queue.send(Order::Flush(done)).await.is_ok() {
            // Whoever would have told is gone only with all there was to write.
            let _ = told.await;
        }
    }

    /// How many entries were dropped since it started.
    pub fn entries_lost(&self) -> u64 {
        self.inner.lost.load(Ordering::Relaxed)
    }

    /// How many issued tokens are in nobody's usage, since it started.
    pub fn tokens_uncounted(&self) -> u64 {
        self.inner.tally.lost()
    }
}

impl Inner {
    /// Writes an entry, or finds that it stands already.
    pub(crate) async fn keep(&self, kept: &Kept) -> Result<(), LedgerError> {
        let Kept { id, entry } = kept;
        let keep_until = self.settings.keep.map(|keep| entry.at + keep);
        let record = EntryRecord::new(entry.clone());
        match self.records.write(&id.key(), Expect::Absent, &record, keep_until).await {
            // Nobody else draws this id: what stands there is an earlier try to write the same.
            Written::Applied | Written::Lost => Ok(()),
            Written::Not(fault) | Written::Unsettled(fault) => Err(fault.into()),
        }
    }
}

impl Observer for Ledger {
    fn happened(&self, event: &Event) {
        let now = self.now();
        if let Event::AccessTokenIssued { client, grant_type, .. } = event {
            self.inner.tally.count(client, *grant_type, Day::of(now));
        } else if let Some(entry) = told::of_event(event, now) {
            self.note(entry);
        }
    }

    fn refused(&self, _: Operation, refusal: &Refusal) {
        if let Some(entry) = told::of_refusal(refusal, self.now()) {
            self.note(entry);
        }
    }

    /// Faults are figures and lines of the log. Where the store is the fault, nothing could be written here.
    fn failed(&self, _: Operation, _: &Fault) {}
}

impl DirectoryObserver for Ledger {
    fn happened(&self, event: &DirectoryEvent) {
        if let Some(entry) = told::of_directory(event, self.now()) {
            self.note(entry);
        }
    }

    fn refused(&self, refusal: &DirectoryRefusal) {
        if let Some(entry) = told::of_directory_refusal(refusal, self.now()) {
            self.note(entry);
        }
    }
}
