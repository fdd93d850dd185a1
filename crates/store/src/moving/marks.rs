//! The marks of a move: one record in the store that is left, one in the store that is moved to.

use std::fmt;

use grantor_core::Entropy;
use grantor_core::record::{Expect, Format, Key, Kind, Put, Record, RecordKey, Version, decode};
use serde::{Deserialize, Serialize};

use crate::contract::{PutOutcome, Store, StoreError};

/// Which move it is. Both marks bear it, so that the copy of one store is never taken for that of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MoveId(String);

impl MoveId {
    pub(super) fn draw(entropy: &mut Entropy) -> Self {
        Self(Version::draw(entropy).to_string())
    }
}

/// The mark in the store that is moved to: how far it is, and who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovedHere {
    pub(super) v: Format<1>,
    /// Which move.
    pub id: MoveId,
    /// How far it is.
    pub state: CopyState,
    /// How many servers have joined the move. It changes the record, so that a copy is called complete only if the whole
    /// of it was looked at since the last server joined.
    pub joined: u64,
}

/// What a store that is moved to is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// Something may be missing. The other store leads.
    Copying,
    /// It holds all that was ever acknowledged, and goes on doing so. The other store leads.
    Complete,
    /// It leads. For good.
    Leading,
    /// The move was given up. The other store leads.
    GivenUp,
}

impl CopyState {
    /// The state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            CopyState::Copying => "copying",
            CopyState::Complete => "complete",
            CopyState::Leading => "leading",
            CopyState::GivenUp => "given_up",
        }
    }
}

impl fmt::Display for CopyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The mark in the store that is left. No server that takes part goes by it: it is for those who do not know of the move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovedAway {
    pub(super) v: Format<1>,
    /// Which move.
    pub id: MoveId,
    /// How far it is.
    pub state: LeaveState,
    /// Where to, for people to read.
    pub to: String,
    /// How often a server that takes no part has said that it still writes here alone; see
    /// [`object`](crate::object).
    pub alone: u64,
}

/// What a store that is left is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveState {
    /// It is being moved: who writes to it alone writes what may be lost.
    Moving,
    /// The other store leads. What is written here is lost.
    Moved,
    /// The move was given up.
    GivenUp,
}

impl Record for MovedHere {
    const KIND: Kind = Kind::Deployment;
}

impl Record for MovedAway {
    const KIND: Kind = Kind::Deployment;
}

impl MovedHere {
    /// Where the mark lies.
    pub fn key() -> Key<Self> {
        Key::of("moved-here")
    }

    pub(super) fn new(id: MoveId) -> Self {
        Self { v: Format, id, state: CopyState::Copying, joined: 0 }
    }
}

impl MovedAway {
    /// Where the mark lies.
    pub fn key() -> Key<Self> {
        Key::of("moved-away")
    }

    pub(super) fn new(id: MoveId, to: &str) -> Self {
        Self { v: Format, id, state: LeaveState::Moving, to: to.to_owned(), alone: 0 }
    }
}

/// Whether a record is a mark: it says something of the store it lies in, and is no part of what that store holds.
pub(crate) fn is_mark(key: &RecordKey) -> bool {
    key.kind() == Kind::Deployment && (key == MovedHere::key().raw() || key == MovedAway::key().raw())
}

/// How many marks a store can have.
pub(super) const MARKS: usize = 2;

/// The marks of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// What it is, if it was moved to.
    pub here: Option<MovedHere>,
    /// What it is, if it is left.
    pub away: Option<MovedAway>,
}

/// Reads the marks of a store. Whoever opens a store by itself must go by them; see [`MovingStore`](crate::MovingStore).
/// Costs two reads.
///
/// # Errors
/// [`StoreError`] if they cannot be read.
pub async fn marks(store: &dyn Store) -> Result<Marks, StoreError> {
    let here = read::<MovedHere>(store, &MovedHere::key()).await?.map(|found| found.mark);
    let away = read::<MovedAway>(store, &MovedAway::key()).await?.map(|found| found.mark);
    Ok(Marks { here, away })
}

/// A mark as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<M> {
    pub(super) mark: M,
    pub(super) version: Version,
}

pub(super) async fn read<M: Record>(store: &dyn Store, key: &Key<M>) -> Result<Option<Found<M>>, StoreError> {
    let Some(stored) = store.get(key.raw()).await? else { return Ok(None) };
    let mark = decode(key.raw(), &stored.body).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(Some(Found { mark, version: stored.version }))
}

/// Writes a mark in place of the one that was found, and tells whether that was still there.
pub(super) async fn write<M: Record>(
    store: &dyn Store,
    key: &Key<M>,
    found: Option<Version>,
    mark: &M,
    entropy: &mut Entropy,
) -> Result<bool, StoreError> {
    let version = Version::draw(entropy);
    let expect = found.map_or(Expect::Absent, Expect::Version);
    match store.put(Put::of(key, expect, version, mark, None)).await {
        PutOutcome::Applied => Ok(true),
        PutOutcome::Conflict => Ok(false),
        PutOutcome::NotApplied(error) => Err(error),
        PutOutcome::Unknown(error) => match store.get(key.raw()).await? {
            Some(stored) if stored.version == version => Ok(true),
            // It may still come, and is safe whenever it does; only nobody may go on as if it had.
            Some(_) | None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use grantor_core::record::encode;

    use super::*;

    // Servers of two versions meet over these records, so their bytes are held still.
    #[test]
    fn marks_are_these_bytes() {
        let id = MoveId("AAAAAAAAAAAAAAAAAAAAAA".to_owned());
        let here = MovedHere { joined: 2, ..MovedHere::new(id.clone()) };
        let text = r#"{"v":1,"id":"AAAAAAAAAAAAAAAAAAAAAA","state":"copying","joined":2}"#;
        assert_eq!(String::from_utf8(encode(&here)).unwrap(), text);
        assert_eq!(decode::<MovedHere>(MovedHere::key().raw(), text.as_bytes()), Ok(here));
        let away = MovedAway::new(id, "sled:here");
        let text = r#"{"v":1,"id":"AAAAAAAAAAAAAAAAAAAAAA","state":"moving","to":"sled:here","alone":0}"#;
        assert_eq!(String::from_utf8(encode(&away)).unwrap(), text);
        assert_eq!(decode::<MovedAway>(MovedAway::key().raw(), text.as_bytes()), Ok(away));
        let states = [CopyState::Copying, CopyState::Complete, CopyState::Leading, CopyState::GivenUp];
        for state in states {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn nothing_else_is_a_mark() {
        assert!(is_mark(MovedHere::key().raw()) && is_mark(MovedAway::key().raw()));
        assert!(!is_mark(&RecordKey::new(Kind::Deployment, "moved", None)));
        assert!(!is_mark(&RecordKey::new(Kind::Grant, "moved-here", None)));
    }
}
