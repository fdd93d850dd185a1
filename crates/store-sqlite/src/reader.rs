//! The ways to read: at once, on the caller's thread, or on a thread of our own.
//!
//! A get takes a few microseconds and a hop to another thread several times that: on two processors a lone caller gets
//! 140,000 to 178,000 answers a second inline, at about 7 µs of processor each, and 36,000 by a hop, at 25 µs. So a get
//! runs where it is asked, on a spare connection, and never waits there: where no connection is spare, or another process is in the way, or the
//! disk has just been slow, it goes to a reader thread. A disk that hangs can hold up as many threads of the runtime as
//! there are spare connections, [`inline_connections`], and no more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use grantor_core::Time;
use grantor_core::record::{Kind, RecordKey, Stored, Under, Version};
use grantor_store::{Page, StoreError};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::{mpsc, oneshot};

use crate::error::{is_busy, store_error};
use crate::file::DatabaseFile;
use crate::options::SqliteOptions;

const GET: &str = "SELECT version, body, keep_until FROM record WHERE kind = ?1 AND id = ?2";
const LIST: &str = "SELECT id FROM record WHERE kind = ?1 AND id >= ?2 AND id < ?3 ORDER BY id LIMIT ?4";

/// A get that took longer than this came from a slow disk. One that only lost its processor for a turn or two, as on a busy
/// machine some do all the time, took less; taken for a slow disk, it made each get for a second cost three times as much.
const SLOW: Duration = Duration::from_millis(20);
/// How long gets keep off the callers' threads after that.
const WARY: Duration = Duration::from_secs(1);

/// How many runtime threads may be inside SQLite at a time: one less than the machine has, so that one is always left
/// to answer; on a machine with one processor, one. More would not be faster: connections of one process share locks
/// inside SQLite, and four inline on two processors gave fewer answers than none, since busy reader threads need no waking.
fn inline_connections() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().saturating_sub(1)).clamp(1, 8)
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Debug)]
pub(crate) struct Readers {
    file: Arc<DatabaseFile>,
    /// `None` once closed.
    inline: Vec<Mutex<Option<Connection>>>,
    started: Instant,
    /// Until when gets are not answered inline, in microseconds after `started`.
    wary_until: AtomicU64,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Readers {
    pub(crate) fn start(file: &Arc<DatabaseFile>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let inline = (0..inline_connections())
            .map(|_| file.connect_to_read(options, Duration::ZERO).map(|c| Mutex::new(Some(c))))
            .collect::<Result<_, _>>()?;
        let (queue, jobs) = mpsc::channel(options.queue.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..options.reader_threads.max(1) {
            let (jobs, connection) =
                (Arc::clone(&jobs), file.connect_to_read(options, options.busy_timeout)?);
            std::thread::Builder::new()
                .name("grantor-sqlite-reader".to_owned())
                .spawn(move || serve(&jobs, &connection))
                .map_err(|e| StoreError::Unavailable(format!("cannot start a reader thread: {e}")))?;
        }
        let wary_until = AtomicU64::new(0);
        Ok(Self {
            file: Arc::clone(file),
            inline,
            started: Instant::now(),
            wary_until,
            queue: Mutex::new(Some(queue)),
        })
    }

    /// Ends the threads once they have answered what is queued. Waits for gets that are being answered inline.
    pub(crate) fn close(&self) {
        for connection in &self.inline {
            *connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) async fn get(&self, key: &RecordKey) -> Result<Option<Stored>, StoreError> {
        match self.get_inline(key) {
            Some(found) => found.map_err(|e| self.fault(&e)),
            None => {
                let key = key.clone();
                self.on_thread(move |connection| get(connection, &key)).await
            }
        }
    }

    pub(crate) async fn list(
        &self,
        under: &Under,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let Some(range) = Range::of(under, after) else { return Ok(Page { keys: Vec::new(), more: false }) };
        let wanted = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let kind = under.kind();
        let ids = self.on_thread(move |connection| list(connection, kind, &range, wanted)).await?;
        let more = ids.len() > limit;
        let key = |id: String| {
            RecordKey::from_stored(kind, &id).ok_or_else(|| {
                StoreError::Corrupt(format!(
                    "{} holds a record whose id is not one",
                    self.file.path().display()
                ))
            })
        };
        Ok(Page { keys: ids.into_iter().take(limit).map(key).collect::<Result<_, _>>()?, more })
    }

    /// Reads the first page.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        self.on_thread(|connection| connection.pragma_query_value(None, "user_version", |_| Ok(()))).await
    }

    /// The record, unless reading it here could mean waiting.
    fn get_inline(&self, key: &RecordKey) -> Option<rusqlite::Result<Option<Stored>>> {
        let begun = Instant::now();
        if self.after_start(begun) < self.wary_until.load(Ordering::Relaxed) {
            return None;
        }
        let connection = self.inline.iter().find_map(|connection| match connection.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })?;
        let found = get(connection.as_ref()?, key);
        if begun.elapsed() > SLOW {
            self.wary_until.store(self.after_start(Instant::now() + WARY), Ordering::Relaxed);
        }
        match found {
            Err(e) if is_busy(&e) => None,
            found => Some(found),
        }
    }

    fn after_start(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_micros()).unwrap_or(u64::MAX)
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !answer.is_closed() {
                // Whoever asked may be gone by now.
                drop(answer.send(read(connection)));
            }
        });
        let unavailable = |text: &str| StoreError::Unavailable(text.to_owned());
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(|| unavailable("the SQLite store was closed"))?;
        queue.try_send(job).map_err(|_| unavailable("too many reads are waiting already"))?;
        drop(queue);
        result.await.map_err(|_| unavailable("the SQLite store was closed"))?.map_err(|e| self.fault(&e))
    }

    fn fault(&self, error: &rusqlite::Error) -> StoreError {
        store_error(self.file.path(), "read", error)
    }
}

