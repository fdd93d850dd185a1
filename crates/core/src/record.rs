//! Records: what is stored, under which key, and how a write is described.
//!
//! A record is one JSON object that begins with its format number `"v"`. A [`Key`] knows the type of the record behind
//! it, so a code can never be read as a session. What a store sees of all this is a [`RecordKey`], bytes and a
//! [`Version`].

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entropy::Entropy;
use crate::secret::decode_array;
use crate::time::Time;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of records. A key's kind is part of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The kind's name in a store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            /// The kind of that name.
            pub fn from_name(name: &str) -> Option<Kind> {
                match name { $($text => Some(Kind::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// A client's registration.
    Client = "client",
    /// A grant: one record for all that must change together.
    Grant = "grant",
    /// A reference access token.
    AccessToken = "access-token",
    /// An authorization request on its way through the browser.
    Interaction = "interaction",
    /// A hint that a subject has a grant.
    SubjectGrant = "subject-grant",
    /// Whether a subject may still be given tokens.
    Standing = "standing",
    /// The server's signing keys.
    SigningKeys = "signing-keys",
    /// A user of the embedded directory.
    User = "user",
    /// A browser session.
    Session = "session",
    /// A hint that a user has a session.
    UserSession = "user-session",
    /// A fact about the deployment itself.
    Deployment = "deployment",
    /// What a person approved for a client before.
    Consent = "consent",
    /// An account of the service that users act for.
    Account = "account",
    /// A credential that lets a user's own tool act for him at one profile.
    SessionToken = "session-token",
    /// A hint that a user has a session token.
    UserSessionToken = "user-session-token",
    /// A credential that lets its holder register applications at one profile.
    RegistrationKey = "registration-key",
    /// A hint that a user has an e-mail address.
    UserEmail = "user-email",
    /// Which client has a number at a profile.
    Application = "application",
    /// A hint that a client has a permission on an account.
    AccountClient = "account-client",
    /// A hint that a client has a grant.
    ClientGrant = "client-grant",
    /// A hint that a user owns a client.
    OwnerClient = "owner-client",
    /// A client's picture.
    ClientLogo = "client-logo",
    /// What happened, for operators.
    Audit = "audit",
    /// How much happened, by client and day.
    Usage = "usage",
    /// A hint that a client has a name.
    ClientName = "client-name",
    /// Active administrators of the embedded directory, enough of them to know that one remains.
    Administrators = "administrators",
    /// A hint that a user acts for an account.
    AccountUser = "account-user",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a record lies: its kind and an id of printable ASCII.
///
/// An id may have two parts, `SLOT/REST`. Records with one slot belong together: a store that is spread over machines
/// keeps them on one, and [`Under::Slot`] lists them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    kind: Kind,
    // Shared: a write is asked for, settled and told of under one key.
    id: Arc<str>,
}

impl RecordKey {
    /// The key of one kind and one or two parts of an id. Any text will do for a part: what is not `A-Za-z0-9-_.~@` is
    /// percent-encoded, so distinct parts give distinct keys.
    pub fn new(kind: Kind, slot: &str, rest: Option<&str>) -> Self {
        let mut id = String::with_capacity(slot.len() + rest.map_or(0, |r| r.len() + 1));
        encode_part(slot, &mut id);
        if let Some(rest) = rest {
            id.push('/');
            encode_part(rest, &mut id);
        }
        Self { kind, id: id.into() }
    }

    /// The key whose id a store kept: what [`RecordKey::id`] gave, or `None` if that cannot have been. A second spelling of the
    /// same parts cannot: two keys would then stand for one thing.
    pub fn from_stored(kind: Kind, id: &str) -> Option<Self> {
        let fits = !id.is_empty()
            && id.bytes().all(|b| is_plain(b) || b == b'%' || b == b'/')
            && id.bytes().filter(|b| *b == b'/').count() <= 1;
        let key = fits.then(|| Self { kind, id: id.into() })?;
        // Only what is encoded can be spelled in two ways.
        let is_as_written =
            !id.contains('%') || Self::new(kind, &key.first(), key.second().as_deref()) == key;
        is_as_written.then_some(key)
    }

    /// The record's kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole id, as stores keep it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The part of the id before the `/`, or all of it, still encoded.
    pub fn slot(&self) -> &str {
        self.id.split_once('/').map_or(&self.id, |(slot, _)| slot)
    }

    /// The first part of the id, decoded.
    pub fn first(&self) -> String {
        decode_part(self.slot())
    }

    /// The second part of the id, decoded.
    pub fn second(&self) -> Option<String> {
        self.id.split_once('/').map(|(_, rest)| decode_part(rest))
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'@')
}

fn encode_part(part: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    // As ids mostly are.
    if part.bytes().all(is_plain) {
        into.push_str(part);
        return;
    }
    for byte in part.bytes() {
        if is_plain(byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for digit in [byte >> 4, byte & 15] {
                into.push(char::from(HEX.get(usize::from(digit)).copied().unwrap_or(b'0')));
            }
        }
    }
}

fn decode_part(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).unwrap_or(0);
        let value = digit() * 16 + digit();
        bytes.push(u8::try_from(value).unwrap_or(0));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What to list: a kind, or one slot of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Under {
    /// Every record of the kind.
    Kind(Kind),
    /// The records of the kind whose id begins with this slot and has a second part. The slot is encoded, as
    /// [`RecordKey::slot`] gives it.
    Slot(Kind, Box<str>),
}

impl Under {
    /// The records of a kind under a slot given in clear.
    pub fn slot(kind: Kind, slot: &str) -> Self {
        let mut encoded = String::with_capacity(slot.len());
        encode_part(slot, &mut encoded);
        Under::Slot(kind, encoded.into())
    }

    /// The kind listed.
    pub fn kind(&self) -> Kind {
        match self {
            Under::Kind(kind) | Under::Slot(kind, _) => *kind,
        }
    }

    /// What every listed id begins with.
    pub fn prefix(&self) -> String {
        match self {
            Under::Kind(_) => String::new(),
            Under::Slot(_, slot) => format!("{slot}/"),
        }
    }
}

/// The records of a kind whose id begins with a text: one stretch of a list.
///
/// Parts of an id are encoded byte by byte, and no encoding is the beginning of another. So the ids that begin with a
/// text are those whose encoding begins with the text's, and they lie beside each other, the text itself first: a list
/// that goes on after [`Prefix::first`] has all the others of them at its head, and [`Prefix::holds`] tells where they end.
///
/// ```
/// use grantor_core::record::{Kind, Prefix, RecordKey};
/// let prefix = Prefix::of(Kind::Client, "web é");
/// let holds = |id| prefix.holds(&RecordKey::new(Kind::Client, id, None));
/// assert!(holds("web é") && holds("web été") && !holds("web") && !holds("web e"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    under: Under,
    begins: Box<str>,
}

impl Prefix {
    /// The records of a kind whose id, or its first part, begins with `text`.
    pub fn of(kind: Kind, text: &str) -> Self {
        let mut begins = String::with_capacity(text.len());
        encode_part(text, &mut begins);
        Self { under: Under::Kind(kind), begins: begins.into() }
    }

    /// The records of a kind in one slot whose second part begins with `text`.
    pub fn under(kind: Kind, slot: &str, text: &str) -> Self {
        let under = Under::slot(kind, slot);
        let mut begins = under.prefix();
        encode_part(text, &mut begins);
        Self { under, begins: begins.into() }
    }

    /// The list that they are a stretch of.
    pub fn list(&self) -> &Under {
        &self.under
    }

    /// The first key there can be of them, which a list that goes on after it leaves out. None if all of the list is meant.
    pub fn first(&self) -> Option<RecordKey> {
        RecordKey::from_stored(self.under.kind(), &self.begins)
            .filter(|_| *self.begins != *self.under.prefix())
    }

    /// Whether a key is one of them.
    pub fn holds(&self, key: &RecordKey) -> bool {
        key.kind() == self.under.kind() && key.id().starts_with(&*self.begins)
    }
}

/// A type that is stored, and its kind.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind of record this is.
    const KIND: Kind;
}

/// A key that knows what lies behind it.
pub struct Key<R> {
    raw: RecordKey,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Key<R> {
    /// The key with an id of one part.
    pub fn of(id: &str) -> Self {
        Self { raw: RecordKey::new(R::KIND, id, None), record: PhantomData }
    }

    /// The key with an id of two parts.
    pub fn under(slot: &str, rest: &str) -> Self {
        Self { raw: RecordKey::new(R::KIND, slot, Some(rest)), record: PhantomData }
    }

    /// The key as stores see it.
    pub fn raw(&self) -> &RecordKey {
        &self.raw
    }
}

impl<R> Clone for Key<R> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), record: PhantomData }
    }
}

