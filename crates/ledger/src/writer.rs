//! The task that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout_at};

use crate::entry::{Entry, EntryId, EntryKind, Kept};
use crate::ledger::{Inner, Order};
use crate::usage::{self, Added};

/// How many entries are gathered at most before they are written.
const BATCH: usize = 256;
/// How soon a store that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    inner: Arc<Inner>,
    orders: mpsc::Receiver<Order>,
    usage: Interval,
    /// Of the entries that were dropped, how many the trail tells of.
    told_lost: u64,
    /// Whether the log knows that the store fails.
    failing: bool,
}

impl Writer {
    pub(crate) fn new(inner: Arc<Inner>, orders: mpsc::Receiver<Order>) -> Self {
        let every = inner.settings.usage_every;
        let mut usage = interval_at(Instant::now() + every, every);
        usage.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { inner, orders, usage, told_lost: 0, failing: false }
    }

    /// Writes until there is nobody left who could order anything, and then what is left.
    pub(crate) async fn run(mut self) {
        let inner = Arc::clone(&self.inner);
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                _ = self.usage.tick() => self.add_usage().await,
                () = inner.tally.filling.notified() => self.add_usage().await,
            }
        }
        self.add_usage().await;
    }

    /// Gathers entries for a moment, and writes them.
    async fn obey(&mut self, first: Order) {
        let deadline = Instant::now() + self.inner.settings.linger;
        let (mut batch, mut flushed) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Keep(entry) => gather(&mut batch, entry),
                Order::Flush(done) => flushed = Some(done),
            }
            if batch.len() < BATCH && flushed.is_none() {
                next = timeout_at(deadline, self.orders.recv()).await.ok().flatten();
            }
        }
        self.write(batch).await;
        self.tell_lost().await;
        if let Some(done) = flushed {
            self.finish(done).await;
        }
    }

    async fn finish(&mut self, done: oneshot::Sender<()>) {
        self.add_usage().await;
        // Whoever asked may have given up.
        let _ = done.send(());
    }

    /// Writes entries, however long that takes: what cannot be taken meanwhile is dropped at the other end of the queue.
    async fn write(&mut self, batch: Vec<Entry>) {
        for entry in batch {
            // Every try has the same id, so however many arrive, the entry is there once.
            let kept = Kept { id: EntryId::new(entry.at, rand::random()), entry };
            while let Err(fault) = self.inner.keep(&kept).await {
                self.fails(&fault);
                sleep(PAUSE).await;
            }
            self.works();
        }
    }

    /// Says in the trail itself how much of it is missing.
    async fn tell_lost(&mut self) {
        let lost = self.inner.lost.load(Ordering::Relaxed);
        if lost > self.told_lost {
            let times = lost - self.told_lost;
            tracing::warn!(entries = times, "entries of the audit trail were dropped: they came too fast");
            self.told_lost = lost;
            let entry = Entry::new(EntryKind::EntriesLost, self.inner.clock.now());
            self.write(vec![Entry { times, ..entry }]).await;
        }
    }

    /// Adds to the records of usage what was counted. What cannot be added now is kept for later.
    async fn add_usage(&mut self) {
        let inner = Arc::clone(&self.inner);
        for client in inner.tally.clients() {
            let mut failed = None;
            for (day, issued) in inner.tally.take(&client) {
                if failed.is_some() {
                    inner.tally.add(&client, day, &issued);
                    continue;
                }
                match usage::add(&inner.records, &client, day, &issued).await {
                    Added::Yes => {}
                    Added::Not(fault) => {
                        inner.tally.add(&client, day, &issued);
                        failed = Some(fault);
                    }
                    Added::Unknown(fault) => {
                        inner.tally.lose(issued.values().sum());
                        failed = Some(fault);
                    }
                    Added::Never(corrupt) => {
                        tracing::error!(%corrupt, "what a client was issued cannot be added");
                        inner.tally.lose(issued.values().sum());
                    }
                }
            }
            if let Some(fault) = failed {
                return self.fails(&fault);
            }
        }
        self.works();
    }

    fn fails(&mut self, fault: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%fault, "the ledger cannot be written; it is tried again");
        }
    }

    fn works(&mut self) {
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!("the ledger is written again");
        }
    }
}

/// Adds an entry to those that are to be written, or counts it where one says the same: a thousand failures to log in are
/// one record.
fn gather(batch: &mut Vec<Entry>, entry: Entry) {
    match batch.iter_mut().find(|other| other.is_like(&entry)) {
        Some(other) => other.times = other.times.saturating_add(entry.times),
        None => batch.push(entry),
    }
}
