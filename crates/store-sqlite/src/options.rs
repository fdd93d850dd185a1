//! What an operator may choose.

use std::time::Duration;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SqliteDurability {
    /// A power cut: each commit is flushed to disk before it is acknowledged (`synchronous=FULL`).
    #[default]
    Full,
    /// The end of the process only: a power cut may take the last writes, and leaves the database whole
    /// (`synchronous=NORMAL`).
    Relaxed,
}

/// How a [`SqliteStore`](crate::SqliteStore) behaves. The default is right for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// What an acknowledged write survives.
    pub durability: SqliteDurability,
    /// How long an operation waits for a lock that another process holds, its time in the queue included. 1.5 s, so that
    /// the client has its 503 within two.
    pub busy_timeout: Duration,
    /// How many puts may wait for the writer, and how many reads for a reader thread. What finds the queue full is
    /// `Unavailable` at once: a short queue answers late, a long one never.
    pub queue: usize,
    /// How many puts one commit takes at most, which bounds how long the first of them waits for the last.
    pub batch: usize,
    /// Threads for reads that cannot be answered at once: lists, and gets while all else is busy or the disk is slow.
    pub reader_threads: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: SqliteDurability::Full,
            busy_timeout: Duration::from_millis(1500),
            queue: 1024,
            batch: 256,
            reader_threads: 2,
        }
    }
}
