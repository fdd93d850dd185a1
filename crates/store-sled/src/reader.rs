//! The ways to read: at once, on the caller's thread, or on a thread of our own.
//!
//! A get of what is in sled's cache takes a few microseconds, and a hop to another thread many times that: on two busy
//! processors a lone caller gets 190,000 answers a second and more inline, and 22,000 by a hop. So a get runs where it is
//! asked. Whether it is in the cache cannot be asked beforehand; where one took long the disk is slow, and for a
//! second gets go to the reader threads. Until it is known that the disk is slow, it can hold up as many threads of the
//! runtime as [`inline_gets`], and no more.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use grantor_core::record::{RecordKey, Stored, Under};
use grantor_store::{Page, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::options::SledOptions;
use crate::shared::{Shared, closed};

/// A get that took longer than this came from a slow disk. One that only lost its processor for a turn or two, as on a busy
/// machine some do all the time, took less; taken for a slow disk, it made each get for a second cost three times as much.
const SLOW: Duration = Duration::from_millis(20);
/// How long gets keep off the callers' threads after that.
const WARY: Duration = Duration::from_secs(1);

/// How many runtime threads may be inside sled at a time: one less than the machine has, so that one is always left to
/// answer; on a machine with one processor, one.
fn inline_gets() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().saturating_sub(1)).max(1)
}

type Job = Box<dyn FnOnce(&Shared) + Send>;

#[derive(Debug)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
    inline: AtomicUsize,
    most_inline: usize,
    started: Instant,
    /// Until when gets are not answered inline, in microseconds after `started`.
    wary_until: AtomicU64,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Readers {
    pub(crate) fn start(shared: &Arc<Shared>, options: &SledOptions) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..options.reader_threads.max(1) {
            let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(shared));
            std::thread::Builder::new()
                .name("grantor-sled-reader".to_owned())
                .spawn(move || serve(&jobs, &shared))
                .map_err(|e| StoreError::Unavailable(format!("cannot start a reader thread: {e}")))?;
        }
        Ok(Self {
            shared: Arc::clone(shared),
            inline: AtomicUsize::new(0),
            most_inline: inline_gets(),
            started: Instant::now(),
            wary_until: AtomicU64::new(0),
            queue: Mutex::new(Some(queue)),
        })
    }

    /// Ends the threads once they have answered what is queued.
    pub(crate) fn close(&self) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        match self.get_inline(key) {
            Some(found) => found,
            None => {
                let key = key.clone();
                self.on_thread(move |shared| shared.get(&key)).await
            }
        }
    }

    pub(crate) async fn list(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (under, after) = (under.clone(), after.cloned());
        self.on_thread(move |shared| shared.list(&under, after.as_ref(), limit)).await
    }

    /// The record, unless too many are being read so, or the disk was slow just now.
    fn get_inline(&self, key: &RecordKey) -> Option<Result<Option<Stored>, StoreError>> {
        let begun = Instant::now();
        if self.after_start(begun) < self.wary_until.load(Ordering::Relaxed) {
            return None;
        }
        let _seat = Seat::take(&self.inline, self.most_inline)?;
        let found = self.shared.get(key);
        if begun.elapsed() > SLOW {
            self.wary_until.store(self.after_start(Instant::now() + WARY), Ordering::Relaxed);
        }
        Some(found)
    }

    fn after_start(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_micros()).unwrap_or(u64::MAX)
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |shared| {
            if !answer.is_closed() {
                // Whoever asked may be gone by now.
                drop(answer.send(read(shared)));
            }
        });
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        queue
            .try_send(job)
            .map_err(|_| StoreError::Unavailable("too many reads are waiting already".to_owned()))?;
        drop(queue);
        result.await.map_err(|_| closed())?
    }
}

/// One of the gets that are being answered inline.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(taken: &'a AtomicUsize, most: usize) -> Option<Self> {
        let seat = Self(taken);
        // Given back at once where there was none.
        (taken.fetch_add(1, Ordering::Relaxed) < most).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A reader thread: waits for its turn to wait for a job, and does it.
fn serve(jobs: &Mutex<mpsc::Receiver<Job>>, shared: &Shared) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
        job(shared);
    }
}
