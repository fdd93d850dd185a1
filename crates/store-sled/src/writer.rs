//! The one thread that writes.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Put, Write};
use grantor_store::{PutOutcome, StoreError};
use sled::IVec;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use crate::error::guarded;
use crate::open::{self, Closed, wait_for_sled};
use crate::options::SledOptions;
use crate::schema::{self, Value};
use crate::shared::{Shared, Trees, closed};

/// How many entries of the index one step of a purge looks at: about as much work as the puts that come meanwhile, which wait
/// for it.
const PURGE_STEP: usize = 32;

/// How soon a store that broke is opened anew, and how seldom in the end.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often the writer looks for a job meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// The writer, as the rest of the crate sees it: a queue.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
}

type Answer<T> = oneshot::Sender<T>;

enum Job {
    /// With the runtime that will go on with the answer.
    Put(Box<Write>, Answer<PutOutcome>, Option<Handle>),
    Purge(Time, usize, Answer<Result<Purged, StoreError>>),
    Close(Answer<Result<(), StoreError>>),
}

/// What a step of a purge did.
struct Purged {
    removed: usize,
    /// Whether there may be more to remove.
    more: bool,
}

impl Writer {
    pub(crate) fn start(shared: &Arc<Shared>, lock: File, options: &SledOptions) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let thread = Thread {
            trees: Some(shared.trees()?),
            records: shared.records(),
            shared: Arc::clone(shared),
            dirty: false,
            lock,
            options: options.clone(),
            is_fresh: false,
            pace: None,
        };
        std::thread::Builder::new()
            .name("grantor-sled-writer".to_owned())
            .spawn(move || thread.run(jobs))
            .map_err(|e| StoreError::Unavailable(format!("cannot start the writer thread: {e}")))?;
        Ok(Self { queue })
    }

    pub(crate) async fn put(&self, write: impl Into<Write>) -> PutOutcome {
        let (answer, outcome) = oneshot::channel();
        let job = Job::Put(Box::new(write.into()), answer, Handle::try_current().ok());
        if let Err(refused) = self.queue.try_send(job) {
            return PutOutcome::NotApplied(not_queued(&refused));
        }
        // The thread answers each job it takes; one that ended without an answer may have written.
        outcome.await.unwrap_or_else(|_| PutOutcome::Unknown(closed()))
    }

    /// Step by step, each a job of its own in the queue, so that puts find their turn between any two.
    pub(crate) async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let mut removed = 0;
        while removed < limit {
            let step = PURGE_STEP.min(limit - removed);
            let (answer, done) = oneshot::channel();
            self.queue.try_send(Job::Purge(before, step, answer)).map_err(|e| not_queued(&e))?;
            let purged = done.await.unwrap_or_else(|_| Err(closed()))?;
            removed += purged.removed;
            if !purged.more {
                break;
            }
        }
        Ok(removed)
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        self.queue.send(Job::Close(answer)).await.map_err(|_| closed())?;
        done.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn not_queued(refused: &mpsc::error::TrySendError<Job>) -> StoreError {
    match refused {
        mpsc::error::TrySendError::Full(_) => {
            StoreError::Unavailable("too many writes are waiting already".to_owned())
        }
        mpsc::error::TrySendError::Closed(_) => closed(),
    }
}

struct Thread {
    shared: Arc<Shared>,
    /// `None` from when a broken store was closed until it is opened anew.
    trees: Option<Trees>,
    /// Records in sled, those that are not shown yet among them.
    records: u64,
    /// Whether sled was given anything to write since the last flush.
    dirty: bool,
    /// Kept for its lock, until sled is closed.
    lock: File,
    options: SledOptions,
    /// Whether the store was opened anew since it broke.
    is_fresh: bool,
    /// While the store is broken: when it is opened anew next, and after what pause then.
    pace: Option<(Instant, Duration)>,
}

