//! An entry of the audit trail.

use std::fmt;
use std::str::FromStr;

use grantor_core::record::{Format, Key, Kind, Record};
use grantor_core::{AccountId, ClientId, GrantId, InvalidId, SubjectId, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! entry_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What an entry says has happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EntryKind { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl EntryKind {
            /// Every one, in order.
            pub const ALL: &'static [EntryKind] = &[$(EntryKind::$name,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(EntryKind::$name => $text,)* }
            }

            /// The one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(EntryKind::$name),)* _ => None }
            }
        }
    };
}

entry_kinds! {
    /// A person approved a client's request.
    RequestApproved = "request_approved",
    /// A person declined one.
    RequestDenied = "request_denied",
    /// A grant and all its tokens were revoked; the detail is the cause.
    GrantRevoked = "grant_revoked",
    /// One access token was revoked.
    AccessTokenRevoked = "access_token_revoked",
    /// A code that had been redeemed came again.
    CodeReplayed = "code_replayed",
    /// A refresh token that had been replaced came again.
    RefreshTokenReplayed = "refresh_token_replayed",
    /// A person logged in.
    LoggedIn = "logged_in",
    /// Somebody failed to log in; the subject is whose name he gave, if it is anybody's.
    LoginFailed = "login_failed",
    /// A person became a user.
    SignedUp = "signed_up",
    /// A person has another password.
    PasswordChanged = "password_changed",
    /// Somebody in a person's session failed to give him another password.
    PasswordChangeFailed = "password_change_failed",
    /// One session of a person, or all, ended before its time.
    SessionEnded = "session_ended",
    /// A client was registered.
    ClientRegistered = "client_registered",
    /// A registration was changed.
    ClientChanged = "client_changed",
    /// A client has another secret.
    ClientSecretRotated = "client_secret_rotated",
    /// A client was deleted.
    ClientDeleted = "client_deleted",
    /// The signing keys were changed; the detail says how.
    KeysChanged = "keys_changed",
    /// An operator did something; the detail says what.
    OperatorActed = "operator_acted",
    /// A server started; the detail says with what settings.
    ServerStarted = "server_started",
    /// Entries are missing here, as many as it says: they came faster than they could be written.
    EntriesLost = "entries_lost",
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A client, at an endpoint.
    Client(ClientId),
    /// A person, for himself.
    Person(SubjectId),
    /// A person, as an operator of this server.
    Operator(SubjectId),
    /// Whoever may run commands on the machine.
    CommandLine,
    /// The server by itself.
    Server,
}

tokio::task_local! {
    static ACTING: Actor;
}

/// Does what an operator asked for. What the engine and the directory tell meanwhile is told as done by him where they do
/// not know by whom: they do what they are asked to, and this room writes down who asked.
pub async fn acting<F: Future>(actor: Actor, deed: F) -> F::Output {
    ACTING.scope(actor, deed).await
}

/// Who acts, if that was said.
pub(crate) fn who_acts() -> Option<Actor> {
    ACTING.try_with(Clone::clone).ok()
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Client(client) => write!(f, "client:{client}"),
            Actor::Person(subject) => write!(f, "person:{subject}"),
            Actor::Operator(subject) => write!(f, "operator:{subject}"),
            Actor::CommandLine => f.write_str("command-line"),
            Actor::Server => f.write_str("server"),
        }
    }
}

/// A text that is no [`Actor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an actor is client:ID, person:SUBJECT, operator:SUBJECT, command-line or server")]
pub struct InvalidActor;

impl FromStr for Actor {
    type Err = InvalidActor;

    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        let parsed = match text.split_once(':') {
            Some(("client", id)) => id.parse().map(Actor::Client),
            Some(("person", subject)) => subject.parse().map(Actor::Person),
            Some(("operator", subject)) => subject.parse().map(Actor::Operator),
            None if text == "command-line" => Ok(Actor::CommandLine),
            None if text == "server" => Ok(Actor::Server),
            Some(_) | None => Err(InvalidId),
        };
        parsed.map_err(|_| InvalidActor)
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text of ours that says more: one line of at most [`Detail::BYTES`]. It is made of what this server knows, and never
/// of what a stranger sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Detail(String);

impl Detail {
    /// The longest text.
    pub const BYTES: usize = 1024;

    /// A text, cut where it is too long, on one line.
    pub fn new(text: &str) -> Self {
        let mut kept = String::with_capacity(text.len().min(Self::BYTES));
        for character in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if kept.len() + character.len_utf8() > Self::BYTES {
                break;
            }
            kept.push(character);
        }
        Self(kept)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What happened, to whom and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the clock of the server that saw it.
    pub at: Time,
    /// What.
    pub kind: EntryKind,
    /// Who did it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// The client it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The person it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// The account it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The grant it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// More.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// How often it happened, all but at once: what is the same in all else is written once.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_once(times: &u64) -> bool {
    *times == 1
}

impl Entry {
    /// Something of a kind happened.
    pub fn new(kind: EntryKind, at: Time) -> Self {
        Self {
            at,
            kind,
            by: None,
            client: None,
            subject: None,
            account: None,
            grant: None,
            detail: None,
            times: 1,
        }
    }

    /// By whom.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { by: Some(actor), ..self }
    }

    /// About a client.
    #[must_use]
    pub fn client(self, client: &ClientId) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    /// About a person.
    #[must_use]
    pub fn subject(self, subject: &SubjectId) -> Self {
        Self { subject: Some(subject.clone()), ..self }
    }

    /// About an account.
    #[must_use]
    pub fn account(self, account: &AccountId) -> Self {
        Self { account: Some(account.clone()), ..self }
    }

