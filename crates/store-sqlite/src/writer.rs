//! The one thread that writes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Expect, Put, Write};
use grantor_store::{PutOutcome, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};

use crate::error::{is_busy, is_full, store_error};
use crate::file::DatabaseFile;
use crate::options::SqliteOptions;

const INSERT: &str = "INSERT INTO record (kind, id, version, body, keep_until) VALUES (?1, ?2, ?3, ?4, ?5) \
                      ON CONFLICT (kind, id) DO NOTHING";
const UPDATE: &str = "UPDATE record SET version = ?3, body = ?4, keep_until = ?5 \
                      WHERE kind = ?1 AND id = ?2 AND version = ?6";
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM record)";
const PURGE: &str = "DELETE FROM record WHERE rowid IN \
                     (SELECT rowid FROM record WHERE keep_until < ?1 ORDER BY keep_until LIMIT ?2)";

/// What the writer may keep of the file in memory. Grants are named by when they began, and lie side by side; but their hints lie
/// under the names of people and clients, and each wants another page of the index: this holds that of 150,000 records, and
/// SQLite's own two megabytes that of 20,000. It is taken only as the file grows.
const CACHE_KIB: i64 = 16 * 1024;

/// How many records one step of a purge removes: about as much work as the puts that come meanwhile, which wait for it.
const PURGE_STEP: usize = 32;

/// The writer, as the rest of the crate sees it: a queue.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
}