/// A reader thread: waits for its turn to wait for a job, and does it.
fn serve(jobs: &Mutex<mpsc::Receiver<Job>>, connection: &Connection) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
        job(connection);
    }
}

fn get(connection: &Connection, key: &RecordKey) -> rusqlite::Result<Option<Stored>> {
    let mut get = connection.prepare_cached(GET)?;
    get.query_row((key.kind().as_str(), key.id()), |row| {
        let body = match row.get_ref(1)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
            other @ (ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_)) => {
                return Err(rusqlite::Error::InvalidColumnType(1, "body".to_owned(), other.data_type()));
            }
        };
        let keep_until: Option<i64> = row.get(2)?;
        Ok(Stored {
            version: Version::from_bytes(row.get(0)?),
            body,
            keep_until: keep_until.map(Time::from_unix_millis),
        })
    })
    .optional()
}

fn list(connection: &Connection, kind: Kind, range: &Range, wanted: i64) -> rusqlite::Result<Vec<String>> {
    let mut list = connection.prepare_cached(LIST)?;
    list.query_map((kind.as_str(), &range.from, &range.to, wanted), |row| row.get(0))?.collect()
}

/// The ids from one on, up to but without another, as SQLite's index orders them: byte by byte.
struct Range {
    from: String,
    to: String,
}

impl Range {
    /// The ids under `under` after `after`; `None` if there can be none.
    fn of(under: &Under, after: Option<&RecordKey>) -> Option<Self> {
        let prefix = under.prefix();
        let to = match under {
            // Beyond every printable character.
            Under::Kind(_) => "\u{7f}".to_owned(),
            // The character after the `/` that the prefix ends in.
            Under::Slot(_, slot) => format!("{slot}0"),
        };
        let from = match after {
            Some(after) if after.kind() > under.kind() => return None,
            // The least text after an id: no id has a control character.
            Some(after) if after.kind() == under.kind() && after.id() >= prefix.as_str() => {
                format!("{}\u{1}", after.id())
            }
            Some(_) | None => prefix,
        };
        Some(Self { from, to })
    }
}
