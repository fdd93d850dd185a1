//! Registration keys: who sends one may register applications at the registration resource of one profile.
//!
//! It is nobody's in particular, and is kept here all the same. What is asked of it is what is asked of a session token:
//! may whoever sends this act at that resource? No flow of OAuth ever sees it, and a profile has the one or the other as
//! its guard, so both lie behind the one contract that the HTTP room knows, and are kept by the one rule of
//! `kept.rs`.

use grantor_core::credential::mint_registration_key;
use grantor_core::record::{Format, Kind, Record, Under};
use grantor_core::{Secret, Time};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Imported};
use crate::error::DirectoryError;
use crate::kept::{CredentialId, CredentialRefused, Kept, KeptState, key_of};
use crate::records::entropy;

/// A registration key among others, without what would let one use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistrationKey {
    /// What it is kept under.
    pub id: CredentialId,
    /// The one profile it is good for.
    pub profile: String,
    /// Since when there is such a key.
    pub created_at: Time,
}

/// Part of the list of registration keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationKeyPage {
    /// The keys, in no order that means anything.
    pub keys: Vec<RegistrationKey>,
    /// Where to go on, if more may follow.
    pub next: Option<CredentialId>,
}

/// A registration key as stored, under its name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistrationKeyRecord {
    v: Format<1>,
    profile: String,
    created_at: Time,
    state: KeptState,
}

impl Record for RegistrationKeyRecord {
    const KIND: Kind = Kind::RegistrationKey;
}

impl Kept for RegistrationKeyRecord {
    fn is_live(&self, _now: Time) -> bool {
        match self.state {
            KeptState::Active => true,
            KeptState::Ended => false,
        }
    }

    fn speaks_as(&self, _other: &Self) -> bool {
        true
    }

    fn ended(self) -> Self {
        Self { state: KeptState::Ended, ..self }
    }

    fn keep_until(&self) -> Option<Time> {
        None
    }
}

impl Directory {
    /// Makes a registration key for a profile; its text is given this once. That there is such a profile is for the
    /// caller to know.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn create_registration_key(
        &self,
        profile: &str,
        now: Time,
    ) -> Result<Result<(RegistrationKey, Secret), CredentialRefused>, DirectoryError> {
        let key = mint_registration_key(&mut entropy()?);
        let id = match self.name_of::<RegistrationKeyRecord>(profile, &key) {
            Ok(id) => id,
            Err(refused) => return Ok(Err(refused)),
        };
        let record = record(profile, now);
        Ok(self.keep(id, &record, now).await?.map(|_| (shown(id, record), key)))
    }

    /// Takes a registration key as it is given. The same again changes nothing; one that has ended is refused.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn put_registration_key(
        &self,
        profile: &str,
        key: &Secret,
        now: Time,
    ) -> Result<Result<Imported, CredentialRefused>, DirectoryError> {
        let id = match self.name_of::<RegistrationKeyRecord>(profile, key) {
            Ok(id) => id,
            Err(refused) => return Ok(Err(refused)),
        };
        let record = record(profile, now);
        match self.rehearse(id, &record, now).await? {
            Ok(Imported::Created) => self.keep(id, &record, now).await,
            settled => Ok(settled),
        }
    }

    /// Whether [`put_registration_key`](Directory::put_registration_key) would be refused, and why.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn check_registration_key(
        &self,
        profile: &str,
        key: &Secret,
        now: Time,
    ) -> Result<Result<(), CredentialRefused>, DirectoryError> {
        match self.name_of::<RegistrationKeyRecord>(profile, key) {
            Ok(id) => Ok(self.rehearse(id, &record(profile, now), now).await?.map(|_| ())),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Whether this is a registration key of a profile that has not ended. Costs one read.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn is_registration_key(
        &self,
        profile: &str,
        key: &Secret,
        now: Time,
    ) -> Result<bool, DirectoryError> {
        Ok(self.recognise::<RegistrationKeyRecord>(profile, key, now).await?.is_some())
    }

    /// The live registration keys, at most `limit` of them. Costs one read for each.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn registration_keys(
        &self,
        after: Option<CredentialId>,
        limit: usize,
        now: Time,
    ) -> Result<RegistrationKeyPage, DirectoryError> {
        let after = after.map(key_of::<RegistrationKeyRecord>);
        let under = Under::Kind(Kind::RegistrationKey);
        let (found, next) = self.kept_page(&under, after.as_ref(), limit, now).await?;
        let keys = found.into_iter().map(|(id, record)| shown(id, record)).collect();
        Ok(RegistrationKeyPage { keys, next })
    }

    /// Ends a registration key for good. What was registered with it stays. Tells whether there was such a key and it had
    /// not ended yet.
    ///
    /// # Errors
    /// [`DirectoryError`]. It may then still be good.
    pub async fn end_registration_key(&self, id: CredentialId, now: Time) -> Result<bool, DirectoryError> {
        self.end_kept::<RegistrationKeyRecord>(id, now).await
    }
}

fn record(profile: &str, now: Time) -> RegistrationKeyRecord {
    RegistrationKeyRecord {
        v: Format,
        profile: profile.to_owned(),
        created_at: now,
        state: KeptState::Active,
    }
}

fn shown(id: CredentialId, record: RegistrationKeyRecord) -> RegistrationKey {
    let RegistrationKeyRecord { v: _, profile, created_at, state: _ } = record;
    RegistrationKey { id, profile, created_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::record::{decode, encode};

    #[test]
    fn the_record_is_as_it_was() {
        let key = record("flex", Time::from_unix_millis(1_700_000_000_000));
        let text = |record: &RegistrationKeyRecord| String::from_utf8(encode(record)).unwrap();
        let active = r#"{"v":1,"profile":"flex","created_at":1700000000000,"state":"active"}"#;
        assert_eq!(text(&key), active);
        let name = key_of::<RegistrationKeyRecord>("000102030405060708090a0b0c0d0e0f".parse().unwrap());
        assert_eq!(name.raw().to_string(), "registration-key/000102030405060708090a0b0c0d0e0f");
        assert_eq!(text(&decode(name.raw(), active.as_bytes()).unwrap()), active);
        assert_eq!(text(&key.ended()), active.replace("active", "ended"));
    }
}