/// What a job came to before the flush. A write is true only after it.
enum Verdict {
    Applied,
    Conflict,
    Purged(Purged),
    /// Certainly nothing was changed.
    NotApplied(StoreError),
    /// Something may have been.
    Unknown(StoreError),
}

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let batch = self.options.batch.max(1);
        let mut jobs = Vec::with_capacity(batch);
        let mut closing = Vec::new();
        // Once the queue is closed it still gives what is in it, and then `None`.
        while let Some(job) = self.next(&mut queue) {
            jobs.push(job);
            // Whoever sent it has more to send in a moment, and may be kept from it by this thread: where processors are
            // few, a flush would begin with one job each time, and the others wait for the next.
            std::thread::yield_now();
            while jobs.len() < batch
                && let Ok(job) = queue.try_recv()
            {
                jobs.push(job);
            }
            self.settle(jobs.drain(..).filter_map(|job| keep(job, &mut closing)).collect());
            if !closing.is_empty() {
                queue.close();
            }
        }
        let done = self.finish();
        for answer in closing {
            // Whoever asked for the end may not have waited for it.
            let _unheard =
                answer.send(done.as_ref().map(|_| ()).map_err(|e| StoreError::Unavailable(e.clone())));
        }
    }

    /// The next job. While the store is broken, it is mended between jobs, whether there are any or not.
    fn next(&mut self, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
        while self.shared.is_broken() {
            self.mend_in_time();
            match queue.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => std::thread::sleep(LOOK),
            }
        }
        self.pace = None;
        queue.blocking_recv()
    }

    fn mend_in_time(&mut self) {
        let now = Instant::now();
        let (due, pause) = self.pace.unwrap_or((now + FIRST_PAUSE, FIRST_PAUSE));
        if now < due {
            self.pace = Some((due, pause));
            return;
        }
        if let Err(StoreError::Unavailable(why) | StoreError::TimedOut(why) | StoreError::Corrupt(why)) =
            self.mend()
        {
            self.shared.set_hindrance(Some(why));
        }
        let pause = LONGEST_PAUSE.min(pause * 2);
        self.pace = Some((Instant::now() + pause, pause));
    }

    /// Opens the store anew: sled writes no more after an error, whether that has passed or not. Without room that is done
    /// for those who read, if need be.
    fn mend(&mut self) -> Result<(), StoreError> {
        let folder = &self.shared.folder;
        folder.still_there(self.shared.identity())?;
        let has_room = folder.has_room();
        let is_hopeless = self.trees.is_none() || self.shared.is_unreadable() && folder.spend_reserve();
        if has_room && !self.is_fresh || is_hopeless {
            self.reopen()?;
        }
        if !has_room {
            return Err(StoreError::Unavailable("there is no room to write to".to_owned()));
        }
        self.is_fresh = false;
        self.shared.mended();
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        drop(self.shared.take_trees());
        if let Some(trees) = self.trees.take() {
            // It may give up on a broken disk by a panic; what it leaves is what a crash would.
            let _closed = guarded(move || {
                drop(trees);
                Ok(())
            });
        }
        let (trees, records) = open::again(&self.shared.folder, &self.options)?;
        let fewest = self.shared.fewest();
        if records < fewest {
            return Err(self
                .shared
                .corrupt(&format!("holds {records} records where {fewest} were at least")));
        }
        self.records = records;
        self.dirty = false;
        self.is_fresh = true;
        self.trees = Some(trees.clone());
        self.shared.reopened(trees, records);
        Ok(())
    }

    fn trees(&self) -> Result<&Trees, StoreError> {
        self.trees.as_ref().ok_or_else(|| self.shared.broken_error())
    }

    /// Makes the writes, flushes them together, shows them, and answers.
    fn settle(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        // One look for them all: a log that goes away after it is one that went away after the flush.
        let is_there = self.shared.folder.still_there(self.shared.identity()).is_ok();
        let verdicts: Vec<_> = jobs.iter().map(|job| self.apply(job, is_there)).collect();
        let failed = self.flush().err();
        if failed.is_some() {
            self.shared.set_broken();
            self.shared.doubt_all();
        } else {
            self.shared.show(self.records);
        }
        let after = |verdict| match (&failed, verdict) {
            (Some(e), Verdict::Applied | Verdict::Purged(_)) => {
                Verdict::Unknown(self.shared.fault("flush", e))
            }
            (_, verdict) => verdict,
        };
        Answers(jobs.into_iter().zip(verdicts.into_iter().map(after)).collect()).give();
    }

    /// Begins after the last write of the batch, so it covers them all.
    fn flush(&mut self) -> sled::Result<()> {
        match &self.trees {
            Some(trees) if std::mem::take(&mut self.dirty) => guarded(|| trees.db.flush()).map(drop),
            // Nothing was written.
            Some(_) | None => Ok(()),
        }
    }

    fn apply(&mut self, job: &Job, is_there: bool) -> Verdict {
        if (!is_there || self.shared.is_broken())
            && let Err(e) = self.shared.probe()
        {
            return Verdict::NotApplied(e);
        }
        let done = match job {
            Job::Put(write, ..) => self.write(write),
            Job::Purge(before, limit, _) => self.purge(*before, *limit),
            Job::Close(_) => Ok(Verdict::Conflict),
        };
        done.unwrap_or_else(Verdict::NotApplied)
    }

    /// # Errors
    /// What certainly did not write what decides.
    fn write(&mut self, write: &Write) -> Result<Verdict, StoreError> {
        for first in &write.first {
            match self.put(first)? {
                Verdict::Applied => {}
                Verdict::NotApplied(error) | Verdict::Unknown(error) => return Err(error),
                other @ (Verdict::Conflict | Verdict::Purged(_)) => return Ok(other),
            }
        }
        self.put(&write.put)
    }

    /// # Errors
    /// What certainly changed nothing.
    fn put(&mut self, put: &Put) -> Result<Verdict, StoreError> {
        let (key, value) = (schema::record_key(&put.key), schema::record_value(put));
        let standing = self.read(&key)?;
        let parsed = standing.as_ref().map(|bytes| self.shared.parse(bytes)).transpose()?;
        let holds = match (put.expect, &parsed) {
            (Expect::Absent, None) => true,
            (Expect::Version(expected), Some(standing)) => standing.version == expected,
            (Expect::Absent, Some(_)) | (Expect::Version(_), None) => false,
        };
        if !holds {
            return Ok(Verdict::Conflict);
        }
        let before = parsed.and_then(|value| value.keep_until);
        if let Some(at) = put.keep_until.filter(|at| before != Some(*at)) {
            self.enter(&schema::index_key(at, &key))?;
        }
        let verdict = self.swap(&key, standing.clone(), Some(value));
        if matches!(verdict, Verdict::Applied) {
            self.records += u64::from(standing.is_none());
            if let Some(at) = before.filter(|at| put.keep_until != Some(*at)) {
                self.strike(&schema::index_key(at, &key));
            }
        }
        Ok(verdict)
    }

    /// # Errors
    /// What certainly changed nothing that anyone could notice.
    fn purge(&mut self, before: Time, limit: usize) -> Result<Verdict, StoreError> {
        let trees = self.trees()?;
        let due = guarded(|| {
            let end: &[u8] = &schema::moment(before);
            trees.keep_until.range(..end).keys().take(limit).collect::<sled::Result<Vec<_>>>()
        })
        .map_err(|e| self.shared.read_fault(&e))?;
        let mut removed = 0;
        for entry in &due {
            let (at, key) = schema::parse_index_key(entry)
                .ok_or_else(|| self.shared.corrupt("has an index that is not as grantor wrote it"))?;
            let standing = self.read(key)?;
            // What is kept longer by now has another entry.
            if standing.as_deref().and_then(Value::parse).is_some_and(|value| value.keep_until == Some(at)) {
                let verdict = self.swap(key, standing, None);
                if !matches!(verdict, Verdict::Applied) {
                    return Ok(verdict);
                }
                removed += 1;
                self.records = self.records.saturating_sub(1);
            }
            self.strike(entry);
        }
        Ok(Verdict::Purged(Purged { removed, more: due.len() == limit }))
    }

    fn read(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let trees = self.trees()?;
        guarded(|| trees.records.get(key)).map_err(|e| self.shared.read_fault(&e))
    }

    /// The compare-and-swap, which readers do not see yet.
    fn swap(&mut self, key: &[u8], old: Option<IVec>, new: Option<Vec<u8>>) -> Verdict {
        let Some(trees) = &self.trees else { return Verdict::NotApplied(self.shared.broken_error()) };
        self.shared.hide(key, old.clone());
        self.dirty = true;
        match guarded(|| trees.records.compare_and_swap(key, old, new)) {
            Ok(Ok(())) => Verdict::Applied,
            // Nobody else writes, so this does not come; if it did, it would be just that.
            Ok(Err(_)) => Verdict::Conflict,
            Err(e) => {
                // It can have failed on either side of the write.
                self.shared.set_broken();
                self.shared.doubt(key);
                Verdict::Unknown(self.shared.fault("write to", &e))
            }
        }
    }

    fn enter(&mut self, entry: &[u8]) -> Result<(), StoreError> {
        let trees = self.trees.as_ref().ok_or_else(|| self.shared.broken_error())?;
        self.dirty = true;
        guarded(|| trees.keep_until.insert(entry, &[])).map(drop).map_err(|e| {
            self.shared.set_broken();
            self.shared.fault("write to", &e)
        })
    }

    /// An entry that stays behind by a failure costs a purge one look.
    fn strike(&mut self, entry: &[u8]) {
        let Some(trees) = &self.trees else { return };
        self.dirty = true;
        if guarded(|| trees.keep_until.remove(entry)).is_err() {
            self.shared.set_broken();
        }
    }

    fn finish(self) -> Result<(), String> {
        let Self { shared, trees, records, lock, .. } = self;
        drop(shared.take_trees());
        let flushed = guarded(|| trees.as_ref().map_or(Ok(0), |trees| trees.db.flush()));
        // sled writes what it has left and ends its threads; it may give up on a broken disk by a panic.
        let dropped = guarded(move || {
            drop(trees);
            Ok(())
        });
        flushed.and(dropped.map(|()| 0)).map_err(|e| shared.fault("close", &e).to_string())?;
        let log = shared.folder.log();
        // Its threads may still cut the log, and a length noted before that would call the log damaged.
        if shared.is_broken() || !wait_for_sled(&log) {
            return Err(format!("{} was not closed in good order", shared.folder.path().display()));
        }
        let bytes = std::fs::metadata(&log).map_err(|e| e.to_string())?.len();
        // Kept for a store in use.
        let _spent = shared.folder.spend_reserve();
        let written = shared.folder.write(&shared.folder.closed(), &Closed { records, bytes }.to_text());
        let done = written.and_then(|()| shared.folder.make_private()).map_err(|e| e.to_string());
        drop(lock);
        done
    }
}