    /// About a grant.
    #[must_use]
    pub fn grant(self, grant: GrantId) -> Self {
        Self { grant: Some(grant), ..self }
    }

    /// With more to say. It must hold no secret and nothing that a stranger typed.
    #[must_use]
    pub fn detail(self, detail: &str) -> Self {
        Self { detail: Some(Detail::new(detail)), ..self }
    }

    /// Whether both say the same but for the time, and how often.
    pub(crate) fn is_like(&self, other: &Entry) -> bool {
        let Entry { at: _, kind, by, client, subject, account, grant, detail, times: _ } = self;
        *kind == other.kind
            && *by == other.by
            && *client == other.client
            && *subject == other.subject
            && *account == other.account
            && *grant == other.grant
            && *detail == other.detail
    }
}

/// An entry's name, and its place in the trail: ids ascend from the newest to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Milliseconds from the entry to the end of time.
    left: u64,
    random: u64,
}

impl EntryId {
    pub(crate) fn new(at: Time, random: u64) -> Self {
        Self { left: i64::MAX.abs_diff(at.unix_millis()), random }
    }

    /// When it happened.
    pub fn at(self) -> Time {
        Time::from_unix_millis(i64::MAX.checked_sub_unsigned(self.left).unwrap_or(i64::MIN))
    }

    /// The last place before every entry of `at` and earlier.
    pub(crate) fn before_all_at(at: Time) -> Option<Self> {
        let left = i64::MAX.abs_diff(at.unix_millis());
        left.checked_sub(1).map(|left| Self { left, random: u64::MAX })
    }

    pub(crate) fn key(self) -> Key<EntryRecord> {
        Key::of(&self.to_string())
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.left, self.random)
    }
}

impl FromStr for EntryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let half = |half: &str| u64::from_str_radix(half, 16).map_err(|_| InvalidId);
        let (left, random) = text.split_at_checked(16).ok_or(InvalidId)?;
        let id = Self { left: half(left)?, random: half(random)? };
        if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An entry of the trail, and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its place.
    pub id: EntryId,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    v: Format<1>,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

impl Record for EntryRecord {
    const KIND: Kind = Kind::Audit;
}

impl EntryRecord {
    pub(crate) fn new(entry: Entry) -> Self {
        Self { v: Format, entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    fn at(millis: i64) -> Time {
        Time::from_unix_millis(millis)
    }

    #[test]
    fn ids_ascend_from_the_newest_and_read_back() {
        let ids = [
            EntryId::new(at(2_000), 5),
            EntryId::new(at(1_999), 0),
            EntryId::new(at(0), 1),
            EntryId::new(at(-5), 9),
        ];
        assert!(ids.is_sorted());
        let texts = ids.map(|id| id.to_string());
        assert!(texts.is_sorted(), "in a store, too: {texts:?}");
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(text.parse(), Ok(*id));
        }
        assert_eq!(ids[0].at(), at(2_000));
        assert_eq!(ids[3].at(), at(-5));
        let edge = EntryId::before_all_at(at(1_999)).unwrap();
        assert!(ids[0] < edge && edge < ids[1]);
        for text in ["", "0", "é", "7ffffe68b9d4a7ff00000000000000zz", "7FFFFE68B9D4A7FF0000000000000000"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_record_is_as_it_was() {
        let whole = Entry::new(EntryKind::OperatorActed, at(1_700_000_000_000))
            .by(Actor::Operator("root".parse().unwrap()))
            .client(&"web".parse().unwrap())
            .subject(&"alice".parse().unwrap())
            .account(&"35".parse().unwrap())
            .grant(GrantId::from_bytes([1; 16]))
            .detail("client.delete");
        let text = concat!(
            r#"{"v":1,"at":1700000000000,"kind":"operator_acted","by":"operator:root","client":"web","subject":"alice","#,
            r#""account":"35","grant":"AQEBAQEBAQEBAQEBAQEBAQ","detail":"client.delete","times":3}"#
        );
        let record = EntryRecord::new(Entry { times: 3, ..whole });
        assert_eq!(String::from_utf8(encode(&record)).unwrap(), text);
        let key = EntryId::new(at(1_700_000_000_000), 7).key();
        assert_eq!(key.raw().to_string(), "audit/7ffffe74301a97ff0000000000000007");
        assert_eq!(decode::<EntryRecord>(key.raw(), text.as_bytes()).unwrap().entry, record.entry);
        let least = r#"{"v":1,"at":0,"kind":"server_started"}"#;
        let read = decode::<EntryRecord>(key.raw(), least.as_bytes()).unwrap();
        assert_eq!((read.entry.times, String::from_utf8(encode(&read)).unwrap().as_str()), (1, least));
        assert!(decode::<EntryRecord>(key.raw(), least.replace("\"v\":1", "\"v\":2").as_bytes()).is_err());
    }

    #[test]
    fn kinds_and_actors_read_as_they_print() {
        for kind in EntryKind::ALL {
            assert_eq!(EntryKind::from_name(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for text in ["client:a b:c", "person:alice", "operator:alice", "command-line", "server"] {
            assert_eq!(text.parse::<Actor>().unwrap().to_string(), text);
        }
        for text in ["", "alice", "client:", "person:a b", "server:x", "command-line:"] {
            assert!(text.parse::<Actor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_detail_is_one_line_and_bounded() {
        assert_eq!(Detail::new("a\nb\u{7}\u{85}c").as_str(), "a b  c");
        let long = "é".repeat(Detail::BYTES);
        assert_eq!(Detail::new(&long).as_str().len(), Detail::BYTES);
        assert_eq!(Detail::new(&format!("a{long}")).as_str().len(), Detail::BYTES - 1);
    }
}