impl<R> fmt::Debug for Key<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}

/// The writer's random id of one write attempt. Since no two attempts share one, a writer whose answer was lost finds
/// out by a single read whether its write is the one that stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 16]);

impl Version {
    /// The version of a new attempt.
    pub fn draw(entropy: &mut Entropy) -> Self {
        Self(entropy.draw_half())
    }

    /// A version from its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Version {
    type Err = crate::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode_array(text).map(Self).ok_or(crate::ids::InvalidId)
    }
}

/// A record as a store gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The write that stands.
    pub version: Version,
    /// The record's JSON.
    pub body: Vec<u8>,
    /// Until when the store must keep it; `None` is for ever. Garbage collection only: no rule reads it.
    pub keep_until: Option<Time>,
}

/// What must be true of a key for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is stored there.
    Absent,
    /// This write stands there.
    Version(Version),
}

/// One compare-and-set: if `expect` holds of `key`, `body` stands there from now on, as `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Where.
    pub key: RecordKey,
    /// On which condition.
    pub expect: Expect,
    /// The id of this attempt.
    pub version: Version,
    /// What.
    pub body: Vec<u8>,
    /// Until when the store must keep it; `None` is for ever.
    pub keep_until: Option<Time>,
}

impl Put {
    /// A write of a record.
    pub fn of<R: Record>(
        key: &Key<R>,
        expect: Expect,
        version: Version,
        record: &R,
        keep_until: Option<Time>,
    ) -> Self {
        Self { key: key.raw.clone(), expect, version, body: encode(record), keep_until }
    }
}

