//! From one store into another, and what a store holds as a whole.

use std::fmt;

use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use sha2::{Digest as _, Sha256};

use crate::moving::is_mark;
use crate::{PutOutcome, Store, StoreError};

/// How many keys are listed at a time.
const PAGE: usize = 500;

/// All that a store holds, in two figures. Equal contents give equal figures, whatever the backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// How many records.
    pub records: u64,
    /// SHA-256 over every record's key, version, body and `keep_until`, in the order of kinds and ids.
    pub digest: [u8; 32],
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, sha256 ", self.records)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a copy did not come about.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store that is read failed.
    #[error("reading failed: {0}")]
    From(#[source] StoreError),
    /// The store that is written failed. What was copied so far is there, and a second copy goes on from it.
    #[error("writing failed, and can be taken up again: {0}")]
    To(#[source] StoreError),
    /// The target holds records that are not the source's.
    #[error(
        "the target holds another {0}; copy into an empty store, or say that the target may be overwritten"
    )]
    Differs(RecordKey),
    /// After copying, the two do not hold the same: somebody wrote to one of them meanwhile.
    #[error("the copies differ (from: {from}; to: {to}); is a server running on one of them?")]
    Unequal {
        /// What was read.
        from: Contents,
        /// What was written.
        to: Contents,
    },
}

/// Copies every record, and then reads both stores and compares them. Nobody may write to either meanwhile. The marks of
/// a [live move](crate::MovingStore) stay where they are.
///
/// A copy that broke off can be run again: what is there already, to the version, is left. `overwrite` lets it replace
/// what differs in the target; what only the target holds makes the comparison fail either way. `progress` is told the
/// number of records seen so far.
///
/// ```
/// use grantor_store::{MemoryStore, contents, copy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (from, to) = (MemoryStore::new(), MemoryStore::new());
/// let copied = copy(&from, &to, false, |seen| eprintln!("{seen} records")).await?;
/// assert_eq!(copied, contents(&from).await?);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`CopyError`]. The source is never changed.
pub async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    overwrite: bool,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Contents, CopyError> {
    let mut seen = 0;
    for kind in Kind::ALL {
        let mut after = None;
        loop {
            let page = from.list(&Under::Kind(*kind), after.as_ref(), PAGE).await.map_err(CopyError::From)?;
            for key in page.keys.iter().filter(|key| !is_mark(key)) {
                // Gone since it was listed: past its time, so there is nothing to copy.
                if let Some(stored) = from.get(key).await.map_err(CopyError::From)? {
                    copy_record(to, key, stored, overwrite).await?;
                }
                seen += 1;
                progress(seen);
            }
            after = page.keys.last().cloned();
            if !page.more || after.is_none() {
                break;
            }
        }
    }
    let source = contents(from).await.map_err(CopyError::From)?;
    let target = contents(to).await.map_err(CopyError::To)?;
    if source == target { Ok(target) } else { Err(CopyError::Unequal { from: source, to: target }) }
}

async fn copy_record(
    to: &dyn Store,
    key: &RecordKey,
    stored: Stored,
    overwrite: bool,
) -> Result<(), CopyError> {
    let expect = match to.get(key).await.map_err(CopyError::To)? {
        Some(there) if there == stored => return Ok(()),
        Some(there) if overwrite => Expect::Version(there.version),
        Some(_) => return Err(CopyError::Differs(key.clone())),
        None => Expect::Absent,
    };
    let Stored { version, body, keep_until } = stored;
    // The version goes along: whoever read it from the old store may go on with it on the new one.
    match to.put(Put { key: key.clone(), expect, version, body, keep_until }).await {
        PutOutcome::Applied => Ok(()),
        PutOutcome::Conflict => Err(CopyError::Differs(key.clone())),
        PutOutcome::NotApplied(error) | PutOutcome::Unknown(error) => Err(CopyError::To(error)),
    }
}

/// Reads all that a store holds. Costs one read for each record. The marks of a [live move](crate::MovingStore) are no
/// part of it: they say something of the store they lie in.
///
/// # Errors
/// [`StoreError`] if a record cannot be read.
pub async fn contents(store: &dyn Store) -> Result<Contents, StoreError> {
    let mut reckoning = Reckoning::default();
    for kind in Kind::ALL {
        let mut after = None;
        loop {
            let page = store.list(&Under::Kind(*kind), after.as_ref(), PAGE).await?;
            for key in page.keys.iter().filter(|key| !is_mark(key)) {
                let Some(stored) = store.get(key).await? else { continue };
                reckoning.add(key, &stored);
            }
            after = page.keys.last().cloned();
            if !page.more || after.is_none() {
                break;
            }
        }
    }
    Ok(reckoning.contents())
}

/// [`Contents`] in the making: each record once, in the order of kinds and ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reckoning {
    hash: Sha256,
    records: u64,
}

impl Reckoning {
    pub(crate) fn add(&mut self, key: &RecordKey, stored: &Stored) {
        let keep_until = stored.keep_until.map_or(i64::MIN, grantor_core::Time::unix_millis);
        for part in [key.kind().as_str().as_bytes(), key.id().as_bytes(), stored.body.as_slice()] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
        self.hash.update(stored.version.as_bytes());
        self.hash.update(keep_until.to_be_bytes());
        self.records += 1;
    }

    pub(crate) fn contents(&self) -> Contents {
        Contents { records: self.records, digest: self.hash.clone().finalize().into() }
    }
}