enum Job {
    Put(Box<Write>, Wait<PutOutcome>),
    Purge(Time, usize, Wait<Result<usize, StoreError>>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// Somebody who waits for an answer, since when, and on which runtime.
struct Wait<T> {
    answer: oneshot::Sender<T>,
    since: Instant,
    runtime: Option<Handle>,
}

impl<T> Wait<T> {
    fn new() -> (Self, oneshot::Receiver<T>) {
        let (answer, receiver) = oneshot::channel();
        (Self { answer, since: Instant::now(), runtime: Handle::try_current().ok() }, receiver)
    }
}

impl Writer {
    pub(crate) fn start(file: &Arc<DatabaseFile>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let connection = file.connect(options)?;
        connection
            .pragma_update(None, "cache_size", -CACHE_KIB)
            .map_err(|e| store_error(file.path(), "open", &e))?;
        // Where that cannot be read now, others are at work, and it is not empty.
        let empty = connection.query_row(EMPTY, (), |row| row.get(0)).unwrap_or(false);
        let thread = Thread {
            connection,
            empty,
            file: Arc::clone(file),
            busy_timeout: options.busy_timeout,
            batch: options.batch.max(1),
        };
        std::thread::Builder::new()
            .name("grantor-sqlite-writer".to_owned())
            .spawn(move || thread.run(jobs))
            .map_err(|e| StoreError::Unavailable(format!("cannot start the writer thread: {e}")))?;
        Ok(Self { queue })
    }

    pub(crate) async fn put(&self, write: impl Into<Write>) -> PutOutcome {
        let (wait, answer) = Wait::new();
        if let Err(refused) = self.queue.try_send(Job::Put(Box::new(write.into()), wait)) {
            return PutOutcome::NotApplied(not_queued(&refused));
        }
        // The thread answers each job it takes; one that ended without an answer may have committed.
        answer.await.unwrap_or_else(|_| PutOutcome::Unknown(gone()))
    }

    /// Step by step, each a job of its own in the queue, so that puts find their turn between any two.
    pub(crate) async fn purge(&self, before: Time, limit: usize) -> Result<usize, StoreError> {
        let mut removed = 0;
        while removed < limit {
            let step = PURGE_STEP.min(limit - removed);
            let (wait, answer) = Wait::new();
            self.queue.try_send(Job::Purge(before, step, wait)).map_err(|e| not_queued(&e))?;
            let count = answer.await.unwrap_or_else(|_| Err(gone()))?;
            removed += count;
            if count < step {
                break;
            }
        }
        Ok(removed)
    }

    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let (answer, closed) = oneshot::channel();
        self.queue.send(Job::Close(answer)).await.map_err(|_| gone())?;
        closed.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn not_queued(refused: &mpsc::error::TrySendError<Job>) -> StoreError {
    match refused {
        mpsc::error::TrySendError::Full(_) => {
            StoreError::Unavailable("too many writes are waiting already".to_owned())
        }
        mpsc::error::TrySendError::Closed(_) => gone(),
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the SQLite store was closed".to_owned())
}

struct Thread {
    connection: Connection,
    file: Arc<DatabaseFile>,
    busy_timeout: Duration,
    batch: usize,
    /// Whether nothing has ever been written.
    empty: bool,
}

/// What a job came to within a transaction. It is true only once that is committed.
enum Verdict {
    Applied,
    Conflict,
    Purged(usize),
}

/// Why a transaction failed.
struct Failure {
    error: rusqlite::Error,
    /// Whether it certainly left nothing behind.
    certain: bool,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self { error, certain: true }
    }
}

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = VecDeque::with_capacity(self.batch);
        let mut closing = Vec::new();
        loop {
            if jobs.is_empty() {
                // Once the queue is closed it still gives what is in it, and then `None`.
                let Some(job) = queue.blocking_recv() else { break };
                jobs.push_back(job);
                // Whoever sent it has more to send in a moment, and may be kept from it by this thread: where processors
                // are few, a commit began with one job each time, and the others waited for the next.
                std::thread::yield_now();
            }
            while jobs.len() < self.batch
                && let Ok(job) = queue.try_recv()
            {
                jobs.push_back(job);
            }
            jobs = jobs.into_iter().filter_map(|job| keep(job, &mut closing)).collect();
            if !closing.is_empty() {
                queue.close();
            }
            if !jobs.is_empty() {
                self.settle(&mut jobs);
            }
        }
        let closed = self.finish();
        for answer in closing {
            let result = closed.as_ref().map(|_| ()).map_err(|e| StoreError::Unavailable(e.clone()));
            // Whoever asked for the end may not have waited for it.
            let _unheard = answer.send(result);
        }
    }

    /// Commits the jobs together and answers them; leaves in `jobs` those that have still time to wait for a lock.
    fn settle(&mut self, jobs: &mut VecDeque<Job>) {
        if self.file.still_there().is_err() {
            return answer_all(jobs, || (self.file.moved(), true));
        }
        if let Err(error) = self.begin(jobs) {
            let now = Instant::now();
            let is_late = |job: &Job| job.since().is_none_or(|since| now >= since + self.busy_timeout);
            let late =
                if is_busy(&error) { jobs.iter().take_while(|job| is_late(job)).count() } else { jobs.len() };
            let mut late: VecDeque<_> = jobs.drain(..late).collect();
            return answer_all(&mut late, || (self.fault(&error), true));
        }
        match self.transact(jobs) {
            Ok(verdicts) => {
                if std::mem::take(&mut self.empty) {
                    self.move_log();
                }
                Answers(jobs.drain(..).zip(verdicts).collect()).give();
            }
            Err(Failure { error, certain }) => {
                self.roll_back(certain);
                answer_all(jobs, || (self.fault(&error), certain));
            }
        }
    }

    /// Waits for the lock as long as the job that waits longest still may.
    fn begin(&self, jobs: &VecDeque<Job>) -> rusqlite::Result<()> {
        let waited = jobs.front().and_then(Job::since).map_or(Duration::ZERO, |since| since.elapsed());
        self.connection.busy_timeout(self.busy_timeout.saturating_sub(waited))?;
        self.connection.prepare_cached(BEGIN)?.execute(()).map(drop)
    }

    fn transact(&self, jobs: &VecDeque<Job>) -> Result<Vec<Verdict>, Failure> {
        let verdicts = jobs.iter().map(|job| self.apply(job)).collect::<Result<Vec<_>, _>>()?;
        self.connection.prepare_cached(COMMIT)?.execute(()).map_err(|error| {
            // A lock in the way or a full disk fail a commit before its last frame, the one that makes it valid, is
            // written. After any other failure (a flush above all) that frame may be in the log.
            let certain = is_busy(&error) || is_full(&error);
            Failure { error, certain }
        })?;
        Ok(verdicts)
    }

    fn apply(&self, job: &Job) -> rusqlite::Result<Verdict> {
        match job {
            Job::Put(write, _) => {
                for put in write.first.iter().chain([&write.put]) {
                    if !self.put(put)? {
                        return Ok(Verdict::Conflict);
                    }
                }
                Ok(Verdict::Applied)
            }
            Job::Purge(before, limit, _) => {
                let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
                let mut purge = self.connection.prepare_cached(PURGE)?;
                Ok(Verdict::Purged(purge.execute((before.unix_millis(), limit))?))
            }
            Job::Close(_) => Ok(Verdict::Purged(0)),
        }
    }

    /// Whether it stands, once that is committed.
    fn put(&self, put: &Put) -> rusqlite::Result<bool> {
        let (kind, id) = (put.key.kind().as_str(), put.key.id());
        let (version, body) = (put.version.as_bytes().as_slice(), Body(&put.body));
        let keep_until = put.keep_until.map(Time::unix_millis);
        let changed = match &put.expect {
            Expect::Absent => {
                let mut insert = self.connection.prepare_cached(INSERT)?;
                insert.execute((kind, id, version, body, keep_until))?
            }
            Expect::Version(expected) => {
                let mut update = self.connection.prepare_cached(UPDATE)?;
                let expected = expected.as_bytes().as_slice();
                update.execute((kind, id, version, body, keep_until, expected))?
            }
        };
        Ok(changed != 0)
    }

    /// Undoes what failed. A commit that failed late may have left a valid end in the log, which nobody sees now but a
    /// recovery after a crash would find. The next frames overwrite it, so some are written: then one read settles what
    /// is `Unknown`.
    fn roll_back(&self, certain: bool) {
        // The transaction may have ended by itself already.
        let _ended = self.connection.execute_batch("ROLLBACK");
        if !certain {
            let present = crate::schema::version_of(crate::schema::STEPS);
            // Where this fails too, the next commit that succeeds does it.
            let _tried = self.connection.pragma_update(None, "user_version", present);
        }
    }

    /// Moves the first records out of the log at once. Whoever loses the log of a database must not find one that looks
    /// as if it had never been used: it would begin anew, and nobody would notice.
    fn move_log(&self) {
        // Where others read, it is moved at a later checkpoint, as all else is.
        let _tried = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
    }

    fn finish(self) -> Result<(), String> {
        // Others may be reading: what cannot be moved now is moved when the last of them closes.
        let moved = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        let path: &Path = self.file.path();
        moved
            .and_then(|()| self.connection.close().map_err(|(_, e)| e))
            .map_err(|e| store_error(path, "close", &e).to_string())
    }

    fn fault(&self, error: &rusqlite::Error) -> StoreError {
        store_error(self.file.path(), "write to", error)
    }
}

/// Sorts out what needs no transaction: a wish to close, and a job whose caller is gone. To do that one or not are both
/// right, and not doing it is cheaper.
fn keep(job: Job, closing: &mut Vec<oneshot::Sender<Result<(), StoreError>>>) -> Option<Job> {
    match job {
        Job::Close(answer) => {
            closing.push(answer);
            None
        }
        Job::Put(_, Wait { ref answer, .. }) if answer.is_closed() => None,
        Job::Purge(_, _, Wait { ref answer, .. }) if answer.is_closed() => None,
        Job::Put(..) | Job::Purge(..) => Some(job),
    }
}

fn answer_all(jobs: &mut VecDeque<Job>, fault: impl Fn() -> (StoreError, bool)) {
    for job in jobs.drain(..) {
        let (error, certain) = fault();
        job.fail(error, certain);
    }
}

/// The answers to what was committed together.
struct Answers(Vec<(Job, Verdict)>);

impl Answers {
    /// Gives them on a thread of the runtime whose tasks wait for them, in one go: to wake a task from there costs a tenth of
    /// what it costs from here, and each wake from here may cost this thread its processor, and the next its company.
    fn give(self) {
        let runtime = match &*self.0 {
            [(first, _), _, ..] => first.runtime().cloned(),
            [] | [_] => None,
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

// Whoever asked may be gone by the time of the answer, in all of these.
impl Job {
    fn runtime(&self) -> Option<&Handle> {
        match self {
            Job::Put(_, wait) => wait.runtime.as_ref(),
            Job::Purge(_, _, wait) => wait.runtime.as_ref(),
            Job::Close(_) => None,
        }
    }

    fn since(&self) -> Option<Instant> {
        match self {
            Job::Put(_, wait) => Some(wait.since),
            Job::Purge(_, _, wait) => Some(wait.since),
            Job::Close(_) => None,
        }
    }

    fn answer(self, verdict: Verdict) {
        match (self, verdict) {
            (Job::Put(_, wait), Verdict::Applied) => drop(wait.answer.send(PutOutcome::Applied)),
            (Job::Put(_, wait), Verdict::Conflict) => drop(wait.answer.send(PutOutcome::Conflict)),
            (Job::Purge(_, _, wait), Verdict::Purged(count)) => drop(wait.answer.send(Ok(count))),
            (Job::Put(..), Verdict::Purged(_))
            | (Job::Purge(..), Verdict::Applied | Verdict::Conflict)
            | (Job::Close(_), _) => {}
        }
    }

    fn fail(self, error: StoreError, certain: bool) {
        match self {
            Job::Put(_, wait) if certain => drop(wait.answer.send(PutOutcome::NotApplied(error))),
            Job::Put(_, wait) => drop(wait.answer.send(PutOutcome::Unknown(error))),
            Job::Purge(_, _, wait) => drop(wait.answer.send(Err(error))),
            Job::Close(answer) => drop(answer.send(Err(error))),
        }
    }
}

/// A body as a column: text where it is text, so that it can be read in SQLite's shell, else a blob. Either comes back
/// byte for byte.
struct Body<'a>(&'a [u8]);

impl ToSql for Body<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let is_text = !self.0.contains(&0) && std::str::from_utf8(self.0).is_ok();
        Ok(ToSqlOutput::Borrowed(if is_text { ValueRef::Text(self.0) } else { ValueRef::Blob(self.0) }))
    }
}
