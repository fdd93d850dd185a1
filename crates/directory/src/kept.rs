//! Credentials that somebody else may have chosen: how they are kept, found and ended.
//!
//! **Invariant: whoever reads the store can neither use one nor test a guess of one.** An imported credential is taken
//! as it is and may be weak, so a plain digest could be searched offline, and a slow hash could not be looked up. What is
//! kept is a function of the credential *and* the server's key, which lies outside the store; and since it is the
//! record's key as well, finding one costs one read and compares nothing.

use std::fmt;
use std::str::FromStr;

use grantor_core::record::{Expect, Key, Kind, Record, Under, Version};
use grantor_core::{InvalidId, Secret, ServerKey, Time};
use grantor_store::StoreError;
use serde::{Deserialize, Serialize, Serializer};

use crate::directory::{Directory, Imported};
use crate::error::DirectoryError;
use crate::hex;
use crate::records::Written;

/// The name under which a credential is kept, for lists and for ending it. It is no secret: 128 bits derived from the
/// credential, its kind, its profile and the server's key. It is printed in hexadecimal, so that on a command line it
/// never begins with a hyphen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId([u8; 16]);

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CredentialId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        hex::read(text).map(Self)
    }
}

impl Serialize for CredentialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a credential is not taken. It does not repeat the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefused {
    /// There is nothing.
    #[error("it must not be empty")]
    Empty,
    /// It is longer than `max` bytes.
    #[error("it has at most {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// It has a character that no header could carry to us, so it would never be recognised.
    #[error("it consists of the visible characters of ASCII, without spaces")]
    ForbiddenCharacter,
    /// It is somebody else's at this profile. Whoever holds it already would become another.
    #[error("it belongs to another user")]
    BelongsToAnother,
    /// It was ended, or has run out.
    #[error("it has ended, and what has ended does not come back: choose another")]
    Ended,
    /// There is no user of that name.
    #[error("there is no user of that name")]
    NoSuchUser,
}

/// What derives the names of credentials. It is itself derived from the server's key, so the directory never holds that.
pub(crate) struct CredentialKey(ServerKey);

impl CredentialKey {
    pub(crate) fn new(server: &ServerKey) -> Self {
        Self(ServerKey::from_bytes(*server.derive("grantor kept credentials", &[])))
    }

    /// What a text that is no credential is kept under.
    pub(crate) fn name_of_text(&self, kind: Kind, text: &str) -> CredentialId {
        self.id(kind, "", &Secret::new(text))
    }

    fn id(&self, kind: Kind, profile: &str, credential: &Secret) -> CredentialId {
        let whole = self.0.derive(kind.as_str(), &[profile.as_bytes(), credential.expose().as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(whole.split_at(16).0);
        CredentialId(id)
    }
}

/// Whether a credential was ended by word of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeptState {
    Active,
    Ended,
}

/// A kind of credential that is kept so.
pub(crate) trait Kept: Record {
    /// Whether it is worth something now.
    fn is_live(&self, now: Time) -> bool;

    /// Whether both speak for the same one.
    fn speaks_as(&self, other: &Self) -> bool;

    /// The same, ended by word of somebody.
    fn ended(self) -> Self;

    /// Until when the record matters. What was ended matters for ever, or it could be taken again.
    fn keep_until(&self) -> Option<Time>;
}

impl Directory {
    /// The name of a credential that is given to be kept.
    pub(crate) fn name_of<R: Kept>(
        &self,
        profile: &str,
        credential: &Secret,
    ) -> Result<CredentialId, CredentialRefused> {
        let (text, max) = (credential.expose(), self.settings.limits.parameter_bytes);
        if text.is_empty() {
            return Err(CredentialRefused::Empty);
        }
        if text.len() > max {
            return Err(CredentialRefused::TooLong { max });
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialRefused::ForbiddenCharacter);
        }
        Ok(self.credentials.id(R::KIND, profile, credential))
    }

    /// The live record of a credential that is presented. Costs one read; what cannot have been kept costs none.
    pub(crate) async fn recognise<R: Kept>(
        &self,
        profile: &str,
        credential: &Secret,
        now: Time,
    ) -> Result<Option<R>, DirectoryError> {
        let Ok(id) = self.name_of::<R>(profile, credential) else { return Ok(None) };
        Ok(self.kept::<R>(id).await?.map(|(_, record)| record).filter(|record| record.is_live(now)))
    }

