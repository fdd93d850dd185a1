//! The record of all signing keys, and the schedule in it.
//!
//! **Invariant: at every time exactly one key of a set signs.** Keys stand in the order in which they sign, each from
//! its `active_from` until its successor's. Before the first has begun (a process whose clock is behind) the first
//! signs; the last never retires; every other retires no sooner than it stops signing. A set that breaks this cannot be
//! made here and is not read from a store.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::record::{Format, Key, Kind, Record};
use grantor_core::{Lifetime, Time};
use serde::{Deserialize, Serialize};

use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use crate::seal::Sealed;
use crate::{Algorithm, KeyError, Sealer, bounds};

/// Every signing key of a deployment, in one record.
///
/// One record under one key, so a rotation is one compare-and-set, and of two processes that start for the first time
/// one makes the set and the other reads it. When a key signs and until when it verifies is a schedule in the record:
/// processes agree by their clocks, with no signal between them.
///
/// ```
/// use grantor_core::{Lifetime, ServerKey, Time};
/// use grantor_jose::{Algorithm, KeySet, KeyState, Sealer};
///
/// let sealer = Sealer::new(&ServerKey::from_bytes([7; 32]))?;
/// let start = Time::from_unix_millis(1_700_000_000_000);
/// let set = KeySet::generate(Algorithm::Es256, &sealer, start)?;
///
/// // Published for a day before it signs, so that every cached key set has it; the old key verifies for two hours more.
/// let (ahead, keep) = (Lifetime::seconds(86_400), Lifetime::seconds(7200));
/// let set = set.rotate(Algorithm::EdDsa, &sealer, start, ahead, keep)?;
///
/// let states = |now| set.list(now).into_iter().map(|key| key.state).collect::<Vec<_>>();
/// assert_eq!(states(start), [KeyState::Active, KeyState::Next]);
/// assert_eq!(states(start + ahead), [KeyState::Retiring, KeyState::Active]);
/// assert_eq!(states(start + ahead + keep), [KeyState::Retired, KeyState::Active]);
/// # Ok::<(), grantor_jose::KeyError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct KeySet {
    v: Format<1>,
    #[serde(skip_serializing_if = "Epoch::is_unnamed")]
    epoch: Epoch,
    keys: Vec<Entry>,
}

/// When a store began, as a name that no other beginning has: 128 random bits. What is derived of it ends with the store.
/// It is no secret. Sets that were made before there were epochs have the unnamed one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(String);

impl Epoch {
    /// A new one.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the system has no random numbers.
    pub fn begin() -> Result<Self, KeyError> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Generation)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn is_unnamed(&self) -> bool {
        self.0.is_empty()
    }
}

/// One key, its place in the schedule, and its private half under seal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) kid: String,
    pub(crate) alg: Algorithm,
    pub(crate) jwk: PublicKey,
    pub(crate) sealed: Sealed,
    created_at: Time,
    active_from: Time,
    /// Until when the key verifies and is published; `None` while it has no successor.
    retire_at: Option<Time>,
}

/// A set as it is read, before its schedule is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    v: Format<1>,
    #[serde(default)]
    epoch: Epoch,
    keys: Vec<Entry>,
}

impl Record for KeySet {
    const KIND: Kind = Kind::SigningKeys;
}

impl KeySet {
    /// Where a deployment's set lies.
    pub fn key() -> Key<KeySet> {
        Key::of("all")
    }

    /// A first set, of one new key that signs from now on.
    ///
    /// The key comes from the system's random numbers, not from [`grantor_core::Entropy`]: this room is not the core,
    /// nothing replays a key's making, and a private key must not follow from a seed that anyone else has held.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptographic library refuses.
    pub fn generate(alg: Algorithm, sealer: &Sealer, now: Time) -> Result<Self, KeyError> {
        Ok(Self { v: Format, epoch: Epoch::begin()?, keys: vec![Entry::generate(alg, sealer, now, now)?] })
    }