/// Sorts out what needs no write: a wish to close, and a job whose caller is gone. To do that one or not are both right,
/// and not doing it is cheaper.
fn keep(job: Job, closing: &mut Vec<Answer<Result<(), StoreError>>>) -> Option<Job> {
    match job {
        Job::Close(answer) => {
            closing.push(answer);
            None
        }
        Job::Put(_, ref answer, _) if answer.is_closed() => None,
        Job::Purge(_, _, ref answer) if answer.is_closed() => None,
        Job::Put(..) | Job::Purge(..) => Some(job),
    }
}

/// The answers to what was flushed together.
struct Answers(Vec<(Job, Verdict)>);

impl Answers {
    /// Gives them on a thread of the runtime whose tasks wait for them, in one go: to wake a task from there costs a tenth of
    /// what it costs from here, and each wake from here may cost this thread its processor, and the next flush its company.
    fn give(self) {
        let runtime = match &*self.0 {
            [(Job::Put(_, _, runtime), _), _, ..] => runtime.clone(),
            [(Job::Purge(..) | Job::Close(_), _), ..] | [_] | [] => None,
        };
        if let Some(runtime) = runtime.filter(|r| r.runtime_flavor() == RuntimeFlavor::MultiThread) {
            // Where it is shutting down the task is dropped, which gives them just as well.
            drop(runtime.spawn(async move { drop(self) }));
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|(job, verdict)| job.answer(verdict));
    }
}

impl Job {
    // Whoever asked may be gone by the time of the answer.
    fn answer(self, verdict: Verdict) {
        match self {
            Job::Put(_, answer, _) => drop(answer.send(match verdict {
                Verdict::Applied => PutOutcome::Applied,
                Verdict::Conflict => PutOutcome::Conflict,
                Verdict::NotApplied(e) => PutOutcome::NotApplied(e),
                Verdict::Unknown(e) => PutOutcome::Unknown(e),
                Verdict::Purged(_) => PutOutcome::Unknown(closed()),
            })),
            Job::Purge(_, _, answer) => drop(answer.send(match verdict {
                Verdict::Purged(purged) => Ok(purged),
                Verdict::NotApplied(e) | Verdict::Unknown(e) => Err(e),
                Verdict::Applied | Verdict::Conflict => Err(closed()),
            })),
            Job::Close(_) => {}
        }
    }
}