    /// What keeping this would do, were it done now: make it, or nothing, since it is kept already.
    pub(crate) async fn rehearse<R: Kept>(
        &self,
        id: CredentialId,
        record: &R,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        Ok(match self.kept::<R>(id).await? {
            None => Ok(Imported::Created),
            Some((_, found)) if !found.is_live(now) => Err(CredentialRefused::Ended),
            Some((_, found)) if found.speaks_as(record) => Ok(Imported::Unchanged),
            Some(_) => Err(CredentialRefused::BelongsToAnother),
        })
    }

    /// Keeps a credential that [`rehearse`](Directory::rehearse) did not find. If somebody else has kept it meanwhile,
    /// what that means is the answer.
    pub(crate) async fn keep<R: Kept>(
        &self,
        id: CredentialId,
        record: &R,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        let (key, keep) = (key_of(id), record.keep_until());
        for _ in 0..self.settings.limits.races {
            if self.records.write(&key, Expect::Absent, record, keep).await? == Written::Applied {
                return Ok(Ok(Imported::Created));
            }
            match self.rehearse(id, record, now).await? {
                // Swept away between the two.
                Ok(Imported::Created) => {}
                settled => return Ok(settled),
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Ends a credential for good. Tells whether there was such a one and it was live.
    pub(crate) async fn end_kept<R: Kept>(
        &self,
        id: CredentialId,
        now: Time,
    ) -> Result<bool, DirectoryError> {
        for _ in 0..self.settings.limits.races {
            let found = self.kept::<R>(id).await?.filter(|(_, record)| record.is_live(now));
            let Some((version, record)) = found else { return Ok(false) };
            let (key, ended) = (key_of(id), record.ended());
            let keep = ended.keep_until();
            if self.records.write(&key, Expect::Version(version), &ended, keep).await? == Written::Applied {
                return Ok(true);
            }
        }
        Err(DirectoryError::Contended)
    }

    /// At most `limit` live credentials that a list of entries `L`, hints or the records themselves, names after `after`,
    /// and where to go on. Others take a place and are left out.
    pub(crate) async fn kept_page<R: Kept, L: Record>(
        &self,
        under: &Under,
        after: Option<&Key<L>>,
        limit: usize,
        now: Time,
    ) -> Result<(Vec<(CredentialId, R)>, Option<CredentialId>), DirectoryError> {
        let page = self.records.list(under, after, limit).await?;
        let (mut found, mut last) = (Vec::with_capacity(page.keys.len()), None);
        for key in &page.keys {
            // A hint names it in its second part, its own key in its only one.
            let id = key.second().unwrap_or_else(|| key.first()).parse();
            let id: CredentialId =
                id.map_err(|_| StoreError::Corrupt(format!("{key} names no credential")))?;
            let live = self.kept::<R>(id).await?.filter(|(_, record)| record.is_live(now));
            found.extend(live.map(|(_, record)| (id, record)));
            last = Some(id);
        }
        Ok((found, last.filter(|_| page.more)))
    }

    async fn kept<R: Kept>(&self, id: CredentialId) -> Result<Option<(Version, R)>, DirectoryError> {
        self.records.read(&key_of(id)).await
    }
}

pub(crate) fn key_of<R: Kept>(id: CredentialId) -> Key<R> {
    Key::of(&id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u8, kind: Kind, profile: &str, credential: &str) -> String {
        let key = CredentialKey::new(&ServerKey::from_bytes([key; 32]));
        key.id(kind, profile, &Secret::new(credential)).to_string()
    }

    /// Were it to change, every credential that is kept would be forgotten.
    #[test]
    fn a_name_is_derived_as_it_was() {
        assert_eq!(id(1, Kind::SessionToken, "brightcove", "token"), "b9d379ffe7c7a7c1c0002bf6624912e8");
    }

    #[test]
    fn a_name_depends_on_key_kind_profile_and_credential() {
        let base = id(1, Kind::SessionToken, "ab", "c");
        for other in [
            id(2, Kind::SessionToken, "ab", "c"),
            id(1, Kind::Session, "ab", "c"),
            id(1, Kind::SessionToken, "a", "bc"),
            id(1, Kind::SessionToken, "ab", "d"),
            id(1, Kind::SessionToken, "", "abc"),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(base, id(1, Kind::SessionToken, "ab", "c"));
    }

    #[test]
    fn a_name_reads_back_and_nothing_else_does() {
        let text = id(1, Kind::SessionToken, "p", "c");
        assert_eq!(text.parse::<CredentialId>().unwrap().to_string(), text);
        let (short, long) = (text.get(1..).unwrap(), format!("{text}0"));
        for wrong in
            ["", short, &long, &format!("{text}00"), &text.to_uppercase(), &text.replace('0', "g"), "é"]
        {
            if wrong != text {
                assert!(wrong.parse::<CredentialId>().is_err(), "{wrong}");
            }
        }
    }
}