    /// The set with a new key: published at once, signing from `now + publish_ahead`. The key that signs until then
    /// verifies for `keep_for` longer. Keys that are past are dropped.
    ///
    /// `publish_ahead` must be longer than anyone caches the published set and than processes take to read the record
    /// again. `keep_for` must be longer than any token lives, plus what clocks may differ. With both zero a key is
    /// replaced at once and its tokens die: what to do when it has leaked.
    ///
    /// # Errors
    /// [`KeyError::RotationPending`] if the last rotation's key does not sign yet, so that two processes that rotate on
    /// the same occasion make one rotation; [`KeyError::TooManyKeys`]; [`KeyError::Generation`].
    pub fn rotate(
        self,
        alg: Algorithm,
        sealer: &Sealer,
        now: Time,
        publish_ahead: Lifetime,
        keep_for: Lifetime,
    ) -> Result<Self, KeyError> {
        let mut set = self.prune(now);
        let signing = signing_position(set.keys.iter().map(|key| key.active_from), now);
        if let Some(waiting) = set.keys.get(signing + 1) {
            return Err(KeyError::RotationPending { kid: waiting.kid.clone() });
        }
        if set.keys.len() >= bounds::KEYS {
            return Err(KeyError::TooManyKeys);
        }
        // Where our clock is behind the one that made the set, the new key must still come after the last.
        let begins = set.keys.last().map_or(now, |last| last.active_from.max(now)) + publish_ahead;
        if let Some(last) = set.keys.last_mut() {
            last.retire_at = Some(begins + keep_for);
        }
        set.keys.push(Entry::generate(alg, sealer, now, begins)?);
        Ok(set)
    }

    /// The set without one key, whose tokens are worth nothing from then on. If it was waiting to sign, the key before
    /// it goes on.
    ///
    /// # Errors
    /// [`KeyError::StillSigning`] for the key that signs now (the only one of a set always does);
    /// [`KeyError::UnknownKey`].
    pub fn retire(self, kid: &str, now: Time) -> Result<Self, KeyError> {
        if !self.keys.iter().any(|key| key.kid == kid) {
            return Err(KeyError::UnknownKey);
        }
        let mut set = self.prune(now);
        let signing = signing_position(set.keys.iter().map(|key| key.active_from), now);
        let Some(position) = set.keys.iter().position(|key| key.kid == kid) else {
            return Ok(set); // It was past already.
        };
        if position == signing {
            return Err(KeyError::StillSigning { kid: kid.to_owned() });
        }
        let gone = set.keys.remove(position);
        // The key before one that waited takes over its turn, and so must verify as long. Before one that only
        // verified there is nothing to take over: whoever stands there has stopped signing too.
        let before = position.checked_sub(1).filter(|_| position > signing);
        if let Some(before) = before.and_then(|at| set.keys.get_mut(at)) {
            before.retire_at = gone.retire_at.and_then(|until| before.retire_at.map(|own| own.max(until)));
        }
        Ok(set)
    }

    /// The set without the keys that neither sign nor verify any more.
    #[must_use]
    pub fn prune(mut self, now: Time) -> Self {
        // The last key has no end, and the signing one's lies after its successor's beginning, so neither can go.
        self.keys.retain(|key| key.retire_at.is_none_or(|until| now < until));
        self
    }

    /// Every key of the set and what it is for at `now`, in the order in which they sign.
    pub fn list(&self, now: Time) -> Vec<KeyStatus> {
        let signing = signing_position(self.keys.iter().map(|key| key.active_from), now);
        let successors = self.keys.iter().skip(1).map(|key| Some(key.active_from)).chain([None]);
        let status = |(position, (key, successor)): (usize, (&Entry, Option<Time>))| {
            let stopped = successor.filter(|_| position < signing);
            let (state, since, until) = match (stopped, key.retire_at) {
                (Some(_), Some(end)) if end <= now => (KeyState::Retired, end, None),
                (Some(stopped), end) => (KeyState::Retiring, stopped, end),
                (None, _) if position == signing => (KeyState::Active, key.active_from, successor),
                (None, _) => (KeyState::Next, key.created_at, Some(key.active_from)),
            };
            KeyStatus { kid: key.kid.clone(), alg: key.alg, state, since, until }
        };
        self.keys.iter().zip(successors).enumerate().map(status).collect()
    }