/// Records to be written in order.
#[derive(Debug, Clone)]
pub struct Write {
    /// What must stand before, in this order. The keys are fresh from entropy: nobody is in the way, and nobody knows them, so
    /// these may stand though what decides never does, but never that without these.
    pub first: Vec<Put>,
    /// What decides.
    pub put: Put,
}

impl From<Put> for Write {
    fn from(put: Put) -> Self {
        Self { first: Vec::new(), put }
    }
}

/// A record's JSON.
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    // Records are plain structs with text keys, which serde_json never refuses; an empty body would be caught by
    // `decode` as corrupt rather than read as something else.
    to_json(record)
}

/// JSON in one piece of memory, for what is mostly shorter than that.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut json = Vec::with_capacity(384);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => json,
        Err(_) => Vec::new(),
    }
}

/// The record in `body`, which lay under `key`.
///
/// # Errors
/// [`CorruptRecord`] if it is not the JSON of such a record in a format this version reads.
pub fn decode<R: Record>(key: &RecordKey, body: &[u8]) -> Result<R, CorruptRecord> {
    serde_json::from_slice(body).map_err(|e| CorruptRecord {
        key: key.clone(),
        // serde_json's message can quote the record; its position and category cannot.
        detail: format!("{:?} error at line {} column {}", e.classify(), e.line(), e.column()),
    })
}

/// A stored record that cannot be read: written by a newer version, damaged, or not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptRecord {
    key: RecordKey,
    detail: String,
}

impl fmt::Display for CorruptRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the record {} cannot be read ({}); it is damaged or of another version",
            self.key, self.detail
        )
    }
}

impl std::error::Error for CorruptRecord {}

/// The format number of a record, `"v": N`. Reading any other number fails, so that a record of another version is
/// never half understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Format<const N: u32>;

impl<const N: u32> Serialize for Format<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(N)
    }
}

impl<'de, const N: u32> Deserialize<'de> for Format<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            n if n == N => Ok(Self),
            n => Err(serde::de::Error::custom(format_args!("format {n} where {N} is read"))),
        }
    }
}

