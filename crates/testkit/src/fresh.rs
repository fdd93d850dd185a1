//! A store as a case receives it.

use std::fmt;
use std::sync::Arc;

use grantor_store::Store;

/// A store as the cases have it: shared by many tasks.
pub type Shared = Arc<dyn Store>;

/// An empty store that nobody else uses, and the place where it keeps its records.
///
/// The place is whatever must outlive the store, or is needed to open it again or to put it in trouble: a temporary
/// folder, a connection, a switch. A store in memory has none.
pub struct Fresh<P = ()> {
    /// The store.
    pub store: Shared,
    /// Where it keeps its records.
    pub place: P,
}

impl Fresh {
    /// A store that needs no place.
    pub fn of(store: impl Store) -> Self {
        Self::at((), store)
    }
}

impl<P> Fresh<P> {
    /// A store whose records lie at `place`.
    pub fn at(place: P, store: impl Store) -> Self {
        Self { store: Arc::new(store), place }
    }
}

impl<P> fmt::Debug for Fresh<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// What an adapter's test is asked to do to its store's surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// From now on operations fail, all or some: the file is locked, the disk is full, the connection is cut.
    Begins,
    /// From now on all is well again.
    Ends,
}