    pub(crate) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.keys
    }

    #[cfg(test)]
    pub(crate) fn of_key(key: &PrivateKey, sealer: &Sealer, now: Time) -> Self {
        Self { v: Format, epoch: Epoch::default(), keys: vec![Entry::of(key, sealer, now, now).unwrap()] }
    }
}

impl Entry {
    fn generate(
        alg: Algorithm,
        sealer: &Sealer,
        created_at: Time,
        active_from: Time,
    ) -> Result<Self, KeyError> {
        Self::of(&PrivateKey::generate(alg)?, sealer, created_at, active_from)
    }

    fn of(key: &PrivateKey, sealer: &Sealer, created_at: Time, active_from: Time) -> Result<Self, KeyError> {
        let jwk = key.public().clone();
        let kid = jwk.thumbprint();
        let sealed = sealer.seal(&kid, key)?;
        Ok(Self { alg: jwk.algorithm(), kid, jwk, sealed, created_at, active_from, retire_at: None })
    }

    pub(crate) fn turn(&self) -> Turn {
        Turn { active_from: self.active_from, retire_at: self.retire_at }
    }
}

/// When a key begins to sign, and until when it verifies.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) active_from: Time,
    pub(crate) retire_at: Option<Time>,
}

impl Turn {
    /// A key is published, and verifies, from its making: a process whose clock is behind still knows what one whose
    /// clock is ahead has signed.
    pub(crate) fn is_published(self, now: Time) -> bool {
        self.retire_at.is_none_or(|until| now < until)
    }
}

/// Which key signs at `now`: the last whose turn has come, or the first before any turn has.
pub(crate) fn signing_position(turns: impl Iterator<Item = Time>, now: Time) -> usize {
    turns.take_while(|active_from| *active_from <= now).count().saturating_sub(1)
}

impl TryFrom<Raw> for KeySet {
    type Error = BrokenSchedule;

    fn try_from(raw: Raw) -> Result<Self, BrokenSchedule> {
        let keys = &raw.keys;
        let ends_open = keys.last().is_some_and(|last| last.retire_at.is_none());
        let in_turn = keys.iter().zip(keys.iter().skip(1)).all(|(key, next)| {
            key.active_from <= next.active_from && key.retire_at.is_some_and(|at| next.active_from <= at)
        });
        let distinct = keys.iter().enumerate().all(|(n, key)| keys.iter().take(n).all(|k| k.kid != key.kid));
        let fits = keys.len() <= bounds::KEYS;
        if ends_open && in_turn && distinct && fits {
            Ok(Self { v: raw.v, epoch: raw.epoch, keys: raw.keys })
        } else {
            Err(BrokenSchedule)
        }
    }
}

/// A record whose schedule we would not have made.
#[derive(Debug, thiserror::Error)]
#[error("not a schedule of signing keys")]
struct BrokenSchedule;

/// One key of a set, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// The key's name.
    pub kid: String,
    /// Its algorithm.
    pub alg: Algorithm,
    /// What it is for now.
    pub state: KeyState,
    /// Since when that is so.
    pub since: Time,
    /// Until when that is so; `None` if nothing ends it yet.
    pub until: Option<Time>,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, and not signing yet.
    Next,
    /// The one that signs.
    Active,
    /// Published, and only verifying.
    Retiring,
    /// Out of use, and gone with the next [`KeySet::prune`].
    Retired,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyState::Next => "next",
            KeyState::Active => "active",
            KeyState::Retiring => "retiring",
            KeyState::Retired => "retired",
        })
    }
}