/// An entry of a list: it says that something exists, and nothing more. It is written before what it points at, so it
/// is never missing; it may dangle, so it is always checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    v: Format<1>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_keep_apart_what_is_apart() {
        let key = RecordKey::new(Kind::SubjectGrant, "a/b%é", Some("c"));
        assert_eq!(key.id(), "a%2Fb%25%C3%A9/c");
        assert_eq!((key.first().as_str(), key.second().as_deref()), ("a/b%é", Some("c")));
        assert_eq!(RecordKey::from_stored(Kind::SubjectGrant, key.id()), Some(key));
        assert_ne!(RecordKey::new(Kind::Grant, "a", Some("b")), RecordKey::new(Kind::Grant, "a/b", None));
        for id in ["", "a b", "a/b/c", "é", "a%2Db", "a%2fb", "a%C3", "a%2", "a%", "%zz", "a/%41"] {
            assert_eq!(RecordKey::from_stored(Kind::Grant, id), None, "{id}");
        }
    }

    proptest! {
        /// As a list of a store would give it: those that a prefix holds lie beside each other, its first key before them all.
        #[test]
        fn a_prefix_holds_the_ids_that_begin_with_it_and_they_are_one_stretch(
            mut ids in prop::collection::btree_set("[a-b%/é]{0,4}", 1..40),
            prefix in "[a-b%/é]{0,3}",
            in_slot: bool,
        ) {
            ids.remove("");
            let key = |id: &str| match in_slot {
                true => RecordKey::new(Kind::OwnerClient, "al/ice", Some(id)),
                false => RecordKey::new(Kind::OwnerClient, id, None),
            };
            let of = match in_slot {
                true => Prefix::under(Kind::OwnerClient, "al/ice", &prefix),
                false => Prefix::of(Kind::OwnerClient, &prefix),
            };
            let mut listed: Vec<(RecordKey, bool)> =
                ids.iter().map(|id| (key(id), id.starts_with(&prefix))).collect();
            listed.sort();
            prop_assert!(listed.iter().all(|(key, begins)| of.holds(key) == *begins));
            let from = listed.iter().position(|(_, begins)| *begins).unwrap_or(listed.len());
            let held = listed.iter().skip(from).take_while(|(_, begins)| *begins).count();
            prop_assert_eq!(held, listed.iter().filter(|(_, begins)| *begins).count());
            prop_assert_eq!(of.first(), (!prefix.is_empty()).then(|| key(&prefix)));
            if let Some(first) = of.first() {
                let after = listed.iter().skip_while(|(key, _)| *key <= first);
                let is_there = listed.iter().any(|(key, _)| *key == first);
                prop_assert_eq!(after.take_while(|(_, begins)| *begins).count() + usize::from(is_there), held);
            }
        }
    }

    #[test]
    fn a_prefix_holds_nothing_of_another_kind_or_slot() {
        let prefix = Prefix::under(Kind::OwnerClient, "alice", "w");
        let key = |kind, slot| RecordKey::new(kind, slot, Some("web"));
        assert!(prefix.holds(&key(Kind::OwnerClient, "alice")));
        assert!(
            !prefix.holds(&key(Kind::SubjectGrant, "alice"))
                && !prefix.holds(&key(Kind::OwnerClient, "alic"))
        );
        assert_eq!(prefix.list(), &Under::slot(Kind::OwnerClient, "alice"));
    }

    #[test]
    fn kinds_have_distinct_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn a_record_of_another_format_is_not_read() {
        #[derive(Serialize, Deserialize)]
        struct Note {
            v: Format<2>,
        }
        impl Record for Note {
            const KIND: Kind = Kind::Deployment;
        }
        let key = Key::<Note>::of("x");
        assert_eq!(encode(&Note { v: Format }), br#"{"v":2}"#);
        assert!(decode::<Note>(key.raw(), br#"{"v":2}"#).is_ok());
        assert!(decode::<Note>(key.raw(), br#"{"v":3}"#).is_err());
        assert!(decode::<Note>(key.raw(), b"").is_err());
    }
}
