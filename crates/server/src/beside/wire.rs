//! What is said on the socket. Each side begins with one byte, the version; then the command asks and the server answers,
//! one by one, in frames: the length of a JSON head, the length of a body, the head, the body. A body is a record's, as it
//! is.

use std::io;

use grantor_core::Time;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Stored, Under};
use grantor_store::{Durability, Page, PutOutcome, StoreError, StoreInfo};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The version of all this. Another one is refused: server and command are then not of one build, and should be.
pub(super) const VERSION: u8 = 1;

/// The longest head and the longest body that are taken. No record comes near, nor does a page of ten thousand keys.
const LONGEST: u32 = 16 * 1024 * 1024;

/// A question, but for a put's body.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    Get(Key),
    Put {
        key: Key,
        expect: Option<String>,
        version: String,
        keep_until: Option<Time>,
    },
    List {
        kind: String,
        slot: Option<String>,
        after: Option<Key>,
        limit: usize,
    },
    Purge {
        before: Time,
        limit: usize,
    },
    Info,
    /// What the backend finds wrong with its own files.
    Problems,
}

/// An answer: to each question one of its own type.
pub(super) type Told<T> = Result<T, Fault>;

/// A record, but for its body.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    version: String,
    keep_until: Option<Time>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Applied,
    Conflict,
    NotApplied(Fault),
    Unknown(Fault),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Ids {
    ids: Vec<String>,
    more: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Info {
    backend: String,
    survives: Survives,
    records: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Key {
    kind: String,
    id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    Unavailable(String),
    TimedOut(String),
    Corrupt(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Survives {
    Nothing,
    Process,
    PowerCut,
}

/// A head and a body.
pub(super) type Frame<T> = (T, Vec<u8>);

/// # Errors
/// If the frame did not leave whole. Then nobody can act on it.
pub(super) async fn write<T: Serialize>(
    stream: &mut (impl AsyncWriteExt + Unpin),
    (head, body): &Frame<T>,
) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    let too_long = |_| io::Error::other("too long for one message");
    let lengths =
        [u32::try_from(head.len()).map_err(too_long)?, u32::try_from(body.len()).map_err(too_long)?];
    if lengths.iter().any(|length| *length > LONGEST) {
        return Err(io::Error::other("too long for one message"));
    }
    let mut frame = Vec::with_capacity(8 + head.len() + body.len());
    lengths.iter().for_each(|length| frame.extend_from_slice(&length.to_be_bytes()));
    frame.extend_from_slice(&head);
    frame.extend_from_slice(body);
    stream.write_all(&frame).await
}

pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncReadExt + Unpin),
) -> io::Result<Frame<T>> {
    let lengths = [stream.read_u32().await?, stream.read_u32().await?];
    if lengths.iter().any(|length| *length > LONGEST) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long for one message"));
    }
    let [head, body] = lengths.map(|length| vec![0; usize::try_from(length).unwrap_or_default()]);
    let (mut head, mut body) = (head, body);
    stream.read_exact(&mut head).await?;
    stream.read_exact(&mut body).await?;
    Ok((serde_json::from_slice(&head)?, body))
}

impl Key {
    pub(super) fn of(key: &RecordKey) -> Self {
        Self { kind: key.kind().as_str().to_owned(), id: key.id().to_owned() }
    }

    pub(super) fn parse(&self) -> Option<RecordKey> {
        RecordKey::from_stored(Kind::from_name(&self.kind)?, &self.id)
    }
}

impl Ask {
    pub(super) fn list(under: &Under, after: Option<&RecordKey>, limit: usize) -> Self {
        let slot = match under {
            Under::Kind(_) => None,
            Under::Slot(_, slot) => Some(slot.to_string()),
        };
        Ask::List { kind: under.kind().as_str().to_owned(), slot, after: after.map(Key::of), limit }
    }

    pub(super) fn put(put: Put) -> Frame<Self> {
        let Put { key, expect, version, body, keep_until } = put;
        let expect = match expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version.to_string()),
        };
        (Ask::Put { key: Key::of(&key), expect, version: version.to_string(), keep_until }, body)
    }
}

/// What to list, in the words of [`Ask::List`].
pub(super) fn under(kind: &str, slot: Option<String>) -> Option<Under> {
    let kind = Kind::from_name(kind)?;
    Some(match slot {
        None => Under::Kind(kind),
        Some(slot) => Under::Slot(kind, slot.into()),
    })
}

/// The condition of a put, in the words of [`Ask::Put`].
pub(super) fn expect(version: Option<String>) -> Option<Expect> {
    match version {
        None => Some(Expect::Absent),
        Some(version) => version.parse().ok().map(Expect::Version),
    }
}

impl Head {
    pub(super) fn of(stored: Stored) -> Frame<Self> {
        let Stored { version, body, keep_until } = stored;
        (Self { version: version.to_string(), keep_until }, body)
    }

    pub(super) fn stored(self, body: Vec<u8>) -> Option<Stored> {
        Some(Stored { version: self.version.parse().ok()?, body, keep_until: self.keep_until })
    }
}

impl From<PutOutcome> for Outcome {
    fn from(outcome: PutOutcome) -> Self {
        match outcome {
            PutOutcome::Applied => Outcome::Applied,
            PutOutcome::Conflict => Outcome::Conflict,
            PutOutcome::NotApplied(error) => Outcome::NotApplied(error.into()),
            PutOutcome::Unknown(error) => Outcome::Unknown(error.into()),
        }
    }
}

impl From<Outcome> for PutOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => PutOutcome::Applied,
            Outcome::Conflict => PutOutcome::Conflict,
            Outcome::NotApplied(fault) => PutOutcome::NotApplied(fault.into()),
            Outcome::Unknown(fault) => PutOutcome::Unknown(fault.into()),
        }
    }
}

impl From<Page> for Ids {
    fn from(page: Page) -> Self {
        Self { ids: page.keys.iter().map(|key| key.id().to_owned()).collect(), more: page.more }
    }
}

impl Ids {
    /// The page, whose keys are all of one kind.
    pub(super) fn of_kind(self, kind: Kind) -> Option<Page> {
        let keys = self.ids.iter().map(|id| RecordKey::from_stored(kind, id)).collect::<Option<_>>()?;
        Some(Page { keys, more: self.more })
    }
}

impl From<StoreInfo> for Info {
    fn from(info: StoreInfo) -> Self {
        let survives = match info.durability {
            Durability::None => Survives::Nothing,
            Durability::Process => Survives::Process,
            Durability::PowerCut => Survives::PowerCut,
        };
        Self { backend: info.backend, survives, records: info.records }
    }
}

impl From<Info> for StoreInfo {
    fn from(info: Info) -> Self {
        let durability = match info.survives {
            Survives::Nothing => Durability::None,
            Survives::Process => Durability::Process,
            Survives::PowerCut => Durability::PowerCut,
        };
        Self { backend: info.backend, durability, records: info.records }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => Fault::Unavailable(text),
            StoreError::TimedOut(text) => Fault::TimedOut(text),
            StoreError::Corrupt(text) => Fault::Corrupt(text),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unavailable(text) => StoreError::Unavailable(text),
            Fault::TimedOut(text) => StoreError::TimedOut(text),
            Fault::Corrupt(text) => StoreError::Corrupt(text),
        }
    }
}
