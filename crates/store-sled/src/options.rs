//! What an operator may choose.

/// How a [`SledStore`](crate::SledStore) behaves. The default is right for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SledOptions {
    /// How much memory sled's cache may take, in bytes, about. 128 MiB, which holds some hundred thousand records; what is not
    /// in it is read from the disk.
    pub cache: u64,
    /// How many puts may wait for the writer, and how many reads for a reader thread. What finds the queue full is
    /// `Unavailable` at once: a short queue answers late, a long one never.
    pub queue: usize,
    /// How many puts one flush takes at most, which bounds how long the first of them waits for the last.
    pub batch: usize,
    /// Threads for reads that cannot be answered at once: lists, and gets while the disk is slow.
    pub reader_threads: usize,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache: 128 * 1024 * 1024, queue: 1024, batch: 256, reader_threads: 2 }
    }
}
